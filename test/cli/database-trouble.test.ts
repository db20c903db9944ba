import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { main } from "../../cli/main.ts";
import { withPatientPool, withPool } from "../../cli/servers/servers.ts";
import { databaseTrouble } from "../../store/postgres/trouble.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

/** Commands on a database that cannot be used: a sentence with what to change, and no stack. */
let database: FreshDatabase;
let silent: Server;
const held = new Set<Socket>();
const before = process.env["DATABASE_URL"];
const role = "trouble_test";
beforeAll(async () => {
  database = await freshDatabase();
  await database.pool.query(`drop role if exists ${role}`);
  await database.pool.query(`create role ${role} login password 'secret' connection limit 0`);
  silent = createServer((socket) => held.add(socket));
  await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
});
afterEach(() => {
  if (before === undefined) delete process.env["DATABASE_URL"];
  else process.env["DATABASE_URL"] = before;
});
afterAll(async () => {
  for (const socket of held) socket.destroy();
  silent.close();
  await database.pool.query(`drop role if exists ${role}`);
  await database.drop();
});

function changed(change: (url: URL) => void): string {
  const url = new URL(database.url);
  url.search = "";
  change(url);
  return url.href;
}

test.each<[string, () => string, RegExp]>([
  [
    "nobody listens",
    () => changed((url) => (url.port = "1")),
    /^Postgres does not answer \(ECONNREFUSED\); start it, or correct DATABASE_URL/,
  ],
  [
    "no such host",
    () => changed((url) => (url.hostname = "nowhere.invalid")),
    /^Postgres does not answer \((ENOTFOUND|EAI_AGAIN)\)/,
  ],
  [
    "a wrong password",
    () => changed((url) => (url.password = "hunter2")),
    /^Postgres does not take this user with this password; correct DATABASE_URL \(28P01\)\.$/,
  ],
  [
    "no password",
    () => changed((url) => (url.password = "")),
    /^Postgres wants a password; give one in DATABASE_URL/,
  ],
  [
    "no such database",
    () => changed((url) => (url.pathname = "/nowhere")),
    /^Postgres has no such database; .* correct DATABASE_URL \(3D000\)\.$/,
  ],
  [
    "no connection left",
    () => changed((url) => Object.assign(url, { username: role, password: "secret" })),
    /^Postgres has no connection left; raise its max_connections, or lower API_CONN.* \(53300\)\.$/,
  ],
  [
    "a server that says nothing",
    () => changed((url) => (url.port = String((silent.address() as { port: number }).port))),
    /^Postgres does not answer in time; .* add connect_timeout=SECONDS to it\.$/,
  ],
  [
    "a server without TLS",
    () => changed((url) => url.searchParams.set("sslmode", "require")),
    /^Postgres has TLS switched off; .* sslmode=disable in DATABASE_URL\.$/,
  ],
  [
    "a schema that is not there",
    () => changed((url) => (url.pathname = "/postgres")),
    /^Postgres has not the tables of this version; run npx baton migrate \(42P01\)\.$/,
  ],
  ["no address", () => "baton-db", /^DATABASE_URL is not the address of a Postgres database/],
])(
  "%s",
  async (_, url, sentence) => {
    process.env["DATABASE_URL"] = url();
    for (const command of [["token", "list"], ["verify"], ["roster", "export"]]) {
      const lines: string[] = [];
      const io = {
        out: (line: string) => lines.push(line),
        err: (line: string) => lines.push(line),
      };
      expect(await main(command, io)).toBe(1);
      expect(lines, command.join(" ")).toEqual([expect.stringMatching(sentence)]);
      expect(lines.join()).not.toMatch(/hunter2|secret/);
    }
  },
  60_000,
);

test("a copy that takes no writes", async () => {
  process.env["DATABASE_URL"] = changed((url) =>
    url.searchParams.set("options", "-c default_transaction_read_only=on"),
  );
  const lines: string[] = [];
  const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
  expect(await main(["token", "create", "--role", "revops", "--label", "x"], io)).toBe(1);
  expect(lines).toEqual([
    "Postgres is a copy that takes no writes; name the primary server in DATABASE_URL (25006).",
  ]);
});

test("a slow machine does not end what writes or reads all that is stored", async () => {
  const limits = async (open: typeof withPool) =>
    open(database.url, async (pool) => {
      const { rows } = await pool.query<{ statement: string; idle: string }>(
        `select current_setting('statement_timeout') as statement,
           current_setting('idle_in_transaction_session_timeout') as idle`,
      );
      return rows;
    });
  expect(await limits(withPool)).toEqual([{ statement: "10s", idle: "30s" }]);
  expect(await limits(withPatientPool)).toEqual([{ statement: "10min", idle: "10min" }]);
});

test("a statement without an answer is no matter of the address", () => {
  expect(databaseTrouble(new Error("Query read timeout"))).toBe(
    "Postgres took too long over a statement; see what keeps it busy, and try again.",
  );
});
