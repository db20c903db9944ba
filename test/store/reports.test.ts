import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Stage } from "../../handoff/stage.ts";
import { openPool, type Pool } from "../../store/db.ts";
import { conservation } from "../../store/reports/conservation.ts";
import { funnel, type FunnelQuestion } from "../../store/reports/funnel.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

const DAY = 86_400_000;
const monday = Date.parse("2026-11-16T00:00:00Z");
let database: FreshDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url);
  await pool.query(
    "insert into agreement_version (id, number, content, content_hash, state, created_at, created_by) values ('ag_1', 1, '', '', 'active', now(), 'test')",
  );
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  await pool.query("truncate lead, account, transition, handoff, outbox cascade");
});

/** A lead that was in these stages from these days (after monday) on. */
async function lead(
  id: string,
  path: [Stage, number][],
  columns: Record<string, unknown> = {},
): Promise<void> {
  const last = path.at(-1)?.[0] ?? "new";
  const row = {
    id,
    arrived_at: new Date(monday + (path[0]?.[1] ?? 0) * DAY),
    stage: last,
    stage_since: new Date(monday),
    waiting_on: "nothing",
    queue: "somebody",
    next_step: "something",
    ...columns,
  };
  const names = Object.keys(row);
  await pool.query(
    `insert into lead (${names.join(", ")}) values (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
    Object.values(row),
  );
  for (const [step, [stage, day]] of path.entries()) {
    await pool.query(
      "insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because, at) values ('lead', $1, 1, $2, $3, $4, 'test', $5)",
      [id, step, path[step - 1]?.[0] ?? null, stage, new Date(monday + day * DAY)],
    );
  }
}
const week = { from: monday, to: monday + 7 * DAY, asOf: monday + 7 * DAY };

describe("conservation", () => {
  test("opening + in = out + closing for every stage and day, and all taken in are open or closed", async () => {
    await lead("ld_1", [
      ["new", 0.1],
      ["mql", 0.1],
      ["sal", 1.5],
      ["sql", 2.5],
    ]);
    await lead("ld_2", [
      ["new", -3],
      ["nurture", -3],
      ["mql", 1.2],
      ["disqualified", 3.2],
    ]);
    await lead("ld_3", [["new", 5]]);
    const report = await conservation(pool, week, null);
    expect(report.days).toHaveLength(7 * 8);
    expect(report.days.filter((one) => one.residue !== 0)).toEqual([]);
    expect(
      report.days.filter((one) => one.day === "2026-11-17" && (one.opening || one.in)),
    ).toEqual([
      { day: "2026-11-17", stage: "nurture", opening: 1, in: 0, out: 1, closing: 0, residue: 0 },
      { day: "2026-11-17", stage: "mql", opening: 1, in: 1, out: 1, closing: 1, residue: 0 },
      { day: "2026-11-17", stage: "sal", opening: 0, in: 1, out: 0, closing: 1, residue: 0 },
    ]);
    expect(report.totals).toEqual({ takenIn: 3, open: 2, closed: 1, residue: 0 });
    expect(report.withoutProcess).toBeNull();
  });

  test("through a stage and back within one instant still adds up", async () => {
    await lead("ld_1", [
      ["new", 1],
      ["mql", 1],
      ["new", 1],
      ["mql", 1],
      ["renurture", 1],
    ]);
    const report = await conservation(pool, week, null);
    expect(report.days.every((one) => one.residue === 0)).toBe(true);
    expect(
      report.days.find((one) => one.day === "2026-11-17" && one.stage === "mql"),
    ).toMatchObject({ in: 2, out: 2, closing: 0 });
  });

  test("a broken chain, a lead without any transition, and a stage that no transition led to are seen", async () => {
    await lead("ld_1", [
      ["new", 1],
      ["mql", 2],
    ]);
    await pool.query("update transition set from_stage = 'nurture' where to_stage = 'mql'");
    await lead("ld_2", []);
    await lead("ld_3", [["new", 1]], { stage: "sql" });
    const report = await conservation(pool, week, null);
    expect(
      report.days
        .filter((one) => one.residue !== 0)
        .map((one) => [one.day, one.stage, one.residue]),
    ).toEqual([
      ["2026-11-18", "new", 1],
      ["2026-11-18", "nurture", -1],
    ]);
    expect(report.totals.residue).toBe(1);
    expect(report.astray).toEqual({ count: 2, leads: ["ld_2", "ld_3"] });
  });

  test("open leads without an owner or queue, a next step, or a process are listed", async () => {
    await lead(
      "ld_1",
      [
        ["new", 0],
        ["mql", 0],
      ],
      { queue: null },
    );
    await lead(
      "ld_2",
      [
        ["new", 0],
        ["nurture", 0],
      ],
      { next_step: null },
    );
    await lead("ld_3", [["new", 0]]);
    await lead(
      "ld_4",
      [
        ["new", 0],
        ["disqualified", 0],
      ],
      { queue: null, next_step: null },
    );
    await pool.query(
      "insert into outbox (lane, kind, workflow_id, message, payload, created_at) values (2, 'start', 'lead/ld_3', 'leadHandoff', '{}', now())",
    );
    const report = await conservation(pool, week, new Set(["ld_1"]));
    expect(report.withoutOwner).toEqual({ count: 1, leads: ["ld_1"] });
    expect(report.withoutNextStep).toEqual({ count: 1, leads: ["ld_2"] });
    expect(report.withoutProcess).toEqual({ count: 1, leads: ["ld_2"] });
  });

  test("asOf in the past tells of the past: what came later is not counted", async () => {
    await lead("ld_1", [
      ["new", 0],
      ["mql", 3],
    ]);
    const report = await conservation(pool, { ...week, asOf: monday + 1.5 * DAY }, null);
    expect(report.days.map((one) => one.day).at(-1)).toBe("2026-11-17");
    expect(report.days.filter((one) => one.closing > 0).map((one) => [one.day, one.stage])).toEqual(
      [
        ["2026-11-16", "new"],
        ["2026-11-17", "new"],
      ],
    );
  });
});

describe("funnel", () => {
  let n = 0;
  /** A handoff that began on a day after monday and took steps so many days after that. */
  async function handoff(
    day: number,
    taken: Record<string, number>,
    columns: Record<string, unknown> = {},
  ): Promise<void> {
    const id = `ld_${n++}`;
    await lead(id, [["new", day]], { source: columns.source ?? null });
    const at = Object.fromEntries(
      Object.entries(taken).map(([step, after]) => [
        `${step}_at`,
        new Date(monday + (day + after) * DAY),
      ]),
    );
    const row = {
      id: `ho_${id}`,
      subject_kind: "lead",
      subject_id: id,
      cycle: 1,
      agreement_id: "ag_1",
      lead_type: "demo",
      path: "fast",
      priority: 1,
      band: "A",
      fit: 1,
      intent: 1,
      icp: true,
      mql_at: new Date(monday + day * DAY),
      ...at,
      ...columns,
    };
    const names = Object.keys(row);
    await pool.query(
      `insert into handoff (${names.join(", ")}) values (${names.map((_, i) => `$${i + 1}`).join(", ")})`,
      Object.values(row),
    );
  }
  const ask = (more: Partial<FunnelQuestion> = {}) =>
    funnel(pool, { ...week, filters: {}, groupBy: null, ...more });

  test("counts what became of the handoffs that began in the period, with rates and median days", async () => {
    await handoff(0, {
      offered: 0,
      first_outreach: 1,
      connected: 1,
      meeting: 2,
      sal: 2,
      sql: 3,
      opportunity: 4,
      won: 5,
    });
    await handoff(1, { offered: 0, first_outreach: 3, sal: 3 });
    await handoff(2, { offered: 0 });
    await handoff(-5, { offered: 0, sal: 1 });
    const [all] = await ask();
    expect(all?.steps.map((one) => [one.step, one.count])).toEqual([
      ["mql", 3],
      ["handed-off", 3],
      ["first-outreach", 2],
      ["connected", 1],
      ["meeting", 1],
      ["sal", 2],
      ["sql", 1],
      ["opportunity", 1],
      ["won", 1],
    ]);
    expect(all?.rates.mqlToSal).toMatchObject({
      numerator: 2,
      denominator: 3,
      low: expect.closeTo(0.2077, 3),
      high: expect.closeTo(0.9385, 3),
    });
    expect(all?.rates.salToSql).toMatchObject({ numerator: 1, denominator: 2 });
    expect(all?.steps.find((one) => one.step === "first-outreach")).toMatchObject({
      ofStepBefore: { numerator: 2, denominator: 3 },
      medianDaysFromStepBefore: 2,
    });
    expect(all).toMatchObject({ leadsCreated: 3, leadsToMql: { numerator: 3, denominator: 3 } });
  });

  test("as of an earlier day, later steps have not happened", async () => {
    await handoff(0, { offered: 0, sal: 3 });
    const [all] = await ask({ asOf: monday + 2 * DAY });
    expect(all?.steps.find((one) => one.step === "sal")).toMatchObject({ count: 0 });
    expect(all?.rates.mqlToSal).toMatchObject({ numerator: 0, denominator: 1, rate: 0 });
  });

  test("nothing is an empty rate and an empty median, not 0 and not NaN", async () => {
    const [all] = await ask();
    expect(all?.rates.mqlToSal).toEqual({
      numerator: 0,
      denominator: 0,
      rate: null,
      low: null,
      high: null,
    });
    expect(
      all?.steps.every((one) => one.count === 0 && one.medianDaysFromStepBefore === null),
    ).toBe(true);
  });

  test("accepted without outreach, a rate never has more above than below", async () => {
    await handoff(0, { offered: 0, sal: 1 });
    const [all] = await ask();
    expect(all?.steps.find((one) => one.step === "sal")).toMatchObject({
      count: 1,
      ofStepBefore: { numerator: 0, denominator: 0, rate: null },
    });
  });

  test("filters and groups; what is not recorded is its own group, and leads are counted where they can be", async () => {
    await handoff(0, { offered: 0, sal: 1 }, { source: "web", band: "A" });
    await handoff(0, { offered: 0 }, { source: "fair", band: "A" });
    await handoff(0, { offered: 0 }, { band: "B" });
    expect(
      (await ask({ groupBy: "source" })).map((one) => [
        one.group,
        one.leadsCreated,
        one.steps[0]?.count,
      ]),
    ).toEqual([
      ["fair", 1, 1],
      ["web", 1, 1],
      [null, 1, 1],
    ]);
    expect((await ask({ filters: { source: "-" } }))[0]).toMatchObject({
      leadsCreated: 1,
      leadsToMql: { numerator: 1 },
    });
    expect(
      (await ask({ groupBy: "band", filters: { source: "web" } })).map((one) => [
        one.group,
        one.leadsCreated,
      ]),
    ).toEqual([["A", null]]);
  });

  test("a young cohort is marked: nine of ten took longer to be decided than it is old", async () => {
    await handoff(0, { offered: 0, sal: 3 });
    expect((await ask())[0]?.immature).toBe(false);
    await handoff(6, { offered: 0 });
    expect((await ask())[0]?.immature).toBe(true);
  });

  test("a value is data, never SQL", async () => {
    await handoff(0, {}, { source: "x' or true --" });
    expect((await ask({ filters: { source: "x' or true --" } }))[0]?.steps[0]?.count).toBe(1);
    expect((await ask({ filters: { source: "' or true --" } }))[0]?.steps[0]?.count).toBe(0);
  });
});
