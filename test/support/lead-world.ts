import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client, type WorkflowHandle } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { pino } from "pino";
import { effectQueue } from "../../activities/effect-queue.ts";
import { createEffects } from "../../activities/effects.ts";
import { createActivities } from "../../activities/index.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createHouseCrm } from "../../crm/house/house.ts";
import type { ActionName } from "../../handoff/stage.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import type { ActionBodies, Seen } from "../../handoff/process/event.ts";
import { noteAction } from "../../store/process/actions.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { firstRow, inTransaction, rows, sql, type Pool } from "../../store/postgres/db.ts";
import { openPools, type ApiPools } from "../../store/postgres/pools.ts";
import { houseTables } from "../../store/house/house.ts";
import { takeIn, type Arrival } from "../../store/intake/intake.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { decideAction } from "../../store/process/take-action.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import type { LeadRow } from "../../store/process/subject.ts";
import type { ActionResult } from "../../handoff/process/words.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { tasksOfEnded } from "../../worker/ended.ts";
import { every } from "../../worker/every.ts";
import { processInbox } from "../../worker/inbox.ts";
import { startRelay } from "../../worker/relay.ts";
import { resendUnacknowledged } from "../../worker/resend.ts";
import { listenForEffects } from "../../worker/wanted-effects.ts";
import { clockOffset, moveClock } from "./moved-clock.ts";
import { freshDatabase, temporal, workflowBundle } from "./world.ts";

Runtime.install({ logger: new DefaultLogger("ERROR") });

/**
 * The whole process on real parts: a database of its own, the run's Temporal server, a worker and a
 * relay in this process. Each lead has its own clock on the server, which `pass` moves; the API's
 * clock of an action follows it.
 */
export interface LeadWorld {
  readonly pool: Pool;
  /** For an API of the test. */
  readonly pools: ApiPools;
  readonly databaseUrl: string;
  readonly client: Client;
  readonly taskQueue: string;
  /** Takes a lead in and gives its id. Facts of a good lead unless told otherwise. */
  arrive(arrival?: Partial<Arrival>): Promise<string>;
  /** The lead's row once `is` holds; fails after half a minute with what stands instead. */
  until(leadId: string, is: (lead: LeadRow) => boolean): Promise<LeadRow>;
  lead(leadId: string): Promise<LeadRow>;
  /** Moves the lead's clock; its timers on the way fire. */
  pass(leadId: string, ms: number): Promise<void>;
  /** Moves the lead's clock to a moment, and twenty seconds on: a timer needs room to fire in. */
  passTo(leadId: string, at: number | Date): Promise<void>;
  /** What a person does, decided as the API does it; a refusal is a result. */
  act<A extends ActionName>(
    leadId: string,
    name: A,
    body: ActionBodies[A],
    by?: { by?: string; role?: string; id?: string; receivedAt?: number; seen?: Seen },
  ): Promise<ActionResult>;
  /** The time of the lead's own clock. */
  now(leadId: string): number;
  handle(leadId: string): WorkflowHandle;
  /** Stage changes in order, without the arrival: `new>mql`. */
  path(leadId: string): Promise<string[]>;
  /** What was said about a lead, in order, by template; what went out in one mail each by itself. */
  mails(leadId: string): Promise<{ what: string; repId: string | null; state: string }[]>;
  publish(change: (text: string) => string): Promise<string>;
  /** Stops the worker and starts another, with these workflows or with ours. */
  restartWorker(codePath?: string): Promise<void>;
  close(): Promise<void>;
}

const example = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8");

/**
 * The example agreement with hours that are always open and no deadline at midnight, so that a
 * test's hour is an hour on any day at any time.
 */
