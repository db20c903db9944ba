import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, send, sql, type Db } from "./db.ts";

/** Notes that these parts of the process `id` are alive. */
export async function recordHeartbeat(
  db: Db,
  id: string,
  alive: readonly ("worker" | "relay")[],
  now: Instant,
): Promise<void> {
  await send(
    db,
    sql`
    insert into heartbeat (process, kind, at)
      select kind || ':' || ${id}::text, kind, ${new Date(now)}::timestamptz
      from unnest(${alive}::text[]) as kind
    on conflict (process) do update set at = excluded.at`,
  );
}

/** Forgets the heartbeats of the process `id`, which ends in order. */
export async function deleteHeartbeat(db: Db, id: string): Promise<void> {
  await send(db, sql`delete from heartbeat where process like ${`%:${id}`}`);
}

/** Who is alive: the latest heartbeat of each kind of process, or null. */
export async function lastHeartbeats(
  db: Db,
): Promise<{ worker: Instant | null; relay: Instant | null }> {
  const found = await rows<{ kind: "worker" | "relay"; at: Date }>(
    db,
    sql`select kind, max(at) as at from heartbeat group by kind`,
  );
  const at = (kind: "worker" | "relay") =>
    found.find((row) => row.kind === kind)?.at.getTime() ?? null;
  return { worker: at("worker"), relay: at("relay") };
}
