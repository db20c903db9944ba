import { describe, expect, test, vi } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { writeSampleCompany, type SampleDone } from "../../cli/sample-company.ts";
import { rateOf, type Rate } from "../../handoff/reviews/figures.ts";
import { patternNames, planted, type PatternName } from "../../sample/patterns.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { reports } from "../../store/reports/registry.ts";
import type { ReportQuestion } from "../../store/reports/report.ts";
import { withDatabase } from "../support/database.ts";

/**
 * What somebody finds who reads the reports of a sample company and knows nothing of how it was
 * made. Seeds and times are fixed, so the figures are the same on every run.
 */
const db = withDatabase({
  empties: [
    "lead",
    "account",
    "process",
    "transition",
    "agreement_version",
    "rep",
    "pool",
    "outbox",
  ],
});
// Thousands of leads are written for each test, possibly on a busy machine.
vi.setConfig({ testTimeout: 240_000 });
const leads = 5_000;
const months = 12;
const day = 86_400_000;

type Row = Readonly<Record<string, unknown>>;

async function run(name: string, question: Partial<ReportQuestion>, until: number): Promise<Row[]> {
  const report = reports.find((one) => one.name === name);
  if (!report) throw new Error(`there is no report ${name}`);
  const rows = await report.rows({
    from: 0,
    to: until,
    asOf: until,
    knowledge: "now",
    filters: {},
    groupBy: null,
    repIds: null,
    ...question,
    db: db.pool,
    agreements: createAgreements(agreementOf),
  });
  return [...rows];
}

const rate = (row: Row, column: string) => row[column] as Rate;
const number = (row: Row, column: string) => Number(row[column]);
const least = (one: Rate) => one.low ?? 1;
const most = (one: Rate) => one.high ?? 0;

/** One way to look for each pattern; gives what it is found in. */
const looks: Readonly<Record<PatternName, (done: SampleDone) => Promise<unknown[]>>> = {
  /** Of handoffs old enough to be judged, a band is surely worse than a lower one. */
  "stopped-band": async ({ periods: { bandStops, until } }) => {
    const lately = await run("bands", { from: bandStops, to: until - 30 * day }, until);
    return lately
      .filter(({ brokenBelow }) => (brokenBelow as string[]).length > 0)
      .map(({ band }) => band);
  },

  /** Many MQLs, surely less than half as many accepted as of all, and fewer qualified. */
  "empty-campaign": async ({ periods: { until } }) => {
    const rows = await run("campaigns", {}, until);
    const sum = (of: (row: Row) => number) => rows.reduce((all, row) => all + of(row), 0);
    const mqls = sum((row) => number(row, "mqls"));
    const qualified = (row: Row) => rate(row, "qualifiedRate").numerator;
    const usual = {
      accepted: sum((row) => number(row, "accepted")) / mqls,
      qualified: sum(qualified) / mqls,
    };
    return rows
      .filter((row) => number(row, "mqls") > 0.03 * mqls)
      .filter((row) => most(rate(row, "mqlToSal")) < usual.accepted / 2)
      .filter((row) => most(rateOf(qualified(row), number(row, "mqls"))) < usual.qualified)
      .map(({ campaign }) => campaign);
  },

  /** Takes more than twice as long as the rep in the middle, by both reports that say so. */
  "slow-rep": async ({ periods: { until } }) => {
    const slow = (rows: readonly Row[], who: string, column: string) => {
      const times = rows.map((row) => number(row, column)).sort((a, b) => a - b);
      const middle = times[Math.floor(times.length / 2)] ?? 0;
      return rows.filter((row) => number(row, column) > 2 * middle).map((row) => row[who]);
    };
    const responses = await run("first-response", { groupBy: "rep" }, until);
    const found = slow(await run("reps", {}, until), "rep", "medianOpenResponse");
    expect(slow(responses, "group", "medianHumanOpen")).toEqual(found);
    return found;
  },

  /** Recurs, and has twice the share of all rejections that it had in the time before. */
  "recurring-rejection": async ({ periods: { until } }) => {
    const since = until - 90 * day;
    const rows = await run("rejections", { from: since }, until);
    const earlier = await run("rejections", { from: since - 90 * day, to: since }, until);
    const before = new Map(earlier.map((row) => [row["reason"], rate(row, "share").rate ?? 0]));
    return rows
      .filter((row) => row["isRecurring"] === true && number(row, "count") >= 30)
      .filter((row) => (rate(row, "share").rate ?? 0) > 2 * (before.get(row["reason"]) ?? 0))
      .map(({ reason, accused }) => `${String(reason)}: ${(accused as string[]).join(", ")}`);
  },

  /** Surely more than half of its leads lie in the fallback queue first, and wait the longest. */
  "territory-gap": async ({ periods: { until } }) => {
    const rows = await run("routing", { groupBy: "territory" }, until);
    const longest = Math.max(...rows.map((row) => number(row, "medianHeld")));
    return rows
      .filter((row) => least(rate(row, "fallbackRate")) > 0.5)
      .filter((row) => number(row, "medianHeld") === longest)
      .map(({ group }) => group);
  },

  /** Under one version surely less is accepted than under each of the others. */
  "changed-criteria": async ({ periods: { until } }) => {
    const rows = await run("acceptance", { groupBy: "agreement" }, until);
    const { rows: versions } = await db.pool.query<{ id: string; number: number }>(
      "select id, number from agreement_version",
    );
    return rows
      .filter((row) =>
        rows.every(
          (other) =>
            other === row ||
            most(rate(row, "acceptanceRate")) < least(rate(other, "acceptanceRate")),
        ),
      )
      .map(({ group }) => versions.find(({ id }) => id === group)?.number);
  },
};

const expected: Readonly<Record<PatternName, unknown[]>> = {
  "stopped-band": [planted.band],
  "empty-campaign": [planted.campaign],
  "slow-rep": [planted.rep],
  "recurring-rejection": [
    `${planted.reason}: checklist: role fit, fit: lead.seniority one of director, vp, c-level, requiredFields: lead.role`,
  ],
  "territory-gap": [planted.territory],
  "changed-criteria": [2],
};

async function found(done: SampleDone): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const name of patternNames) all[name] = await looks[name](done);
  return all;
}

function onlyThese(plant: readonly PatternName[]): Record<string, unknown[]> {
  return Object.fromEntries(
    patternNames.map((name) => [name, plant.includes(name) ? expected[name] : []]),
  );
}

const times = ["2026-11-20T10:00:00Z", "2027-01-17T23:00:00Z", "2027-06-05T04:00:00Z"];

describe.each([1, 2, 3])("seed %i", (seed) => {
  const now = Date.parse(times[seed - 1] ?? "");

  test("every planted pattern is found where it was planted", async () => {
    const done = await writeSampleCompany(
      db.pool,
      { leads, months, seed, plant: patternNames },
      now,
    );
    expect(await found(done)).toEqual(onlyThese(patternNames));
  });

  test("nothing is found where nothing was planted", async () => {
    const done = await writeSampleCompany(db.pool, { leads, months, seed, plant: [] }, now);
    expect(await found(done)).toEqual(onlyThese([]));
  });
});

test.each([
  [patternNames.filter((_, n) => n % 2 === 0)],
  [patternNames.filter((_, n) => n % 2 === 1)],
])("of all patterns only %j are found where only these were planted", async (plant) => {
  const now = Date.parse("2026-11-20T10:00:00Z");
  const done = await writeSampleCompany(db.pool, { leads, months, seed: 4, plant }, now);
  expect(await found(done)).toEqual(onlyThese(plant));
});
