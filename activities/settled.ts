import type { Instant } from "../handoff/calendar.ts";
import type { RejectionInput } from "../handoff/rejudge.ts";
import { send, sql } from "../store/db.ts";
import type { ActionResult } from "../workflows/contract.ts";
import type { ActionRow } from "./action.ts";
import type { Case } from "./case.ts";

/** What a rule was asked while settling, kept for `verify`; null where no rule decides. */
interface Judged {
  readonly input: RejectionInput | null;
  readonly output: unknown;
}
export const nothingJudged: Judged = { input: null, output: null };

/** What came of an action; `result` where it was refused, or settled before. */
export interface SettledOne {
  readonly because: string;
  readonly onTime?: boolean | undefined;
  readonly result?: ActionResult;
  readonly judged: Judged;
}

/** The action is refused, and nothing changes. */
export function refuse(c: Case, code: string, message: string, field?: string): SettledOne {
  return {
    because: message,
    judged: nothingJudged,
    result: {
      done: false,
      code,
      message,
      ...(field === undefined ? {} : { field }),
      stage: c.lead.stage,
      waitingOn: c.lead.waiting_on,
      owner: c.lead.owner_id,
    },
  };
}

/** The open handoff. Throws where there is none: the stage says that there is. */
export function openHandoff(c: Case): NonNullable<Case["handoff"]> {
  if (!c.handoff) throw new Error(`lead ${c.lead.id} is ${c.lead.stage} without an open handoff`);
  return c.handoff;
}

/** When the action reached us: what clocks stop at. */
export function receivedAt(a: ActionRow): Instant {
  return a.received_at.getTime();
}

/** Puts a person's answer on record. */
export async function recordAnswer(
  c: Case,
  a: ActionRow,
  kind: "accept" | "reject" | "advance" | "hand-back" | "contest-upheld" | "contest-overturned",
  more: { onTime?: boolean | undefined; contested?: boolean },
): Promise<void> {
  const h = openHandoff(c);
  await send(
    c.tx,
    sql`
    insert into answer (id, handoff_id, round, kind, by_id, reason, revisit_on, note, fit_rating, timeline, buying_signals, contested, received_at, on_time)
    values (${a.id}, ${h.id}, ${h.round}, ${kind}, ${a.by_id}, ${a.body.reason ?? null}, ${a.body.revisitOn ?? null}, ${a.body.note ?? null},
      ${a.body.fitRating ?? null}, ${a.body.timeline ?? null}, ${a.body.buyingSignals ?? []}, ${more.contested ?? false}, ${a.received_at}, ${more.onTime ?? null})`,
  );
  await rememberLearnt(c, a);
}

/** What the rep learnt is a fact for the figures and the next decision, never a gate (process.md). */
export async function rememberLearnt(c: Case, a: ActionRow): Promise<void> {
  if (a.body.timeline === undefined) return;
  await send(
    c.tx,
    sql`
    update lead set facts = facts || jsonb_build_object('lead.timeline', jsonb_build_object('value', ${a.body.timeline}::text, 'from', 'person', 'at', ${a.received_at.toISOString()}::text))
    where id = ${c.lead.id}`,
  );
}
