import type { Instant } from "../../handoff/time/calendar.ts";
import { mergeDatedFacts, type DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { firstRow, rows, send, sql, type Tx } from "../postgres/db.ts";

/** Keeps facts about somebody who cannot be named yet. Call with the name locked. */
export async function saveVisitorFacts(
  tx: Tx,
  id: string,
  facts: DatedFacts,
  now: Instant,
): Promise<void> {
  const kept = await firstRow<{ facts: DatedFacts }>(
    tx,
    sql`select facts from visitor where id = ${id}`,
  );
  const merged = mergeDatedFacts(kept?.facts ?? {}, facts).facts;
  if (Object.keys(merged).length === 0) return;
  await send(
    tx,
    sql`
    insert into visitor (id, facts, since)
      values (${id}, ${JSON.stringify(merged)}, ${new Date(now)})
    on conflict (id) do update set facts = excluded.facts`,
  );
}

/** Takes what was kept under these names; it is gone from there afterwards. */
export async function takeFromVisitors(tx: Tx, ids: readonly string[]): Promise<DatedFacts> {
  const taken = await rows<{ facts: DatedFacts }>(
    tx,
    sql`delete from visitor where id = any(${ids}::text[]) returning facts`,
  );
  return taken.reduce<DatedFacts>((all, row) => mergeDatedFacts(all, row.facts).facts, {});
}
