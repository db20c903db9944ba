import { randomBytes } from "node:crypto";
import { Client, WorkflowNotFoundError, type SignalDefinition } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { pino } from "pino";
import { effectQueue } from "../../activities/effect-queue.ts";
import { createEffects } from "../../activities/effects.ts";
import { createActivities } from "../../activities/index.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createHouseCrm } from "../../crm/house/house.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { ActionName } from "../../handoff/stage.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import type { ActionBodies, Seen } from "../../handoff/process/event.ts";
import { noteAction } from "../../store/process/actions.ts";
import { activate, createAgreements, type Agreements } from "../../store/process/agreements.ts";
import {
  firstRow,
  inTransaction,
  openPool,
  rows,
  sql,
  type Pool,
} from "../../store/postgres/db.ts";
import { openPools } from "../../store/postgres/pools.ts";
import { houseTables } from "../../store/house/house.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { decideAction } from "../../store/process/take-action.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import type { LeadRow } from "../../store/process/subject.ts";
import type { ActionResult } from "../../handoff/process/words.ts";
import { leadOfWorkflowId, leadWorkflowId, type Told } from "../../workflows/contract.ts";
import { lookAtClosed, tasksOfEnded } from "../../worker/ended.ts";
import { every } from "../../worker/every.ts";
import { processInbox } from "../../worker/inbox.ts";
import { startRelay } from "../../worker/relay.ts";
import { listenForEffects } from "../../worker/wanted-effects.ts";
import { clockOffset, moveClock } from "./moved-clock.ts";
import { freshDatabase, temporal } from "./world.ts";

/**
 * Between a timer of a lead and the place where its clock is brought to: longer than firing takes
 * on a busy machine.
 */
const roomForTimer = 30_000;

Runtime.install({ logger: new DefaultLogger("ERROR") });

/**
 * The whole process on real parts in a time of its own. The server gives every execution its own
 * clock; here all of them live through the same weeks: a process begins at the moment its start was
 * written, and news finds it no earlier than the moment it was written. The relay is the real one,
 * speaking through a client that sees to that.
 */
export interface QuarterWorld {
  readonly pool: Pool;
  readonly client: Client;
  readonly taskQueue: string;
  readonly agreements: Agreements;
  /** The time on a process's clock. */
  now(workflowId: string): Instant;
  /**
   * Moves a process's clock to `at`; its timers on the way fire. One that is there already, or has
   * ended, stays.
   */
  bring(workflowId: string, at: Instant): Promise<void>;
  /** Starts a process that is not a lead's at `at`. */
  begin(type: string, workflowId: string, at: Instant, args: readonly unknown[]): Promise<void>;
  /** A process that another one started at this moment of its clock. */
  adopt(workflowId: string, parent: string): void;
  /**
   * The lead, once nothing waits to be told to its process and its process has taken in what it was
   * told.
   */
  settled(leadId: string): Promise<LeadRow>;
  /**
   * What a person does, at the lead's time, decided as the API does it; a refusal is a result. With
   * `seen` it is a click in the CRM, on what its record showed.
   */
  act<A extends ActionName>(
    leadId: string,
    name: A,
    body: ActionBodies[A],
    who: { by: string; role: string },
    seen?: Seen,
  ): Promise<ActionResult>;
  /** Looks at tasks about closed leads, as the worker does now and then. */
  lookAtClosed(now: Instant): Promise<number>;
  /** Called with the lead whenever its process was started or told something. */
  onNews(listen: (leadId: string) => void): void;
  close(): Promise<void>;
}

