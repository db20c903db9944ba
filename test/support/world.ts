import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { forgetKept } from "../../store/process/calendars.ts";
import {
  urlOfDatabase,
  type BundleAnswer,
  type PostgresAnswer,
  type TemporalAnswer,
} from "./stage.ts";

export type FreshDatabase = {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Ends the pool and removes the database, whoever is still connected. */
  drop(): Promise<void>;
};

/** A database of its own for one test file, migrated, empty: a copy of a template made once. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = await ask<PostgresAnswer>("postgres");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await runOn(server.url, `create database ${name} template ${server.template}`);
  const url = urlOfDatabase(server.url, name);
  const pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 5000 });
  // Dropping the database ends idle connections; that is no failure of the test.
  pool.on("error", () => undefined);
  // What this process knows to be kept stands in the database before.
  forgetKept();
  return {
    url,
    pool,
    async drop() {
      await pool.end();
      await runOn(server.url, `drop database if exists ${name} with (force)`);
    },
  };
}

/** A database without any table, for tests of the migrations themselves. */
export async function emptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = await ask<PostgresAnswer>("postgres");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await runOn(server.url, `create database ${name}`);
  return {
    url: urlOfDatabase(server.url, name),
    drop: () => runOn(server.url, `drop database if exists ${name} with (force)`),
  };
}

/**
 * The run's Temporal server, with the lead search attributes and workflow time skipping switched
 * on (`frontend.WorkflowTimeSkippingEnabled`). Give every test file a task queue of its own.
 */
export async function temporalServer(): Promise<TemporalAnswer> {
  return await ask<TemporalAnswer>("temporal");
}

/**
 * The bundled code of `workflows/index.ts`, for `Worker.create({ workflowBundle: { codePath } })`.
 */
export async function workflowBundle(): Promise<string> {
  return (await ask<BundleAnswer>("bundle")).bundlePath;
}

/** Server and bundle together: what a test that runs workflows needs. */
export async function temporal(): Promise<TemporalAnswer & BundleAnswer> {
  const [server, bundlePath] = await Promise.all([temporalServer(), workflowBundle()]);
  return { ...server, bundlePath };
}

async function ask<T>(part: string): Promise<T> {
  const response = await fetch(`${inject("stage")}/${part}`);
  const answer = await response.text();
  if (!response.ok) throw new Error(`the test ${part} could not be started: ${answer}`);
  return JSON.parse(answer) as T;
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
