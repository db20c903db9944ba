import { beforeAll, describe, expect, test } from "vitest";
import type { Stage } from "../../../handoff/stage.ts";
import { asLongBefore } from "../../../store/reports/before.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { missingFieldsReport } from "../../../store/reports/missing-fields.ts";
import { nurtureReport } from "../../../store/reports/nurture.ts";
import { reports } from "../../../store/reports/registry.ts";
import { notOfThen } from "../../../store/reports/report.ts";
import { withDatabase } from "../../support/database.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import { insertLead } from "../../support/lead-rows.ts";

/** What stands at one moment is told as it stood then, or not at all. */
const DAY = 86_400_000;
const monday = Date.parse("2026-11-16T00:00:00Z");
const on = (day: number) => new Date(monday + day * DAY);
const db = withDatabase();
const agreements = createAgreements(() => exampleAgreement());

/** A lead that came to these stages on these days (after monday). */
async function lead(
  id: string,
  path: readonly (readonly [Stage, number])[],
  columns: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const [stage, since] = path.at(-1) ?? ["new", 0];
  await insertLead(db.pool, on(0), {
    id,
    stage,
    stage_since: on(since),
    waiting_on: "nothing",
    queue: "nurture",
    next_step: "something",
    ...columns,
  });
  for (const [step, [to, day]] of path.entries())
    await db.pool.query(
      `insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because,
        at) values ('lead', $1, 1, $2, $3, $4, 'test', $5)`,
      [id, step, path[step - 1]?.[0] ?? null, to, on(day)],
    );
}

const task = (leadId: string, since: number, done: number | null) =>
  db.pool.query(
    `insert into task (id, kind, subject_kind, subject_id, role, since, state, done_at)
      values ($1, 'nurture-review', 'lead', $2, 'marketing', $3, $4, $5)`,
    [`tk_${leadId}`, leadId, on(since), done === null ? "open" : "done", done && on(done)],
  );

beforeAll(async () => {
  await lead(
    "ld_stays",
    [
      ["new", 0],
      ["nurture", 1],
    ],
    { review_at: on(40) },
  );
  await lead("ld_left", [
    ["new", 0],
    ["nurture", 2],
    ["mql", 20],
  ]);
  await lead(
    "ld_back",
    [
      ["new", 0],
      ["nurture", 3],
      ["mql", 5],
      ["nurture", 25],
    ],
    {
      review_at: on(85),
    },
  );
  // Asked on day 30 and kept on day 33: the process has the date of the next review alone.
  await lead(
    "ld_kept",
    [
      ["new", 0],
      ["nurture", 0.5],
    ],
    { review_at: on(93) },
  );
  await task("ld_kept", 30, 33);
  // Asked on day 12, retired on day 16.
  await lead("ld_retired", [
    ["new", 0],
    ["nurture", 0.2],
    ["disqualified", 16],
  ]);
  await task("ld_retired", 12, 16);
});

const ask = (day: number) => ({
  from: monday - DAY,
  to: monday + day * DAY,
  asOf: monday + day * DAY,
  knowledge: "now" as const,
  filters: {},
  groupBy: null,
  repIds: null,
  db: db.pool,
  agreements,
});

describe("who is in nurture", () => {
  test.each([
    // Day, how many, whose review was due and not decided, median days.
    [0.3, 1, [], 0.1],
    [4, 5, [], 3],
    [10, 4, [], 9.25],
    [14, 4, ["ld_retired"], 13.25],
    [16, 3, [], 15],
    [31, 3, ["ld_kept"], 30],
    [34, 3, [], 33],
    [41, 3, ["ld_stays"], 40],
  ])("on day %d is told as it was then", async (day, inNurture, overdue, medianAge) => {
    const [row] = await nurtureReport.rows(ask(day));
    expect(row).toMatchObject({
      inNurture,
      overdueRate: { numerator: overdue.length, denominator: inNurture },
      leads: overdue,
    });
    expect(row?.["medianAge"]).toBeCloseTo(medianAge, 6);
  });

  test("is the same by source as over all", async () => {
    const [row] = await nurtureReport.rows({ ...ask(14), groupBy: "source" });
    expect(row).toMatchObject({ group: null, inNurture: 4, leads: ["ld_retired"] });
  });
});

describe("which facts are missing", () => {
  const now = monday + 100 * DAY;

  test("is told of today alone, and why is said", () => {
    expect(notOfThen(missingFieldsReport, { asOf: now }, now)).toBeNull();
    expect(notOfThen(missingFieldsReport, { asOf: now - DAY }, now)).toBeNull();
    expect(notOfThen(missingFieldsReport, { asOf: now - DAY - 1 }, now)).toMatch(
      /^expected none, or one of the last 24 hours: missing-fields counts the facts that leads have today/,
    );
  });

  test("is compared with no time before, which nobody can tell", () => {
    expect(asLongBefore(missingFieldsReport, ask(30))).toBeNull();
  });

  test("is the only report that cannot say how things stood", () => {
    expect(reports.filter((one) => notOfThen(one, { asOf: 0 }, now) !== null)).toEqual([
      missingFieldsReport,
    ]);
  });
});
