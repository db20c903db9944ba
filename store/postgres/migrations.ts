import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MIGRATIONS = fileURLToPath(new URL("../migrations/", import.meta.url));

/** One file of the schema. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
  /**
   * Code that knows the migration of this number may serve beside this one, although it does not
   * know it; a file that does not say so is for code that knows it.
   */
  readonly servesFrom: string;
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

/** The files of this version, in order. */
export function readMigrations(folder = MIGRATIONS): readonly Migration[] {
  return migrationNames(folder).map((name) => {
    const sql = readFileSync(join(folder, name), "utf8");
    const sha256 = createHash("sha256").update(sql).digest("hex");
    return { name, sql, sha256, servesFrom: servesFrom(name, sql) ?? numberOf(name) };
  });
}

/** The number of a migration by its name. */
export function numberOf(name: string): string {
  return name.slice(0, 4);
}

/**
 * What a file says about code that does not know it; undefined when it says nothing. Throws when it
 * says it in another form.
 */
export function servesFrom(name: string, sql: string): string | undefined {
  const line = sql.split(/\r?\n/).find((one) => /^--\s*older code/i.test(one));
  if (line === undefined) return undefined;
  const from = /^-- older code may serve from (\d{4}) on$/.exec(line)?.[1];
  if (from === undefined || from > numberOf(name))
    throw new Error(
      `migration ${name}: expected "-- older code may serve from NNNN on" with the number of ` +
        `this migration or an earlier one, found ${JSON.stringify(line)}`,
    );
  return from;
}
