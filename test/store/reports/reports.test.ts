import { beforeAll, describe, expect, test } from "vitest";
import type { Stage } from "../../../handoff/stage.ts";
import { noteCompared } from "../../../store/inbox/comparison.ts";
import { conservation } from "../../../store/reports/conservation.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { funnelReport } from "../../../store/reports/funnel.ts";
import type { ReportQuestion } from "../../../store/reports/report.ts";
import { withDatabase } from "../../support/database.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import { insertLead } from "../../support/lead-rows.ts";

const DAY = 86_400_000;
const monday = Date.parse("2026-11-16T00:00:00Z");
const db = withDatabase({
  empties: ["lead", "process", "account", "transition", "handoff", "outbox"],
});
beforeAll(async () => {
  await db.pool.query(
    "insert into agreement_version (id, number, content, content_hash, state, created_at, " +
      "created_by) values ('ag_1', 1, '', '', 'active', now(), 'test')",
  );
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
    waiting_on: "nothing",
    queue: "somebody",
    next_step: "something",
    ...columns,
  };
  await insertLead(db.pool, new Date(monday), row);
  for (const [step, [stage, day]] of path.entries()) {
    await db.pool.query(
      "insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, " +
        "because, at) values ('lead', $1, 1, $2, $3, $4, 'test', $5)",
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
    const report = await conservation(db.pool, week, null, null);
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
    expect([report.withoutProcess, report.broken]).toEqual([null, null]);
  });

  test("through a stage and back within one instant still adds up", async () => {
    await lead("ld_1", [
      ["new", 1],
      ["mql", 1],
      ["new", 1],
      ["mql", 1],
      ["renurture", 1],
    ]);
    const report = await conservation(db.pool, week, null, null);
    expect(report.days.every((one) => one.residue === 0)).toBe(true);
    expect(
      report.days.find((one) => one.day === "2026-11-17" && one.stage === "mql"),
    ).toMatchObject({ in: 2, out: 2, closing: 0 });
  });

  test(
    "a broken chain, a lead without any transition, and a stage that no transition led to are " +
      "seen",
    async () => {
      await lead("ld_1", [
        ["new", 1],
        ["mql", 2],
      ]);
      await db.pool.query("update transition set from_stage = 'nurture' where to_stage = 'mql'");
      await lead("ld_2", []);
      await lead("ld_3", [["new", 1]], { stage: "sql" });
      const report = await conservation(db.pool, week, null, null);
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
    },
  );

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
    await db.pool.query(
      "insert into outbox (lane, kind, workflow_id, message, payload, created_at) values (2, " +
        "'start', 'lead/ld_3', 'leadHandoff', '{}', now())",
    );
    const report = await conservation(
      db.pool,
      week,
      new Set(["ld_1"]),
      new Set(["ld_2", "ld_of_somebody_else"]),
    );
    expect(report.withoutOwner).toEqual({ count: 1, leads: ["ld_1"] });
    expect(report.withoutNextStep).toEqual({ count: 1, leads: ["ld_2"] });
    expect(report.withoutProcess).toMatchObject({ count: 1, leads: ["ld_2"] });
    expect(report.broken).toEqual({ count: 1, leads: ["ld_2"] });
  });

  test("without a list of processes it tells what the last whole comparison found, and when", async () => {
    await db.pool.query("truncate process_comparison");
    await lead("ld_1", [["new", 0]]);
    const at = (minutes: number) => monday + minutes * 60_000;
    const page = {
      isFirst: false,
      isLast: false,
      compared: 2,
      withoutProcess: { leads: [], accounts: [] },
    };
    const told = async () => {
      const report = await conservation(db.pool, week, null, null, 4);
      return [report.withoutProcess, report.processes];
    };
    const processes = { open: 1, running: 4 };
    await noteCompared(
      db.pool,
      { ...page, isFirst: true, withoutProcess: { leads: ["ld_a"], accounts: ["ac_ld_a"] } },
      at(0),
    );
    expect(await told()).toEqual([null, processes]);
    await noteCompared(
      db.pool,
      { ...page, isLast: true, withoutProcess: { leads: ["ld_b"], accounts: ["ac_ld_b"] } },
      at(1),
    );
    const first = { count: 2, leads: ["ld_a", "ld_b"], comparedAt: new Date(at(0)).toISOString() };
    expect(await told()).toEqual([first, processes]);
    // The next one replaces it when it is whole, and not before.
    await noteCompared(
      db.pool,
      { ...page, isFirst: true, withoutProcess: { leads: ["ld_c"], accounts: ["ac_ld_c"] } },
      at(5),
    );
    expect(await told()).toEqual([first, processes]);
    await noteCompared(db.pool, { ...page, isFirst: true, isLast: true }, at(10));
    const healed = { count: 0, leads: [], comparedAt: new Date(at(10)).toISOString() };
    expect(await told()).toEqual([healed, processes]);
  });

  test("asOf in the past tells of the past: what came later is not counted", async () => {
    await lead("ld_1", [
      ["new", 0],
      ["mql", 3],
    ]);
    const report = await conservation(db.pool, { ...week, asOf: monday + 1.5 * DAY }, null, null);
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
    await db.pool.query(
      `
        insert into handoff (${names.join(", ")})
          values (${names.map((_, i) => `$${i + 1}`).join(", ")})`,
      Object.values(row),
    );
  }
  const agreements = createAgreements(() => exampleAgreement());
  const ask = async (more: Partial<ReportQuestion> = {}) => {
    const question = { ...week, knowledge: "now" as const, filters: {}, groupBy: null };
    return funnelReport.rows({ ...question, repIds: null, ...more, db: db.pool, agreements });
  };
  const step = async (name: string, more: Partial<ReportQuestion> = {}) =>
    (await ask(more)).find((row) => row["step"] === name);

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
    expect((await ask()).map((one) => [one["step"], one["count"]])).toEqual([
      ["leads-created", 3],
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
    expect(await step("sal")).toMatchObject({
      ofMql: {
        numerator: 2,
        denominator: 3,
        low: expect.closeTo(0.2077, 3),
        high: expect.closeTo(0.9385, 3),
        isSmall: true,
      },
    });
    expect(await step("sql")).toMatchObject({ ofStepBefore: { numerator: 1, denominator: 2 } });
    expect(await step("first-outreach")).toMatchObject({
      ofStepBefore: { numerator: 2, denominator: 3 },
      medianDays: 2,
    });
    expect(await step("mql")).toMatchObject({ ofStepBefore: { numerator: 3, denominator: 3 } });
  });

  test("as of an earlier day, later steps have not happened; what was told later was not known then", async () => {
    await handoff(0, { offered: 0, sal: 3, sal_told: 5 });
    const sal = (asOf: number, knowledge: "now" | "then") =>
      step("sal", { asOf: monday + asOf * DAY, knowledge });
    const rate = (numerator: number) => ({ ofMql: { numerator, denominator: 1 } });
    expect(await sal(2, "now")).toMatchObject(rate(0));
    expect(await sal(4, "now")).toMatchObject(rate(1));
    expect(await sal(4, "then")).toMatchObject(rate(0));
    expect(await sal(5, "then")).toMatchObject(rate(1));
  });

  test("nothing is an empty rate and an empty median, not 0 and not NaN", async () => {
    const rows = await ask();
    expect(rows.at(-1)?.["ofMql"]).toEqual({
      numerator: 0,
      denominator: 0,
      rate: null,
      low: null,
      high: null,
      isSmall: true,
    });
    expect(rows.every((one) => one["count"] === 0 && one["medianDays"] === null)).toBe(true);
  });

  test("accepted without outreach, a rate never has more above than below", async () => {
    await handoff(0, { offered: 0, sal: 1 });
    expect(await step("sal")).toMatchObject({
      count: 1,
      ofStepBefore: { numerator: 0, denominator: 0, rate: null },
    });
  });

  test("what is not recorded is its own group, and leads are counted where they can be", async () => {
    await handoff(0, { offered: 0, sal: 1 }, { source: "web", band: "A" });
    await handoff(0, { offered: 0 }, { source: "fair", band: "A" });
    await handoff(0, { offered: 0 }, { band: "B" });
    const created = (await ask({ groupBy: "source" })).filter(
      (one) => one["step"] === "leads-created",
    );
    expect(created.map((one) => [one["group"], one["count"]])).toEqual([
      ["fair", 1],
      ["web", 1],
      [null, 1],
    ]);
    expect(await step("leads-created", { filters: { source: "-" } })).toMatchObject({ count: 1 });
    // Leads have no band before a handoff.
    const byBand = await ask({ groupBy: "band", filters: { source: "web" } });
    expect(byBand[0]).toMatchObject({ group: "A", step: "mql" });
  });

  test("a young cohort is marked: nine of ten took longer to be decided than it is old", async () => {
    await handoff(0, { offered: 0, sal: 3 });
    expect(await step("sal")).toMatchObject({ isImmature: false });
    await handoff(6, { offered: 0 });
    expect(await step("sal")).toMatchObject({ isImmature: true });
  });
});
