import { describe, expect, test } from "vitest";
import { rateOf, type Rate } from "../../../handoff/reviews/figures.ts";
import { drawReport } from "../../../messages/pictures/draw.ts";
import { palettes } from "../../../messages/pictures/shapes.ts";
import { reports } from "../../../store/reports/registry.ts";
import { rolesReport } from "../../../store/reports/roles.ts";
import {
  count,
  defineReport,
  flag,
  group,
  rate,
  type ReportFile,
  type ReportQuestion,
  type ReportRow,
} from "../../../store/reports/report.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import { hostileNames, madeRows, weeks } from "../../support/report-rows.ts";
import { marksOf, saidBy, sizeOf, textsOf } from "../../support/svg.ts";

const drawn = reports.filter(({ picture }) => picture !== null);
const day = 86_400_000;
const begin = Date.parse("2026-10-01T00:00:00Z");
const asked: ReportQuestion = {
  from: begin,
  to: begin + 31 * day,
  asOf: begin + 60 * day,
  knowledge: "now",
  filters: {},
  groupBy: null,
  repIds: null,
};
const goals = [
  { leadType: "demo-request", hours: 1 },
  { leadType: "active-trial", hours: 4 },
];

function draw(
  report: ReportFile,
  rows: readonly ReportRow[],
  question: Partial<ReportQuestion> = {},
): string {
  return drawReport({ report, question: { ...asked, ...question }, rows, goals });
}

function named(name: string): ReportFile {
  const report = reports.find((one) => one.name === name);
  if (!report) throw new Error(`there is no report ${name}`);
  return report;
}

/** Every mark is within the picture, and its numbers are numbers. */
function expectSound(svg: string): void {
  expect(svg).not.toMatch(/NaN|undefined|Infinity|\bnull\b|\[object/);
  const { width, height } = sizeOf(svg);
  const outside = marksOf(svg).filter(
    ({ left, right, top, bottom }) =>
      !(left >= -0.01 && right <= width + 0.01 && top >= -0.01 && bottom <= height + 0.01),
  );
  expect(outside).toEqual([]);
}

/** No text lies over another. */
function expectApart(svg: string): void {
  const texts = marksOf(svg)
    .filter(({ name }) => name === "text")
    .sort((a, b) => a.top - b.top);
  const over: string[] = [];
  texts.forEach((one, n) => {
    for (const other of texts.slice(n + 1)) {
      if (other.top > one.bottom) break;
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > 1 && down > 4) over.push(`${one.written} over ${other.written}`);
    }
  });
  expect(over).toEqual([]);
}

const kinds: [string, Partial<ReportQuestion>, (string | null)[]][] = [
  ["no rows", {}, []],
  ["one group", {}, [null]],
  ["three groups", { groupBy: "source" }, ["web", "trade fair", null]],
  ["sixty groups", { groupBy: "campaign" }, Array.from({ length: 60 }, (_, n) => `campaign ${n}`)],
  ["one week", { groupBy: "week" }, weeks(1)],
  ["sixty weeks", { groupBy: "week" }, weeks(60)],
  ["three years of weeks", { groupBy: "week" }, weeks(156)],
  ["months with a gap", { groupBy: "month" }, ["2025-12", "2026-01", "2026-04"]],
  ["hostile names", { groupBy: "source" }, hostileNames],
];

describe.each(drawn.map((report) => [report.name, report] as const))("%s", (name, report) => {
  const seed = name.length * 7 + 3;

  test.each(kinds)("draws %s within its box, nothing over anything", (_, question, groups) => {
    for (const cases of groups.length > 20 ? [2_000_000] : [0, 12, 2_000_000]) {
      const svg = draw(report, madeRows(report, { groups, cases, random: seededRandom(seed) }), {
        ...question,
      });
      expectSound(svg);
      expectApart(svg);
      expect(saidBy(svg).title).toBe(report.question);
    }
  });

  test("draws hostile names in every column within their box", () => {
    const made = { groups: hostileNames.slice(0, 2), names: hostileNames };
    const rows = madeRows(report, { ...made, random: seededRandom(seed) });
    const svg = draw(report, rows, { groupBy: "source" });
    expectSound(svg);
    expectApart(svg);
    expect(svg).not.toMatch(/<script|<!|<b\b/);
  });

  test("says in words every count and every rate that it draws", () => {
    const rows = madeRows(report, { groups: [null], random: seededRandom(seed) });
    const { description } = saidBy(draw(report, rows));
    const where = report.picture?.kind === "panels" ? report.picture.drawnWhere : undefined;
    for (const row of rows.filter((one) => where === undefined || one[where] === true))
      for (const column of figuresOf(report)) {
        const cell = row[column];
        if (report.columns[column]?.kind === "rate") {
          const { numerator, denominator } = cell as Rate;
          expect(description).toContain(`${numerator} of ${denominator}`);
        } else if (cell !== 0)
          expect(description).toContain((cell as number).toLocaleString("en-US"));
      }
  });
});

