import pg from "pg";
import { readDatabaseUrl } from "./connection.ts";
import { migrationLock } from "./migrate.ts";

/** The role as which worker, API and commands of an embedded database work. */
export const appRole = "baton_app";

/**
 * Lets a role read and write the rows of every table, and nothing else: it owns no table, and the
 * audit trail it can only add to. With a password the role is made where it is not there. To be
 * called by the owner after each migration, for what is new.
 */
export async function grantApp(url: string, role: string, password?: string): Promise<void> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(role))
    throw new RangeError("expected the name of a role: lower-case letters, digits and _");
  const client = new pg.Client(readDatabaseUrl(url, 10_000));
  client.on("error", () => undefined);
  await client.connect();
  try {
    // Two who grant at once would be in each other's way.
    await client.query("select pg_advisory_lock($1)", [migrationLock]);
    const known = await client.query("select from pg_roles where rolname = $1", [role]);
    if (password !== undefined)
      await client.query(
        `${known.rowCount === 1 ? "alter" : "create"} role ${role} login nosuperuser nocreatedb
          nocreaterole noreplication nobypassrls password ${client.escapeLiteral(password)}`,
      );
    else if (known.rowCount !== 1)
      throw new RangeError(`there is no role ${role}; create it first`);
    await client.query(`
      begin;
      grant usage on schema public to ${role};
      grant select, insert, update, delete on all tables in schema public to ${role};
      grant usage on all sequences in schema public to ${role};
      revoke update, delete, truncate, references, trigger on audit from ${role};
      revoke insert, update, delete on schema_migration from ${role};
      commit`);
  } finally {
    await client.end();
  }
}
