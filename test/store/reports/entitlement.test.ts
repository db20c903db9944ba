import { beforeAll, expect, test } from "vitest";
import { sql } from "../../../store/postgres/db.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import type { ReportQuestion } from "../../../store/reports/report.ts";
import { repsReport } from "../../../store/reports/reps.ts";
import { settleHandoffs } from "../../../store/reports/settling.ts";
import { keepWeeks } from "../../../store/reports/weeks.ts";
import { withDatabase } from "../../support/database.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import {
  generateHandoffs,
  insertHandoffs,
  insertWhatHandoffsName,
  type MadeHandoff,
} from "../../support/generated-handoffs.ts";
import { seededRandom } from "../../support/generated-leads.ts";

const DAY = 86_400_000;
const begin = Date.parse("2026-06-01T00:00:00Z");
const db = withDatabase();
const agreements = createAgreements(() => exampleAgreement());
const asked: ReportQuestion = {
  from: begin + 10 * DAY,
  to: begin + 80 * DAY,
  asOf: begin + 200 * DAY,
  knowledge: "now",
  filters: {},
  groupBy: null,
  repIds: null,
};

interface Entry {
  readonly of: MadeHandoff;
  readonly kind: "pick" | "reverse";
  readonly round: number;
  readonly deltas: Readonly<Record<string, number>>;
  readonly at: number;
}
let entries: Entry[] = [];

/** Of three who could be picked, one pays a lead; a few picks are taken back. */
function picksOf(made: readonly MadeHandoff[], random: () => number): Entry[] {
  return made.flatMap((of) =>
    of.offers.flatMap(({ rep, at }, n) => {
      if (rep === null) return [];
      const others = ["rp_a", "rp_b", "rp_c", "rp_d"].filter((one) => one !== rep).slice(0, 2);
      const gained = Object.fromEntries([rep, ...others].map((id) => [id, 333_333]));
      const deltas = { ...gained, [rep]: 333_334 - 1_000_000 };
      const pick: Entry = { of, kind: "pick", round: n + 1, deltas, at };
      const back = Object.fromEntries(Object.entries(deltas).map(([id, one]) => [id, -one]));
      return random() < 0.2 ? [pick, { ...pick, kind: "reverse" as const, deltas: back }] : [pick];
    }),
  );
}

/** Leads beyond the share by rep, counted entry by entry. */
function beyond(are: (of: MadeHandoff) => boolean): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { of, deltas } of entries)
    if (are(of) && (of.at.mql ?? 0) >= asked.from && (of.at.mql ?? 0) < asked.to)
      for (const [id, one] of Object.entries(deltas)) sums[id] = (sums[id] ?? 0) - one;
  return Object.fromEntries(
    Object.entries(sums).map(([id, sum]) => [id, Math.round(sum / 10_000) / 100 || 0]),
  );
}

async function told(question: Partial<ReportQuestion> = {}): Promise<Record<string, unknown>> {
  const rows = await repsReport.rows({ ...asked, ...question, db: db.pool, agreements });
  return Object.fromEntries(rows.map(({ rep, beyondShare }) => [rep as string, beyondShare]));
}

beforeAll(async () => {
  const random = seededRandom(Number(process.env["SEED"] ?? 4_177));
  const made = generateHandoffs(random, begin, 600);
  await insertWhatHandoffsName(db.pool);
  await insertHandoffs(db.pool, made);
  entries = picksOf(made, random);
  for (const { of, kind, round, deltas, at } of entries)
    await db.pool.query(sql`
      insert into credit_entry (pool, lead_type, kind, handoff_id, round, deltas, at)
        values ('p', 't', ${kind}, ${of.id}, ${round}, ${JSON.stringify(deltas)}::jsonb,
          ${new Date(at)})`);
});

test("what a rep got beyond the share of the weight is the sum of the ledger's picks", async () => {
  const all = await told();
  expect(all).toEqual(beyond(() => true));
  // Nothing is given that nobody is owed.
  expect(Object.values(all).reduce<number>((sum, one) => sum + Number(one), 0)).toBeCloseTo(0, 1);
  expect(await told({ filters: { source: "web" } })).toEqual(beyond((of) => of.source === "web"));
});

test("a manager sees own people only, by the picks of everybody's handoffs", async () => {
  const { rp_a, rp_b } = beyond(() => true);
  expect(await told({ repIds: ["rp_a", "rp_b"] })).toEqual({ rp_a, rp_b });
});

test("where handoffs of some people are asked for, shares are not told", async () => {
  const byTeam = await told({ groupBy: "team" });
  expect(new Set(Object.values(byTeam))).toEqual(new Set([null]));
});

test("who could be picked and got nothing has a line", async () => {
  await db.pool.query(sql`
    update credit_entry set deltas = deltas || '{"rp_idle": 10000}'::jsonb where kind = 'pick'`);
  const rows = await repsReport.rows({ ...asked, db: db.pool, agreements });
  const idle = rows.find(({ rep }) => rep === "rp_idle");
  expect(idle).toMatchObject({ handedOff: 0, acceptanceRate: { denominator: 0, rate: null } });
  expect(idle?.["beyondShare"]).toBeLessThan(0);
});

test("weeks that are kept tell the same", async () => {
  const before = await told();
  const now = begin + 300 * DAY;
  while (await settleHandoffs(db.pool, now));
  while (await keepWeeks(db.pool, now, { most: 5, byDimensionFrom: -1 }));
  expect(await told()).toEqual(before);
  expect(await told({ repIds: ["rp_a"] })).toEqual({ rp_a: before["rp_a"] });
});
