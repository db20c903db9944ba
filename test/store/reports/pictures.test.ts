import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { drawReport } from "../../../messages/pictures/draw.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { goalsOf } from "../../../store/reports/goals.ts";
import { reports } from "../../../store/reports/registry.ts";
import type { ReportAsk, ReportFile, ReportQuestion } from "../../../store/reports/report.ts";
import { withDatabase } from "../../support/database.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import {
  generateHandoffs,
  insertHandoffs,
  insertWhatHandoffsName,
} from "../../support/generated-handoffs.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import { run } from "../../support/program.ts";
import { hostileNames, madeRows, weeks } from "../../support/report-rows.ts";
import { saidBy, unescaped } from "../../support/svg.ts";

/**
 * Pictures of what the queries find, parsed by libxml2, which Postgres carries: what it refuses no
 * browser shows. SEED sets other handoffs; a failure names it.
 */
const seed = Number(process.env["SEED"] ?? 72);
const DAY = 86_400_000;
const begin = Date.parse("2026-06-01T00:00:00Z");
const db = withDatabase();
const agreements = createAgreements(() => exampleAgreement());
const drawn = reports.filter(({ picture }) => picture !== null);
const asked: ReportQuestion = {
  from: begin + 20 * DAY,
  to: begin + 60 * DAY,
  asOf: begin + 66 * DAY,
  knowledge: "now",
  filters: {},
  groupBy: null,
  repIds: null,
};
const ask = (more: Partial<ReportQuestion> = {}): ReportAsk => ({
  ...asked,
  ...more,
  db: db.pool,
  agreements,
});

beforeAll(async () => {
  await insertWhatHandoffsName(db.pool);
  // Postgres keeps no NUL and no half letters; made rows have them.
  const kept = hostileNames.filter((name) => !/\0|\p{Surrogate}/u.test(name));
  const made = generateHandoffs(seededRandom(seed), begin, 300);
  await insertHandoffs(
    db.pool,
    made.map((one, n) => ({ ...one, source: kept[n % kept.length] ?? null })),
  );
});

/** The description as libxml2 reads it; throws where the text is no XML. */
async function parsedDescription(svg: string): Promise<string> {
  const { rows } = await db.pool.query<{ said: string }>(
    `select (xpath('string(/s:svg/s:desc)', xmlparse(document $1),
      array[array['s', 'http://www.w3.org/2000/svg']]))[1]::text as said`,
    [svg],
  );
  return unescaped(rows[0]?.said ?? "");
}

async function expectXml(svg: string): Promise<void> {
  expect(await parsedDescription(svg)).toBe(saidBy(svg).description);
}

test("the parser refuses what is no XML", async () => {
  await expect(parsedDescription("<svg><text>a & b</text></svg>")).rejects.toThrow("XML");
  await expect(parsedDescription("<svg><text>a</svg>")).rejects.toThrow("XML");
});

describe.each(drawn.map((report) => [report.name, report] as const))("%s", (_, report) => {
  test("is XML for what its query finds, by whatever it is grouped", async () => {
    for (const groupBy of [null, ...report.dimensions]) {
      const question = ask({ groupBy });
      const rows = await report.rows(question);
      const goals = await goalsOf(report, question);
      await expectXml(drawReport({ report, question, rows, goals }));
    }
  });

  test("is XML for names that are none", async () => {
    const made = { groups: hostileNames, names: hostileNames, random: seededRandom(seed) };
    for (const groupBy of ["source", null] as const) {
      const question = { ...asked, groupBy, filters: { campaign: hostileNames.join("") } };
      await expectXml(drawReport({ report, question, rows: madeRows(report, made), goals: [] }));
    }
    const rows = madeRows(report, { ...made, groups: weeks(3) });
    await expectXml(
      drawReport({ report, question: { ...asked, groupBy: "week" }, rows, goals: [] }),
    );
  });
});

describe("the agreed times of a picture", () => {
  const named = (name: string): ReportFile => {
    const report = reports.find((one) => one.name === name);
    if (!report) throw new Error(`there is no report ${name}`);
    return report;
  };
  const goals = (more: Partial<ReportQuestion> = {}) => goalsOf(named("first-response"), ask(more));

  test("are what today's agreement promises in business hours", async () => {
    expect(await goals()).toEqual([
      { leadType: "demo-request", hours: 1 },
      { leadType: "active-trial", hours: 4 },
      { leadType: "high-intent-mql", hours: 4 },
    ]);
  });

  test("are of the lead type and the version that was asked about", async () => {
    expect(await goals({ filters: { leadType: "active-trial" } })).toEqual([
      { leadType: "active-trial", hours: 4 },
    ]);
    expect(await goals({ filters: { leadType: "standard-mql" } })).toEqual([]);
    expect(await goals({ filters: { agreement: "ag_1" } })).toHaveLength(3);
    expect(await goals({ filters: { agreement: "ag_gone" } })).toEqual([]);
  });

  test("are none before an agreement is active, and for pictures without a band", async () => {
    const none = { ...agreements, active: () => Promise.resolve(null) };
    expect(await goalsOf(named("first-response"), { ...ask(), agreements: none })).toEqual([]);
    expect(await goalsOf(named("sla"), ask())).toEqual([]);
  });
});

test("baton report --svg prints the picture of the same rows", async () => {
  const time = (at: number) => new Date(at).toISOString();
  const baton = fileURLToPath(new URL("../../../cli/baton.mjs", import.meta.url));
  const period = ["--from", time(asked.from), "--to", time(asked.to), "--as-of", time(asked.asOf)];
  const program = run(process.execPath, [baton, "report", "funnel", "--svg", ...period], {
    env: { PATH: process.env["PATH"] ?? "", DATABASE_URL: db.url },
  });
  expect(await program.exit, program.lines.join("\n")).toBe(0);
  const report = reports.find(({ name }) => name === "funnel") as ReportFile;
  const rows = await report.rows(ask());
  expect(program.lines).toEqual([drawReport({ report, question: asked, rows, goals: [] })]);
});
