import { setTimeout as pause } from "node:timers/promises";
import { firstRow, openPool, rows, sql } from "../../store/postgres/db.ts";

/** The connections of a whole server, as its superuser sees them. */
export interface WatchedServer {
  /** What the server allows. */
  readonly allowed: number;
  /** The most that were open at once since the beginning, the watcher's own included. */
  most(): number;
  /** The most of each user, whenever that was. */
  mostByUser(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Counts four times a second, over one connection. */
export async function watchConnections(url: string): Promise<WatchedServer> {
  const pool = openPool(url, { max: 1 });
  const setting = await firstRow<{ allowed: number }>(
    pool,
    sql`select current_setting('max_connections')::int as allowed`,
  );
  let most = 0;
  const byUser: Record<string, number> = {};
  const count = async (): Promise<void> => {
    const found = await rows<{ usename: string; n: number }>(
      pool,
      sql`select usename, count(*)::int as n from pg_stat_activity
        where backend_type = 'client backend' group by usename`,
    );
    most = Math.max(
      most,
      found.reduce((sum, { n }) => sum + n, 0),
    );
    for (const { usename, n } of found) byUser[usename] = Math.max(byUser[usename] ?? 0, n);
  };
  const end = new AbortController();
  const counting = (async () => {
    for (; !end.signal.aborted; await pause(250)) await count().catch(() => undefined);
  })();
  return {
    allowed: setting?.allowed ?? 0,
    most: () => most,
    mostByUser: () => byUser,
    async stop() {
      end.abort();
      await counting;
      await pool.end();
    },
  };
}
