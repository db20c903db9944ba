import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { readDatabaseUrl } from "./connection.ts";
import { readMigrations, type Migration } from "./migrations.ts";
import { judgeSchema, SchemaClosed, type Applied, type SchemaFit } from "./schema.ts";

/**
 * One lock for every Baton that migrates this database; the number is arbitrary and must not
 * change.
 */
export const migrationLock = 7_201_664;

/**
 * Brings a database up to the schema of this version: runs the files `NNNN_name.sql` that it has
 * not seen, in order, each in a transaction of its own. Safe to call from many processes at once:
 * one applies, the others wait and find nothing to do. `log` is told each file applied, and what is
 * waited for. Gives how this version and the database go together then: a newer one may have
 * migrated it.
 * Throws when a file was changed after it was applied, when two files share a number, when the
 * database is for newer code (`SchemaClosed`), or with the database's error and the file's name when
 * one fails (that file leaves nothing behind).
 */
export async function migrate(
  url: string,
  log: (line: string) => void = () => {},
  folder?: string,
): Promise<SchemaFit> {
  const files = readMigrations(folder);
  const client = new pg.Client(readDatabaseUrl(url, 10_000));
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [migrationLock]);
    await client.query(
      "create table if not exists schema_migration (name text primary key, sha256 text not " +
        "null, applied_at timestamptz not null default now(), serves_from text)",
    );
    // `serves_from` is younger than the table.
    const { rows } = await client.query<Applied & { sha256: string }>(
      "select name, sha256, to_jsonb(m)->>'serves_from' as serves_from from schema_migration m",
    );
    const names = files.map((file) => file.name);
    const before = judgeSchema(names, rows);
    if (before.state === "closed") throw new SchemaClosed(before.sentence);
    const applied = new Map(rows.map((row) => [row.name, row.sha256]));
    const changed = files.find(({ name, sha256 }) => (applied.get(name) ?? sha256) !== sha256);
    if (changed)
      throw new Error(
        `migration ${changed.name} was changed after it was applied; restore the file and put ` +
          "the change into a new one",
      );
    const unseen = files.filter(({ name }) => !applied.has(name));
    if (unseen.length > 0) await addServesFrom(client, log);
    for (const file of unseen) {
      await apply(client, file, log);
      log(`applied ${file.name}`);
    }
    const now = unseen.map(({ name, servesFrom }) => ({ name, serves_from: servesFrom }));
    return judgeSchema(names, [...rows, ...now]);
  } finally {
    await client.end();
  }
}

/**
 * How long a lock is waited for, and the pause before the next try. Whoever comes behind one that
 * is waited for waits as well, so it is asked for briefly, again and again for some minutes.
 */
const patience = { lockMs: 1_000, firstPauseMs: 500, longestPauseMs: 5_000, mostTries: 64 };

/** Does in one transaction what needs locks, once they are free. `file`: what needs them. */
async function onceFree(
  client: pg.Client,
  file: string,
  log: (line: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  const { lockMs, firstPauseMs, longestPauseMs, mostTries } = patience;
  for (let tries = 1; ; tries++) {
    try {
      await client.query(`begin; set local lock_timeout = ${lockMs}`);
      await work();
      await client.query("commit");
      return;
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      if (!inTheWay.has((error as { code?: unknown }).code)) throw error;
      if (tries === mostTries)
        throw new Error(
          `${file} changes what another session uses, such as a dump or a transaction that was ` +
            "left open; pg_stat_activity shows it: migrate again when it has ended",
          { cause: error },
        );
      if (tries === 1)
        log(`waiting for what ${file} changes and another session uses, such as a dump`);
      await pause(Math.min(firstPauseMs * tries, longestPauseMs));
    }
  }
}

/** Of Postgres: a lock that was not free in time; a deadlock, of which somebody must give way. */
const inTheWay = new Set<unknown>(["55P03", "40P01"]);

/** Adds the column to a table from before it, and asks for no lock at all where it is. */
async function addServesFrom(client: pg.Client, log: (line: string) => void): Promise<void> {
  await onceFree(client, "the list of migrations", log, async () => {
    const { rowCount } = await client.query(
      "select from pg_attribute where attrelid = 'schema_migration'::regclass and attname = " +
        "'serves_from' and not attisdropped",
    );
    if (!rowCount) await client.query("alter table schema_migration add column serves_from text");
  });
}

async function apply(
  client: pg.Client,
  file: Migration,
  log: (line: string) => void,
): Promise<void> {
  try {
    await onceFree(client, file.name, log, async () => {
      await client.query(file.sql);
      await client.query(
        "insert into schema_migration (name, sha256, serves_from) values ($1, $2, $3)",
        [file.name, file.sha256, file.servesFrom],
      );
    });
  } catch (error) {
    throw new Error(
      `migration ${file.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
