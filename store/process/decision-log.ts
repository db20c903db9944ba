import type { Instant } from "../../handoff/time/calendar.ts";
import type { Event } from "../../handoff/process/event.ts";
import type { StoredOutcome, StoredSituation } from "../../handoff/process/stored.ts";
import type { Candidate, Routed, RouteInput, Via } from "../../handoff/routing/route.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { restored, type KeptRow } from "../routing/record.ts";

/**
 * A decision as it was stored: what it was taken about, in which situation, and what it came to.
 */
export interface StoredDecision {
  /** `lead/ld_…` */
  readonly subject: string;
  readonly cycle: number;
  readonly step: number;
  readonly kind: string;
  readonly at: Instant;
  readonly agreementId: string;
  readonly event: Event;
  readonly situation: StoredSituation;
  readonly outcome: StoredOutcome;
}

/** A decision from before 0.2: it was stored without its situation and cannot be taken again. */
export type OlderDecision = Pick<StoredDecision, "subject" | "cycle" | "step" | "kind" | "at"> & {
  readonly situation: null;
};

// A situation can carry hundreds of engagements.
const pageSize = 300;

/** Every decision, by subject, cycle and step, read in pages. */
export async function* storedDecisions(db: Db): AsyncGenerator<StoredDecision | OlderDecision> {
  let after = ["", "", 0, 0] as readonly [string, string, number, number];
  for (;;) {
    const page = await rows<Row>(
      db,
      sql`
      select subject_kind, subject_id, cycle, step, kind, at, agreement_id, input, output,
        situation, changes, answer
      from decision where (subject_kind, subject_id, cycle, step) >
        (${after[0]}, ${after[1]}, ${after[2]}::int, ${after[3]}::int)
      order by subject_kind, subject_id, cycle, step limit ${pageSize}`,
    );
    for (const row of page) yield decisionOf(row);
    const last = page.at(-1);
    if (!last) return;
    after = [last.subject_kind, last.subject_id, last.cycle, last.step];
  }
}

interface Row {
  readonly subject_kind: string;
  readonly subject_id: string;
  readonly cycle: number;
  readonly step: number;
  readonly kind: string;
  readonly at: Date;
  readonly agreement_id: string;
  readonly input: Event;
  readonly output: Pick<StoredOutcome, "because" | "found">;
  readonly situation: StoredSituation | null;
  readonly changes: StoredOutcome["changes"];
  readonly answer: StoredOutcome["answer"];
}

function decisionOf(row: Row): StoredDecision | OlderDecision {
  const { cycle, step, kind, input, output, situation, changes, answer } = row;
  const which = {
    subject: `${row.subject_kind}/${row.subject_id}`,
    cycle,
    step,
    kind,
    at: row.at.getTime(),
  };
  if (situation === null) return { ...which, situation };
  return {
    ...which,
    agreementId: row.agreement_id,
    event: input,
    situation,
    outcome: { ...output, changes, answer },
  };
}

/** A routing as its assignment keeps it: all that the walk was given, and what it answered. */
export interface StoredRouting {
  readonly subject: string;
  readonly cycle: number;
  readonly round: number;
  readonly input: RouteInput;
  readonly answer: { readonly routed: Routed; readonly candidates: readonly Candidate[] };
}

/** Every assignment that routing made, by handoff and round, read in pages. */
export async function* storedRoutings(db: Db): AsyncGenerator<StoredRouting> {
  let after = ["", 0] as readonly [string, number];
  for (;;) {
    const page = await rows<RoutingRow>(
      db,
      sql`
      select h.subject_kind, h.subject_id, h.cycle, a.handoff_id, a.round, a.rep_id, a.queue,
        a.pool, a.via,
        a.candidates, a.input, a.record, v.content as roster
      from assignment a join handoff h on h.id = a.handoff_id left join roster_version v
        on v.id = a.roster
      where (a.handoff_id, a.round) > (${after[0]}, ${after[1]}::int)
        and (a.record is not null or a.input is not null)
      order by a.handoff_id, a.round limit ${pageSize}`,
    );
    for (const row of page) yield routingOf(row);
    const last = page.at(-1);
    if (!last) return;
    after = [last.handoff_id, last.round];
  }
}

type RoutingRow = KeptRow & {
  readonly subject_kind: string;
  readonly subject_id: string;
  readonly cycle: number;
  readonly handoff_id: string;
  readonly round: number;
  readonly rep_id: string | null;
  readonly queue: string | null;
  readonly pool: string | null;
  readonly via: Via;
};

function routingOf(row: RoutingRow): StoredRouting {
  const { cycle, round, rep_id: repId, queue, pool, via } = row;
  const { input, candidates } = restored(row);
  const routed: Routed =
    repId === null ? { kind: "queue", queue: queue ?? "" } : { kind: "assigned", repId, pool, via };
  return {
    subject: `${row.subject_kind}/${row.subject_id}`,
    cycle,
    round,
    input,
    answer: { routed, candidates },
  };
}
