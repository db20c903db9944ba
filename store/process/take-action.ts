import { audit } from "../postgres/audit.ts";
import { decide, refusalAnswer, refusalMessage } from "../../handoff/process/decide.ts";
import type { Refusal } from "../../handoff/process/course.ts";
import type { Action, AnyAction } from "../../handoff/process/event.ts";
import type { Situation } from "../../handoff/process/situation.ts";
import {
  followUp,
  type ActionResult,
  type Standing,
  type Subject,
} from "../../handoff/process/words.ts";
import type { ActionName, Stage } from "../../handoff/stage.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { addEffect } from "../effects/effects.ts";
import { mailEffect } from "../effects/mail-message.ts";
import { firstRow, inTransaction, send, sql, type Tx } from "../postgres/db.ts";
import type { Agreements } from "./agreements.ts";
import { noteAction, subjectIn } from "./actions.ts";
import { rememberKept } from "./calendars.ts";
import { openTask } from "./human-tasks.ts";
import { loadSituation, lockProcess } from "./load.ts";
import type { ProcessRow } from "./rows.ts";
import {
  again,
  effectsChannel,
  standingNow,
  takeRoute,
  writeDecision,
  type Ask,
  type TakeDeps,
} from "./take.ts";

/** A person's action, as it was stored when it arrived. */
export interface PendingAction extends Action {
  readonly subject: Subject;
  /** The answer that stands; null while it is not decided. */
  readonly result: ActionResult | null;
}

/** What came of an action. */
export interface Acted {
  readonly result: ActionResult;
  /** Where the process stands because of it; null when it was decided before, or refused. */
  readonly standing: Standing | null;
  /** What was expected of the refused part, where that is a closed list. */
  readonly expected?: readonly string[];
  /** Kept by this transaction: `rememberKept` when it is committed. */
  readonly calendars: Situation["calendars"];
}

/**
 * Decides a person's action where it arrived: `note` stores it and gives its id, in the same
 * transaction. `check` may refuse the outcome by throwing, and then nothing is stored. What follows
 * from it (routing) is decided at once, so that the answer names the new owner; should that fail,
 * the process does it.
 */
export async function decideAction(
  deps: TakeDeps,
  subject: Subject,
  note: (tx: Tx) => Promise<string>,
  check: (acted: Acted) => void,
  clock: () => Instant,
): Promise<ActionResult> {
  const { id, acted } = await again(() =>
    inTransaction(deps.pool, async (tx) => {
      // The process row is locked before any other: the same order everywhere.
      const [locked, actionId] = await Promise.all([lockProcess(tx, subject), note(tx)]);
      const done = await takeAction(tx, deps.agreements, actionId, clock, locked);
      check(done);
      return { id: actionId, acted: done };
    }),
  );
  rememberKept(acted.calendars);
  const { result, standing } = acted;
  if (!result.done || standing === null || followUp(standing) !== "route") return result;
  const ask: Ask = { subject, key: `${id}/route`, now: clock(), by: "elsewhere" };
  const routed = await takeRoute(deps, ask)
    .catch(() => standingNow(deps, subject, clock()))
    .catch(() => standing);
  const { stage, waitingOn, owner } = routed;
  return { ...result, stage, waitingOn, owner };
}

/**
 * Decides a stored action in the caller's transaction, which holds the lock of its lead's process
 * row already: a twin of the action has been decided by then, or waits. Decided before, the stored
 * answer comes back. A refusal is written as the action's answer, and nothing else changes; an
 * action from the CRM that is refused has the CRM made equal again and its author told, unless Baton
 * itself has derived it from another. `locked` is the process row as the lock has shown it; absent:
 * it is read again.
 */
export async function takeAction(
  tx: Tx,
  agreements: Agreements,
  actionId: string,
  clock: () => Instant,
  locked?: ProcessRow,
  isDerived = false,
): Promise<Acted> {
  const stored = await actionOf(tx, actionId);
  if (!stored) throw new Error(`action ${actionId} is not on record`);
  if (stored.result) return { result: stored.result, standing: null, calendars: {} };
  const action = stored as unknown as AnyAction;
  const { subject } = stored;
  const loaded = await loadSituation(tx, agreements, subject, {
    now: stored.receivedAt,
    action,
    locked,
  });
  if (!loaded) throw new Error(`there is no ${subject.kind} ${subject.id}`);
  // The lock was waited for; the API's clock stamps actions, and a decision is never before one.
  const now = Math.max(clock(), stored.receivedAt);
  const situation = { ...loaded.situation, now };
  const decided = decide(situation, { kind: "action", action });
  if ("refused" in decided) {
    const acted = await refused(tx, situation, action, decided);
    if (action.via === "crm" && !isDerived) await putCrmRight(tx, situation, action, decided);
    return acted;
  }
  const standing = await writeDecision(tx, situation, decided, {
    event: { kind: "action", action },
    key: actionId,
    by: "elsewhere",
    hasOpenEffects: loaded.hasOpenEffects,
    recent: loaded.recent,
  });
  const result =
    decided.answer ??
    refusalAnswer(situation, { refused: { code: "unknown", message: decided.because } });
  await settleAction(tx, actionId, result, now);
  if (action.name === "logOutreach" && subject.kind === "lead")
    await countForAccount(tx, agreements, { action, leadId: subject.id }, clock);
  return { result, standing, calendars: situation.calendars };
}

