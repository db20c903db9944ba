import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Client } from "@temporalio/client";
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
} from "@temporalio/worker";
import { pino } from "pino";
import { effectQueue } from "../activities/effect-queue.ts";
import { createEffects } from "../activities/effects.ts";
import { createActivities, type Activities } from "../activities/index.ts";
import { agreementOf } from "../agreement/stored.ts";
import { createHouseCrm } from "../crm/house/house.ts";
import type { Agreement } from "../handoff/agreement.ts";
import { createKeptMail } from "../messages/mail/kept.ts";
import { forgetKept } from "../store/process/calendars.ts";
import { createAgreements, type Agreements } from "../store/process/agreements.ts";
import type { Pool } from "../store/postgres/db.ts";
import { openPools } from "../store/postgres/pools.ts";
import { troubleCacheMs, houseTables } from "../store/house/house.ts";
import { keepMail } from "../store/effects/mail.ts";
import { migrate } from "../store/postgres/migrate.ts";
import { ensureDatabase } from "../store/postgres/probe.ts";
import { routingDispatcher, type RoutingDispatcher } from "../store/routing/dispatcher.ts";
import { processInbox } from "../worker/inbox.ts";
import { startRelay } from "../worker/relay.ts";
import { listenForEffects } from "../worker/wanted-effects.ts";
import type { Subject } from "../handoff/process/words.ts";
import { cpuOfFamily, usageOf } from "./cpu.ts";
import { openForBusiness } from "./opening.ts";
import type { BenchStack } from "./stack.ts";

/**
 * Worker, relay and their drivers in this one process, on the stack's servers and a database
 * of its own.
 */
export interface Process {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly agreement: Agreement;
  readonly agreements: Agreements;
  readonly dispatcher: RoutingDispatcher;
  /** Where the bare workflows of the comparison run, on the same connection. */
  readonly bareQueue: string;
  /**
   * Resolves when this decision about the lead has been taken; rejects after half a minute. Ask
   * before it can have happened.
   */
  decided(kind: keyof Activities, leadId: string): Promise<void>;
  /** Called before each statement with the activity it belongs to; `other` for relay and driver. */
  onStatement(listener: ((activity: string, text: string) => void) | undefined): void;
  /** Processor time so far in milliseconds, by who used it; null where the system does not tell. */
  cpu(): Cpu | null;
  close(): Promise<void>;
}

export interface Cpu {
  readonly node: number;
  readonly postgres: number;
  readonly temporal: number;
}

