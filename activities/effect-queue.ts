import { setTimeout } from "node:timers/promises";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Pool } from "../store/postgres/db.ts";
import { forgottenEffects, openAgreementEffects } from "../store/effects/effects.ts";
import { enqueueEffectsLeft } from "../store/postgres/outbox.ts";
import { hasOwnProcess, type Subject } from "../handoff/process/words.ts";
import type { Effects } from "./effects.ts";

/**
 * Carries out the effects of leads beside their processes, many leads at once: a rep's answer waits
 * for no CRM, and what several decisions of a lead want of it meanwhile is one sync. A lead whose
 * effects failed is its process's again, which tries until they are done.
 */
export interface EffectQueue {
  /**
   * Takes the lead in, unless the circuit breaker is open: then its process must see to it. A lead that a
   * person works on goes before those that nobody waits for.
   */
  add(subject: Subject, isAwaited: boolean): boolean;
  /**
   * Carries them out now. False when some are left, or the circuit breaker is open: its process must see
   * to it.
   */
  carryOut(subject: Subject): Promise<boolean>;
  /** Takes in leads whose effects nobody has seen to: a worker took them with it when it died. */
  poll(): Promise<void>;
  /**
   * Ends it; resolves when the runs under way are over. Leads that still wait are seen to by
   * another worker, or the next one.
   */
  stop(): Promise<void>;
}

export interface EffectQueueDeps {
  readonly pool: Pool;
  readonly clock: () => Instant;
}

/**
 * The debounce before a batch: short beside a CRM's own delay, and leads that arrive within it
 * share every statement (store/postgres/coalesce.ts).
 */
const lingerMs = 250;
/** Leads of one batch; a slow one does not keep those of the next batch waiting. */
const most = 32;
const batchesAtOnce = 4;
const waitMs = 500;
/** A worker that lives has seen to them long before. */
const forgottenMs = 10_000;
const mostForgotten = 200;

export function effectQueue({ pool, clock }: EffectQueueDeps, effects: Effects): EffectQueue {
  /** By the lead's id, in the order of arrival; each lead is in one of the two. */
  const [awaited, others] = [new Map<string, Subject>(), new Map<string, Subject>()];
  const underWay = new Map<string, Promise<boolean>>();
  let batches = 0;
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;

  function goOn(): void {
    const waiting = awaited.size + others.size;
    if (waiting > 0 && batches < batchesAtOnce && !isStopping)
      timer ??= globalThis.setTimeout(() => void leave(), waiting < most ? lingerMs : 0);
  }

  async function leave(): Promise<void> {
    timer = undefined;
    const batch = [...awaited.values(), ...others.values()].slice(0, most);
    for (const { id } of batch) forget(id);
    batches += 1;
    goOn();
    await Promise.all(batch.map((subject) => inTurn(subject, true)));
    batches -= 1;
    goOn();
  }

  /** Of one lead there is one run at a time: a second one would find the effects taken. */
  async function inTurn(subject: Subject, isUnasked: boolean): Promise<boolean> {
    while (underWay.has(subject.id)) await underWay.get(subject.id);
    const run = once(subject, isUnasked).finally(() => underWay.delete(subject.id));
    underWay.set(subject.id, run);
    return run;
  }

  async function once(subject: Subject, isUnasked: boolean): Promise<boolean> {
    try {
      if (!effects.isCircuitOpen() && (await effects.tryOnce(subject, { isUnasked })).left === 0)
        return true;
      // What is left though all is well is another worker's, which goes on with it or is found to
      // have forgotten it.
      if (isUnasked && effects.isCircuitOpen() && hasOwnProcess(subject))
        await enqueueEffectsLeft(pool, [subject], clock());
    } catch {
      // The process was told; where even that failed, they count as forgotten.
    }
    return false;
  }

  function add(subject: Subject, isAwaited: boolean): boolean {
    if (effects.isCircuitOpen()) return false;
    if (isAwaited) others.delete(subject.id);
    if (isAwaited || !awaited.has(subject.id))
      (isAwaited ? awaited : others).set(subject.id, subject);
    goOn();
    return true;
  }

  function forget(id: string): void {
    awaited.delete(id);
    others.delete(id);
  }

  return {
    add,
    async carryOut(subject) {
      if (effects.isCircuitOpen()) return false;
      // A run under way is waited for, but no longer than a local try may take.
      forget(subject.id);
      const before = underWay.get(subject.id);
      if (before) await Promise.race([before, setTimeout(waitMs)]);
      return underWay.has(subject.id) ? false : inTurn(subject, false);
    },
    async poll() {
      if (effects.isCircuitOpen()) return;
      const now = clock();
      for (const subject of await forgottenEffects(pool, {
        before: now - forgottenMs,
        now,
        limit: mostForgotten,
      }))
        add(subject, false);
      for (const id of await openAgreementEffects(pool, now)) add({ kind: "agreement", id }, false);
    },
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      awaited.clear();
      others.clear();
      await Promise.all(underWay.values());
    },
  };
}
