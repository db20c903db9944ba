import { decide, type Decision } from "../../handoff/process/decide.ts";
import type { Event } from "../../handoff/process/event.ts";
import type { Handoff, Situation } from "../../handoff/process/situation.ts";
import { toStored } from "../../handoff/process/stored.ts";
import {
  followUp,
  type Standing,
  type Subject,
  type ToldName,
} from "../../handoff/process/words.ts";
import { isClosed, type ActionName } from "../../handoff/stage.ts";
import type { HandoffTerms } from "../../handoff/clocks/terms.ts";
import type { HoursRules } from "../../handoff/time/applied-calendar.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { CrashHook } from "../postgres/crash-point.ts";
import { firstRow, inTransaction, send, sql, type Pool, type Tx } from "../postgres/db.ts";
import { enqueue, processSignal } from "../postgres/outbox.ts";
import type { RoutingDispatcher } from "../routing/dispatcher.ts";
import type { Agreements } from "./agreements.ts";
import { applyChanges, type Hearing } from "./apply.ts";
import { requestOf, routedBy, withPlace } from "./ask-routing.ts";
import { beginAgain } from "./begin-again.ts";
import { rememberKept } from "./calendars.ts";
import { noteChange } from "./changed.ts";
import { loadSituation, type Loaded } from "./load.ts";
import { standingOf, type ShownDecision } from "./standing.ts";

export interface TakeDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly dispatcher: RoutingDispatcher;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

/**
 * The caller of a decision: the process itself, which gets the answer, or another one, and then the
 * process gets a signal.
 */
export type Taker = "process" | "elsewhere";

export interface Ask {
  readonly subject: Subject;
  /** Asked twice with the same key the stored answer comes back, and nothing else happens. */
  readonly key: string;
  readonly now: Instant;
  readonly by: Taker;
}

/** How often a transaction that lost a race with another is begun anew. */
const mostTries = 4;

/**
 * Decides about a subject under the lock of its process row, once for each key, and writes what
 * follows in the same transaction. Gives where the process stands then. Throws when there is no
 * such subject.
 */
export function take(
  deps: Pick<TakeDeps, "pool" | "agreements">,
  ask: Ask,
  event: Exclude<Event, { kind: "action" | "routed" }>,
): Promise<Standing> {
  return underLock(deps, ask, async (tx, loaded) => settle(tx, loaded, ask, event));
}

/**
 * Routes a fresh MQL: asks the dispatcher, which commits its pick before this decision is committed.
 * Should the decision be lost in between, the next try finds the assignment by handoff and round.
 */
export function takeRoute(deps: TakeDeps, ask: Ask): Promise<Standing> {
  return underLock(deps, ask, async (tx, loaded) => {
    const { situation } = loaded;
    const { process, handoff } = situation;
    const isWaiting = process.waitingOn === "assessment" || process.waitingOn === "hold";
    if (
      process.stage !== "mql" ||
      handoff === null ||
      !isWaiting ||
      situation.erased ||
      situation.mergeInto !== null
    ) {
      return settle(tx, loaded, ask, { kind: "time" });
    }
    const round = handoff.round + 1;
    // Until here this transaction has locked the process row and nothing that the dispatcher waits for.
    const answer = await deps.dispatcher.route(await requestOf(tx, situation, round));
    deps.crashPoint?.("pick-committed");
    const placed = await withPlace(tx, situation, answer.routed);
    return settle(tx, { ...loaded, situation: placed }, ask, routedBy(answer, round));
  });
}

/** A version by which the clocks of open handoffs go on. */
export interface Rejudging {
  readonly agreementId: string;
  readonly hoursBy: HoursRules;
  /** What it asks of a handoff. */
  readonly termsOf: (handoff: Pick<Handoff, "leadType" | "tier">) => HandoffTerms | null;
  /** In the same transaction, once. */
  readonly note: (tx: Tx) => Promise<void>;
}

/** Has the clocks of the open handoff go on by another version; nothing where there is none. */
export function takeRejudging(
  deps: Pick<TakeDeps, "pool" | "agreements">,
  ask: Ask,
  { agreementId, hoursBy, termsOf, note }: Rejudging,
): Promise<Standing> {
  return underLock(
    deps,
    ask,
    async (tx, loaded) => {
      const { handoff } = loaded.situation;
      const terms = handoff === null ? null : termsOf(handoff);
      await note(tx);
      return settle(tx, loaded, ask, { kind: "rejudged", agreementId, terms });
    },
    hoursBy,
  );
}