export async function quarterWorld(agreementText: string, from: Instant): Promise<QuarterWorld> {
  const database = await freshDatabase();
  // As many as may happen at once, and tellings beside them. What happens is not repeated, so it
  // waits its turn.
  const pool = openPool(database.url, { max: 48, connectTimeoutMs: 20_000 });
  const server = await temporal();
  const taskQueue = `quarter-${randomBytes(4).toString("hex")}`;
  const connection = await NativeConnection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace, identity: "test-client" });
  const agreements = createAgreements(agreementOf);
  await inTransaction(pool, (tx) => activate(tx, agreementText, "test", from));

  const offsets = new Map<string, number>();
  const runs = new Map<string, string>();
  const moving = new Map<string, Promise<void>>();
  let listen: (leadId: string) => void = () => undefined;
  // The server keeps nanoseconds; an instant is whole milliseconds.
  const now = (workflowId: string) => Math.round(Date.now() + (offsets.get(workflowId) ?? 0));

  const pass = async (workflowId: string, ms: number): Promise<void> => {
    try {
      await moveClock(client, workflowId, ms);
    } finally {
      // The server is asked: a move may have been cut short, or been carried out without an answer.
      offsets.set(
        workflowId,
        await clockOffset(client, workflowId).catch((error: unknown) => {
          if (isOver(error)) return offsets.get(workflowId) ?? 0;
          throw error;
        }),
      );
    }
  };

  /** One move at a time: a second one would take the place of the first. */
  const move = (workflowId: string, by: () => number | Promise<number>): Promise<void> => {
    const moveOn = async (before: Promise<void> | undefined): Promise<void> => {
      await before;
      const behind = await by();
      if (behind < 500) return;
      await pass(workflowId, behind).catch((error: unknown) => {
        if (!isOver(error)) throw error;
      });
    };
    const moved = moveOn(moving.get(workflowId));
    moving.set(
      workflowId,
      moved.catch(() => undefined),
    );
    return moved;
  };
  const bring = (workflowId: string, at: Instant) =>
    move(workflowId, async () => {
      let place = at;
      // A timer on the way needs room to fire in (moveClock).
      for (const wake of await timersAbout(workflowId, at)) {
        if (wake > place - roomForTimer && wake <= place + 1_000) place = wake + roomForTimer;
      }
      return place - now(workflowId);
    });

  /**
   * When the lead's process may have set a timer, about a time, in order. Of what was decided
   * elsewhere it need not have heard, so it may wait for the time that any earlier decision gave
   * it.
   */
  const timersAbout = async (workflowId: string, at: Instant): Promise<Instant[]> => {
    const leadId = leadOfWorkflowId(workflowId);
    if (leadId === null) return [];
    const found = await rows<{ at: number }>(
      pool,
      sql`
      select distinct (result->>'wakeAt')::float8 as at from decision
      where subject_kind = 'lead' and subject_id = ${leadId} and result->>'wakeAt' is not null
        order by 1`,
    );
    const from = Math.max(at - roomForTimer, now(workflowId));
    return found
      .map((row) => row.at)
      .filter((wake) => wake > from && wake <= at + 10 * roomForTimer);
  };

  /**
   * The clock of a new process stands at today until it is brought to its own time, so its first
   * task waits for that.
   */
  const start = async (
    type: string,
    options: Parameters<Client["workflow"]["start"]>[1] & { workflowId: string },
    at: Instant,
  ) => {
    const { requestEagerStart: _, ...rest } = options;
    const handle = await client.workflow.start(type, {
      ...rest,
      startDelay: Math.max(0, at - Date.now() + 5),
    });
    if (runs.get(options.workflowId) !== handle.firstExecutionRunId) {
      runs.set(options.workflowId, handle.firstExecutionRunId);
      offsets.set(options.workflowId, 0);
    }
    await bring(options.workflowId, at + 10);
    // A skip may be over before what it skipped to has begun; the next one would then leave the
    // lead's first moment behind.
    if (leadOfWorkflowId(options.workflowId)) await taskDone(options.workflowId);
    return handle;
  };

  /**
   * The answer to a query comes after the task under way; the very first task may not be there yet.
   */
  const taskDone = async (workflowId: string): Promise<void> => {
    for (let tries = 0; ; tries++) {
      try {
        return void (await client.workflow.getHandle(workflowId).query("standing"));
      } catch (error) {
        if (isOver(error)) return;
        if (tries > 400 || (error as { cause?: { code?: unknown } }).cause?.code !== 9) throw error;
        // A start that was skipped to and has not fired is woken by one more second.
        if (tries % 40 === 39) await move(workflowId, () => 1_000);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };

  const writtenAt = async (workflowId: string): Promise<Instant> => {
    const row = await firstRow<{ at: Date | null }>(
      pool,
      sql`
        select max(created_at) as at from outbox where workflow_id = ${workflowId}
          and done_at is null`,
    );
    return row?.at?.getTime() ?? 0;
  };
  const onTime = {
    withDeadline: client.withDeadline.bind(client),
    workflow: {
      start: async (type: string, options: Parameters<typeof start>[1]) =>
        start(type, options, await writtenAt(options.workflowId)),
      signalWithStart: async (
        type: string,
        options: Parameters<typeof start>[1] & {
          signal: SignalDefinition<[Told]>;
          signalArgs: [Told];
        },
      ) => {
        const { signal, signalArgs, ...rest } = options;
        const at = await writtenAt(rest.workflowId);
        const handle = client.workflow.getHandle(rest.workflowId);
        if ((await handle.describe()).status.name !== "RUNNING") return start(type, rest, at);
        await bring(rest.workflowId, at);
        // It may have ended on the way.
        await handle.signal(signal, ...signalArgs).catch((error: unknown) => {
          if (!isOver(error)) throw error;
          return start(type, rest, at);
        });
      },
      getHandle: (workflowId: string) => ({
        signal: async (name: string, payload: unknown) => {
          await bring(workflowId, await writtenAt(workflowId));
          await client.workflow.getHandle(workflowId).signal(name, payload);
        },
      }),
    },
  } as unknown as Client;

  const clock = Date.now;
  const log = pino({ level: process.env["LOG_LEVEL"] ?? "silent" });
  // Connections of its own, as the worker has them as a program: who decides for people does not
  // wait behind it.
  const workerPools = openPools("worker", database.url, { pool: 20, repeatable: 12 });
  const { pool: ofWorker, repeatable } = workerPools;
  const deps = {
    ...workerPools,
    agreements,
    client,
    clock,
    publicUrl: "http://baton.test",
    crm: createHouseCrm(houseTables(repeatable, clock)),
    mail: createKeptMail((message) => keepMail(repeatable, message, clock())),
  };
  const routing = openPool(database.url, { max: 2, connectTimeoutMs: 20_000 });
  const dispatcher = routingDispatcher(routing);
  const effects = createEffects(deps);
  const queue = effectQueue(deps, effects);
  const wanted = listenForEffects({ pool: ofWorker, databaseUrl: database.url, queue, clock });
  const activities = createActivities(deps, effects, queue);
  const worker = await Worker.create({
    connection,
    namespace: server.namespace,
    taskQueue,
    workflowBundle: { codePath: server.bundlePath },
    activities,
    maxCachedWorkflows: 600,
  });
  const running = worker.run();
  const relay = startRelay({
    pool: repeatable,
    databaseUrl: database.url,
    client: onTime,
    taskQueue,
    log,
    clock,
    processInbox: (limit) => processInbox({ pool: ofWorker, agreements, clock }, limit),
    // Decided when it was written: a closed lead has no clock of its own.
    onUndeliverable: async (news) => {
      const workflowId = leadWorkflowId(news.leadId);
      const at = Math.max(await writtenAt(workflowId), now(workflowId));
      await tasksOfEnded({ pool: ofWorker, agreements, clock: () => at })(news);
    },
  });
  const reported = new Set<number>();
  const reportNews = async (): Promise<void> => {
    // Numbers are given before a commit: a lower one may come after a higher one.
    const from = Math.max(0, ...reported) - 500;
    const told = await rows<{ id: number; workflow_id: string }>(
      pool,
      sql`select id, workflow_id from outbox where id > ${from} order by id`,
    );
    for (const row of told) {
      const leadId = leadOfWorkflowId(row.workflow_id);
      if (leadId && !reported.has(row.id)) listen(leadId);
      reported.add(row.id);
    }
    for (const id of reported) if (id <= from) reported.delete(id);
  };
  // One look at a time: on a busy machine a look takes longer than the pause.
  const telling = every(50, reportNews, () => undefined);

  return {
    pool,
    client,
    taskQueue,
    agreements,
    now,
    bring,
    begin: async (type, workflowId, at, args) =>
      void (await start(type, { workflowId, taskQueue, args: [...args] }, at)),
    adopt: (workflowId, parent) => void offsets.set(workflowId, offsets.get(parent) ?? 0),
    async settled(leadId) {
      const workflowId = leadWorkflowId(leadId);
      for (const end = Date.now() + 30_000; ;) {
        const waiting = await firstRow<{ message: string; attempts: number; error: string | null }>(
          pool,
          sql`
            select message, attempts, error from outbox where workflow_id = ${workflowId}
              and done_at is null order by id limit 1`,
        );
        if (!waiting) break;
        if (Date.now() > end)
          throw new Error(
            `${workflowId} was not told ${waiting.message} within 30 s, after ` +
              `${waiting.attempts} attempts: ${waiting.error}`,
          );
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await taskDone(workflowId);
      const row = await firstRow<LeadRow>(
        pool,
        sql`select * from lead_standing where id = ${leadId}`,
      );
      if (!row) throw new Error(`no lead ${leadId}`);
      return row;
    },
    lookAtClosed: (at) => lookAtClosed({ pool: ofWorker, agreements, clock: () => at }),
    act(leadId, name, body, { by, role }, seen) {
      const id = `ax_${randomBytes(8).toString("hex")}`;
      const clockOfLead = () => Math.round(now(leadWorkflowId(leadId)));
      const receivedAt = clockOfLead();
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
            via: seen ? "crm" : "api",
            receivedAt,
            seen: seen ?? null,
          });
          return id;
        },
        () => undefined,
        clockOfLead,
      );
    },
    onNews: (does) => {
      listen = does;
    },
    async close() {
      await telling.stop();
      await relay.stop();
      await wanted.stop();
      await queue.stop();
      worker.shutdown();
      await running;
      await connection.close();
      for (const one of [pool, routing, workerPools]) await one.end();
      await database.drop();
    },
  };
}

function isOver(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || (error as { code?: unknown } | null)?.code === 5;
}
