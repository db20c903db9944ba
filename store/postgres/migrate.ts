import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { readDatabaseUrl } from "./connection.ts";

const MIGRATIONS = fileURLToPath(new URL("../migrations/", import.meta.url));

/**
 * One lock for every Baton that migrates this database; the number is arbitrary and must not
 * change.
 */
export const migrationLock = 7_201_664;

/**
 * Brings a database up to the schema of this version: runs the files `NNNN_name.sql` that it has
 * not seen, in order, each in a transaction of its own. Safe to call from many processes at once:
 * one applies, the others wait and find nothing to do. `log` is told each file applied.
 * Throws when a file was changed after it was applied, when two files share a number, or with the
 * database's error and the file's name when one fails (that file leaves nothing behind).
 */
export async function migrate(
  url: string,
  log: (line: string) => void = () => {},
  folder = MIGRATIONS,
): Promise<void> {
  const files = readMigrations(folder);
  const client = new pg.Client(readDatabaseUrl(url, 10_000));
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [migrationLock]);
    await client.query(
      "create table if not exists schema_migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())",
    );
    const { rows } = await client.query<{ name: string; sha256: string }>(
      "select name, sha256 from schema_migration",
    );
    const applied = new Map(rows.map((row) => [row.name, row.sha256]));
    for (const file of files) {
      const before = applied.get(file.name);
      if (before === undefined) {
        await apply(client, file);
        log(`applied ${file.name}`);
      } else if (before !== file.sha256) {
        throw new Error(
          `migration ${file.name} was changed after it was applied; restore the file and put the change into a new one`,
        );
      }
    }
  } finally {
    await client.end();
  }
}

/** The names of the files of this version, in order. */
export function migrationNames(folder = MIGRATIONS): readonly string[] {
  const names = readdirSync(folder)
    .filter((name) => /^\d{4}_\w+\.sql$/.test(name))
    .sort();
  const twice = names.find((name, i) => names[i + 1]?.slice(0, 4) === name.slice(0, 4));
  if (twice)
    throw new Error(
      `two migrations have the number ${twice.slice(0, 4)}; give the newer one the next free number`,
    );
  return names;
}

type Migration = { readonly name: string; readonly sql: string; readonly sha256: string };

function readMigrations(folder: string): Migration[] {
  return migrationNames(folder).map((name) => {
    const sql = readFileSync(join(folder, name), "utf8");
    return { name, sql, sha256: createHash("sha256").update(sql).digest("hex") };
  });
}

async function apply(client: pg.Client, file: Migration): Promise<void> {
  try {
    await client.query("begin");
    await client.query(file.sql);
    await client.query("insert into schema_migration (name, sha256) values ($1, $2)", [
      file.name,
      file.sha256,
    ]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw new Error(
      `migration ${file.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
