import { sql, type Pool } from "../store/db.ts";

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
/** A relay that has not come round for so long hangs, and its heart is not said to beat. */
const relayHangsMs = 8_000;

/** Says every two seconds that worker and relay are alive; `/readyz` reads it. */
export function startHeartbeat(deps: HeartbeatDeps): { stop(): Promise<void> } {
  const beat = async (): Promise<void> => {
    const now = deps.clock();
    const alive = [
      ...(deps.worker() ? ["worker"] : []),
      ...(now - deps.relay() < relayHangsMs ? ["relay"] : []),
    ];
    if (alive.length === 0) return;
    await deps.pool.query(sql`
      insert into heartbeat (process, kind, at) select kind || ':' || ${deps.id}::text, kind, ${new Date(now)}::timestamptz from unnest(${alive}::text[]) as kind
      on conflict (process) do update set at = excluded.at`);
  };
  let beating = Promise.resolve();
  const timer = setInterval(() => {
    beating = beat().catch(() => undefined);
  }, everyMs);
  beating = beat().catch(() => undefined);
  return {
    async stop() {
      clearInterval(timer);
      await beating;
      await deps.pool
        .query(sql`delete from heartbeat where process like ${`%:${deps.id}`}`)
        .catch(() => undefined);
    },
  };
}
