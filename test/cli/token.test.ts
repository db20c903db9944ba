import { afterAll, beforeAll, expect, test } from "vitest";
import { command } from "../../cli/token.ts";
import { findToken } from "../../store/tokens.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

let db: FreshDatabase;
const before = process.env["DATABASE_URL"];
beforeAll(async () => {
  db = await freshDatabase();
  process.env["DATABASE_URL"] = db.url;
  await db.pool.query(
    "insert into rep (id, name, email, updated_at) values ('rp_one', 'A', 'a@example.com', now())",
  );
});
afterAll(async () => {
  if (before === undefined) delete process.env["DATABASE_URL"];
  else process.env["DATABASE_URL"] = before;
  await db.drop();
});

async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  expect(
    await command.run(args, { out: (line) => lines.push(line), err: (line) => lines.push(line) }),
  ).toBe(0);
  return lines.join("\n");
}

test("a token is made, works, and works no more once revoked", async () => {
  const made = JSON.parse(
    await run("create", "--role", "rep", "--rep", "rp_one", "--label", "phone", "--json"),
  ) as { id: string; token: string };
  expect(await findToken(db.pool, made.token)).toEqual({
    id: made.id,
    role: "rep",
    repId: "rp_one",
  });
  expect(await run("revoke", made.id)).toBe(`${made.id} is revoked.`);
  expect(await findToken(db.pool, made.token)).toBeUndefined();
  expect((await db.pool.query("select what from audit order by id")).rows).toEqual([
    { what: "token.created" },
    { what: "token.revoked" },
  ]);
});

test.each([
  [["create", "--label", "x"], "--role is missing; expected one of operator"],
  [["create", "--role", "king", "--label", "x"], '--role is "king"'],
  [["create", "--role", "crm"], "--label is missing"],
  [["create", "--role", "rep", "--label", "x"], "needs the id of a person of the roster"],
  [["create", "--role", "rep", "--rep", "rp_no", "--label", "x"], "nobody rp_no in the roster"],
  [["revoke", "tn_none"], "There is no live token tn_none"],
  [["list"], "Say what to do"],
  [["revoke"], "Say what to do"],
])("%j is refused in one sentence that says what was expected", async (args, why) => {
  await expect(run(...args)).rejects.toThrow(why);
});
