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
  leader: { role: "leader", party: "marketing" },
};
const visitors = new Map<string, Visitor>();
beforeAll(async () => {
  world = await peopleWorld();
  for (const [role, wish] of Object.entries(people))
    visitors.set(role, await signedIn({ ...world, now: world.now() }, wish));
});
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
      const { status } = await ask(visitors.get(role) as Visitor);
      const isOpen = row !== "public" && row[role] !== undefined;
      if (isOpen) expect(status, role).not.toBe(403);
      else expect(status, role).toBe(403);
    }
  });
});

test("the API knows no session", async () => {
  const operator = visitors.get("operator") as Visitor;
  expect((await operator.get("/leads")).status).toBe(401);
});
