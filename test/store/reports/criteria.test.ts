import { beforeAll, expect, test } from "vitest";
import { createAgreements } from "../../../store/process/agreements.ts";
import { criteriaReport } from "../../../store/reports/criteria.ts";
import type { ReportAsk } from "../../../store/reports/report.ts";
import { withDatabase } from "../../support/database.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import {
  generateHandoffs,
  insertHandoffs,
  insertWhatHandoffsName,
} from "../../support/generated-handoffs.ts";
import { seededRandom } from "../../support/generated-leads.ts";

const db = withDatabase();
const first = exampleAgreement();
/** The second version has a new row above the three of the first, and one of them twice. */
const free = first.fit[2]!;
const second = {
  ...first,
  fit: [
    { points: 1, when: { kind: "named", name: "icp", at: "fit[0].when" } as const },
    ...first.fit.slice(1),
    { ...free, points: -1 },
  ],
};
const third = { ...second, fit: [free, ...first.fit.slice(0, 2)] };
const agreements = createAgreements((text) =>
  text === "first" ? first : text === "second" ? second : third,
);
const begin = Date.parse("2026-06-01T00:00:00Z");
const ask = (): ReportAsk => ({
  db: db.pool,
  agreements,
  from: begin,
  to: begin + 200 * 86_400_000,
  asOf: begin + 400 * 86_400_000,
  knowledge: "now",
  filters: {},
  groupBy: null,
  repIds: null,
});

beforeAll(async () => {
  await insertWhatHandoffsName(db.pool);
  await db.pool.query(`
    update agreement_version set content = 'first', state = 'retired' where id = 'ag_1';
    insert into agreement_version (id, number, content, content_hash, state, created_at, created_by)
      values ('ag_2', 2, 'second', '', 'retired', now(), 'test'),
        ('ag_3', 3, 'third', '', 'active', now(), 'test')`);
  await insertHandoffs(db.pool, generateHandoffs(seededRandom(77), begin, 90));
  const held = { ag_1: "{fit[2]}", ag_2: "{fit[2],fit[3]}", ag_3: "{fit[0]}" };
  for (const [n, [version, places]] of Object.entries(held).entries())
    await db.pool.query(
      `update handoff set agreement_id = $1, held = $2 where id in
        (select id from handoff order by id offset $3 limit 30)`,
      [version, places, n * 30],
    );
});

test("points for the same thing are one rule, wherever they stand in the version of a handoff", async () => {
  const { rows: counted } = await db.pool.query(
    "select count(*)::int as n from handoff where mql_at is not null and held is not null",
  );
  const points = (await criteriaReport.rows(ask())).filter(({ kind }) => kind === "fit points");
  expect(points.map(({ rule, letThrough }) => [rule, letThrough])).toEqual([
    ["fit: lead.emailKind is free", counted[0].n],
    ["fit: icp", 0],
    ["fit: lead.seniority one of director, vp, c-level", 0],
  ]);
});
