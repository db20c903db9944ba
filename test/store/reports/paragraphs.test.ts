import { describe, expect, test } from "vitest";
import { rateOf, type Rate } from "../../../handoff/reviews/figures.ts";
import { paragraphOf, type SharesTold } from "../../../store/reports/paragraph.ts";
import { reports } from "../../../store/reports/registry.ts";
import type { ReportFile, ReportRow } from "../../../store/reports/report.ts";
import { packetEntries } from "../../../store/reviews/packets.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import { hostileNames, madeRows } from "../../support/report-rows.ts";

const asOf = Date.parse("2026-12-01T09:00:00Z");
const claims =
  /more than|less than|higher than|lower than|no proven change|lie apart|do not lie apart|%/i;

function tell(
  report: ReportFile,
  rows: readonly ReportRow[],
  more: { before?: readonly ReportRow[] | null; groupBy?: "source" | "month" | null } = {},
): string {
  const { before = null, groupBy = null } = more;
  const shown = Object.keys(report.columns);
  return paragraphOf(report.paragraph, { rows, before, groupBy, shown, asOf });
}

describe.each(reports.map((report) => [report.name, report] as const))("%s", (_name, report) => {
  const rows = (seed: number, cases: number, groups: readonly (string | null)[] = [null]) =>
    madeRows(report, { groups, cases, random: seededRandom(seed) });

  test.each([1, 2, 3, 4])("every count that is told stands in the rows (%i)", (seed) => {
    const now = rows(seed, 400, ["web", "fair", null]);
    const before = rows(seed + 50, 400, ["web", "fair", null]);
    const said = tell(report, now, { before, groupBy: "source" });
    const known = new Set([...sumsOf(report, now), ...sumsOf(report, before)]);
    for (const [pair] of said.matchAll(/[\d,]+ of [\d,]+(?=[,)];|[,)])/g))
      expect(known, said).toContain(pair.replaceAll(",", ""));
    expect(said).not.toMatch(/NaN|undefined|null|Infinity|\[object/);
  });

  test("nothing is claimed of fewer than thirty", () => {
    const few = (seed: number) =>
      rows(seed, 2).map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, cell]) => [name, isSmallFlag(name) ? false : cell]),
        ),
      );
    const said = tell(report, few(1), { before: few(2) });
    // What is empty or broken is said of lists and flags, which the rows were given at random.
    expect(said.replace(/.* qualifies less than .*|No band .*/g, "")).not.toMatch(claims);
  });

  test("it is told of no rows at all", () => {
    const said = tell(report, [], { before: [] });
    expect(said).toMatch(/^[A-Z].*\.$/);
    expect(said).not.toMatch(claims);
  });

  test("names of strangers are told as they are", () => {
    const names = hostileNames.slice(0, 6);
    const said = tell(report, madeRows(report, { groups: names, names, random: seededRandom(3) }), {
      groupBy: "source",
    });
    expect(said).not.toMatch(/undefined|\[object/);
  });
});

/** Counts of the lines, of all lines, and of all lines but one or of one split. */
function sumsOf(report: ReportFile, rows: readonly ReportRow[]): string[] {
  const rates = Object.keys(report.columns).filter((name) => report.columns[name]?.kind === "rate");
  const texts = Object.keys(report.columns).filter((name) => report.columns[name]?.kind === "text");
  const sum = (list: readonly ReportRow[], column: string) => {
    const all = list.map((row) => row[column] as Rate);
    const of = (part: "numerator" | "denominator") =>
      all.reduce((total, one) => total + one[part], 0);
    return `${of("numerator")} of ${of("denominator")}`;
  };
  return rates.flatMap((column) => [
    sum(rows, column),
    ...rows.map((row) => sum([row], column)),
    ...texts.flatMap((text) =>
      [...new Set(rows.map((row) => row[text]))].map((value) =>
        sum(
          rows.filter((row) => row[text] === value),
          column,
        ),
      ),
    ),
  ]);
}

const isSmallFlag = (name: string) => name === "standsOut" || name === "isWorse";

const shares: SharesTold = {
  shares: [{ of: "leads handed off", did: "were accepted", rate: "rate" }],
};
const line = (group: string | null, numerator: number, denominator: number, more = {}) => ({
  group,
  rate: rateOf(numerator, denominator),
  ...more,
});
const say = (
  rows: readonly ReportRow[],
  before: readonly ReportRow[] | null = null,
  groupBy: "source" | "month" | null = "source",
  paragraph: SharesTold = shares,
) => paragraphOf(paragraph, { rows, before, groupBy, shown: ["rate"], asOf });

test.each([
  ["nothing", [], null, "Nothing was counted."],
  [
    "few",
    [line("web", 3, 12)],
    null,
    "Of 12 leads handed off 3 were accepted, too few for a rate.",
  ],
  [
    "few against many",
    [line("web", 3, 12)],
    [line("web", 300, 400)],
    "Of 12 leads handed off 3 were accepted, too few for a rate; 75 % (300 of 400) in the " +
      "period before.",
  ],
  [
    "as many as before",
    [line("web", 50, 100)],
    [line("web", 52, 100)],
    "Of 100 leads handed off 50 were accepted (50 %, interval 40 to 60 %); 52 % (52 of 100) in " +
      "the period before, no proven change.",
  ],
  [
    "fewer than before",
    [line("web", 20, 100)],
    [line("web", 60, 100)],
    "Of 100 leads handed off 20 were accepted (20 %, interval 13 to 29 %), less than the 60 % " +
      "(60 of 100) of the period before.",
  ],
  [
    "groups that lie apart",
    [line("web", 90, 100), line("fair", 10, 100), line("event", 50, 100), line("mail", 1, 3)],
    null,
    "Of 303 leads handed off 151 were accepted (50 %, interval 44 to 55 %). Higher than the " +
      "others: web (90 of 100, 90 %). Lower than the others: fair (10 of 100, 10 %). Of 1 group " +
      "with fewer than 30 nothing is said.",
  ],
])("a share is told of %s", (_what, rows, before, words) => {
  expect(say(rows, before)).toBe(words);
});

test("a trend is told of its last month that is old enough", () => {
  const wins: SharesTold = {
    shares: [{ of: "leads handed off", did: "were won", rate: "rate", ripeAfterDays: 90 }],
  };
  const rows = ["2026-06", "2026-07", "2026-08", "2026-09", "2026-10"].map((month, n) =>
    line(month, n < 3 ? 20 : 0, 100),
  );
  expect(say(rows, null, "month", wins)).toBe(
    "In 2026-08 of 100 leads handed off 20 were won (20 %); 40 of 200, 20 % in the 2 months " +
      "before, no proven change. 2 young months left out.",
  );
});

test("every section of a packet has a paragraph", () => {
  for (const entry of Object.values(packetEntries).flat())
    expect(reports.find(({ name }) => name === entry.report)?.paragraph).toBeDefined();
});
