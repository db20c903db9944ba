import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { intakeRoutes } from "../../api/intake.ts";
import { reportRoutes } from "../../api/reports.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

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
  test("what was taken in is open or closed, residue 0; without Temporal the processes are unknown, not 0", async () => {
    const { status, body } = await get("/reports/conservation");
    expect([status, body.asOf, body.from]).toEqual([
      200,
      "2026-11-21T12:00:00.000Z",
      "2026-10-22T12:00:00.000Z",
    ]);
    expect(body.totals).toEqual({ takenIn: 3, open: 3, closed: 0, residue: 0 });
    expect(body.days.every((one: { residue: number }) => one.residue === 0)).toBe(true);
    expect([body.withoutOwner, body.withoutNextStep, body.withoutProcess]).toEqual([
      { count: 0, leads: [] },
      { count: 0, leads: [] },
      null,
    ]);
  });

  test("the CSV holds the same figures", async () => {
    const { body } = await get("/reports/conservation.csv?from=2026-11-20T00:00:00Z");
    expect(body.split("\n").slice(0, 2)).toEqual([
      "day,stage,opening,in,out,closing,residue",
      "2026-11-20,new,0,3,0,3,0",
    ]);
  });
});

describe("GET /reports/funnel", () => {
  test("groups by source, with the question repeated", async () => {
    const { body } = await get("/reports/funnel?groupBy=source");
    expect(body.groupBy).toBe("source");
    expect(
      body.groups.map((one: { group: string; leadsCreated: number }) => [
        one.group,
        one.leadsCreated,
      ]),
    ).toEqual([
      ["fair", 1],
      ["web", 2],
    ]);
  });

  test("as CSV a rate without a denominator is an empty cell", async () => {
    const { body } = await get("/reports/funnel.csv?source=web");
    expect(body.split("\n").slice(1, 4)).toEqual([
      ",leads-created,2,,,,,,",
      ",mql,0,0,2,0,0,0.6576198,".replace("0.6576198", body.split("\n")[2].split(",")[7]),
      ",handed-off,0,0,0,,,,",
    ]);
  });
});

test.each([
  ["/reports/funnel?groupBy=shoe", "groupBy"],
  ["/reports/funnel?colour=red", "colour"],
  ["/reports/funnel?from=yesterday", "from"],
  ["/reports/conservation?from=2026-11-20T00:00:00Z&to=2026-11-19T00:00:00Z", "from"],
  ["/reports/conservation?from=1999-11-20T00:00:00Z", "from"],
])("%s is 422 naming %s", async (path, field) => {
  const { status, body } = await get(path);
  expect([status, body.field]).toEqual([422, field]);
});

test("machines do not read figures", async () => {
  expect((await get("/reports/funnel", "crm")).status).toBe(403);
});
