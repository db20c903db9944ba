import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { intakeRoutes } from "../../../api/intake.ts";
import { importRoutes } from "../../../api/imports.ts";
import { importFrom } from "../../../cli/commands/import-file.ts";
import { seedIfEmpty } from "../../../agreement/seed.ts";
import { openPool, type Pool } from "../../../store/postgres/db.ts";
import { apiWorld } from "../../support/api-world.ts";
import { peopleCsv, peopleMap } from "../../support/import-files.ts";
import { run } from "../../support/program.ts";
import { smallAgreement } from "../../support/small-agreement.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

/** Each of these starts a process of its own, which takes its time on a busy machine. */
const patient = { timeout: 120_000 };

let database: FreshDatabase;
let pool: Pool;
let folder: string;
beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url);
  await seedIfEmpty(pool);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  await pool.query("truncate lead, process, account, outbox, transition, import cascade");
  folder = mkdtempSync(join(tmpdir(), "baton-import-"));
  writeFileSync(join(folder, "map.yaml"), peopleMap);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const write = (content: string) => {
  writeFileSync(join(folder, "leads.csv"), content);
};
const baton = (...args: string[]) =>
  run(
    process.execPath,
    [
      "cli/baton.mjs",
      "import",
      join(folder, "leads.csv"),
      "--map",
      join(folder, "map.yaml"),
      ...args,
    ],
    {
      env: {
        ...(process.env as Record<string, string>),
        DATABASE_URL: database.url,
        BATON_HOME: folder,
      },
    },
  );
const count = async (table: string) =>
  Number((await pool.query(`select count(*)::int as n from ${table}`)).rows[0].n);

test("killed with -9 half way, the same command loses and doubles nothing", patient, async () => {
  write(peopleCsv(6000));
  const first = baton();
  await expect
    .poll(async () => (await pool.query("select rows_done from import")).rows[0]?.rows_done ?? 0, {
      timeout: 60_000,
      interval: 20,
    })
    .toBeGreaterThanOrEqual(1000);
  first.signal("SIGKILL");
  expect(await first.exit).toBeNull();
  const before = await count("lead");
  expect(before).toBeGreaterThanOrEqual(1000);
  expect(before).toBeLessThan(6000);

  const second = baton("--json");
  expect(await second.exit).toBe(0);
  expect(JSON.parse(second.lines.at(-1) ?? "")).toMatchObject({
    rows: 6000,
    created: 6000,
    merged: 0,
    unchanged: 0,
    refused: 0,
    errorsFile: null,
  });
  expect([
    await count("lead"),
    await count("outbox"),
    await count("lead_alias where kind = 'external'"),
    await count("transition"),
  ]).toEqual([6000, 6000, 6000, 6000]);
});

test("stops when a newer version closes the database half way, and goes on when called again", async () => {
  write(peopleCsv(1200));
  await pool.query(`
    create function close_it() returns trigger language plpgsql as $$ begin
      insert into schema_migration (name, sha256, serves_from) values ('9999_less.sql', '', '9999');
      return null; end $$;
    create trigger closing after update on import for each row
      when (old.rows_done = 0 and new.rows_done > 0) execute function close_it()`);
  const order = {
    path: join(folder, "leads.csv"),
    mapPath: join(folder, "map.yaml"),
    mapText: peopleMap,
    dryRun: false,
    json: true,
  };
  const out: string[] = [];
  const io = { out: (line: string) => void out.push(line), err: () => undefined } as never;
  await expect(importFrom(pool, order, io)).rejects.toThrow(
    /leads\.csv: the import stopped, .*call the same command again to go on\. .*9999_less\.sql is for versions/,
  );
  await pool.query(
    "drop function close_it cascade; delete from schema_migration where name = '9999_less.sql'",
  );
  expect(await count("lead")).toBe(500);
  expect(await importFrom(pool, order, io)).toBe(0);
  expect(JSON.parse(out.join(""))).toMatchObject({ rows: 1200, created: 1200 });
  expect(await count("lead")).toBe(1200);
  // Whoever looks at imports knows it by its file and its map.
  expect((await pool.query("select file_name, map_text from import")).rows).toEqual([
    { file_name: "leads.csv", map_text: peopleMap },
  ]);
});

test(
  "bad rows end in FILE.errors.csv, which only this user may read, and in exit code 1",
  patient,
  async () => {
    write(`${peopleCsv(3)}4,x,d@acme.com,lots,Web\n`);
    const program = baton();
    expect(await program.exit).toBe(1);
    expect(program.lines.join("\n")).toMatch(/4 rows: 3 new, 0 known \(0 changed\), 1 refused/);
    const errors = join(folder, "leads.csv.errors.csv");
    expect(readFileSync(errors, "utf8")).toBe(
      "Baton line,Baton column,Baton " +
        'expected,Id,Name,E-mail,Size,Source\n8,Size,"account.employees: expected a number such ' +
        'as 250 or 1,250.5",4,x,d@acme.com,lots,Web\n',
    );
    expect(statSync(errors).mode & 0o777).toBe(0o600);
  },
);

test("a dry run checks and stores nothing", patient, async () => {
  write(peopleCsv(20));
  const program = baton("--dry-run");
  expect(await program.exit).toBe(0);
  expect(program.lines).toEqual(["20 of 20 rows can be taken in; nothing was stored."]);
  expect((await count("lead")) + (await count("import"))).toBe(0);
  expect(existsSync(join(folder, "leads.csv.errors.csv"))).toBe(false);
});

test.each([
  [
    "a column that the file lacks",
    peopleMap.replace("Size:", "Sise:"),
    'the map names the column "Sise", which the file does not have (did you mean "Size"?)',
  ],
  ["a field that the agreement lacks", peopleMap.replace("lead.name", "lead.nmae"), "map.yaml:2"],
])("%s is named, with what was probably meant", patient, async (_, map, words) => {
  write(peopleCsv(1));
  writeFileSync(join(folder, "map.yaml"), map);
  const program = baton();
  expect(await program.exit).toBe(1);
  expect(program.lines.join("\n")).toContain(words);
});

test("through the API with --url and --token it is the same", patient, async () => {
  const world = await apiWorld(smallAgreement, [intakeRoutes, importRoutes]);
  try {
    write(`${peopleCsv(600)}x,y,z@acme.com,lots,Web\n`);
    const program = baton(
      "--url",
      await world.listen(),
      "--token",
      world.token("marketing"),
      "--json",
    );
    expect([await program.exit, program.lines.at(-1)]).toEqual([1, expect.stringMatching(/^\{/)]);
    expect(JSON.parse(program.lines.at(-1) ?? "")).toMatchObject({
      state: "done",
      rows: 601,
      created: 600,
      refused: 1,
    });
    expect(readFileSync(join(folder, "leads.csv.errors.csv"), "utf8")).toContain("lots");
    expect((await world.pool.query("select count(*)::int as n from lead")).rows[0].n).toBe(600);
  } finally {
    await world.close();
  }
});