/**
 * The same in the caller's transaction. A process that is over and stays over is told nothing: there
 * is nobody to hear it.
 */
export async function takeWithin(
  tx: Tx,
  agreements: Agreements,
  ask: Ask,
  event: Exclude<Event, { kind: "action" | "routed" }>,
): Promise<Standing> {
  const loaded = await loadSituation(tx, agreements, ask.subject, { now: ask.now });
  if (!loaded) throw new Error(`there is no ${ask.subject.kind} ${ask.subject.id}`);
  return settle(tx, loaded, ask, event);
}

/** Where the process stands, without deciding anything. */
export async function standingNow(
  deps: Pick<TakeDeps, "pool" | "agreements">,
  subject: Subject,
  now: Instant,
): Promise<Standing> {
  return inTransaction(deps.pool, async (tx) => {
    const loaded = await loadSituation(tx, deps.agreements, subject, { now });
    if (!loaded) throw new Error(`there is no ${subject.kind} ${subject.id}`);
    return standingOf(loaded.situation, loaded.hasOpenEffects, loaded.recent);
  });
}

async function underLock(
  deps: Pick<TakeDeps, "pool" | "agreements">,
  ask: Ask,
  work: (tx: Tx, loaded: Loaded) => Promise<Standing>,
  hoursBy?: HoursRules,
): Promise<Standing> {
  return again(async () => {
    let seen: Situation | undefined;
    const standing = await inTransaction(deps.pool, async (tx) => {
      const loading = loadSituation(tx, deps.agreements, ask.subject, {
        now: ask.now,
        ...(hoursBy === undefined ? {} : { hoursBy }),
      });
      // Sent behind the lock: a twin that waited for it finds the answer.
      const [loaded, stored] = await Promise.all([loading, answeredBefore(tx, ask)]);
      if (!loaded) throw new Error(`there is no ${ask.subject.kind} ${ask.subject.id}`);
      seen = loaded.situation;
      return stored ?? work(tx, loaded);
    });
    if (seen) rememberKept(seen.calendars);
    return standing;
  });
}

async function answeredBefore(tx: Tx, { subject, key }: Ask): Promise<Standing | undefined> {
  const row = await firstRow<{ result: Standing }>(
    tx,
    sql`
    select result from decision where subject_kind = ${subject.kind} and subject_id = ${subject.id}
      and key = ${key}`,
  );
  return row?.result;
}

/** Decides, writes, and remembers the decision with the situation in which it was taken. */
async function settle(
  tx: Tx,
  { situation, hasOpenEffects, corrected, recent }: Loaded,
  ask: Ask,
  given: Event,
): Promise<Standing> {
  const event: Event =
    given.kind === "facts" && given.fields === undefined ? { ...given, fields: corrected } : given;
  const decided = decide(situation, event);
  if ("refused" in decided) throw new Error(`${event.kind} was refused: ${decided.refused.code}`);
  const { key, by } = ask;
  return writeDecision(tx, situation, decided, { event, key, by, hasOpenEffects, recent });
}

/** What is written of a decision, and how. */
export interface Writing {
  readonly event: Event;
  readonly key: string;
  readonly by: Taker;
  /** Effects of the subject waited before. */
  readonly hasOpenEffects: boolean;
  /** The decisions before this one, as the Temporal UI shows them. */
  readonly recent: readonly ShownDecision[];
}

/**
 * Writes what was decided: the changes, the decision with the situation in which it was taken, and
 * what the process is told, all in the caller's transaction. Gives where the process stands then.
 */
export async function writeDecision(
  tx: Tx,
  situation: Situation,
  decided: Decision,
  { event, key, by, hasOpenEffects, recent }: Writing,
): Promise<Standing> {
  const hears = hearing(by, situation, decided);
  const { effects } = await applyChanges(tx, situation, decided, hears);
  const standing = standingOf(decided.after, effects || hasOpenEffects, [
    shownNow(situation, event, decided),
    ...recent,
  ]);
  await remember(tx, situation, event, decided, { key, result: standing });
  await tellProcess(tx, situation, standing, by, hears, key, event);
  noteChange(tx, situation, decided.after);
  return standing;
}

function shownNow({ now }: Situation, event: Event, { because }: Decision): ShownDecision {
  return { kind: kindOf(event), at: now, because };
}

/** A decision is called by what it was about. */
function kindOf(event: Event): string {
  return event.kind === "action" ? event.action.name : event.kind;
}

/**
 * Begins a closed subject again in the caller's transaction; the caller has its process started.
 */
