import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client, type WorkflowHandle } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { pino } from "pino";
import { createActivities } from "../../activities/index.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createHouseCrm } from "../../crm/house.ts";
import type { ActionName } from "../../handoff/stage.ts";
import { createKeptMail } from "../../mail/kept.ts";
import { noteAction, type ActionBodies } from "../../store/actions.ts";
import { activate, createAgreements } from "../../store/agreements.ts";
import { firstRow, inTransaction, openPool, rows, sql, type Pool } from "../../store/db.ts";
import { houseTables } from "../../store/house.ts";
import { takeIn, type Arrival } from "../../store/intake.ts";
import { keepMail } from "../../store/mail.ts";
import type { LeadRow } from "../../store/subject.ts";
import { leadWorkflowId, updates, type ActionResult } from "../../workflows/contract.ts";
import { processInbox } from "../../worker/inbox.ts";
import { startRelay } from "../../worker/relay.ts";
import { clockOffset, moveClock } from "./moved-clock.ts";
import { freshDatabase, temporal } from "./world.ts";

Runtime.install({ logger: new DefaultLogger("ERROR") });

/**
 * The whole process on real parts: a database of its own, the run's Temporal server, a worker and a relay in this process.
 * Each lead has its own clock on the server, which `pass` moves; the API's clock of an action follows it.
 */
export interface LeadWorld {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly client: Client;
  readonly taskQueue: string;
  /** Takes a lead in and gives its id. Facts of a good lead unless told otherwise. */
  arrive(arrival?: Partial<Arrival>): Promise<string>;
  /** The lead's row once `is` holds; fails after ten seconds with what stands instead. */
  until(leadId: string, is: (lead: LeadRow) => boolean): Promise<LeadRow>;
  lead(leadId: string): Promise<LeadRow>;
  /** Moves the lead's clock; its timers on the way fire. */
  pass(leadId: string, ms: number): Promise<void>;
  /** Moves the lead's clock to a moment, and twenty seconds on: a timer needs room to fire in. */
  passTo(leadId: string, at: number | Date): Promise<void>;
  /** What a person does, as the API sends it. Throws the refusal of a validator. */
  act<A extends ActionName>(
    leadId: string,
    name: A,
    body: ActionBodies[A],
    by?: { by?: string; role?: string; id?: string; receivedAt?: number },
  ): Promise<ActionResult>;
  /** The time of the lead's own clock. */
  now(leadId: string): number;
  handle(leadId: string): WorkflowHandle;
  /** Stage changes in order, without the arrival: `new>mql`. */
  path(leadId: string): Promise<string[]>;
  /** Mails of a lead in order, by template. */
  mails(leadId: string): Promise<{ what: string; repId: string | null; state: string }[]>;
  publish(change: (text: string) => string): Promise<string>;
  restartWorker(): Promise<void>;
  close(): Promise<void>;
}

const example = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8");

/** The example agreement with hours that are always open and no deadline at midnight, so that a test's hour is an hour on any day at any time. */
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
}

export async function leadWorld(options: LeadWorldOptions = {}): Promise<LeadWorld> {
  const database = await freshDatabase();
  const pool = openPool(database.url, { max: 16 });
  const server = await temporal();
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

  const crm = createHouseCrm(houseTables(pool, clock));
  const mail = createKeptMail((message) => keepMail(pool, message, clock()));
  const activities = createActivities({
    pool,
    agreements,
    crm,
    mail,
    publicUrl: "http://baton.test",
    clock,
    client,
  });
  const makeWorker = () =>
    Worker.create({
      connection,
      identity: "test-worker",
      namespace: server.namespace,
      taskQueue,
      workflowBundle: { codePath: server.bundlePath },
      activities,
      ...(options.maxCachedWorkflows === undefined
        ? {}
        : { maxCachedWorkflows: options.maxCachedWorkflows }),
    });
  let worker = await makeWorker();
  let running = worker.run();
  const relay = startRelay({
    pool,
    databaseUrl: database.url,
    client,
    taskQueue,
    log,
    clock,
    processInbox: (limit) => processInbox({ pool, agreements, clock }, limit),
  });

  const now = (leadId: string) => clock() + (offsets.get(leadId) ?? 0);
  const lead = async (leadId: string): Promise<LeadRow> => {
    const row = await firstRow<LeadRow>(pool, sql`select * from lead where id = ${leadId}`);
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
      const [taken] = await inTransaction(pool, (tx) =>
        takeIn(
          tx,
          [
            {
              email: `kim.${randomBytes(4).toString("hex")}@example-customer.com`,
              engagements: [
                {
                  messageId: randomBytes(8).toString("hex"),
                  type: "demo_request",
                  occurredAt: clock() - 60_000,
                },
              ],
              facts: { ...goodFacts, ...facts },
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
        const end = clock() + 10_000;
        ;
        await new Promise((resolve) => setTimeout(resolve, 20))
      ) {
        const row = await lead(leadId);
        if (is(row)) return row;
        if (clock() > end)
          throw new Error(
            `still ${row.stage}, waiting on ${row.waiting_on}, owner ${row.owner_id}, next ${row.next_step} at ${row.next_at?.toISOString()}`,
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
      const noted = await noteAction(pool, {
        id,
        leadId,
        name,
        by,
        role,
        body,
        via: "api",
        receivedAt,
      });
      if (noted.result) return noted.result;
      return client.withDeadline(clock() + 15_000, () =>
        handle(leadId).executeUpdate(updates[name], {
          updateId: id,
          args: [{ id, name, by, role, receivedAt: noted.receivedAt }],
        }),
      );
    },
    async path(leadId) {
      const found = await rows<{ from_stage: string; to_stage: string }>(
        pool,
        sql`
        select from_stage, to_stage from transition where subject_id = ${leadId} and from_stage is not null order by cycle, step, case to_stage when 'opportunity' then 1 else 0 end`,
      );
      return found.map((row) => `${row.from_stage}>${row.to_stage}`);
    },
    async mails(leadId) {
      return rows(
        pool,
        sql`select what, payload->>'repId' as "repId", state from effect where subject_id = ${leadId} and kind = 'mail' order by id`,
      );
    },
    async publish(change) {
      text = change(text);
      return (await inTransaction(pool, (tx) => activate(tx, text, "test", clock()))).id;
    },
    async restartWorker() {
      worker.shutdown();
      await running;
      worker = await makeWorker();
      running = worker.run();
    },
    async close() {
      await relay.stop();
      worker.shutdown();
      await running;
      await connection.close();
      await pool.end();
      await database.drop();
    },
  };
}

async function addReps(pool: Pool, reps: readonly string[]): Promise<void> {
  const at = new Date();
  await pool.query(
    sql`insert into rep (id, name, email, role, updated_at) values ('rp_boss', 'The Manager', 'boss@example.com', 'manager', ${at})`,
  );
  for (const pool_id of ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"])
    await pool.query(sql`insert into pool (id, updated_at) values (${pool_id}, ${at})`);
  for (const id of reps) {
    await pool.query(
      sql`insert into rep (id, name, email, manager_id, languages, updated_at) values (${id}, ${`Rep ${id}`}, ${`${id}@example.com`}, 'rp_boss', '{en}', ${at})`,
    );
    await pool.query(
      sql`insert into pool_member (pool_id, rep_id, weight) values ('americas-sdr', ${id}, 1)`,
    );
  }
}
