import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrate } from "../../store/migrate.ts";
import { emptyDatabase, freshDatabase } from "../support/world.ts";

let database: Awaited<ReturnType<typeof emptyDatabase>>;
let folder: string;

beforeEach(async () => {
  database = await emptyDatabase();
  folder = mkdtempSync(join(tmpdir(), "baton-migrations-"));
});
afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

const write = (name: string, sql: string) => writeFileSync(join(folder, name), sql);

async function run(): Promise<string[]> {
  const lines: string[] = [];
  await migrate(database.url, (line) => lines.push(line), folder);
  return lines;
}

async function tables(): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' order by 1",
  );
  await client.end();
  return rows.map((row) => row.name);
}

describe("migrations", () => {
  test("files are applied in order of their numbers, and only once", async () => {
    write("0002_b.sql", "alter table a add column more text");
    write("0001_a.sql", "create table a (id int)");
    expect(await run()).toEqual(["applied 0001_a.sql", "applied 0002_b.sql"]);
    expect(await run()).toEqual([]);
    write("0003_c.sql", "create table c (id int)");
    expect(await run()).toEqual(["applied 0003_c.sql"]);
  });

  test("a failing file leaves nothing behind, names itself, and can be mended", async () => {
    write("0001_a.sql", "create table a (id int)");
    write("0002_b.sql", "create table b (id int); select nonsense");
    await expect(run()).rejects.toThrow(/migration 0002_b\.sql failed: .*nonsense/);
    expect(await tables()).toEqual(["a", "schema_migration"]);
    write("0002_b.sql", "create table b (id int)");
    expect(await run()).toEqual(["applied 0002_b.sql"]);
  });

  test("an applied file that was edited is refused by name", async () => {
    write("0001_a.sql", "create table a (id int)");
    await run();
    write("0001_a.sql", "create table a (id bigint)");
    await expect(run()).rejects.toThrow(/0001_a\.sql was changed after it was applied/);
  });

  test("two files with one number are refused", async () => {
    write("0001_a.sql", "create table a (id int)");
    write("0001_b.sql", "create table b (id int)");
    await expect(run()).rejects.toThrow(/two migrations have the number 0001/);
  });

  test("three that start at once apply each file once", async () => {
    write("0001_a.sql", "create table a (id int); select pg_sleep(0.2)");
    const logs = await Promise.all([run(), run(), run()]);
    expect(logs.flat()).toEqual(["applied 0001_a.sql"]);
  });

  test("the real migrations apply to an empty database and do nothing the second time", async () => {
    await migrate(database.url);
    const second: string[] = [];
    await migrate(database.url, (line) => second.push(line));
    expect(second).toEqual([]);
  });
});

test("every test file gets a database of its own", async () => {
  const [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
  await one.pool.query("create table mine (id int)");
  const { rows } = await two.pool.query("select to_regclass('mine') as found");
  expect(rows).toEqual([{ found: null }]);
  await Promise.all([one.drop(), two.drop()]);
});
