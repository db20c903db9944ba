import pg from "pg";
import { readDatabaseUrl } from "./connection.ts";

/** What a server that starts says of itself. */
export type StartingServer =
  | { readonly state: "none" }
  /** It lives, and works off what a crash or a restored backup left to it. */
  | { readonly state: "recovers" }
  /** `data` is its data folder. At its target it waits for somebody to let it go on. */
  | { readonly state: "answers" | "copies" | "waits at its target"; readonly data: string };

/**
 * How far the server behind a connection string has come. `none` while it does not answer or does
 * not let us in; it is asked while the server starts.
 */
export async function startingServer(url: string): Promise<StartingServer> {
  try {
    return await ask(url, async (client) => {
      const { rows } = await client.query<{ data: string; copies: boolean; waits: boolean }>(`
        select current_setting('data_directory') as data, pg_is_in_recovery() as copies,
          pg_is_in_recovery() and pg_get_wal_replay_pause_state() = 'paused' as waits`);
      const { data, copies, waits } = rows[0]!;
      return { state: waits ? "waits at its target" : copies ? "copies" : "answers", data };
    });
  } catch (error) {
    const isStartingUp = error instanceof pg.DatabaseError && error.code === "57P03";
    return { state: isStartingUp ? "recovers" : "none" };
  }
}

/** The version text of a reachable server, e.g. "15.18". Throws the driver's error otherwise. */
export async function serverVersion(url: string): Promise<string> {
  return await ask(url, async (client) => {
    const { rows } = await client.query<{ server_version: string }>("show server_version");
    return rows[0]?.server_version.split(" ")[0] ?? "unknown";
  });
}

/**
 * Makes a database when the server behind `adminUrl` does not have it. `name` is an identifier of
 * ours.
 */
export async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  await ask(adminUrl, async (client) => {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [name]);
    if (!rowCount) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  });
}

async function ask<T>(url: string, question: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    ...readDatabaseUrl(url, 3_000),
    query_timeout: 10_000,
  });
  // A server that goes away between two queries must not end this process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await question(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