/** The columns of counts and rates that a picture names for each of its lines. */
function figuresOf({ picture }: ReportFile): string[] {
  switch (picture?.kind) {
    case "panels":
      return picture.panels.flatMap((one) =>
        "rate" in one ? [one.rate] : "count" in one ? [one.count] : [],
      );
    case "pairs":
      return [picture.now, picture.before];
    case "funnel":
    case "buckets":
      return [picture.count];
    default:
      return [];
  }
}

test.each(hostileNames)("a filter for %j is cut, and whole in words", (hostile) => {
  const report = named("bands");
  const rows = madeRows(report, { groups: [null], random: seededRandom(9) });
  const svg = draw(report, rows, { filters: { campaign: hostile } });
  expectSound(svg);
  expectApart(svg);
  expect(svg).not.toMatch(/<script|<!|<b\b/);
  if (/^[xM]+$/.test(hostile)) expect(saidBy(svg).description).toContain(`campaign ${hostile}.`);
});

describe("a rate", () => {
  const roles = (numerator: number, denominator: number) => {
    const of = rateOf(numerator, denominator);
    const row = { group: null, role: "buyer", handedOff: 9, acceptanceRate: of, qualifiedRate: of };
    return draw(rolesReport, [row]);
  };

  test("has a dot in its Wilson interval, and its counts", () => {
    const svg = roles(268, 409);
    const dots = marksOf(svg).filter(({ name }) => name === "circle");
    expect(dots).toHaveLength(2);
    expect(dots[0]?.written).toContain(`fill="${palettes.light.main}"`);
    expect(textsOf(svg)).toContain("66 %, 268 of 409");
    expect(saidBy(svg).description).toContain(
      "buyer: accepted 66 %, 268 of 409, interval 61 to 70 %; qualified (SQL) 66 %,",
    );
    expect(svg).not.toContain("few cases");
  });

  test.each([
    [29, true],
    [30, false],
  ])("of %d cases is hollow, grey and dashed: %s", (cases, isFew) => {
    const svg = roles(cases - 7, cases);
    const [dot] = marksOf(svg).filter(({ name }) => name === "circle");
    expect(dot?.written.includes('class="f-paper s-few"')).toBe(isFew);
    expect(svg.includes("stroke-dasharray")).toBe(isFew);
    expect(textsOf(svg).some((one) => one.includes("fewer than 30 cases"))).toBe(isFew);
    expect(saidBy(svg).description.includes("few cases")).toBe(isFew);
  });

  test("of nothing is no mark but the words that there are no cases", () => {
    const svg = roles(0, 0);
    expect(marksOf(svg).filter(({ name }) => name === "circle")).toEqual([]);
    expect(textsOf(svg).filter((one) => one === "no cases")).toHaveLength(2);
    expect(saidBy(svg).description).toContain(
      "buyer: accepted no cases; qualified (SQL) no cases.",
    );
  });

  test.each([
    [1, 500, "under 1 %"],
    [499, 500, "99 %"],
    [500, 500, "100 %"],
    [0, 500, "0 %"],
  ])("%d of %d is %s", (numerator, denominator, words) => {
    expect(textsOf(roles(numerator, denominator))).toContain(
      `${words}, ${numerator} of ${denominator}`,
    );
  });
});

describe("the funnel", () => {
  const row = (step: string, n: number, before: number, days: number | null = null) => ({
    group: null,
    step,
    count: n,
    ofStepBefore: rateOf(before === 0 ? 0 : n, before),
    ofMql: rateOf(0, 0),
    ofHandedOff: rateOf(0, 0),
    medianDays: days,
    isImmature: true,
  });
  const svg = draw(named("funnel"), [row("mql", 412, 0), row("handed-off", 206, 412, 0.25)]);

  test("has bars as long as their counts, and says shares, intervals and medians", () => {
    const [, first, second] = marksOf(svg).filter(({ name }) => name === "rect");
    expect((first?.right ?? 0) - (first?.left ?? 0)).toBeCloseTo(
      2 * ((second?.right ?? 0) - (second?.left ?? 0)),
    );
    expect(saidBy(svg).description).toBe(
      "Handoffs that began 2026-10-01 to 2026-10-31, as of 2026-11-30 00:00 UTC. " +
        "MQL 412; handed off 206, of the step before 50 %, 206 of 412, interval 45 to 55 %, " +
        "median 6 h. all: young cohort.",
    );
  });

  test("marks a young cohort", () => {
    expect(textsOf(svg)).toContain("young cohort");
    expect(textsOf(svg).join(" ")).toContain("Young cohort: its rates will still rise.");
  });
});

