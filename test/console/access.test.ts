import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pages } from "../../api/console/pages.ts";
import { isConsole } from "../../api/console/paths.ts";
import { authorisation } from "../../api/http/authorisation.ts";
import { loginRoles, type LoginWish } from "../../store/access/logins.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, visiting, type Visitor } from "../support/visitor.ts";

let world: PeopleWorld;
const people: Readonly<Record<string, LoginWish>> = {
  operator: { role: "operator" },
  revops: { role: "revops" },
  marketing: { role: "marketing" },
  manager: { role: "manager", repId: "rp_boss" },
  rep: { role: "rep", repId: "rp_one" },
  leader: { role: "leader", party: "marketing", repId: "rp_mark" },
};
beforeAll(async () => {
  world = await peopleWorld();
});
/** Signed in anew, for a form may sign out. */
const as = (role: string): Promise<Visitor> =>
  signedIn({ ...world, now: world.now() }, people[role] ?? { role: "operator" });
afterAll(() => world.close());

const rows = Object.entries(authorisation)
  .map(([key, row]) => ({
    key,
    row,
    method: key.split(" ")[0] ?? "",
    path: key.split(" ")[1] ?? "",
  }))
  .filter(({ path }) => isConsole(path));
const guarded = rows.filter(({ row }) => row !== "public");
const addressOf = (path: string) => path.replace(/\{\w+\}/g, "nothing");

test("no page is wider than the request that it shows", () => {
  for (const [page, request] of Object.entries(pages)) {
    expect(authorisation[request], page).toBeTypeOf("object");
    expect(authorisation[page], page).toEqual(authorisation[request]);
  }
});

test("machines sign in to no page", () => {
  for (const { key, row } of guarded)
    for (const role of ["crm", "tracking"] as const)
      expect(row === "public" ? undefined : row[role], key).toBeUndefined();
});

describe.each(guarded)("$key", ({ method, path, row }) => {
  const ask = (visitor: Pick<Visitor, "get" | "post">, headers?: Record<string, string>) =>
    method === "GET"
      ? visitor.get(addressOf(path), headers)
      : visitor.post(addressOf(path), {}, headers);

  test("leads who is not signed in to the sign-in, a token or not", async () => {
    const bearer = { authorization: `Bearer ${world.token("operator")}` };
    for (const headers of [undefined, bearer]) {
      const answer = await ask(visiting(world), headers);
      if (method === "GET")
        expect([answer.status, answer.location]).toEqual([
          303,
          `/console/in?to=${encodeURIComponent(addressOf(path))}`,
        ]);
      else
        expect([answer.status, answer.text]).toEqual([401, expect.stringContaining("signed out")]);
    }
  });

  test("is open to the roles of its row alone", async () => {
    for (const role of loginRoles) {
      const { status } = await ask(await as(role));
      const isOpen = row !== "public" && row[role] !== undefined;
      if (isOpen) expect(status, role).not.toBe(403);
      else expect(status, role).toBe(403);
    }
  });
});

test("to open a page, or only to ask for its headers, changes no row of any table", async () => {
  const lead = await world.lead("rp_one");
  const visitors = await Promise.all(Object.keys(people).map(as));
  for (const visitor of visitors) expect((await visitor.get("/console/me")).status).toBe(200);
  const before = await everyRow();
  for (const { path } of rows.filter(({ method }) => method === "GET"))
    for (const visitor of visitors)
      for (const given of [lead, "nothing"])
        for (const method of ["GET", "HEAD"])
          await world.app.request(`http://baton.test${path.replace(/\{\w+\}/g, given)}`, {
            method,
            headers: { cookie: `${visitor.cookie.name}=${visitor.cookie.value}` },
          });
  expect(await everyRow()).toEqual(before);
  // And the comparison sees what a form does.
  await visitors[0]?.post("/console/out", {});
  expect(await everyRow()).not.toEqual(before);
});

/** What all tables hold, as one line for each. */
async function everyRow(): Promise<readonly string[]> {
  const tables = await world.pool.query<{ name: string }>(
    "select relname as name from pg_stat_user_tables where schemaname = 'public' order by 1",
  );
  const held = tables.rows.map(async ({ name }) => {
    const { rows } = await world.pool.query<{ hash: string }>(
      `select md5(coalesce(string_agg(t::text, ';' order by t::text), '')) as hash from ${name} t`,
    );
    return `${name} ${rows[0]?.hash}`;
  });
  return Promise.all(held);
}

test("style sheet and script are kept by a browser for ever, under the hash of what they are", async () => {
  const { text } = await visiting(world).get("/console/in");
  const assets = [...text.matchAll(/"(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
  expect(assets.length).toBe(2);
  for (const asset of assets) {
    expect(asset).toMatch(/\.[\w-]{16}\.(?:css|js)$/);
    const { status, headers } = await visiting(world).get(asset, { "accept-encoding": "gzip" });
    expect([status, headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual([
      200,
      "public, max-age=31536000, immutable",
      "nosniff",
    ]);
  }
  expect((await visiting(world).get("/console/assets/console.css")).status).toBe(404);
});

test("the icon is within the page, and nothing else but Baton's own may be shown", async () => {
  const { text, headers } = await visiting(world).get("/console/in");
  const [, icon = ""] = /rel="icon" href="data:image\/svg\+xml,([^"]+)"/.exec(text) ?? [];
  expect(decodeURIComponent(icon)).toMatch(/^<svg [^]+<\/svg>$/);
  expect(headers.get("content-security-policy")?.split("; ")).toEqual([
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "script-src 'self'",
    "connect-src 'self'",
    "trusted-types baton",
    "require-trusted-types-for 'script'",
  ]);
});

test("the API knows no session", async () => {
  const operator = await as("operator");
  expect((await operator.get("/leads")).status).toBe(401);
});
