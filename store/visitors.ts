import type { Instant } from "../handoff/calendar.ts";
import { mergeFacts, type DatedFacts } from "../handoff/merge-facts.ts";
import { firstRow, rows, send, sql, type Tx } from "./db.ts";

/** Keeps facts about somebody who cannot be named yet. Call with the name locked. */
export async function keepForVisitor(
  tx: Tx,
  id: string,
  facts: DatedFacts,
  now: Instant,
): Promise<void> {
  const kept = await firstRow<{ facts: DatedFacts }>(
    tx,
    sql`select facts from visitor where id = ${id}`,
  );
  const merged = mergeFacts(kept?.facts ?? {}, facts).facts;
  if (Object.keys(merged).length === 0) return;
  await send(
    tx,
    sql`
    insert into visitor (id, facts, since) values (${id}, ${JSON.stringify(merged)}, ${new Date(now)})
    on conflict (id) do update set facts = excluded.facts`,
  );
}

/** Takes what was kept under these names; it is gone from there afterwards. */
export async function takeFromVisitors(tx: Tx, ids: readonly string[]): Promise<DatedFacts> {
  const taken = await rows<{ facts: DatedFacts }>(
    tx,
    sql`delete from visitor where id = any(${ids}::text[]) returning facts`,
  );
  return taken.reduce<DatedFacts>((all, row) => mergeFacts(all, row.facts).facts, {});
}
