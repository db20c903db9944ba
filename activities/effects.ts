import { Context } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import {
  connectionOf,
  CrmBusy,
  CrmDown,
  CrmGone,
  CrmRefused,
  CrmUnauthorized,
  type CrmPort,
} from "../crm/crm.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { MailLinks } from "../messages/link.ts";
import { MailDown, type MailPort } from "../messages/mail/mail.ts";
import { audit } from "../store/postgres/audit.ts";
import { pauseConnection, resumeConnection, useConnection } from "../store/effects/connections.ts";
import { markGone } from "../store/effects/crm-links.ts";
import type { CrashHook } from "../store/postgres/crash-point.ts";
import { endSync } from "../store/effects/crm-sync.ts";
import { inTransaction, type Pool } from "../store/postgres/db.ts";
import {
  addEffect,
  claimEffects,
  countOpenEffects,
  endEffect,
  releaseEffect,
  withdrawEffects,
  type Claimed,
  type ClaimedEffect,
  type Effect,
  type EffectEnd,
  type EffectKind,
} from "../store/effects/effects.ts";
import { openTask, type TaskKind } from "../store/process/human-tasks.ts";
import { mailEffect } from "../store/effects/mail-message.ts";
import { enqueueEffectsLeft } from "../store/postgres/outbox.ts";
import { hasOwnProcess, type Subject } from "../handoff/process/words.ts";
import { syncCrm } from "./crm.ts";
import { regardless, sendMail } from "./mail.ts";
import { withTimeout } from "./crm-timeout.ts";

