import pg from "pg";
import { readDatabaseUrl } from "./connection.ts";

/**
 * The data folder of the server behind a connection string, as the server itself reports it.
 * Undefined while it does not answer or does not let us in; it is asked while the server starts.
 */
export async function serverDataFolder(url: string): Promise<string | undefined> {
  return await ask(url, async (client) => {
    const { rows } = await client.query<{ data_directory: string }>("show data_directory");
    return rows[0]?.data_directory;
  }).catch(() => undefined);
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
