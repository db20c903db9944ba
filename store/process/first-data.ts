import { firstRow, send, sql, type Tx } from "../postgres/db.ts";

/**
 * What an empty system still lacks: an agreement when no version was ever stored, a roster when
 * there is nobody and no pool. A call in another transaction waits until this one ends.
 */
export async function missingFirstData(
  tx: Tx,
): Promise<{ readonly agreement: boolean; readonly roster: boolean }> {
  await send(tx, "select pg_advisory_xact_lock(hashtext('first data'))");
  const version = await firstRow(tx, sql`select from agreement_version limit 1`);
  const member = await firstRow(tx, sql`select from rep union all select from pool limit 1`);
  return { agreement: !version, roster: !member };
}