export interface EffectDeps {
  readonly pool: Pool;
  /**
   * For what is done again when the end of an effect was not stored: claims, links, what was
   * written before the end. Its commits need not wait for the disk, because the end's does; absent,
   * `pool` does this work too.
   */
  readonly repeatable?: Pool | undefined;
  /** One that gives up a call which is never answered (activities/crm-timeout.ts). */
  readonly crm: CrmPort;
  readonly mail: MailPort;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  /** What links in mails may do; absent: act. */
  readonly mailLinks?: MailLinks;
  readonly clock: () => Instant;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

type Tools = EffectDeps & { readonly repeatable: Pool };

/** How many effects this run carried out, and how many are still open. */
export interface CarriedOut {
  readonly done: number;
  readonly left: number;
}

/** How much a run may take upon itself. */
interface Run {
  readonly signal: AbortSignal;
  /** By `performance.now()`: no further effect is begun after it. */
  readonly stopAt: number;
  /**
   * So long its effects are nobody else's; a worker that dies with them keeps them from the others
   * until then.
   */
  readonly holdsMs: number;
  /** The only run there is until it is over: what it leaves is tried again by itself. */
  readonly isLast: boolean;
  /**
   * Nobody waits for the run: the lead's process is told of an effect that failed, in the
   * transaction that notes it.
   */
  readonly isUnasked: boolean;
}

/**
 * A long run begins nothing more well before its start-to-close timeout, and is over before it too.
 */
const longMs = 20_000;
const longestMs = 25_000;
/**
 * What a run holds longer than it may last, so that an effect is never carried out by two: a
 * statement on its way is not cut off.
 */
const spareMs = 10_000;
const pauseMs = 5 * 60_000;
const circuitOpenMs = 5_000;
const longestPauseMs = 5 * 60_000;
const databasePauseMs = 3_000;
/**
 * How long a short run may take: where a local activity waits for it, and where nobody does. It is
 * cut off then, whatever it waits for.
 */
const shortMs = { awaited: 950, unasked: 3_000 } as const;
/** So long before its end it begins nothing more. */
const lastMs = 150;
const longestWaitMs = 60_000;

/**
 * Runs of effects: CRM and mail side by side, each in order, each effect once. Two runs at once
 * share the work.
 */
export interface Effects {
  /**
   * One short try of a subject's open effects: what it could not do is left. Throws when the
   * outside is openCircuit(), or when an effect failed; with `isUnasked` the lead's process has been told
   * of that then.
   */
  tryOnce(
    subject: Subject,
    how?: { readonly signal?: AbortSignal; readonly isUnasked?: boolean },
  ): Promise<CarriedOut>;
  /** Throws, to be tried again, when something is left that this run could not do. */
  tryHard(subject: Subject, signal: AbortSignal): Promise<CarriedOut>;
  /**
   * A short try failed or took too long a moment ago: a system that just failed is not waited for
   * in the next lead's case too.
   */
  isCircuitOpen(): boolean;
}

/** An effect that can never be done becomes a person's task and holds nothing up. */
export function createEffects(given: EffectDeps): Effects {
  const deps: Tools = { ...given, repeatable: given.repeatable ?? given.pool };
  let circuitOpenUntil = 0;
  const isCircuitOpen = () => performance.now() < circuitOpenUntil;
  const openCircuit = () => {
    circuitOpenUntil = performance.now() + circuitOpenMs;
  };
  return {
    isCircuitOpen,
    async tryOnce(subject, { signal, isUnasked = false } = {}) {
      if (isCircuitOpen())
        throw failure(
          "CircuitOpen",
          "left to a remote activity: the last short try took too long or failed",
        );
      const withinMs = isUnasked ? shortMs.unasked : shortMs.awaited;
      return withTimeout(withinMs, signal, async (cut) => {
        const run: Run = {
          signal: cut,
          stopAt: performance.now() + withinMs - lastMs,
          holdsMs: withinMs + spareMs,
          isLast: false,
          isUnasked,
        };
        const carried = await carryOut(deps, subject, run).catch((error: unknown) => {
          openCircuit();
          throw error;
        });
        if (carried.left > 0 && isOver(run)) openCircuit();
        return carried;
      });
    },
    tryHard: (subject, signal) =>
      withTimeout(longestMs, signal, (cut) =>
        carryOut(deps, subject, {
          signal: cut,
          stopAt: performance.now() + longMs,
          holdsMs: longestMs + spareMs,
          isLast: true,
          isUnasked: false,
        }),
      ),
  };
}

/** The activity that reaches outside: locally one short try, remotely until nothing is left. */
export function createEffectActivities(effects: Effects) {
  return {
    carryOut: async (subject: Subject): Promise<CarriedOut> => {
      const { info, cancellationSignal } = Context.current();
      return info.isLocal
        ? effects.tryOnce(subject, { signal: cancellationSignal })
        : effects.tryHard(subject, cancellationSignal);
    },
  };
}

async function carryOut(deps: Tools, subject: Subject, run: Run): Promise<CarriedOut> {
  try {
    return await carryOutAll(deps, subject, run);
  } catch (error) {
    throw error instanceof ApplicationFailure ? error : asFailure(error, deps.clock());
  }
}

async function carryOutAll(deps: Tools, subject: Subject, run: Run): Promise<CarriedOut> {
  for (let done = 0; ;) {
    const claimed = await claim(deps, subject, kinds, run);
    const [mine, withdrawn] = claimed.isGone
      ? await withdraw(deps, subject, claimed)
      : [claimed.effects, 0];
    const lanes = await Promise.allSettled(
      mine.map((first) => carryOutKind(deps, first, claimed.isPaused, run)),
    );
    const failed = lanes.find((lane) => lane.status === "rejected");
    if (failed) throw failed.reason;
    const ended = lanes.flatMap((lane) => (lane.status === "fulfilled" ? [lane.value] : []));
    const doneNow = ended.reduce((sum, lane) => sum + lane.done, 0);
    done += doneNow;
    // What a decision has written since is that decision's to carry out.
    if (claimed.isAll && withdrawn === 0 && ended.every((lane) => lane.isOver))
      return { done, left: 0 };
    const left = await countOpenEffects(deps.pool, subject);
    // Where nothing moves, what is left belongs to another run or is too much for this one.
    if (left > 0 && doneNow + withdrawn > 0 && !isOver(run)) continue;
    if (left > 0 && run.isLast) throw failure("NotAllDone", `${left} effects are left`, 1_000);
    return { done, left };
  }
}

const kinds: readonly EffectKind[] = ["mail", "sync-crm"];

function claim(
  deps: Tools,
  subject: Subject,
  of: readonly EffectKind[],
  { holdsMs }: Run,
): Promise<Claimed> {
  const now = deps.clock();
  return claimEffects(deps.repeatable, subject, {
    kinds: of,
    now,
    until: now + holdsMs,
    connection: connectionOf(deps.crm),
  });
}

/**
 * Of a lead that is gone only some messages are wanted. Gives those that this run has, and how many
 * effects were withdrawn.
 */
async function withdraw(
  deps: Tools,
  subject: Subject,
  { effects }: Claimed,
): Promise<[readonly ClaimedEffect[], number]> {
  const withdrawn = await withdrawEffects(
    deps.pool,
    subject,
    "the lead was erased or merged",
    regardless,
    deps.clock(),
  );
  return [
    effects.filter(
      (effect) => effect.kind === "mail" && regardless.some((what) => what === effect.what),
    ),
    withdrawn,
  ];
}

function isOver(run: Run): boolean {
  return run.signal.aborted || performance.now() >= run.stopAt;
}

/**
 * Carries out the effect in hand and those of its kind behind it. `isOver`: none was left behind.
 */
async function carryOutKind(
  deps: Tools,
  first: ClaimedEffect,
  isPaused: boolean,
  run: Run,
): Promise<{ done: number; isOver: boolean }> {
  for (let [effect, paused, done] = [first, isPaused, 1]; ; done++) {
    try {
      await carryOutOne(deps, effect, paused, run.signal);
    } catch (error) {
      if (!(await giveUp(deps, effect, error))) {
        await release(deps, effect, error, run);
        throw new Unfinished(error, effect.attempts);
      }
    }
    if (effect.isLast) return { done, isOver: true };
    if (isOver(run)) return { done, isOver: false };
    const next = await claim(deps, effect.subject, [effect.kind], run);
    if (!next.effects[0]) return { done, isOver: false };
    [effect, paused] = [next.effects[0], next.isPaused];
  }
}

/**
 * Gives the effect back. Of a run that nobody waits for its process hears, at once or never: what
 * says why it failed is being tried by somebody.
 */
async function release(
  deps: Tools,
  effect: Effect,
  error: unknown,
  { isUnasked }: Run,
): Promise<void> {
  await inTransaction(deps.pool, async (tx) => {
    await releaseEffect(tx, effect.id, sayWhy(error));
    if (isUnasked && hasOwnProcess(effect.subject))
      await enqueueEffectsLeft(tx, [effect.subject], deps.clock());
  });
}

/** More turns than a lead changes during one sync. */
const mostTurns = 4;

async function carryOutOne(
  deps: Tools,
  effect: Effect,
  isPaused: boolean,
  signal: AbortSignal,
): Promise<void> {
  for (let turn = 0; turn < mostTurns; turn++) {
    const end = await perform(deps, effect, isPaused, signal);
    deps.crashPoint?.("effect-done");
    if (end.state !== "done" || !end.seen)
      return endEffect(deps.pool, effect.id, end, deps.clock());
    if (await endSync(deps.pool, effect.id, end.seen, deps.clock())) return;
  }
  throw new Error("the lead kept changing while it was being synchronised");
}

async function perform(
  deps: Tools,
  effect: Effect,
  isPaused: boolean,
  signal: AbortSignal,
): Promise<EffectEnd> {
  const work = { ...deps, pool: deps.repeatable };
  switch (effect.kind) {
    case "sync-crm":
      return overConnection(deps, effect, isPaused, () => syncCrm(work, effect.subject, signal));
    case "mail": {
      const end = await sendMail(work, effect, signal);
      if (end.state === "failed")
        await openTask(deps.pool, taskFor(effect, "dead-letter", { why: end.why }), deps.clock());
      return end;
    }
  }
}

/** A paused connection is not used; the run that finds it working again opens it for everybody. */
async function overConnection(
  deps: EffectDeps,
  effect: Effect,
  isPaused: boolean,
  work: () => Promise<EffectEnd>,
): Promise<EffectEnd> {
  const name = connectionOf(deps.crm);
  const state = isPaused
    ? await useConnection(deps.pool, name, deps.clock())
    : { kind: "open" as const };
  if (state.kind === "paused") throw new ConnectionPaused(name, state.until);
  try {
    const end = await work();
    if (state.kind === "probing")
      await resumeConnection(deps.pool, name, (tx) =>
        audit(tx, { actor: "baton", what: "connection.resumed", subject: name }, deps.clock()),
      );
    return end;
  } catch (error) {
    if (!(error instanceof CrmUnauthorized)) throw error;
    const now = deps.clock();
    await pauseConnection(
      deps.pool,
      { name, until: now + pauseMs, reason: error.message },
      now,
      async (tx) => {
        await addEffect(
          tx,
          {
            key: `connection/${name}/paused/${now}`,
            subject: effect.subject,
            ...mailEffect({ what: "crm-paused", connection: name, since: now }),
          },
          now,
        );
        await audit(
          tx,
          {
            actor: "baton",
            what: "connection.paused",
            subject: name,
            detail: { reason: error.message },
          },
          now,
        );
      },
    );
    throw new ConnectionPaused(name, now + pauseMs);
  }
}

/** What trying again cannot mend becomes a person's task. False when trying again can help. */
async function giveUp(deps: EffectDeps, effect: Effect, error: unknown): Promise<boolean> {
  if (!(error instanceof CrmRefused) && !(error instanceof CrmGone)) return false;
  const now = deps.clock();
  await inTransaction(deps.pool, async (tx) => {
    if (error instanceof CrmGone) {
      await markGone(tx, deps.crm.name, "lead", effect.subject.id, now);
      await openTask(
        tx,
        taskFor(effect, "crm-drift", { crmId: error.crmId, why: "deleted in the CRM" }),
        now,
      );
    } else {
      await openTask(
        tx,
        taskFor(effect, "dead-letter", { field: error.field, why: error.message }),
        now,
      );
    }
    await endEffect(tx, effect.id, { state: "failed", why: error.message }, now);
  });
  return true;
}

function taskFor(effect: Effect, kind: TaskKind, detail: Record<string, unknown>) {
  return {
    kind,
    subject: effect.subject,
    handoffId: effect.handoffId,
    role: "sales-ops",
    detail: { effect: effect.key, ...detail },
  };
}

/** The connection is paused since the CRM refused our credentials. */
class ConnectionPaused extends Error {
  override readonly name = "ConnectionPaused";
  readonly until: Instant;
  constructor(connection: string, until: Instant) {
    super(`the connection ${connection} is paused`);
    this.until = until;
  }
}

/** An effect could not be carried out this time; `attempts` says how often it was begun. */
class Unfinished extends Error {
  override readonly name = "Unfinished";
  readonly attempts: number;
  constructor(cause: unknown, attempts: number) {
    super("an effect could not be carried out", { cause });
    this.attempts = attempts;
  }
}

/**
 * Every failure of a run is to be tried again, for as long as it takes: what never works was given
 * up before. The pause doubles with the tries of the effect itself, for an activity's own attempts
 * also count its waiting for other runs; our own database, which failed where no effect was in
 * hand, is asked again soon.
 */
function asFailure(failed: unknown, now: Instant): ApplicationFailure {
  const error = failed instanceof Unfinished ? failed.cause : failed;
  const pause =
    failed instanceof Unfinished
      ? Math.min(1_000 * 2 ** Math.min(failed.attempts - 1, 10), longestPauseMs)
      : databasePauseMs;
  const name = error instanceof Error ? error.name : "Error";
  if (error instanceof CrmBusy) return failure(name, error.message, error.retryAfterMs);
  if (error instanceof ConnectionPaused)
    return failure(
      name,
      error.message,
      Math.min(Math.max(error.until - now, 1_000), longestWaitMs),
    );
  return failure(name, sayWhy(error), pause);
}

function failure(type: string, message: string, nextRetryDelay?: number): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable: false,
    ...(nextRetryDelay === undefined ? {} : { nextRetryDelay }),
  });
}

/**
 * Our own errors say what happened; other texts can quote what people wrote and stay out of
 * Temporal and the ledger.
 */
function sayWhy(error: unknown): string {
  if (
    error instanceof CrmBusy ||
    error instanceof CrmDown ||
    error instanceof MailDown ||
    error instanceof ConnectionPaused
  )
    return error.message;
  const code = (error as { code?: unknown } | null)?.code;
  return `it broke: ${error instanceof Error ? error.name : "unknown"}${typeof code === "string" ? ` ${code}` : ""}`;
}