export function alwaysOpen(text: string): string {
  return text
    .replace("status: same day", "status: 24 hours")
    .replace(/week: \{ mon-fri: \["09:00-17:00"\] \}/, 'week: { mon-sun: ["00:00-24:00"] }')
    .replace(/exceptions: \{ 2026-11-26[^\n]*\n/, "\n");
}

export const goodFacts = {
  "lead.name": "Kim Example",
  "lead.role": "buyer",
  "lead.title": "VP Operations",
  "lead.source": "google",
  "lead.firstTouchAt": "2026-11-01T10:00:00Z",
  "account.name": "Example Ltd",
  "account.domain": "example-customer.com",
  "account.employees": 200,
  "account.industry": "Software",
  "account.country": "US",
} as const;

export interface LeadWorldOptions {
  readonly agreement?: (text: string) => string;
  /** Rep ids of pool americas-sdr with their weights; hours default to the agreement's. */
  readonly reps?: readonly string[];
  readonly maxCachedWorkflows?: number;
  /** Another Temporal server than the run's, which the test may stop. */
  readonly server?: { readonly address: string; readonly namespace: string };
  /** What the relay tells through, instead of the client itself. */
  readonly relayClient?: (client: Client) => Client;
  /** Who has not heard is told again, as the worker process does it, after this time. */
  readonly settlingMs?: number;
}

export async function leadWorld(options: LeadWorldOptions = {}): Promise<LeadWorld> {
  const database = await freshDatabase();
  // The worker, and those who ask the API, each have connections of their own. A test that asks for
  // more at once than a busy machine can do waits; it does not fail.
  const pools = openPools(
    "api",
    database.url,
    { pool: 16, keyed: 16 },
    { connectTimeoutMs: 30_000 },
  );
  const ofWorker = openPools("worker", database.url, { pool: 16, repeatable: 16 });
  const { pool } = pools;
  const working = ofWorker.pool;
  const server = options.server
    ? { ...options.server, bundlePath: await workflowBundle() }
    : await temporal();
  const taskQueue = `leads-${randomBytes(4).toString("hex")}`;
  const connection = await NativeConnection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace, identity: "test-client" });
  const clock = Date.now;
  const log = pino({ level: process.env["LOG_LEVEL"] ?? "silent" });
  const agreements = createAgreements(agreementOf);
  const offsets = new Map<string, number>();
  let text = (options.agreement ?? alwaysOpen)(example);
  await inTransaction(pool, (tx) => activate(tx, text, "test", clock()));
  await addReps(pool, options.reps ?? ["rp_one", "rp_two", "rp_three"]);

  const crm = createHouseCrm(houseTables(working, clock));
  const mail = createKeptMail((message) => keepMail(working, message, clock()));
  const dispatcher = routingDispatcher(pools.routing);
  const deps = {
    pool: working,
    routing: ofWorker.routing,
    agreements,
    crm,
    mail,
    publicUrl: "http://baton.test",
    clock,
    client,
  };
  const effects = createEffects(deps);
  const queue = effectQueue(deps, effects);
  const wanted = listenForEffects({ pool: working, databaseUrl: database.url, queue, clock });
  const activities = createActivities(deps, effects, queue);
  const makeWorker = (codePath = server.bundlePath) =>
    Worker.create({
      connection,
      identity: "test-worker",
      namespace: server.namespace,
      taskQueue,
      workflowBundle: { codePath },
      activities,
      ...(options.maxCachedWorkflows === undefined
        ? {}
        : { maxCachedWorkflows: options.maxCachedWorkflows }),
    });
  let worker = await makeWorker();
  let running = worker.run();
  const relay = startRelay({
    pool: working,
    databaseUrl: database.url,
    client: options.relayClient?.(client) ?? client,
    taskQueue,
    publicUrl: "http://baton.test",
    log,
    clock,
    processInbox: (limit) => processInbox({ pool: working, agreements, clock }, limit),
    onUndeliverable: tasksOfEnded({ pool: working, agreements, clock }),
  });
  const { settlingMs } = options;
  const unheard =
    settlingMs === undefined
      ? null
      : every(
          Math.max(settlingMs / 2, 500),
          async () => {
            await resendUnacknowledged({ pool: working, agreements, client, clock, settlingMs });
          },
          () => undefined,
        );

  const now = (leadId: string) => Math.round(clock() + (offsets.get(leadId) ?? 0));
  const lead = async (leadId: string): Promise<LeadRow> => {
    const row = await firstRow<LeadRow>(
      pool,
      sql`select * from lead_standing where id = ${leadId}`,
    );
    if (!row) throw new Error(`no lead ${leadId}`);
    return row;
  };
  const handle = (leadId: string) => client.workflow.getHandle(leadWorkflowId(leadId));

  const pass = async (leadId: string, ms: number): Promise<void> => {
    await moveClock(client, leadWorkflowId(leadId), ms);
    offsets.set(leadId, await clockOffset(client, leadWorkflowId(leadId)));
  };

  return {
    pool,
    pools,
    client,
    taskQueue,
    lead,
    now,
    handle,
    pass,
    databaseUrl: database.url,
    passTo: (leadId, at) => pass(leadId, Number(at) - now(leadId) + 20_000),
    async arrive(arrival = {}) {
      const { agreement } = (await agreements.active(pool)) ?? {};
      if (!agreement) throw new Error("no agreement");
      const { facts, ...rest } = arrival;
      // Each lead is of a company of its own: who works on one colleague gets the others.
      const company = `customer-${randomBytes(4).toString("hex")}.com`;
      const own = rest.email === undefined ? { "account.domain": company } : {};
      const [taken] = await inTransaction(pool, (tx) =>
        takeIn(
          tx,
          [
            {
              email: `kim@${company}`,
              engagements: [
                {
                  messageId: randomBytes(8).toString("hex"),
                  type: "demo_request",
                  occurredAt: clock() - 60_000,
                },
              ],
              facts: { ...goodFacts, ...own, ...facts },
              ...rest,
            },
          ],
          { now: clock(), from: "form", lane: 1, agreement },
        ),
      );
      if (!taken || !("leadId" in taken)) throw new Error(`not taken in: ${JSON.stringify(taken)}`);
      return taken.leadId;
    },
    async until(leadId, is) {
      for (
        const end = clock() + 30_000;
        ;
        await new Promise((resolve) => setTimeout(resolve, 20))
      ) {
        const row = await lead(leadId);
        if (is(row)) return row;
        if (clock() > end)
          throw new Error(
            `still ${row.stage}, waiting on ${row.waiting_on}, owner ${row.owner_id}, next ` +
              `${row.next_step} at ${row.next_at?.toISOString()}`,
          );
      }
    },
    async act(leadId, name, body, who = {}) {
      const row = await lead(leadId);
      const by = who.by ?? row.owner_id ?? "tn_operator";
      const role =
        who.role ??
        (by.startsWith("rp_") && by !== "rp_boss"
          ? "rep"
          : by === "rp_boss"
            ? "manager"
            : "operator");
      const id = who.id ?? `ax_${randomBytes(8).toString("hex")}`;
      const receivedAt = who.receivedAt ?? now(leadId);
      return decideAction(
        { pool, agreements, dispatcher },
        { kind: "lead", id: leadId },
        async (tx) => {
          await noteAction(tx, {
            id,
            leadId,
            name,
            by,
            role,
            body,
            via: "api",
            receivedAt,
            seen: who.seen ?? null,
          });
          return id;
        },
        () => undefined,
        () => now(leadId),
      );
    },
    async path(leadId) {
      const found = await rows<{ from_stage: string; to_stage: string }>(
        pool,
        sql`
        select from_stage, to_stage from transition where subject_id = ${leadId} and
          from_stage is not null order by cycle, step, case to_stage when 'opportunity' then 1
          else 0 end`,
      );
      return found.map((row) => `${row.from_stage}>${row.to_stage}`);
    },
    async mails(leadId) {
      return rows(
        pool,
        sql`
          select said.what, said."repId", state from effect, lateral (
            select effect.what, payload->>'repId' as "repId", 0 as n
            union all select a->>'what', a->>'repId', n
              from jsonb_array_elements(payload->'also') with ordinality as also(a, n)) said
          where subject_id = ${leadId} and kind = 'mail' order by id, n`,
      );
    },
    async publish(change) {
      text = change(text);
      return (await inTransaction(pool, (tx) => activate(tx, text, "test", clock()))).id;
    },
    async restartWorker(codePath) {
      worker.shutdown();
      await running;
      worker = await makeWorker(codePath);
      running = worker.run();
    },
    async close() {
      await relay.stop();
      await unheard?.stop();
      await wanted.stop();
      worker.shutdown();
      await running;
      await connection.close();
      await Promise.all([pools.end(), ofWorker.end()]);
      await database.drop();
    },
  };
}

async function addReps(pool: Pool, reps: readonly string[]): Promise<void> {
  const at = new Date();
  await pool.query(
    sql`
      insert into rep (id, name, email, role, updated_at)
        values ('rp_boss', 'The Manager', 'boss@example.com', 'manager', ${at})`,
  );
  for (const pool_id of ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"])
    await pool.query(sql`insert into pool (id, updated_at) values (${pool_id}, ${at})`);
  for (const id of reps) {
    await pool.query(
      sql`
        insert into rep (id, name, email, manager_id, languages, updated_at)
          values (${id}, ${`Rep ${id}`}, ${`${id}@example.com`}, 'rp_boss', '{en}', ${at})`,
    );
    await pool.query(
      sql`insert into pool_member (pool_id, rep_id, weight) values ('americas-sdr', ${id}, 1)`,
    );
  }
}
