import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { activate } from "../../store/process/agreements.ts";
import { inTransaction, openPool, sql, type Pool } from "../../store/postgres/db.ts";
import { createToken, ensureOperatorToken } from "../../store/access/tokens.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { exampleAgreement } from "./people-world.ts";
import { alwaysOpen } from "./lead-world.ts";
import { run, type Program } from "./program.ts";
import { tracesIn } from "./traces.ts";
import { freshDatabase, temporalServer } from "./world.ts";

export interface Told {
  readonly status: number;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test looks into whatever came back
  readonly body: any;
}
export interface Asked {
  readonly as?: "operator" | "rep";
  readonly body?: unknown;
  readonly form?: FormData;
  readonly headers?: Record<string, string>;
}

/** API and worker as processes of their own, logging all they can, on a database of their own. */
export interface ErasureWorld {
  readonly pool: Pool;
  readonly client: Client;
  readonly webhookSecret: string;
  ask(method: string, path: string, asked?: Asked): Promise<Told>;
  /** Every table and column where one of the words stands, whatever its type. */
  tracesInPostgres(words: readonly string[]): Promise<string[]>;
  /**
   * Ids, memo, search attributes and every decoded payload of every run of the lead's process, as
   * one text.
   */
  temporalText(leadId: string): Promise<string>;
  /** All that both processes have logged so far. */
  logs(): string;
  close(): Promise<void>;
}

const place = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

export async function erasureWorld(): Promise<ErasureWorld> {
  const [database, server] = [await freshDatabase(), await temporalServer()];
  const pool = openPool(database.url, { max: 8 });
  const now = Date.now();
  await inTransaction(pool, (tx) => activate(tx, alwaysOpen(exampleAgreement), "test", now));
  await addReps(pool, now);
  const operator = randomBytes(24).toString("hex");
  await ensureOperatorToken(pool, operator, now);
  const tokens = {
    operator,
    rep: (await createToken(pool, { role: "rep", repId: "rp_one", label: "test" }, now)).secret,
  };
  const webhookSecret = `whsec_${randomBytes(24).toString("base64")}`;
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "/tmp",
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: server.namespace,
    LOG_LEVEL: "trace",
    BATON_TASK_QUEUE: `erasure-${randomBytes(4).toString("hex")}`,
    PORT: "0",
    WEBHOOK_SECRET_HOUSE: webhookSecret,
    BATON_REHEARSE: "yes",
  };
  const start = (file: string) =>
    run(process.execPath, ["--import", "tsx", place(file)], { env, cwd: place("") });
  const [api, worker] = [start("api/server.ts"), start("worker/main.ts")];
  await Promise.all([api.until('"ready":true'), worker.until('"ready":true')]);
  const port = portOf(api);
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace });
  return {
    pool,
    client,
    webhookSecret,
    async ask(method, path, { as = "operator", body, form, headers = {} } = {}) {
      const sent =
        form ??
        (body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${tokens[as]}`,
          ...(form || body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(sent === undefined ? {} : { body: sent }),
      });
      const text = await response.text();
      return {
        status: response.status,
        text,
        body: /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text,
      };
    },
    tracesInPostgres: (words) => tracesIn(pool, words),
    async temporalText(leadId) {
      const texts: string[] = [];
      for await (const one of client.workflow.list({
        query: `WorkflowId = '${leadWorkflowId(leadId)}'`,
      })) {
        const history = await client.workflow.getHandle(one.workflowId, one.runId).fetchHistory();
        texts.push(
          JSON.stringify([one.workflowId, one.memo, one.searchAttributes]),
          readable(one.raw),
          readable(history),
        );
      }
      return texts.join("\n");
    },
    logs: () => [...api.lines, ...worker.lines].join("\n"),
    async close() {
      await connection.close();
      for (const program of [api, worker]) program.signal("SIGTERM");
      await Promise.all([api.exit, worker.exit]);
      await pool.end();
      await database.drop();
    },
  };
}

/** Everything in a protobuf message as text, its payloads decoded. */
function readable(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (Array.isArray(value)) return value.map(readable).join("\n");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([name, inner]) => `${name}: ${readable(inner)}`)
      .join("\n");
  return String(value);
}

function portOf(api: Program): number {
  const line = api.lines.find((one) => one.includes('"ready":true')) ?? "{}";
  return (JSON.parse(line) as { port: number }).port;
}

async function addReps(pool: Pool, now: number): Promise<void> {
  const at = new Date(now);
  await pool.query(
    sql`
      insert into rep (id, name, email, role, updated_at)
        values ('rp_boss', 'The Manager', 'boss@example.com', 'manager', ${at})`,
  );
  for (const id of ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"])
    await pool.query(sql`insert into pool (id, updated_at) values (${id}, ${at})`);
  await pool.query(
    sql`
      insert into rep (id, name, email, manager_id, languages, updated_at)
        values ('rp_one', 'Rep One', 'one@example.com', 'rp_boss', '{en}', ${at})`,
  );
  await pool.query(
    sql`insert into pool_member (pool_id, rep_id, weight) values ('americas-sdr', 'rp_one', 1)`,
  );
}
