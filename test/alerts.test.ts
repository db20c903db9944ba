import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { peopleWorld, type PeopleWorld } from "./support/people-world.ts";

const read = (name: string) =>
  readFileSync(new URL(`../docs/alerts/${name}`, import.meta.url), "utf8");
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
const rules: Rule[] = parse(read("prometheus-rules.yaml")).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);
const panels: { title: string; targets: { expr: string; legendFormat: string }[] }[] = JSON.parse(
  read("grafana-dashboard.json"),
).panels;

let world: PeopleWorld;
/** What a scrape names: metrics, and the labels that each has. */
let metrics: Map<string, Set<string>>;
beforeAll(async () => {
  world = await peopleWorld();
  const text: string = (await world.ask("GET", "/metrics", { as: null })).body;
  // A histogram is read through its buckets.
  metrics = new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [
      type === "histogram" ? `${name}_bucket` : (name ?? ""),
      new Set<string>(),
    ]),
  );
  const source = readFileSync(new URL("../api/http/metrics.ts", import.meta.url), "utf8");
  for (const [name, labels] of metrics) {
    const base = name.replace(/_bucket$/, "").replace(/^baton_/, "");
    const given = new RegExp(`"(?:baton_)?${base}"[^\\]]*?\\[([^\\]]*)\\]`).exec(source)?.[1] ?? "";
    for (const [, label] of given.matchAll(/"(\w+)"/g)) labels.add(label ?? "");
    if (name.endsWith("_bucket")) labels.add("le");
  }
});
afterAll(() => world.close());

/** Metrics that an expression names, each with the labels it selects by. */
function named(expr: string): { metric: string; labels: string[] }[] {
  return [...expr.matchAll(/\b(baton_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, metric = "", selector = ""]) => ({
      metric,
      labels: [...selector.matchAll(/(\w+)\s*[=!]~?"/g)].map(([, label = ""]) => label),
    }),
  );
}
const unknown = (exprs: readonly string[]) =>
  exprs
    .flatMap(named)
    .filter(
      ({ metric, labels }) =>
        !metrics.has(metric) || labels.some((label) => !metrics.get(metric)?.has(label)),
    );

test("every alert asks for metrics and labels that /metrics has, and says what it means", () => {
  expect(rules.length).toBeGreaterThan(10);
  expect(unknown(rules.map(({ expr }) => expr))).toEqual([]);
  for (const { alert, expr, labels, annotations } of rules) {
    expect(alert).toMatch(/^Baton[A-Z]\w+$/);
    expect(named(expr).length + (expr.startsWith("up{") ? 1 : 0)).toBeGreaterThan(0);
    expect(["page", "ticket"]).toContain(labels.severity);
    expect(annotations.summary.length).toBeGreaterThan(20);
  }
});

test("every panel of the dashboard asks for metrics and labels that /metrics has", () => {
  expect(panels.length).toBeGreaterThan(10);
  const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(exprs.filter((expr) => named(expr).length === 0)).toEqual([]);
  expect(unknown(exprs)).toEqual([]);
});

test("every figure of Baton's own is watched or drawn", () => {
  const seen = new Set(
    [...rules, ...panels.flatMap(({ targets }) => targets)].flatMap(({ expr }) =>
      named(expr).map(({ metric }) => metric),
    ),
  );
  const own = [...metrics.keys()].filter((name) => !name.startsWith("baton_api_"));
  expect(own.filter((name) => !seen.has(name))).toEqual([]);
});

test("a metric or a label that is not there is found", () => {
  expect(
    unknown(["sum(baton_leeds) > 1", 'baton_leads{stages="mql"} > baton_leads_overdue']),
  ).toEqual([
    { metric: "baton_leeds", labels: [] },
    { metric: "baton_leads", labels: ["stages"] },
  ]);
});

test("docs/operating.md says for each alert what to do", () => {
  const page = readFileSync(new URL("../docs/operating.md", import.meta.url), "utf8");
  expect(
    rules.filter(({ alert }) => !page.includes(`\`${alert}\``)).map(({ alert }) => alert),
  ).toEqual([]);
});