const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** The workflows of a file beside this one, bundled without a word. */
export async function bundleOf(path: string): Promise<{ code: string }> {
  const workflowsPath = fileURLToPath(new URL(path, import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
  return { code };
}

/** A process has one Temporal runtime, however many workers run in it. */
let isRuntimeInstalled = false;
function installRuntime(): void {
  if (!isRuntimeInstalled) Runtime.install({ logger: new DefaultLogger("ERROR") });
  isRuntimeInstalled = true;
}

/** `cached` limits how many leads' workflows stay in memory; without it the SDK's default holds. */
export async function startProcess(
  stack: BenchStack,
  { cached }: { readonly cached?: number } = {},
): Promise<Process> {
  installRuntime();
  const databaseUrl = await freshDatabase(stack);
  forgetKept();
  const pools = openPools("worker", databaseUrl, { pool: 10, repeatable: 6 });
  const { pool, repeatable, routing } = pools;
  const agreements = createAgreements(agreementOf);
  const connection = await NativeConnection.connect({ address: stack.temporalAddress });
  const client = new Client({ connection, namespace: "default" });

  const within = new AsyncLocalStorage<string>();
  let listener: ((activity: string, text: string) => void) | undefined;
  for (const one of [pool, repeatable])
    watchStatements(one, (text) => listener?.(within.getStore() ?? "other", text));
  const agreement = await openForBusiness(pool);
  const awaited = new Map<string, () => void>();
  const clock = Date.now;
  const deps = {
    pool,
    repeatable,
    routing,
    agreements,
    clock,
    client,
    publicUrl: "http://baton.test",
    crm: createHouseCrm(houseTables(repeatable, clock), { calmForMs: troubleCacheMs }),
    mail: createKeptMail((message) => keepMail(repeatable, message, clock())),
  };
  const effects = createEffects(deps);
  const queue = effectQueue(deps, effects);
  const wanted = listenForEffects({ pool, databaseUrl, queue, clock });
  const activities = watched(createActivities(deps, effects, queue), within, (kind, subject) => {
    const key = `${kind} ${subject}`;
    awaited.get(key)?.();
    awaited.delete(key);
  });

  const tag = randomBytes(3).toString("hex");
  const [taskQueue, bareQueue] = [`lives-${tag}`, `bare-${tag}`];
  const workers = await Promise.all([
    Worker.create({
      connection,
      namespace: "default",
      taskQueue,
      activities,
      workflowBundle: await bundleOf("../workflows/index.ts"),
      ...(cached === undefined ? {} : { maxCachedWorkflows: cached }),
    }),
    Worker.create({
      connection,
      namespace: "default",
      taskQueue: bareQueue,
      workflowBundle: await bundleOf("./bare-workflow.ts"),
    }),
  ]);
  const running = workers.map((worker) => worker.run());
  const relay = startRelay({
    pool: repeatable,
    databaseUrl,
    client,
    taskQueue,
    clock,
    log: pino({ level: "silent" }),
    processInbox: (limit) => processInbox({ pool, agreements, clock }, limit),
  });
  return {
    pool,
    databaseUrl,
    connection,
    client,
    agreement,
    agreements,
    bareQueue,
    dispatcher: routingDispatcher(routing),
    decided: (kind, leadId) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`${leadId} has waited half a minute for ${kind}`)),
          30_000,
        );
        awaited.set(`${kind} ${leadId}`, () => {
          clearTimeout(late);
          resolve();
        });
      }),
    onStatement: (next) => {
      listener = next;
    },
    cpu() {
      const { Postgres = 0, Temporal = 0 } = stack.pids();
      const [postgres, temporal] = [cpuOfFamily(Postgres), usageOf(Temporal)];
      const { user, system } = process.cpuUsage();
      return postgres === null || temporal === null
        ? null
        : { node: (user + system) / 1000, postgres, temporal: temporal.cpuMs };
    },
    async close() {
      await relay.stop();
      await wanted.stop();
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
      await connection.close();
      await pools.end();
    },
  };
}

/** A migrated database of its own on the stack's server, as the owner. */
export async function freshDatabase(stack: BenchStack): Promise<string> {
  const name = `bench_${randomBytes(4).toString("hex")}`;
  await ensureDatabase(stack.databaseUrl, name);
  const url = new URL(stack.databaseUrl);
  url.pathname = `/${name}`;
  await migrate(url.href);
  return url.href;
}

/** Tells of every statement that goes out over the pool's connections. */
function watchStatements(pool: Pool, say: (text: string) => void): void {
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [first] = args;
      say(typeof first === "string" ? first : String((first as { text?: unknown }).text));
      return query(...args);
    }) as typeof client.query;
  });
}

/**
 * The activities, each with its name known to the statements it makes, and told of when it is done.
 */
function watched(
  activities: Activities,
  within: AsyncLocalStorage<string>,
  done: (kind: string, subject: string) => void,
): Activities {
  const entries = Object.entries(activities) as [
    string,
    (...args: unknown[]) => Promise<unknown>,
  ][];
  return Object.fromEntries(
    entries.map(([kind, activity]) => [
      kind,
      async (...args: unknown[]) => {
        const result = await within.run(kind, () => activity(...args));
        const [key] = args as [{ subject?: Subject; id?: string } | undefined];
        done(kind, key?.subject?.id ?? key?.id ?? "");
        return result;
      },
    ]),
  ) as unknown as Activities;
}
