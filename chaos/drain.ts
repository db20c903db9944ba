import { setTimeout as pause } from "node:timers/promises";
import { firstRow, sql, type Pool } from "../store/postgres/db.ts";

/** What still waits to be done; all of it must become 0 by itself. */
export type Backlog = Readonly<
  Record<"outbox" | "inbox" | "effects" | "actions" | "undecided" | "onHold", number>
>;

export async function backlog(pool: Pool): Promise<Backlog> {
  const found = await firstRow<Backlog>(
    pool,
    sql`
    select (select count(*)::int from outbox where done_at is null) as outbox,
      (select count(*)::int from inbox where processed_at is null) as inbox,
      (select count(*)::int from effect where state = 'open') as effects,
        (select count(*)::int from action where settled_at is null) as actions,
      (select count(*)::int from lead_standing where waiting_on = 'assessment') as undecided,
        (select count(*)::int from held) as "onHold"`,
  );
  if (!found) throw new Error("Postgres counted nothing");
  return found;
}

/** Waits until nothing is left, at most so long. Gives how long it took, or what is left. */
export async function drained(
  pool: Pool,
  withinMs: number,
): Promise<{ readonly ms: number; readonly left: Backlog | null }> {
  const began = performance.now();
  for (;;) {
    const left = await backlog(pool);
    const ms = Math.round(performance.now() - began);
    if (Object.values(left).every((count) => count === 0)) return { ms, left: null };
    if (ms > withinMs) return { ms, left };
    await pause(200);
  }
}
