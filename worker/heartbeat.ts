import type { Pool } from "../store/postgres/db.ts";
import { deleteHeartbeat, recordHeartbeat } from "../store/postgres/operation.ts";
import { every } from "./every.ts";
import type { Part } from "./parts.ts";

export interface HeartbeatDeps {
  readonly pool: Pool;
  readonly clock: () => number;
  /** Names this process among others. */
  readonly id: string;
  readonly worker: () => boolean;
  /** When the relay last came round, in epoch milliseconds. */
  readonly relay: () => number;
}

const everyMs = 2_000;
/** A relay without a finished round for this long hangs, and has no heartbeat. */
const relayHangsMs = 8_000;

/** Says every two seconds that worker and relay are alive; `/readyz` reads it. */
export function startHeartbeat(deps: HeartbeatDeps): Part {
  const beat = async (): Promise<void> => {
    const now = deps.clock();
    const alive = [
      ...(deps.worker() ? ["worker" as const] : []),
      ...(now - deps.relay() < relayHangsMs ? ["relay" as const] : []),
    ];
    if (alive.length === 0) return;
    await recordHeartbeat(deps.pool, deps.id, alive, now);
  };
  // A failed beat shows in `/readyz`, so it is not logged.
  const beating = every(everyMs, beat, () => undefined);
  void beating.now();
  return {
    async stop() {
      await beating.stop();
      await deleteHeartbeat(deps.pool, deps.id).catch(() => undefined);
    },
  };
}
