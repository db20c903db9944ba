import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { intakeRoutes } from "../../api/intake.ts";
import { reportRoutes } from "../../api/reports.ts";
import { reportSchema } from "../../api/report-schema.ts";
import { plainColumns } from "../../store/reports/csv.ts";
import { reports } from "../../store/reports/registry.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";
import { saidBy, textsOf } from "../support/svg.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [intakeRoutes, reportRoutes]);
  for (const source of ["web", "web", "fair"])
    await world.ask("POST", "/leads", {
      externalId: Math.random().toString(36),
      facts: { "lead.source": source },
    });
  world.setNow(Date.parse("2026-11-21T12:00:00Z"));
});
afterAll(() => world.close());
const get = (path: string, role: "marketing" | "crm" = "marketing") =>
  world.ask("GET", path, undefined, role);

describe("GET /reports/conservation", () => {
  test(
    "what was taken in is open or closed, residue 0; without Temporal the processes are " +
      "unknown, not 0",
    async () => {
      const { status, body } = await get("/reports/conservation");
      expect([status, body.asOf, body.from]).toEqual([
        200,
        "2026-11-21T12:00:00.000Z",
        "2026-10-22T12:00:00.000Z",
      ]);
      expect(body.totals).toEqual({ takenIn: 3, open: 3, closed: 0, residue: 0 });
      expect(body.days.every((one: { residue: number }) => one.residue === 0)).toBe(true);
      expect([body.withoutOwner, body.withoutNextStep, body.withoutProcess, body.broken]).toEqual([
        { count: 0, leads: [] },
        { count: 0, leads: [] },
        null,
        null,
      ]);
    },
  );

  test("the CSV holds the same figures", async () => {
    const { headers, body } = await get("/reports/conservation.csv?from=2026-11-20T00:00:00Z");
    expect(headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(body.split("\n").slice(0, 2)).toEqual([
      "day,stage,opening,in,out,closing,residue",
      "2026-11-20,new,0,3,0,3,0",
    ]);
  });
});

describe("GET /reports/funnel", () => {
  test("groups by source, with the question repeated", async () => {
    const { body } = await get("/reports/funnel?groupBy=source&knowledge=then");
    expect(body).toMatchObject({ report: "funnel", groupBy: "source", knowledge: "then" });
    expect(
      body.rows
        .filter((one: { step: string }) => one.step === "leads-created")
        .map((one: { group: string; count: number }) => [one.group, one.count]),
    ).toEqual([
      ["fair", 1],
      ["web", 2],
    ]);
  });

  test("as CSV a rate without a denominator is an empty cell", async () => {
    const { body } = await get("/reports/funnel.csv?source=web");
    const [header, created, mql] = body.split("\n");
    expect(header.split(",").slice(0, 8)).toEqual([
      "group",
      "step",
      "count",
      "ofStepBefore",
      "ofStepBefore.numerator",
      "ofStepBefore.denominator",
      "ofStepBefore.low",
      "ofStepBefore.high",
    ]);
    expect(created.split(",").slice(0, 6)).toEqual(["", "leads-created", "2", "", "0", "0"]);
    expect(mql.split(",").slice(0, 6)).toEqual(["", "mql", "0", "0", "0", "2"]);
  });
});

describe("every report", () => {
  test(
    "has JSON that is exactly as OpenAPI says, CSV of the same columns, its picture, and a " +
      "line in the list",
    async () => {
      const { body: list } = await get("/reports");
      expect(list.reports.map(({ name }: { name: string }) => name)).toEqual(
        reports.map(({ name }) => name),
      );
      for (const report of reports) {
        const { status, body } = await world.ask("GET", `/reports/${report.name}`);
        expect([report.name, status]).toEqual([report.name, 200]);
        expect(reportSchema(report).safeParse(body).error, report.name).toBeUndefined();
        const csv = await world.ask("GET", `/reports/${report.name}.csv`);
        expect(csv.body.split("\n")[0]).toBe(plainColumns(report).join(","));
        const svg = await world.ask("GET", `/reports/${report.name}.svg`);
        expect([report.name, svg.status]).toEqual([report.name, report.picture ? 200 : 404]);
        if (report.picture) expect(saidBy(svg.body).title).toBe(report.question);
      }
    },
  );

  test("is described with its columns in OpenAPI", async () => {
    const { body } = await world.ask("GET", "/openapi.json");
    for (const { name, columns, picture } of reports) {
      const svg = body.paths[`/reports/${name}.svg`]?.get;
      expect(Object.keys(svg?.responses["200"].content ?? {})).toEqual(
        picture === null ? [] : ["image/svg+xml"],
      );
      if (picture !== null)
        expect(svg.parameters).toEqual(body.paths[`/reports/${name}.csv`].get.parameters);
      const { schema } =
        body.paths[`/reports/${name}`].get.responses["200"].content["application/json"];
      const row = schema.properties.rows.items;
      expect([name, Object.keys(row.properties)]).toEqual([name, Object.keys(columns)]);
      expect(row.properties[Object.keys(columns)[0] ?? ""].description).not.toBe("");
    }
  });

  test("figures about single people are for revops and those who lead, not for marketing", async () => {
    expect((await get("/reports/reps")).status).toBe(403);
    expect((await world.ask("GET", "/reports/reps")).status).toBe(200);
    expect((await get("/reports/reps.svg")).status).toBe(403);
    expect((await world.ask("GET", "/reports/reps.svg")).status).toBe(200);
  });
});

describe("GET /reports/NAME.svg", () => {
  test("is a picture in which nothing runs and only its own style applies", async () => {
    const { status, headers, body } = await get("/reports/funnel.svg?groupBy=source");
    expect(headers.get("cache-control")).toBe("no-store");
    expect([status, headers.get("content-type"), headers.get("x-content-type-options")]).toEqual([
      200,
      "image/svg+xml; charset=utf-8",
      "nosniff",
    ]);
    expect(headers.get("content-disposition")).toBe('inline; filename="funnel.svg"');
    const style = /<style>([^<]*)<\/style>/.exec(body)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(headers.get("content-security-policy")?.split("; ")).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "sandbox",
    ]);
    expect(body).not.toMatch(/ style=| on\w+=|<script|href|url\(/);
  });

  test("draws the figures of the JSON", async () => {
    const { body } = await get("/reports/funnel?groupBy=source");
    const { body: svg } = await get("/reports/funnel.svg?groupBy=source");
    for (const row of body.rows as { group: string; step: string; count: number }[])
      if (row.step === "leads-created")
        expect(saidBy(svg).description).toContain(`${row.group}: leads created ${row.count};`);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(["fair", "web"]));
  });
});