test("aging counts by age and deadline, with and without contact", () => {
  const row = (sla: string, isContacted: boolean, n: number) => ({
    group: null,
    age: "2 to 5 days",
    isContacted,
    sla,
    count: n,
    oldest: 80,
    leads: [],
  });
  const svg = draw(named("aging"), [
    row("overdue", false, 40),
    row("overdue", true, 20),
    row("none", false, 1),
  ]);
  expect(saidBy(svg).description).toContain(
    "2 to 5 days: overdue, not contacted 40; overdue, contacted 20; no deadline, not contacted 1.",
  );
  const [, full, hollow] = marksOf(svg).filter(({ name }) => name === "rect");
  expect([full?.written, hollow?.written]).toEqual([
    expect.stringContaining('class="f-main"'),
    expect.stringContaining('class="f-paper s-main"'),
  ]);
});

test("rejections stand beside those of the period before; the total is said and not drawn", () => {
  const row = (reason: string | null, now: number, before: number, contested = 0) => ({
    ...madeRows(named("rejections"), { groups: [null], random: seededRandom(1) })[0],
    reason,
    count: now,
    previous: before,
    share: rateOf(now, 141),
    contested: rateOf(contested, now),
    overturned: rateOf(contested === 0 ? 0 : 1, contested),
    isRecurring: reason !== null,
    standsOut: reason === "below-company-size",
    accused: reason === "below-company-size" ? ["icp"] : ["fit[1]"],
  });
  const svg = draw(named("rejections"), [
    row(null, 141, 138, 12),
    row("below-company-size", 41, 44, 7),
    row("wrong-role", 0, 3),
  ]);
  expect(saidBy(svg).description).toContain(
    "All: 141, before 138; 12 contested; 1 overturned. below company size (stands out; see ICP): " +
      "41, 29 % of 141; 7 contested; 1 overturned; before 44. wrong role: 0, 0 % of 141; before 3.",
  );
  expect(textsOf(svg)).toEqual(
    expect.arrayContaining(["41, 29 % of 141; 7 contested; 1 overturned", "44 before", "3 before"]),
  );
  expect(textsOf(svg)).not.toContain("141, 100 % of 141");
});

describe("first response", () => {
  const report = named("first-response");
  const rows = (groups: string[]) =>
    groups.map((one) => ({
      ...madeRows(report, { groups: [one], random: seededRandom(2) })[0],
      medianOpen: 2,
      p75Open: 3,
      p90Open: 8,
    }));

  test("has the agreed times as a band, in words too", () => {
    const svg = draw(report, rows(["web"]), { groupBy: "source" });
    expect(svg.match(/class="f-goal"/g)).toHaveLength(1);
    expect(svg.match(/class="s-goalEdge"/g)).toHaveLength(2);
    expect(textsOf(svg).join(" ")).toContain(
      "Band: the agreed time for outreach, 1 h to 4 h by lead type of business time.",
    );
    expect(saidBy(svg).description).toContain(
      "web: MQL to outreach, open hours median 2 h, three of four within 3 h, nine of ten " +
        "within 8 h;",
    );
  });

  test("by lead type each has its own, and one without such a promise has none", () => {
    const types = ["demo-request", "active-trial", "standard-mql"];
    const svg = draw(report, rows(types), { groupBy: "leadType" });
    expect(svg.match(/class="s-goalEdge"/g)).toHaveLength(2);
  });

  test("by week is a trend in which the band lies behind the points", () => {
    const svg = draw(report, rows(weeks(8)), { groupBy: "week" });
    expect(svg.indexOf('class="f-goal"')).toBeLessThan(svg.indexOf("<polyline"));
    expect(textsOf(svg)).toContain("2026-W08: 2 h, 9 of 10 in 8 h");
  });
});

