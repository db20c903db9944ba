import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { judgeSchema, watchSchema, type SchemaFit } from "../../../store/postgres/schema.ts";
import { schemaOfItsOwn } from "../../../worker/schema.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

const known = ["0001_a.sql", "0002_b.sql"];
const seen = (...applied: [string, string?][]) =>
  applied.map(([name, from]) => ({ name, serves_from: from ?? null }));
const own = seen(["0001_a.sql", "0001"], ["0002_b.sql"]);

test.each<[string, SchemaFit["state"], ReturnType<typeof seen>]>([
  ["the same", "fits", own],
  ["nothing yet", "behind", []],
  ["one fewer", "behind", seen(["0001_a.sql"])],
  ["one more that adds", "ahead", [...own, ...seen(["0003_c.sql", "0002"])]],
  ["one more that adds for older code still", "ahead", [...own, ...seen(["0003_c.sql", "0001"])]],
  ["one more that says nothing", "closed", [...own, ...seen(["0003_c.sql"])]],
  [
    "one that adds, and one that takes away what only older code needs",
    "ahead",
    [...own, ...seen(["0003_c.sql", "0002"], ["0004_d.sql", "0002"])],
  ],
  [
    "one that adds, and one that takes away what this version needs",
    "closed",
    [...own, ...seen(["0003_c.sql", "0002"], ["0004_d.sql", "0003"])],
  ],
  ["fewer, and one more that closes", "closed", seen(["0003_c.sql"])],
  ["fewer, and one more that adds", "behind", seen(["0003_c.sql", "0001"])],
  ["one of an unknown branch below", "ahead", [...own, ...seen(["0001_other.sql"])]],
])("a database with %s is %s", (_, state, applied) => {
  const fit = judgeSchema(known, applied);
  expect(fit.state).toBe(state);
  if (fit.state !== "fits") expect(fit.sentence).toMatch(/^The database h.*\d{4}_\w+\.sql.*\.$/);
});

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

/** Resolves with the next thing that is told. */
function teller<T>() {
  const told: T[] = [];
  let wake = () => {};
  return {
    told,
    tell: (one: T) => {
      told.push(one);
      wake();
    },
    until: async (n: number) => {
      while (told.length < n)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return told;
    },
  };
}
const noted = (name: string, from: string) =>
  database.pool.query(
    "insert into schema_migration (name, sha256, serves_from) values ($1, '', $2)",
    [name, from],
  );
const forget = (name: string) =>
  database.pool.query("delete from schema_migration where name = $1", [name]);

/** The database, as long as it is not away. */
function onAndOff() {
  const line = { isAway: false };
  const db = {
    query: (...given: unknown[]) =>
      line.isAway
        ? Promise.reject(new Error("away"))
        : (database.pool.query as (...a: unknown[]) => Promise<unknown>)(...given),
  } as unknown as typeof database.pool;
  return { line, db };
}
/** Takes the note of the newest migration away; gives what puts it back. */
async function unmigrated() {
  const { rows } = await database.pool.query<{ name: string; sha256: string }>(
    "delete from schema_migration where name = (select max(name) from schema_migration) returning *",
  );
  const [last] = rows;
  return {
    name: last?.name,
    migrate: () =>
      database.pool.query("insert into schema_migration (name, sha256) values ($1, $2)", [
        last?.name,
        last?.sha256,
      ]),
  };
}

test("who watches is told each change once, and keeps what was seen while nobody answers", async () => {
  const { told, tell, until } = teller<string>();
  const { line, db } = onAndOff();
  const watch = await watchSchema(db, (fit) => tell(fit.state), 10);
  expect([told, watch.fit()]).toEqual([["fits"], { state: "fits" }]);
  await noted("9999_more.sql", "0001");
  expect(await until(2)).toEqual(["fits", "ahead"]);
  line.isAway = true;
  await forget("9999_more.sql");
  expect(watch.fit()?.state).toBe("ahead");
  line.isAway = false;
  expect(await until(3)).toEqual(["fits", "ahead", "fits"]);
  await watch.stop();
});

test("who waits for a migration sees it at once, however seldom it looks else", async () => {
  const { told, tell, until } = teller<string>();
  const last = await unmigrated();
  const tenMinutes = 600_000;
  const watch = await watchSchema(database.pool, (fit) => tell(fit.state), tenMinutes);
  expect(told).toEqual(["behind"]);
  await last.migrate();
  expect(await until(2)).toEqual(["behind", "fits"]);
  await watch.stop();
});

test(
  "a worker whose first look fails says so once, and begins when its migrations are seen to be " +
    "there",
  async () => {
    const last = await unmigrated();
    const { line, db } = onAndOff();
    line.isAway = true;
    let looks = 0;
    const counting = {
      query: (...given: Parameters<typeof db.query>) => {
        looks++;
        return db.query(...given);
      },
    } as unknown as typeof db;
    const said = teller<string>();
    const log = { info: said.tell, warn: said.tell } as never;
    const closed = teller<string>();
    let hasBegun = false;
    const begun = schemaOfItsOwn(counting, log, closed.tell, 10).then((watch) => {
      hasBegun = true;
      return watch;
    });
    await vi.waitUntil(() => looks >= 3);
    expect([said.told, hasBegun]).toEqual([
      ["Work begins when the database says which migrations it has seen: Error"],
      false,
    ]);
    line.isAway = false;
    expect((await said.until(2))[1]).toContain(`from ${last.name} on; run \`baton migrate\``);
    expect(hasBegun).toBe(false);
    await last.migrate();
    const watch = await begun;
    expect([watch.fit(), closed.told]).toEqual([{ state: "fits" }, []]);
    await watch.stop();
  },
);

test("a worker begins when its migrations are there, and ends when newer ones close the database", async () => {
  const last = await unmigrated();
  const said = teller<string>();
  const closed = teller<string>();
  const log = { info: said.tell, warn: said.tell } as never;
  let hasBegun = false;
  const begun = schemaOfItsOwn(database.pool, log, closed.tell, 10).then((watch) => {
    hasBegun = true;
    return watch;
  });
  await said.until(1);
  expect([said.told, hasBegun]).toEqual([
    [expect.stringContaining(`from ${last.name} on; run \`baton migrate\``)],
    false,
  ]);
  await last.migrate();
  const watch = await begun;
  expect(closed.told).toEqual([]);
  await noted("9999_less.sql", "9999");
  expect(await closed.until(1)).toEqual([expect.stringContaining("9999_less.sql is for versions")]);
  await watch.stop();
  await forget("9999_less.sql");
});
