import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../api/app.ts";
import { authorisation } from "../../api/authorisation.ts";
import { newRoutes, type ApiDeps } from "../../api/deps.ts";
import { routeKey } from "../../api/route-key.ts";
import { roles, type Role } from "../../store/tokens.ts";
import { peopleWorld, type Answer, type PeopleWorld, type Persona } from "../support/people-world.ts";

let world: PeopleWorld;
/** Leads by whose they are: the rep's and manager's own, a colleague's in the team, somebody else's, nobody's at all. */
const leads: Record<"own" | "team" | "other" | "missing", string> = { own: "", team: "", other: "", missing: "ld_0000000000zzzzzzzzzz" };
beforeAll(async () => {
  world = await peopleWorld();
  leads.own = await world.lead("rp_one");
  leads.team = await world.lead("rp_two");
  leads.other = await world.lead("rp_other");
});
afterAll(() => world.close());

/** Who speaks for a role: `one` owns `own`, whose manager is `boss`. */
const speaker: Readonly<Record<Role, Persona>> = { operator: "operator", revops: "revops", marketing: "marketing", manager: "boss", rep: "one", crm: "crm", tracking: "tracking" };

const table = Object.entries(authorisation).map(([route, row]) => {
  const [method = "", path = ""] = route.split(" ");
  return { route, method, path, row };
});
const guarded = table.filter(({ row }) => row !== "public");
const aboutLeads = guarded.filter(({ path }) => path.startsWith("/leads/{id}") || path.startsWith("/people/{id}"));

/** An empty object gets past the gate wherever a body is needed, and is refused by the route for a reason of its own. */
const send = (method: string, path: string, as: Persona | null): Promise<Answer> => world.ask(method, path, { as, ...(method === "GET" || method === "DELETE" ? {} : { text: "{}" }) });
const mounted = () => new Set(world.app.routes.filter((route) => route.method !== "ALL").map((route) => routeKey(route.method, route.path)));
const address = (path: string, id = "nothing") => path.replace(/\{\w+\}/g, id);

test("every mounted route has a row, and every row a route", () => {
  expect([...mounted()].filter((route) => !(route in authorisation))).toEqual([]);
  expect(Object.keys(authorisation).filter((route) => !mounted().has(route))).toEqual([]);
});

test("a route without a row keeps the API from starting", () => {
  const stray = (_deps: ApiDeps) => newRoutes().get("/stray/:id", (c) => c.text("open")) as unknown as ReturnType<typeof newRoutes>;
  expect(() => createApp({ pool: world.pool } as unknown as ApiDeps, [stray])).toThrow("no row in api/authorisation.ts: GET /stray/{id}");
});

describe("without a valid token", () => {
  test.each(guarded)("$route is 401", async ({ method, path }) => {
    const answers = [await send(method, address(path), null), await world.ask(method, address(path), { as: null, headers: { authorization: "Bearer baton_wrong" } })];
    for (const answer of answers) expect([answer.status, answer.body.code, answer.headers.get("www-authenticate")]).toEqual([401, "unauthenticated", "Bearer"]);
  });

  test("a revoked token is worth nothing", async () => {
    const { createToken, revokeToken } = await import("../../store/tokens.ts");
    const { id, secret } = await createToken(world.pool, { role: "operator", label: "soon gone" }, world.now());
    const ask = () => world.ask("GET", "/leads", { as: null, headers: { authorization: `Bearer ${secret}` } });
    expect((await ask()).status).toBe(200);
    await revokeToken(world.pool, id, world.now());
    expect((await ask()).status).toBe(401);
  });

  test("Basic is for trackers alone", async () => {
    const basic = { authorization: `Basic ${Buffer.from(`${world.token("operator")}:`).toString("base64")}` };
    expect((await world.ask("GET", "/leads", { as: null, headers: basic })).status).toBe(401);
    expect((await world.ask("POST", "/v1/track", { as: null, text: "{}", headers: { authorization: `Basic ${Buffer.from(`${world.token("tracking")}:`).toString("base64")}` } })).status).toBe(422);
  });
});

describe("a role without an entry", () => {
  test.each(guarded.flatMap(({ route, method, path, row }) => roles.filter((role) => row !== "public" && row[role] === undefined).map((role) => ({ route, method, path, role }))))(
    "$route is 403 for $role, whatever it names", async ({ method, path, role }) => {
      const answers = await Promise.all([leads.own, leads.missing].map((id) => send(method, address(path, id), speaker[role])));
      for (const answer of answers) expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
      expect(answers[0]?.body).toEqual(answers[1]?.body);
    });
});

describe("a role with an entry reaches as far as it says", () => {
  const reaches = { own: ["own"], team: ["own", "team"], all: ["own", "team", "other"] } as const;
  const cases = aboutLeads.flatMap(({ route, method, path, row }) => roles.flatMap((role) => {
    const scope = row === "public" ? undefined : row[role];
    return scope === undefined ? [] : (["own", "team", "other", "missing"] as const).map((whose) => ({ route, method, path, role, whose, inside: (reaches[scope] as readonly string[]).includes(whose) }));
  }));

  // Erasing is real: it is tried on what lies outside, and inside by its own tests.
  test.each(cases.filter(({ method, inside }) => !(method === "DELETE" && inside)))("$route, $role, $whose: inside $inside", async ({ method, path, role, whose, inside }) => {
    // Bodies that are good, so that only the reach decides.
    const good: Readonly<Record<string, unknown>> = {
      outreach: { channel: "call" }, reject: { reason: "unsupported-use-case" }, pause: { reason: "legal-review" },
      "contest-decision": { decision: "uphold" }, "review-decision": { decision: "keep" }, reopen: { why: "a test" },
    };
    const body = method === "GET" || method === "DELETE" ? undefined : method === "PATCH" ? { facts: { "lead.title": "CFO" } } : (good[path.split("/").at(-1) ?? ""] ?? {});
    const answer = await world.ask(method, address(path, leads[whose]), { as: speaker[role], ...(body === undefined ? {} : { body }) });
    if (inside) expect([401, 403, 404]).not.toContain(answer.status);
    else expect([answer.status, answer.body]).toEqual([404, { type: "/docs#not-found", title: expect.any(String), status: 404, code: "not-found", detail: "there is no such object, or you may not see it" }]);
  });

  test("lists hold what is within reach and nothing else", async () => {
    const ids = async (as: Persona) => (await world.ask("GET", "/leads", { as })).body.items.map((item: { id: string }) => item.id);
    expect(await ids("one")).toEqual([leads.own]);
    expect((await ids("boss")).toSorted()).toEqual([leads.own, leads.team].toSorted());
    expect(await ids("chief")).toEqual([leads.other]);
    expect(await ids("operator")).toHaveLength(3);
  });
});

describe("what nobody has described", () => {
  test("an unknown address is 404, a known one with another method 405", async () => {
    expect((await world.ask("GET", "/nowhere")).body).toMatchObject({ status: 404, code: "not-found" });
    const answer = await world.ask("DELETE", "/leads");
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([405, "method-not-allowed", "expected: GET or POST"]);
  });
});