test.each([
  ["/reports/funnel?groupBy=shoe", "groupBy"],
  ["/reports/funnel?colour=red", "colour"],
  ["/reports/funnel?from=yesterday", "from"],
  ["/reports/funnel?knowledge=tomorrow", "knowledge"],
  ["/reports/acceptance?subject=person", "subject"],
  ["/reports/acceptance?subject=-", "subject"],
  ["/reports/funnel?subject=account", "subject"],
  ["/reports/funnel?groupBy=subject", "groupBy"],
  ["/reports/missing-fields?groupBy=band", "groupBy"],
  ["/reports/missing-fields?band=A", "band"],
  ["/reports/pool-reviews?groupBy=source", "groupBy"],
  ["/reports/funnel.svg?groupBy=shoe", "groupBy"],
  ["/reports/funnel.svg?from=yesterday", "from"],
  ["/reports/conservation?from=2026-11-20T00:00:00Z&to=2026-11-19T00:00:00Z", "from"],
  ["/reports/conservation?from=1999-11-20T00:00:00Z", "from"],
])("%s is 422 naming %s", async (path, field) => {
  const { status, body } = await get(path);
  expect([status, body.field]).toEqual([422, field]);
});

test("machines do not read figures", async () => {
  expect((await get("/reports/funnel", "crm")).status).toBe(403);
  expect((await get("/reports/funnel.svg", "crm")).status).toBe(403);
});
