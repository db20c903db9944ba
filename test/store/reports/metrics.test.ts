import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { authorisation } from "../../../api/http/authorisation.ts";
import { reports } from "../../../store/reports/registry.ts";
import type { Article } from "../../../store/reports/report.ts";

const file = fileURLToPath(new URL("../../../docs/metrics.md", import.meta.url));
const heading = "## Every metric\n";
const articles: Readonly<Record<Article, string>> = {
  criteria: "Lead Handoff Criteria",
  pipeline: "demand generation to pipeline",
};

/** The table of docs/metrics.md, from the reports. */
function table(): string {
  const lines = (["criteria", "pipeline"] as const).flatMap((article) =>
    reports.flatMap((report) =>
      report.metrics
        .filter((metric) => metric.article === article)
        .map(({ name, section, column }) => {
          const meaning = report.columns[column]?.meaning ?? "";
          return `| ${name} | ${articles[article]}, "${section}" | ${meaning} | \`${report.name}\` | \`${column}\` |`;
        }),
    ),
  );
  return [
    "| Metric | Article, section | Formula | Report | Column |",
    "|---|---|---|---|---|",
    ...lines,
  ]
    .join("\n")
    .concat("\n");
}

test("the table of metrics is that of the reports", async () => {
  const [prose] = readFileSync(file, "utf8").split(heading);
  const intro =
    "Made from `store/reports/`; a test keeps them equal (`npx vitest run -c " +
    "vitest.fast.config.ts test/store/reports/metrics.test.ts -u` writes it anew). “Then” is the moment of `asOf`.";
  await expect(`${prose}${heading}\n${intro}\n\n${table()}`).toMatchFileSnapshot(file);
});

test("a report has one name, a question, columns with a meaning, and what the articles name", () => {
  expect(new Set(reports.map(({ name }) => name)).size).toBe(reports.length);
  for (const { name, question, columns, metrics, dimensions, picture } of reports) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(question).toMatch(/\?$/);
    expect(metrics.length, name).toBeGreaterThan(0);
    for (const { column } of metrics) expect(Object.keys(columns), name).toContain(column);
    for (const { meaning } of Object.values(columns)) expect(meaning).not.toBe("");
    expect("group" in columns, name).toBe(dimensions.length > 0);
    for (const path of [`GET /reports/${name}`, `GET /reports/${name}.csv`])
      expect(authorisation[path], path).toBeDefined();
    expect(authorisation[`GET /reports/${name}.svg`], name).toEqual(
      picture === null ? undefined : authorisation[`GET /reports/${name}`],
    );
  }
});

test("every file that defines a report is listed", () => {
  const folder = fileURLToPath(new URL("../../../store/reports/", import.meta.url));
  const defining = readdirSync(folder).filter((name) =>
    /= defineReport\(/.test(readFileSync(`${folder}${name}`, "utf8")),
  );
  expect(defining.length).toBe(reports.length);
  expect(existsSync(`${folder}registry.ts`)).toBe(true);
});