export async function takeReopening(
  tx: Tx,
  agreements: Agreements,
  subject: Subject,
  by: string,
  now: Instant,
): Promise<
  { readonly standing: Standing } | { readonly refused: string; readonly standing: Standing }
> {
  const loaded = await loadSituation(tx, agreements, subject, { now });
  if (!loaded) throw new Error(`there is no ${subject.kind} ${subject.id}`);
  const { situation, hasOpenEffects, recent } = loaded;
  const event: Event = { kind: "reopened", by };
  const decided = decide(situation, event);
  if ("refused" in decided) {
    const standing = standingOf(situation, hasOpenEffects, recent);
    return { refused: decided.refused.message, standing };
  }
  const { cycle, step } = situation.process;
  const standing = await writeDecision(tx, situation, decided, {
    event,
    key: `reopened/${cycle}/${step}`,
    // Its process begins with this standing and need not be told.
    by: "process",
    hasOpenEffects,
    recent,
  });
  return { standing };
}

async function remember(
  tx: Tx,
  situation: Situation,
  event: Event,
  decided: Decision,
  { key, result }: { key: string; result: Standing },
): Promise<void> {
  const { subject, now, agreementId, process } = situation;
  const isAction = event.kind === "action";
  const { because, found, changes, answer } = decided;
  await send(
    tx,
    sql`
    insert into decision (subject_kind, subject_id, cycle, step, kind, at, agreement_id, action_id,
      key, input, output,
      situation, changes, answer, result)
    values (${subject.kind}, ${subject.id}, ${process.cycle}, ${process.step + 1},
      ${kindOf(event)},
      ${new Date(now)}, ${agreementId}, ${isAction ? event.action.id : null}, ${key},
        ${JSON.stringify(event)},
      ${JSON.stringify({ because, found })}, ${JSON.stringify(toStored(situation))},
        ${JSON.stringify(changes)},
      ${answer === undefined ? null : JSON.stringify(answer)}, ${JSON.stringify(result)})`,
  );
}

/**
 * The process must know of another stage or owner, another cycle, an end, something to be routed,
 * or a time before the one it waits for. Of what was decided elsewhere it is told, in the same
 * transaction; what it asked for itself it is answered. An answer can be lost like a signal, with
 * the task that waited for it, so that it has heard is compared later either way.
 */
function hearing(by: Taker, before: Situation, { after }: Decision): Hearing {
  if (!mustKnow(before, after)) return "not";
  const isOver = isClosed(before.process.stage) && isClosed(after.process.stage);
  if (isOver && by === "elsewhere") return "not";
  return by === "process" ? "answered" : "told";
}

async function tellProcess(
  tx: Tx,
  { subject, now, process: before }: Situation,
  standing: Standing,
  by: Taker,
  hears: Hearing,
  key: string,
  event: Event,
): Promise<void> {
  if (by === "process") return;
  const { id } = subject;
  // It has no process, and needs one from here on.
  if (isClosed(before.stage) && !isClosed(standing.stage)) return beginAgain(tx, id, standing, now);
  if (standing.effects) await send(tx, sql`select pg_notify(${effectsChannel}, ${id})`);
  if (hears !== "told") return;
  const told = { id: key, standing };
  const process = { ...subject, cycle: standing.cycle };
  await enqueue(tx, processSignal(process, "signal", toldOf(event), told, 1), now);
}

/** Workers listen here for subjects whose effects were wanted by a decision elsewhere. */
export const effectsChannel = "baton_effects";

function mustKnow({ process: before }: Situation, { process: after }: Situation): boolean {
  return (
    before.stage !== after.stage ||
    before.owner !== after.owner ||
    before.cycle !== after.cycle ||
    followUp(after) !== "wait" ||
    (after.nextAt !== null && (before.nextAt === null || after.nextAt < before.nextAt))
  );
}

const toldByAction: Readonly<Record<ActionName, ToldName>> = {
  logOutreach: "met",
  accept: "accepted",
  reject: "rejected",
  advance: "advanced",
  handBack: "handedBack",
  reassign: "reassigned",
  pause: "paused",
  resume: "resumed",
  decideContest: "contestDecided",
  decideReview: "reviewDecided",
};

function toldOf(event: Event): ToldName {
  return event.kind === "action" ? toldByAction[event.action.name] : "moved";
}

/** Repeats a transaction that lost a race: a key taken by its twin, or a deadlock. */
export async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { code?: string };
      if ((code !== "23505" && code !== "40P01") || tries >= mostTries) throw error;
    }
  }
}
