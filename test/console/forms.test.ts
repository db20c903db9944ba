import { request as rawRequest } from "node:http";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../api/app.ts";
import { once, readForm } from "../../api/console/form.tsx";
import { lateAnswer } from "../../api/console/problem.tsx";
import { asking } from "../../api/console/page.tsx";
import { isConsole, paths } from "../../api/console/paths.ts";
import { newRoutes, type AppDeps } from "../../api/deps.ts";
import { authorisation } from "../../api/http/authorisation.ts";
import { Problem, problemCodes, type ProblemCode } from "../../api/http/errors.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { serving, type Serving } from "../support/serving.ts";
import { smallAgreement } from "../support/small-agreement.ts";
import { signedIn, visiting, type Visitor } from "../support/visitor.ts";

/**
 * A page of the console that breaks as it is told, and a form that counts how often it was carried
 * out, under addresses that the table knows.
 */
let carriedOut = 0;
let reached: readonly unknown[] = [];
let breaksWith: unknown;
let holdMs = 0;
function pagesOfTest(deps: AppDeps) {
  const routes = newRoutes();
  routes.get(paths.me, (c) => {
    if (breaksWith !== undefined) throw breaksWith;
    const other = asking(c, "GET /board");
    reached = [c.var.scope, other.var.scope, other.var.caller.repId];
    asking(c, "PUT /roster");
    return c.text("never");
  });
  routes.post(paths.out, async (c) => {
    const form = await readForm(c);
    return once(deps, c, form, async () => {
      await new Promise((done) => setTimeout(done, holdMs));
      if (breaksWith !== undefined) throw breaksWith;
      carriedOut++;
      return `/console/me?n=${carriedOut}`;
    });
  });
  return routes;
}

let world: ApiWorld;
let visitor: Visitor;
let served: Serving;
const now = Date.parse("2026-11-20T12:00:00Z");
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [pagesOfTest]);
  visitor = await signedIn({ ...world, now }, { role: "operator" });
  served = await serving(world.app);
});
afterAll(async () => {
  served.close();
  await world.close();
});

const begin = () => {
  carriedOut = 0;
  breaksWith = undefined;
  holdMs = 0;
};
const key = (n: number) => n.toString(16).padStart(32, "0");

test("a page that asks another request reaches as far as its reader does there, and no further", async () => {
  begin();
  await world.pool.query(
    `insert into rep (id, name, email, role, updated_at)
      values ('rp_boss', 'Person', 'boss@example.com', 'manager', now())`,
  );
  const boss = await signedIn({ ...world, now }, { role: "manager", repId: "rp_boss" });
  expect((await boss.get(paths.me)).status).toBe(403);
  expect(reached).toEqual(["all", "team", "rp_boss"]);
});

describe("a form is carried out once for its key", () => {
  test("a double click waits for the first and is led where it leads", async () => {
    begin();
    holdMs = 300;
    const both = await Promise.all([
      visitor.post(paths.out, { key: key(1) }),
      visitor.post(paths.out, { key: key(1) }),
    ]);
    expect(both.map(({ status, location }) => [status, location])).toEqual([
      [303, "/console/me?n=1"],
      [303, "/console/me?n=1"],
    ]);
    const again = await visitor.post(paths.out, { key: key(1) });
    expect([again.location, carriedOut]).toEqual(["/console/me?n=1", 1]);
  });

  test("another form under the same key is refused, a new key is a new form", async () => {
    begin();
    await visitor.post(paths.out, { key: key(2), note: "one" });
    const other = await visitor.post(paths.out, { key: key(2), note: "two" });
    expect([other.status, other.text]).toEqual([422, expect.stringContaining("sent before")]);
    await visitor.post(paths.out, { key: key(3), note: "one" });
    expect(carriedOut).toBe(2);
  });

  test("what was refused may be sent again under the same key", async () => {
    begin();
    breaksWith = new Problem("invalid", { field: "day", detail: "expected: a day" });
    expect((await visitor.post(paths.out, { key: key(4) })).status).toBe(422);
    breaksWith = undefined;
    expect((await visitor.post(paths.out, { key: key(4) })).status).toBe(303);
    expect(carriedOut).toBe(1);
  });

  test.each([[""], ["x"], ["A".repeat(32)], [`${key(1)}0`]])("%j is no key", async (wrong) => {
    begin();
    expect((await visitor.post(paths.out, { key: wrong })).status).toBe(422);
    expect(carriedOut).toBe(0);
  });
});