describe("a trend", () => {
  const report = named("acceptance");
  const row = (week: string, accepted: number, offered: number, isImmature = false) => ({
    ...madeRows(report, { groups: [week], random: seededRandom(3) })[0],
    acceptanceRate: rateOf(accepted, offered),
    rejectionRate: rateOf(0, offered),
    isImmature,
  });
  const lines = (svg: string) =>
    [...svg.matchAll(/points="([^"]*)"/g)].map(([, points]) => points?.split(" ").length);

  test("is broken where a week has no cases or no row, also over the new year", () => {
    const svg = draw(
      report,
      [
        row("2026-W51", 40, 80),
        row("2026-W52", 50, 80),
        row("2026-W53", 60, 80),
        row("2027-W01", 50, 80),
        row("2027-W02", 0, 0),
        row("2027-W03", 50, 80),
        row("2027-W05", 50, 80),
      ],
      { groupBy: "week" },
    );
    // W51 to W01 are joined; W03 and W05 stand alone.
    expect(lines(svg)).toEqual([4, 4]);
    expect(saidBy(svg).description).toContain("2027-W02 no cases; 2027-W03 63 %, 50 of 80");
  });

  test("marks young cohorts and weeks of few cases", () => {
    const svg = draw(report, [row("2026-W51", 40, 80), row("2026-W52", 5, 9, true)], {
      groupBy: "week",
    });
    expect(svg).toContain('class="f-paper s-few"');
    expect(svg).toMatch(/class="s-dim"[^>]*stroke-dasharray/);
    expect(textsOf(svg).join(" ")).toContain("Dashed upright: young cohort");
  });

  test("shows the latest sixty weeks, and says how many are earlier", () => {
    const svg = draw(
      report,
      weeks(100, 2024).map((week) => row(week, 40, 80)),
      { groupBy: "week" },
    );
    expect(textsOf(svg).join(" ")).toMatch(/And 4\d more earlier weeks, in the table\./);
    expect(marksOf(svg).filter(({ name }) => name === "circle").length).toBeLessThanOrEqual(120);
  });
});

test("of sixty lines the twenty with most cases are drawn, the others counted", () => {
  const rows = Array.from({ length: 60 }, (_, n) => ({
    group: `s${n}`,
    role: "buyer",
    handedOff: n,
    acceptanceRate: rateOf(1, n + 1),
    qualifiedRate: rateOf(0, n + 1),
  }));
  const svg = draw(rolesReport, rows, { groupBy: "source" });
  const labels = textsOf(svg).filter((one) => /^s\d+ · buyer$/.test(one));
  expect(labels).toEqual(Array.from({ length: 20 }, (_, n) => `s${n + 40} · buyer`));
  expect(textsOf(svg).join(" ")).toContain("And 40 more lines, in the table.");
  expect(saidBy(svg).description).toContain("And 40 more lines, in the table.");
});

test("groups that look alike are not taken together", () => {
  const report = named("funnel");
  const rows = madeRows(report, { groups: ["", " ", null], random: seededRandom(4) });
  const heads = textsOf(draw(report, rows, { groupBy: "source" })).filter((one) =>
    /^(\(blank\)|not recorded)/.test(one),
  );
  expect(heads.map((one) => one.replace(/, young cohort$/, ""))).toEqual([
    "(blank)",
    "(blank)",
    "not recorded",
  ]);
});

test("without rows it says so", () => {
  const svg = draw(named("bands"), [], { filters: { source: "-", band: "B" }, knowledge: "then" });
  expect(textsOf(svg)).toContain("Nothing to count: no rows for this question.");
  expect(saidBy(svg).description).toBe(
    "Handoffs that began 2026-10-01 to 2026-10-31, as of 2026-11-30 00:00 UTC, with what had " +
      "been told by then; only source not recorded, band B. Nothing to count: no rows for this " +
      "question.",
  );
});

test("a report without a picture is not drawn", () => {
  expect(() => draw(named("pool-reviews"), [])).toThrow("the report pool-reviews has no picture");
});

test("a picture is drawn from columns that its report has, each of its kind", () => {
  const rest = {
    name: "x",
    question: "x?",
    period: "handoffs that began in it",
    dimensions: [],
    readers: "both teams",
    metrics: [],
    columns: { group, n: count("n"), share: rate("s"), isYoung: flag("y") },
    paragraph: { shares: [{ of: "x", did: "y", rate: "share" }] },
    rows: () => Promise.resolve([]),
  } as const;
  const panels = { kind: "panels", of: [] } as const;
  defineReport({ ...rest, picture: { ...panels, panels: [{ title: "n", count: "n" }] } });
  // @ts-expect-error there is no such column
  defineReport({ ...rest, picture: { ...panels, panels: [{ title: "n", count: "m" }] } });
  // @ts-expect-error it is a rate
  defineReport({ ...rest, picture: { ...panels, panels: [{ title: "n", count: "share" }] } });
  defineReport({ ...rest, picture: { ...panels, panels: [], notes: { isYoung: "young" } } });
  // @ts-expect-error it is no flag and no list
  defineReport({ ...rest, picture: { ...panels, panels: [], notes: { n: "n" } } });
  expect(drawn.length).toBe(reports.length - 1);
});
