import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, sql, type Pool, type Tx } from "../postgres/db.ts";

/**
 * What a run may do with a connection now. `probing`: it was paused, and this run alone finds out
 * whether it works again.
 */
export type ConnectionState =
  | { readonly kind: "open" }
  | { readonly kind: "probing" }
  | { readonly kind: "paused"; readonly until: Instant };

/** How long one run may take to probe before another may. */
const probeMs = 60_000;

export async function useConnection(
  pool: Pool,
  name: string,
  now: Instant,
): Promise<ConnectionState> {
  const row = await firstRow<{ paused_until: Date | null }>(
    pool,
    sql`select paused_until from connection where name = ${name} and since is not null`,
  );
  if (!row) return { kind: "open" };
  const { rowCount } = await pool.query(sql`
    update connection set paused_until = ${new Date(now + probeMs)} where name = ${name}
      and since is not null and (paused_until is null or paused_until <= ${new Date(now)})`);
  return rowCount === 1
    ? { kind: "probing" }
    : { kind: "paused", until: row.paused_until?.getTime() ?? now + probeMs };
}

/**
 * Pauses the connection; `alert` runs in the same transaction, once for the whole pause however
 * often it is asked for.
 */
export async function pauseConnection(
  pool: Pool,
  pause: { name: string; until: Instant; reason: string },
  now: Instant,
  alert: (tx: Tx) => Promise<void>,
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await tx.query(
      sql`insert into connection (name) values (${pause.name}) on conflict (name) do nothing`,
    );
    const row = await firstRow<{ since: Date | null }>(
      tx,
      sql`select since from connection where name = ${pause.name} for update`,
    );
    await tx.query(sql`
      update connection set paused_until = ${new Date(pause.until)}, reason = ${pause.reason},
        since = coalesce(since, ${new Date(now)}) where name = ${pause.name}`);
    if (row?.since === null) await alert(tx);
  });
}

/** The connection works again; `note` runs in the same transaction when it was paused. */
export async function resumeConnection(
  pool: Pool,
  name: string,
  note: (tx: Tx) => Promise<void>,
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.query(
      sql`
        update connection set paused_until = null, reason = null, since = null where name = ${name}
          and since is not null`,
    );
    if (rowCount === 1) await note(tx);
  });
}
