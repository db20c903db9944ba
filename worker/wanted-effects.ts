import type { EffectQueue } from "../activities/effect-queue.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Pool } from "../store/postgres/db.ts";
import { listen } from "../store/postgres/listen.ts";
import { enqueueEffectsLeft } from "../store/postgres/outbox.ts";
import { effectsChannel } from "../store/process/take.ts";
import { allOwnWork, type OwnWork } from "./current-version.ts";
import type { Part } from "./parts.ts";

export interface WantedEffectsDeps {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly queue: EffectQueue;
  readonly clock: () => Instant;
  /** Absent: this worker has no version. */
  readonly ownWork?: Pick<OwnWork, "isCurrent">;
}

/**
 * Hands subjects to the queue whose effects were wanted by a decision outside of this process.
 * While the circuit breaker is open their processes are asked to see to them, as after a decision
 * of their own.
 */
export function listenForEffects({
  pool,
  databaseUrl,
  queue,
  clock,
  ownWork = allOwnWork,
}: WantedEffectsDeps): Part {
  return listen(databaseUrl, [effectsChannel], (_channel, id) => {
    if (!ownWork.isCurrent()) return;
    // Without a payload nothing is known but that something may have been missed. What fails here
    // counts as forgotten and is looked for (activities/effect-queue.ts).
    const subject = { kind: id.startsWith("ac_") ? "account" : "lead", id } as const;
    const seenTo =
      id === ""
        ? queue.poll()
        : queue.add(subject, true) || enqueueEffectsLeft(pool, [subject], clock());
    Promise.resolve(seenTo).catch(() => undefined);
  });
}
