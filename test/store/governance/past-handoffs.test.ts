import { expect, test } from "vitest";
import { pastHandoffs } from "../../../store/governance/plan-data.ts";
import { withDatabase } from "../../support/database.ts";
import {
  generateHandoffs,
  insertHandoffs,
  insertWhatHandoffsName,
} from "../../support/generated-handoffs.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import { carriedOut, recordStatements } from "../../support/plans.ts";

const db = withDatabase();
const begin = Date.parse("2026-09-01T00:00:00Z");
const at = Date.parse("2026-09-15T00:00:00Z");
const period = { from: at, to: at + 1 };

test("a page of handoffs of one instant looks at no others, and together they are all of them", async () => {
  await insertWhatHandoffsName(db.pool);
  const made = generateHandoffs(seededRandom(5), begin, 3_000);
  await insertHandoffs(db.pool, made);
  await db.pool.query("update handoff set mql_at = $1 where subject_kind = 'lead'", [new Date(at)]);
  await db.pool.query("vacuum analyze handoff");
  const found: string[] = [];
  for (let after: { at: number; id: string } | null = null; ;) {
    const recorded = recordStatements(db.pool);
    const page = await pastHandoffs(db.pool, "lead", period, after, 500);
    recorded.stop();
    for (const statement of recorded.sent)
      for (const { table, visited } of (await carriedOut(db.pool, statement))?.scans ?? [])
        expect([table, visited <= 600]).toEqual([table, true]);
    const last = page.at(-1);
    if (!last) break;
    found.push(...page.map(({ id }) => id));
    after = { at: last.mqlAt, id: last.id };
  }
  expect(found).toHaveLength(made.length);
  expect(found).toEqual([...new Set(found)].sort());
});