/**
 * Whoever has the handoff of the lead's account has reached out there too: an attempt on any of its
 * people counts. Decisions about an account lock no lead, so nobody waits in a circle.
 */
async function countForAccount(
  tx: Tx,
  agreements: Agreements,
  { action, leadId }: { readonly action: Action<"logOutreach">; readonly leadId: string },
  clock: () => Instant,
): Promise<void> {
  const { by, role, body, via, receivedAt } = action;
  const { channel, outcome, occurredAt } = body;
  // What is dated ahead counts as of its receipt.
  const at = Math.min(receivedAt, occurredAt === undefined ? receivedAt : Date.parse(occurredAt));
  const found = await firstRow<{ id: string }>(
    tx,
    sql`
    select p.subject_id as id from lead l join process p on p.subject_kind = 'account'
      and p.subject_id = l.account_id and p.owner_id = ${by}
      join handoff h on h.id = p.handoff_id
        and h.mql_at <= ${new Date(at)}
    where l.id = ${leadId} and p.waiting_on in ('outreach', 'answer', 'attempts', 'meeting',
      'opportunity')`,
  );
  if (!found) return;
  const id = `${action.id}-account`;
  const locked = await lockProcess(tx, { kind: "account", id: found.id });
  await noteAction(tx, {
    id,
    accountId: found.id,
    name: "logOutreach",
    by,
    role,
    body: {
      channel,
      ...(outcome === undefined ? {} : { outcome }),
      ...(occurredAt === undefined ? {} : { occurredAt }),
    },
    via,
    receivedAt,
  });
  await takeAction(tx, agreements, id, clock, locked, true);
}

async function refused(
  tx: Tx,
  situation: Situation,
  action: AnyAction,
  refusal: Refusal,
): Promise<Acted> {
  const { now, subject } = situation;
  const result = refusalAnswer(situation, refusal);
  const { code, expected } = refusal.refused;
  await settleAction(tx, action.id, result, now);
  await audit(
    tx,
    {
      actor: action.by,
      what: "action.refused",
      subject: subject.id,
      detail: { action: action.id, name: action.name, code },
    },
    now,
  );
  return {
    result,
    standing: null,
    calendars: situation.calendars,
    ...(expected === undefined ? {} : { expected }),
  };
}

/** The CRM shows what was not done: it is made equal again, and the author is told why. */
async function putCrmRight(
  tx: Tx,
  situation: Situation,
  action: AnyAction,
  refusal: Refusal,
): Promise<void> {
  const { now, subject, process, people } = situation;
  const { handoffId, stage } = process;
  const key = `${subject.kind}/${subject.id}/refused/${action.id}`;
  await wantCrmSync(tx, subject, { key, handoffId }, now);
  const message =
    people[action.by] === undefined ? null : refusalMessage(situation, action, refusal);
  if (message)
    await addEffect(tx, { key: `${key}/mail`, subject, handoffId, ...mailEffect(message) }, now);
  else {
    // Nobody of ours to tell: somebody looks at it.
    const detail = { action: action.name, why: refusal.refused.code, stage };
    await openTask(tx, { kind: "crm-drift", subject, role: "sales-ops", detail }, now);
  }
}

/** The CRM is made equal to the rows, because of something that no decision has changed. */
export async function wantCrmSync(
  tx: Tx,
  subject: Subject,
  { key, handoffId }: { readonly key: string; readonly handoffId: string | null },
  now: Instant,
): Promise<void> {
  const payload = { leadId: subject.id };
  const what = subject.kind;
  await addEffect(
    tx,
    { key: `${key}/sync-crm`, subject, handoffId, kind: "sync-crm", what, payload },
    now,
  );
  await send(tx, sql`select pg_notify(${effectsChannel}, ${subject.id})`);
}

async function actionOf(tx: Tx, id: string): Promise<PendingAction | undefined> {
  const row = await firstRow<{
    id: string;
    lead_id: string | null;
    account_id: string | null;
    name: ActionName;
    by_id: string;
    role: string;
    body: Action["body"];
    via: Action["via"];
    received_at: Date;
    result: ActionResult | null;
    round: number | null;
    seen_cycle: number | null;
    seen_stage: Stage | null;
  }>(
    tx,
    sql`
    select id, lead_id, account_id, name, by_id, role, body, via, received_at, result, round, seen_cycle,
      seen_stage from action where id = ${id}`,
  );
  if (!row) return undefined;
  const { round, seen_cycle: cycle, seen_stage: stage } = row;
  const seen =
    round === null && cycle === null && stage === null
      ? null
      : {
          ...(round === null ? {} : { round }),
          ...(cycle === null ? {} : { cycle }),
          ...(stage === null ? {} : { stage }),
        };
  return {
    id: row.id,
    subject: subjectIn({ leadId: row.lead_id, accountId: row.account_id }),
    name: row.name,
    by: row.by_id,
    role: row.role,
    body: row.body,
    via: row.via,
    receivedAt: row.received_at.getTime(),
    result: row.result,
    seen,
  };
}

async function settleAction(tx: Tx, id: string, result: ActionResult, now: Instant): Promise<void> {
  await send(
    tx,
    sql`
    update action set result = ${JSON.stringify(result)}::jsonb, settled_at = ${new Date(now)}
      where id = ${id} and settled_at is null`,
  );
}