describe("a form that no page of ours sent is refused and does nothing", () => {
  test.each([
    ["no origin at all", { origin: "" }],
    ["an origin that is hidden", { origin: "null" }],
    ["another site", { origin: "https://evil.example" }],
    ["a name that begins as ours", { origin: "http://baton.test.evil.example" }],
    ["our name on another port", { origin: "http://baton.test:8080" }],
    ["our name by TLS", { origin: "https://baton.test" }],
    ["a browser that says same-site", { "sec-fetch-site": "same-site" }],
    ["a browser that says cross-site", { "sec-fetch-site": "cross-site" }],
    ["a browser that says the user typed it", { "sec-fetch-site": "none" }],
  ])("%s", async (_, headers) => {
    begin();
    const answer = await visitor.post(paths.out, {}, headers);
    expect([answer.status, carriedOut]).toEqual([403, 0]);
    expect(answer.headers.get("content-type")).toContain("text/html");
  });

  test("an older browser, which says only the origin, is served", async () => {
    begin();
    const { status } = await visitor.post(paths.out, {}, { "sec-fetch-site": "same-origin" });
    expect(status).toBe(303);
    const response = await world.app.request(`http://baton.test${paths.out}`, {
      method: "POST",
      headers: {
        origin: "http://baton.test",
        cookie: `${visitor.cookie.name}=${visitor.cookie.value}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: `key=${key(9)}`,
    });
    expect(response.status).toBe(303);
  });

  test("every form of the table", async () => {
    const whole = visiting({ app: wholeApp() });
    for (const route of Object.keys(authorisation)) {
      const [method = "", path = ""] = route.split(" ");
      if (method === "GET" || !isConsole(path)) continue;
      const address = path.replace(/\{\w+\}/g, "nothing");
      const { status } = await whole.post(address, {}, { origin: "https://evil.example" });
      expect(status, route).toBe(403);
    }
  });

  test.each([
    ["application/json", "{}", 415],
    ["multipart/form-data; boundary=x", "--x--", 415],
    ["application/x-www-form-urlencoded", `key=${key(5)}&a=${"a".repeat(65_536)}`, 413],
    ["application/x-www-form-urlencoded", `key=${key(6)}&a=%00`, 422],
    ["application/x-www-form-urlencoded", `key=${key(7)}&${"a=1&".repeat(600)}`, 413],
  ])("%s %s is %i", async (type, body, status) => {
    begin();
    const response = await world.app.request(`http://baton.test${paths.out}`, {
      method: "POST",
      headers: {
        origin: "http://baton.test",
        cookie: `${visitor.cookie.name}=${visitor.cookie.value}`,
        "content-type": type,
      },
      body,
    });
    expect([response.status, carriedOut]).toEqual([status, 0]);
    expect(response.headers.get("content-type")).toContain("text/html");
  });
});

/** An app with every route, which is never asked for more than its door. */
function wholeApp() {
  return createApp({
    pool: world.pool,
    keyed: world.pool,
    routing: world.pool,
    agreements: createAgreements(() => smallAgreement),
    temporal: { reachable: () => Promise.resolve(false), close: () => Promise.resolve() },
    clock: () => now,
    publicUrl: "http://baton.test",
    log: pino({ level: "silent" }),
  });
}

describe("behind a socket", () => {
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body = "",
  ): Promise<{ status: number; location: string | undefined }> =>
    new Promise((resolve, reject) => {
      const sent = rawRequest(
        { host: "127.0.0.1", port: served.port, method, path, headers },
        (answer) => {
          answer.resume();
          resolve({ status: answer.statusCode ?? 0, location: answer.headers.location });
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  const page = "/console/nothing?a=b";

  test("a page that was asked for by another host is shown by its own", async () => {
    for (const host of [`localhost:${served.port}`, "evil.example"])
      expect(await ask("GET", page, { host })).toEqual({
        status: 302,
        location: `http://baton.test${page}`,
      });
  });

  test("its own name and the address at which it listens are served", async () => {
    for (const host of ["baton.test", `127.0.0.1:${served.port}`])
      expect((await ask("GET", page, { host })).status).toBe(404);
  });

  test("a proxy that calls it by another name is not sent in a circle", async () => {
    const headers = { host: "api:3000", "x-forwarded-for": "10.0.0.7" };
    expect((await ask("GET", page, headers)).status).toBe(404);
  });

  test("a form is taken from the address at which it listens, and from no other name for it", async () => {
    begin();
    const cookie = `${visitor.cookie.name}=${visitor.cookie.value}`;
    const type = { "content-type": "application/x-www-form-urlencoded", cookie };
    const send = (host: string, n: number) =>
      ask("POST", paths.out, { ...type, host, origin: `http://${host}` }, `key=${key(n)}`);
    expect((await send(`127.0.0.1:${served.port}`, 20)).status).toBe(303);
    expect((await send(`rebound.example:${served.port}`, 21)).status).toBe(403);
    expect(carriedOut).toBe(1);
  });
});

describe("what goes wrong is a page for a person", () => {
  test.each(Object.keys(problemCodes) as ProblemCode[])("%s", async (code) => {
    begin();
    breaksWith = new Problem(code, { detail: "what was wrong, and what was expected" });
    const { status, headers, text, location } = await visitor.get(paths.me);
    if (code === "unauthenticated") {
      expect([status, location]).toEqual([303, "/console/in?to=%2Fconsole%2Fme"]);
      return;
    }
    expect(status).toBe(problemCodes[code][0]);
    expect(headers.get("content-type")).toContain("text/html");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(text).toMatch(/^<!doctype html>.*<h1>.+<\/h1>.*<a [^>]*href="\/console/s);
    if (status === 503) expect(headers.get("retry-after")).toBe("2");
  });

  test("what broke is not told, only logged", async () => {
    begin();
    breaksWith = new TypeError("kim@example.com is not a function");
    const { status, text } = await visitor.get(paths.me);
    expect([status, text.includes("kim@"), text.includes("Something broke")]).toEqual([
      500,
      false,
      true,
    ]);
  });

  test("an address that nothing answers, and one that takes another method", async () => {
    expect((await visitor.get("/console/nothing")).status).toBe(404);
    expect((await visitor.get("/console/out")).status).toBe(405);
  });

  test("a form whose outcome is unknown is offered again, word for word and under its key", async () => {
    begin();
    breaksWith = new Problem("unavailable", { detail: "the database does not answer" });
    const fields = { key: key(30), note: 'two "lines"\n<b>', back: "/console/me" };
    const { status, text } = await visitor.post(paths.out, fields);
    expect(status).toBe(503);
    expect(text).toContain(
      "Not known yet whether it took effect; asking again cannot do it twice.",
    );
    expect(text).toContain(`<form method="post" action="/console/out" data-ask-again="2">`);
    expect(text).toContain(`name="key" value="${key(30)}"`);
    expect(text).toContain(`name="note" value="two &quot;lines&quot;\n&lt;b&gt;"`);
    breaksWith = undefined;
    expect((await visitor.post(paths.out, fields)).status).toBe(303);
  });

  test("so is one that takes too long", async () => {
    begin();
    holdMs = 3_200;
    const late = await visitor.post(paths.out, { key: key(31) });
    expect([late.status, late.text]).toEqual([503, expect.stringContaining("Ask again")]);
    expect(late.headers.get("content-security-policy")).toContain("form-action 'self'");
    const asked = await visitor.post(paths.out, { key: key(31) });
    expect([asked.status, carriedOut]).toEqual([303, 1]);
  });

  test("the way back leads to nowhere else", async () => {
    begin();
    breaksWith = new Problem("conflict", { detail: "it is so" });
    for (const back of ["https://evil.example", "javascript:alert(1)", "//evil.example"]) {
      const { text } = await visitor.post(paths.out, { back });
      expect(text).not.toContain("evil");
      expect(text).not.toContain("javascript:");
    }
    const { text } = await visitor.post(paths.out, { back: "/console/me" });
    expect(text).toContain('href="/console/me"');
  });

  test("of a link in a mail it runs nothing", async () => {
    const request = new Request("http://baton.test/console/offer/x");
    const page = await lateAnswer(
      { publicUrl: "http://baton.test" },
      request,
      new Problem("unavailable", { detail: "no answer in time" }),
    );
    expect(page.headers.get("content-security-policy")).toContain("script-src 'none'");
    expect(await page.text()).not.toContain("<script");
  });
});
