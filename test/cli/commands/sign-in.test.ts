import { afterAll, beforeAll, expect, test } from "vitest";
import { command } from "../../../cli/commands/sign-in.ts";
import { CommandError } from "../../../cli/command.ts";
import { takeLink } from "../../../store/access/sign-in-links.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

let db: FreshDatabase;
const before = { database: process.env["DATABASE_URL"], url: process.env["PUBLIC_URL"] };
beforeAll(async () => {
  db = await freshDatabase();
  process.env["DATABASE_URL"] = db.url;
  process.env["PUBLIC_URL"] = "https://baton.example";
  await db.pool.query(
    `insert into rep (id, name, email, role, active, updated_at) values
      ('rp_one', 'A', 'a@example.com', 'rep', true, now()),
      ('rp_boss', 'B', 'b@example.com', 'manager', true, now()),
      ('rp_ops', 'C', 'c@example.com', 'marketing', true, now()),
      ('rp_gone', 'D', 'd@example.com', 'rep', false, now())`,
  );
});
afterAll(async () => {
  const put = (name: string, value: string | undefined) =>
    value === undefined ? delete process.env[name] : (process.env[name] = value);
  put("DATABASE_URL", before.database);
  put("PUBLIC_URL", before.url);
  await db.drop();
});

async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
  expect(await command.run(args, io)).toBe(0);
  return lines.join("\n");
}

test.each([
  [[], { role: "operator", repId: null, party: null }],
  [["revops"], { role: "revops", repId: null, party: null }],
  [["rp_one"], { role: "rep", repId: "rp_one", party: null }],
  [["A@Example.com"], { role: "rep", repId: "rp_one", party: null }],
  [["rp_boss"], { role: "manager", repId: "rp_boss", party: null }],
  [["rp_boss", "--party", "sales"], { role: "leader", repId: "rp_boss", party: "sales" }],
  [["leader", "--party", "marketing"], { role: "leader", repId: null, party: "marketing" }],
  // Whoever is known to lead the party.
  [["leader", "--party", "sales"], { role: "leader", repId: "rp_boss", party: "sales" }],
])("%j prints a link that signs in once, as whom it says", async (args, login) => {
  const said = await run(...args);
  const secret = /^https:\/\/baton\.example\/console\/in\/([\w-]{43})$/m.exec(said)?.[1] ?? "";
  expect(said).toContain(`signs in as ${login.role} once, within 10 minutes`);
  expect(await takeLink(db.pool, secret, "a".repeat(32), Date.now())).toMatchObject(login);
  expect(await takeLink(db.pool, secret, "b".repeat(32), Date.now())).toBeUndefined();
});

test("two of one role are told apart by their labels, one is the same login each time", async () => {
  const login = async (...args: string[]) =>
    (JSON.parse(await run("revops", "--json", ...args)) as { login: string }).login;
  expect(await login("--label", "ana")).toBe(await login("--label", "ana"));
  expect(await login("--label", "ana")).not.toBe(await login("--label", "ben"));
});

test("the link is on record, its secret is not", async () => {
  await db.pool.query("delete from sign_in_link");
  const said = await run("rp_one");
  const { rows } = await db.pool.query<{ what: string; actor: string }>(
    "select * from audit order by id desc limit 1",
  );
  expect(rows).toMatchObject([{ what: "sign-in-link.made", actor: "cli" }]);
  const kept = await db.pool.query("select * from sign_in_link");
  expect(kept.rows.length).toBe(1);
  expect(JSON.stringify([rows, kept.rows])).not.toContain(said.split("\n")[0]?.slice(-43));
});

test.each([
  [["crm"], 'no role "crm"'],
  [["rep"], 'no role "rep"'],
  [["boss"], 'no role "boss"'],
  [["leader"], "needs the party"],
  [["revops", "--party", "sales"], "signs for no party"],
  [["leader", "--party", "legal"], "expected marketing or sales"],
  [["rp_gone"], "no active rep or manager"],
  [["rp_gone", "--party", "sales"], "not active"],
  [["rp_ops"], "no active rep or manager"],
  [["rp_none", "--party", "sales"], "nobody rp_none"],
  [["nobody@example.com"], "has this e-mail address"],
  [["d@example.com"], "has this e-mail address"],
  [["rp_one", "rp_boss"], "one person or role"],
])("%j is refused with what was expected", async (args, why) => {
  const refused = await run(...args).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CommandError);
  expect((refused as CommandError).message).toContain(why);
});
