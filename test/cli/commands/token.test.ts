import { afterAll, beforeAll, expect, test } from "vitest";
import { loadFirstData } from "../../../cli/stack/first-data.ts";
import { command } from "../../../cli/commands/token.ts";
import { findToken } from "../../../store/access/tokens.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

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
  expect(await findToken(db.pool, made.token, Date.now())).toEqual({
    id: made.id,
    role: "rep",
    party: null,
    repId: "rp_one",
  });
  expect(await run("revoke", made.id)).toBe(`${made.id} is revoked.`);
  expect(await findToken(db.pool, made.token, Date.now())).toBeUndefined();
  expect((await db.pool.query("select what from audit order by id")).rows).toEqual([
    { what: "token.created" },
    { what: "token.revoked" },
  ]);
});

test("tokens are listed with whose they are and until when; those that work no more only with --all", async () => {
  const made = JSON.parse(
    await run("create", "--role", "crm", "--label", "hub", "--expires", "90 days", "--json"),
  ) as { id: string; expires: string };
  expect(Date.parse(made.expires) - Date.now()).toBeGreaterThan(89 * 86_400_000);
  const gone = JSON.parse(await run("create", "--role", "revops", "--label", "old", "--json")) as {
    id: string;
  };
  await run("revoke", gone.id);
  const shown = await run("list");
  expect(shown).toContain(`${made.id}  crm  works, until ${made.expires}`);
  expect(shown).not.toContain(gone.id);
  const all = JSON.parse(await run("list", "--all", "--json")) as { id: string; state: string }[];
  expect(all.find(({ id }) => id === gone.id)).toMatchObject({ state: "revoked", label: "old" });
});

test("first data does not bring a revoked operator token back, and says so", async () => {
  const secret = "bt_operators-own-secret-long-enough";
  expect(await loadFirstData(db.pool, secret)).toBe(true);
  const operator = (
    await db.pool.query<{ id: string }>("select id from token where label = 'npm start'")
  ).rows[0]!;
  await run("revoke", operator.id);
  expect(await loadFirstData(db.pool, secret)).toBe(false);
  expect(await findToken(db.pool, secret, Date.now())).toBeUndefined();
});

test.each([
  [["create", "--label", "x"], "--role is missing; expected one of operator"],
  [["create", "--role", "king", "--label", "x"], '--role is "king"'],
  [["create", "--role", "crm"], "--label is missing"],
  [["create", "--role", "leader", "--label", "x"], "needs the party that it signs for"],
  [["create", "--role", "leader", "--party", "it", "--label", "x"], '--party is "it"'],
  [["create", "--role", "revops", "--party", "sales", "--label", "x"], "signs for no party"],
  [["create", "--role", "rep", "--label", "x"], "needs the id of a person of the roster"],
  [["create", "--role", "rep", "--rep", "rp_no", "--label", "x"], "nobody rp_no in the roster"],
  [["revoke", "tn_none"], "There is no live token tn_none"],
  [["list", "x"], "Say what to do"],
  [
    ["create", "--role", "crm", "--label", "x", "--expires", "soon"],
    '--expires is "soon"; expected a length such as "90 days"',
  ],
  [
    ["create", "--role", "crm", "--label", "x", "--expires", "2020-01-01"],
    "must end in the future",
  ],
  [["revoke"], "Say what to do"],
])("%j is refused in one sentence that says what was expected", async (args, why) => {
  await expect(run(...args)).rejects.toThrow(why);
});
