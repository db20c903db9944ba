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
      "create table if not exists schema_migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now(), serves_from text)",
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
        `migration ${changed.name} was changed after it was applied; restore the file and put the change into a new one`,
      );
    const unseen = files.filter(({ name }) => !applied.has(name));
    if (unseen.length > 0) await addServesFrom(client, log);
    for (const file of unseen) {
      await apply(client, file);
      log(`applied ${file.name}`);
    }
    const now = unseen.map(({ name, servesFrom }) => ({ name, serves_from: servesFrom }));
    return judgeSchema(names, [...rows, ...now]);
  } finally {
    await client.end();
  }
}

const lockMs = 200;
const pauseMs = 500;
const mostTries = 600;

/**
 * Adds the column to a table from before it. Every API reads that table, and would wait behind a
 * lock that is waited for, such as behind a dump: so it is asked for briefly, again and again for
 * some minutes, and not at all where the column is.
 */
async function addServesFrom(client: pg.Client, log: (line: string) => void): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { rowCount } = await client.query(
      "select from pg_attribute where attrelid = 'schema_migration'::regclass and attname = 'serves_from' and not attisdropped",
    );
    if (rowCount) return;
    try {
      await client.query(
        `begin; set local lock_timeout = ${lockMs}; alter table schema_migration add column serves_from text; commit`,
      );
      return;
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      if ((error as { code?: unknown }).code !== lockNotAvailable) throw error;
      if (tries === mostTries)
        throw new Error(
          "the table schema_migration is in use by another session, such as a dump; migrate again when that has ended",
          { cause: error },
        );
      if (tries === 1)
        log("waiting for the table schema_migration, which another session uses, such as a dump");
      await pause(pauseMs);
    }
  }
}

const lockNotAvailable = "55P03";

async function apply(client: pg.Client, file: Migration): Promise<void> {
  try {
    await client.query("begin");
    await client.query(file.sql);
    await client.query(
      "insert into schema_migration (name, sha256, serves_from) values ($1, $2, $3)",
      [file.name, file.sha256, file.servesFrom],
    );
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw new Error(
      `migration ${file.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
