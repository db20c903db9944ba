import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrate } from "../../../store/postgres/migrate.ts";
import { numberOf, readMigrations, servesFrom } from "../../../store/postgres/migrations.ts";
import { emptyDatabase, freshDatabase } from "../../support/world.ts";

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

  test(
    "a newer version that lets older code go on is said; one that does not stops it, and " +
      "nothing is applied",
    async () => {
      write("0001_a.sql", "create table a (id int)");
      write("0002_b.sql", "-- older code may serve from 0001 on\ncreate table b (id int)");
      await run();
      rmSync(join(folder, "0002_b.sql"));
      const old = () => migrate(database.url, () => undefined, folder);
      expect(await old()).toEqual({
        state: "ahead",
        sentence: expect.stringMatching(
          /holds 1 migration .* from 0002_b\.sql on; they let it go on/,
        ),
      });
      write("0002_b.sql", "-- older code may serve from 0001 on\ncreate table b (id int)");
      write("0003_c.sql", "alter table a drop column id");
      await run();
      rmSync(join(folder, "0003_c.sql"));
      rmSync(join(folder, "0002_b.sql"));
      write("0001_z.sql", "create table z (id int)");
      rmSync(join(folder, "0001_a.sql"));
      await expect(old()).rejects.toThrow(
        /0003_c\.sql is for versions that know migration 0003, and this one knows 0001\. Start the version that migrated it/,
      );
      expect(await tables()).not.toContain("z");
    },
  );

  describe("while somebody reads the notes, such as a dump,", () => {
    const clients: pg.Client[] = [];
    const connected = async () => {
      const client = new pg.Client({ connectionString: database.url, statement_timeout: 10_000 });
      await client.connect();
      clients.push(client);
      return client;
    };
    afterEach(async () => {
      for (const client of clients.splice(0)) await client.end();
    });
    const dumping = async () => {
      const client = await connected();
      await client.query("begin; lock table schema_migration in access share mode");
      return client;
    };

    test("an upgrade goes on", async () => {
      write("0001_a.sql", "create table a (id int)");
      await run();
      await dumping();
      write("0002_b.sql", "create table b (id int)");
      expect(await run()).toEqual(["applied 0002_b.sql"]);
    }, 15_000);

    test("one of notes from before waits for its end, and lets others read them", async () => {
      write("0001_a.sql", "create table a (id int)");
      await run();
      const reader = await connected();
      await reader.query("alter table schema_migration drop column serves_from");
      const dump = await dumping();
      write("0002_b.sql", "create table b (id int)");
      const lines: string[] = [];
      let tellWaits = () => {};
      const waits = new Promise<void>((resolve) => {
        tellWaits = resolve;
      });
      const upgrade = migrate(
        database.url,
        (line) => {
          lines.push(line);
          tellWaits();
        },
        folder,
      );
      await waits;
      // Through a try and the pause behind it.
      for (let n = 0; n < 20; n++) {
        expect((await reader.query("select name from schema_migration")).rowCount).toBe(1);
        await reader.query("select pg_sleep(0.05)");
      }
      await dump.query("commit");
      expect((await upgrade).state).toBe("fits");
      expect(lines).toEqual([expect.stringMatching(/^waiting for .* dump$/), "applied 0002_b.sql"]);
    }, 30_000);
  });

  test("a table in use is waited for without stopping those behind, and migrated when it is free", async () => {
    write("0001_a.sql", "create table a (id int); insert into a values (1)");
    await run();
    const client = () => new pg.Client({ connectionString: database.url });
    const [dump, reader] = [client(), client()];
    await Promise.all([dump.connect(), reader.connect()]);
    try {
      await dump.query("begin; lock table a in access share mode");
      write("0002_b.sql", "create table b (id int); alter table a add column name text");
      const lines: string[] = [];
      let tellWaits = () => {};
      const waits = new Promise<void>((resolve) => {
        tellWaits = resolve;
      });
      const upgrade = migrate(
        database.url,
        (line) => {
          lines.push(line);
          tellWaits();
        },
        folder,
      );
      await waits;
      // The patience of the API's statements: through two tries and the pauses behind them.
      await reader.query("set statement_timeout = 2000");
      for (let n = 0; n < 10; n++) {
        expect((await reader.query("select id from a")).rowCount).toBe(1);
        await reader.query("select pg_sleep(0.3)");
      }
      // What a try did before it gave up is undone.
      expect(await tables()).not.toContain("b");
      await dump.query("commit");
      expect((await upgrade).state).toBe("fits");
      expect(lines).toEqual([
        "waiting for what 0002_b.sql changes and another session uses, such as a dump",
        "applied 0002_b.sql",
      ]);
    } finally {
      await Promise.all([dump.end(), reader.end()]);
    }
  }, 30_000);

  test("a database whose notes are from before goes on", async () => {
    write("0001_a.sql", "create table a (id int)");
    await run();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("alter table schema_migration drop column serves_from");
    expect(await run()).toEqual([]);
    write("0002_b.sql", "create table b (id int)");
    expect(await run()).toEqual(["applied 0002_b.sql"]);
    const { rows } = await client.query("select name, serves_from from schema_migration");
    await client.end();
    expect(rows).toEqual([
      { name: "0001_a.sql", serves_from: null },
      { name: "0002_b.sql", serves_from: "0002" },
    ]);
  });

  test.each([
    "-- older code may serve",
    "-- older code may serve from 3 on",
    "-- Older code may serve from 0001 on",
    "-- older code may serve from 0003 on",
    "--older code: fine",
  ])("%s is refused with the form that was expected", async (line) => {
    write("0002_b.sql", `-- Tables.\n${line}\ncreate table b (id int)`);
    await expect(run()).rejects.toThrow(
      /0002_b\.sql: expected "-- older code may serve from NNNN on" .* an earlier one, found/,
    );
  });

  test("whoever adds a migration says which older code may serve beside it", () => {
    const silent = readMigrations().filter(
      ({ name, sql }) => numberOf(name) > "0079" && servesFrom(name, sql) === undefined,
    );
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  test("three that start at once apply each file once", async () => {
    write("0001_a.sql", "create table a (id int); select pg_sleep(0.2)");
    const logs = await Promise.all([run(), run(), run()]);
    expect(logs.flat()).toEqual(["applied 0001_a.sql"]);
  });

  test("what a lead's row said of its process stands in a row of its own afterwards, all of it", async () => {
    const real = fileURLToPath(new URL("../../../store/migrations/", import.meta.url));
    const names = readdirSync(real).sort();
    const upTo = names.findIndex((name) => name.startsWith("0011_"));
    for (const name of names.slice(0, upTo)) copyFileSync(join(real, name), join(folder, name));
    await run();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const at = "2026-11-20T10:00:00Z";
    const process = {
      stage: "renurture",
      stage_since: at,
      waiting_on: "return",
      owner_id: "rp_one",
      queue: "sales-ops",
      next_step: "a return condition",
      next_at: "2026-11-21T10:00:00Z",
      due_at: "2026-11-22T10:00:00Z",
      lead_type: "demo-request",
      band: "B",
      territory: "americas",
      cycle: 3,
      step: 7,
      handoff_id: "ho_1",
      review_at: "2026-11-23T10:00:00Z",
      exit_at: "2026-11-19T10:00:00Z",
      exit_intent: 12.5,
      exit_reason: "timing",
      revisit_on: "2027-01-02",
      closed_reason: "rejected",
      merged_into: "ld_new",
    };
    const lead = {
      id: "ld_old",
      email: "kim@a.com",
      crm_id: "HL-1",
      source: "google",
      campaign: "spring",
      arrived_at: at,
      imported: true,
      merge_into: "ld_new",
    };
    const old = {
      ...lead,
      facts: JSON.stringify({ "lead.title": { value: "CEO", from: "form", at } }),
      ...process,
    };
    await client.query("insert into lead (id, arrived_at, stage_since) values ('ld_new', $1, $1)", [
      at,
    ]);
    await client.query(
      `insert into lead (${Object.keys(old).join(", ")}) values (${Object.keys(old)
        .map((_, n) => `$${n + 1}`)
        .join(", ")})`,
      Object.values(old),
    );
    const before = (
      await client.query("select to_jsonb(l) as row from lead l order by id")
    ).rows.map(({ row }) => row);
    await client.query(
      `
        insert into decision (subject_kind, subject_id, cycle, step, kind, at, input, output,
          result) values ('lead', 'ld_old', 1, 1, 'assess', $1, '{}', '{}', '{}')`,
      [at],
    );

    for (const name of names.slice(upTo)) copyFileSync(join(real, name), join(folder, name));
    await run();
    const after = (
      await client.query("select to_jsonb(l) as row from lead_standing l order by id")
    ).rows.map(({ row }) => row);
    const toldOf = {
      signalled_cycle: 0,
      signalled_step: 0,
      signalled_at: null,
      known_cycle: 0,
      known_step: 0,
    };
    expect(after).toEqual(before.map((row) => ({ ...row, ...toldOf })));
    expect(
      Object.keys((await client.query("select * from lead where id = 'ld_old'")).rows[0]).sort(),
    ).toEqual(
      [
        ...Object.keys(lead),
        "account_id",
        "facts",
        "erased_at",
        "intake_source",
        "intake_campaign",
        "placed",
      ].sort(),
    );
    await expect(client.query("update process set stage = 'lost'")).rejects.toThrow(
      /check constraint/,
    );
    await expect(
      client.query(
        "insert into process (subject_kind, subject_id, stage_since) values ('person', 'x', now())",
      ),
    ).rejects.toThrow(/check constraint/);

    // An account has a process like a lead; a decision is remembered once for its key, those
    // without one as before.
    await client.query(
      "insert into process (subject_kind, subject_id, stage_since) values ('account', " +
        "'ld_old', now())",
    );
    expect((await client.query("select count(*)::int as n from lead_standing")).rows).toEqual([
      { n: 2 },
    ]);
    const decide = (step: number, key: string | null) =>
      client.query(
        "insert into decision (subject_kind, subject_id, cycle, step, kind, at, key) values " +
          "('lead', 'ld_old', 1, $1, 'arrived', now(), $2)",
        [step, key],
      );
    for (const [step, key] of [
      [2, "a"],
      [3, "b"],
      [4, null],
      [5, null],
    ] as const)
      await decide(step, key);
    await expect(decide(6, "a")).rejects.toThrow(/decision_by_key/);
    await client.end();
  });

  test("when a milestone was told comes from the decision that set it, else it was when it happened", async () => {
    const real = fileURLToPath(new URL("../../../store/migrations/", import.meta.url));
    const names = readdirSync(real).sort();
    const upTo = names.findIndex((name) => name.startsWith("0071_"));
    for (const name of names.slice(0, upTo)) copyFileSync(join(real, name), join(folder, name));
    await run();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const [called, heard, won] = [
      "2026-11-20T10:00:00.123Z",
      "2026-11-20T12:00:00.456Z",
      "2026-11-25T09:00:00.000Z",
    ];
    const changes = [
      { do: "open-handoff", handoff: { id: "ho_1" } },
      { do: "set-handoff", set: { firstOutreachAt: Date.parse(called), attempts: 1 } },
    ];
    const facts = { "lead.role": "buyer", "account.techStack": ["crm-a", "crm-b"] };
    await client.query(`
      insert into agreement_version
        (id, number, content, content_hash, state, created_at, created_by)
        values ('ag_1', 1, '', '', 'active', now(), 'test');
      insert into lead (id, arrived_at, source, campaign) values ('ld_1', now(), 'web', 'spring');
      insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
        priority, band, fit, intent, icp, mql_at, first_outreach_at, sal_at, rejection_reason,
        rejection_group)
      values ('ho_1', 'lead', 'ld_1', 1, 'ag_1', 'demo', 'fast', 1, 'A', 1, 1, true, '${called}',
        '${called}', '${heard}', 'wrong-role', 'no-access');
      insert into answer (id, handoff_id, round, kind, by_id, reason, received_at)
        values ('ax_1', 'ho_1', 1, 'reject', 'rp_1', 'wrong-role', '${called}');
      insert into opportunity (id, lead_id, stage, amount_minor, currency, created_at, changed_at,
        won_at) values ('op_1', 'ld_1', 'won', 5, 'USD', '${heard}', '${won}', '${won}')`);
    await client.query(
      `insert into decision (subject_kind, subject_id, cycle, step, kind, at, action_id, situation,
        changes) values ('lead', 'ld_1', 1, 2, 'action', $1, 'ax_1', $2, $3)`,
      [heard, JSON.stringify({ facts }), JSON.stringify(changes)],
    );
    for (const name of names.slice(upTo)) copyFileSync(join(real, name), join(folder, name));
    await run();
    const one = async (text: string) => (await client.query(text)).rows;
    expect(
      await one(`select first_outreach_told_at, sal_told_at, role, tech_stack, signals
        from handoff`),
    ).toEqual([
      {
        first_outreach_told_at: new Date(heard),
        sal_told_at: new Date(heard),
        role: "buyer",
        tech_stack: ["crm-a", "crm-b"],
        signals: null,
      },
    ]);
    expect(await one("select told_at, reason_group from answer")).toEqual([
      { told_at: new Date(heard), reason_group: "no-access" },
    ]);
    expect(
      await one("select stage, amount_minor::int, happened_at from opportunity_stage order by 3"),
    ).toEqual([
      { stage: "open", amount_minor: null, happened_at: new Date(heard) },
      { stage: "won", amount_minor: 5, happened_at: new Date(won) },
    ]);
    expect(await one("select intake_source, intake_campaign from lead")).toEqual([
      { intake_source: "web", intake_campaign: "spring" },
    ]);
    await client.end();
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
