import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { Client } from "@temporalio/client";
import {
  bundleWorkflowCode,
  NativeConnection,
  Runtime,
  Worker,
  DefaultLogger,
} from "@temporalio/worker";
import pino from "pino";
import { createActivities } from "../activities/index.ts";
import { createEffects } from "../activities/effects.ts";
import { effectQueue } from "../activities/effect-queue.ts";
import { patient } from "../activities/patient.ts";
import { agreementOf } from "../agreement/stored.ts";
import { createHouseCrm } from "../crm/house.ts";
import { createKeptMail } from "../mail/kept.ts";
import { createSmtpMail } from "../mail/smtp.ts";
import { createAgreements } from "../store/agreements.ts";
import { crashHook } from "../store/crash-point.ts";
import { openPool } from "../store/db.ts";
import { calmForMs, houseTables } from "../store/house.ts";
import { keepMail } from "../store/mail.ts";
import { startCatchUp } from "./crm-pull.ts";
import { every } from "./every.ts";
import { readWorkerSettings } from "./env.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { processInbox } from "./inbox.ts";
import { startRelay } from "./relay.ts";
import { ensureSchedules } from "./schedules.ts";

/** The worker process: workflows, activities, relay and heartbeat. Ends in order on SIGTERM, SIGINT and SIGHUP. */
async function main(): Promise<void> {
  const settings = readWorkerSettings(process.env);
  const log = pino({ name: "worker", level: settings.LOG_LEVEL });
  Runtime.install({
    logger: new DefaultLogger("WARN", (entry) =>
      log[entry.level === "ERROR" ? "error" : "warn"]({ ...entry.meta }, entry.message),
    ),
  });

  const clock = Date.now;
  const crashPoint = crashHook(settings.BATON_CRASH_AT, () => process.kill(process.pid, "SIGKILL"));
  const onError = (error: Error) =>
    log.warn({ error: error.message }, "a database connection was lost");
  const pool = openPool(settings.DATABASE_URL, { max: 20, onError, isByKey: true });
  const repeatable = openPool(settings.DATABASE_URL, {
    max: 12,
    onError,
    isRepeatable: true,
    isByKey: true,
  });
  const agreements = createAgreements(agreementOf);
  const crm = patient(createHouseCrm(houseTables(repeatable, clock), { calmForMs }));
  const mail = settings.SMTP_URL
    ? createSmtpMail({ url: settings.SMTP_URL, from: settings.MAIL_FROM ?? "" })
    : createKeptMail((message) => keepMail(repeatable, message, clock()));

  const deps = {
    pool,
    repeatable,
    agreements,
    crm,
    mail,
    publicUrl: settings.PUBLIC_URL,
    clock,
    crashPoint,
  };
  const effects = createEffects(deps);
  const queue = effectQueue(deps, effects);

  const connection = await NativeConnection.connect({ address: settings.TEMPORAL_ADDRESS });
  const client = new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE });
  const worker = await Worker.create({
    connection,
    namespace: settings.TEMPORAL_NAMESPACE,
    taskQueue: settings.BATON_TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL("../workflows/index.ts", import.meta.url)),
    }),
    activities: createActivities({ ...deps, client }, effects, queue),
    shutdownGraceTime: "10 seconds",
    // A lead rests for hours between two events; to replay its few dozen events costs less than to keep a thousand of them.
    maxCachedWorkflows: 400,
    ...(settings.BATON_DEPLOYMENT && settings.BATON_BUILD_ID
      ? {
          workerDeploymentOptions: {
            version: {
              deploymentName: settings.BATON_DEPLOYMENT,
              buildId: settings.BATON_BUILD_ID,
            },
            useWorkerVersioning: true,
            defaultVersioningBehavior: "AUTO_UPGRADE" as const,
          },
        }
      : {}),
  });
  const schedules = await ensureSchedules({
    client,
    pool,
    agreements,
    taskQueue: settings.BATON_TASK_QUEUE,
    log,
  });

  const relay = startRelay({
    pool: repeatable,
    databaseUrl: settings.DATABASE_URL,
    client,
    taskQueue: settings.BATON_TASK_QUEUE,
    log,
    clock,
    processInbox: (limit) => processInbox({ pool, agreements, clock, crashPoint }, limit),
    crashPoint,
  });
  const catchUp = startCatchUp({ pool, crm, clock, log });
  const forgotten = every(
    5_000,
    () => queue.lookAround(),
    (error) =>
      log.warn(
        { error: error instanceof Error ? error.name : "unknown" },
        "forgotten effects could not be looked for",
      ),
  );
  const heartbeat = startHeartbeat({
    pool,
    clock,
    id: `${hostname()}:${process.pid}`,
    worker: () => worker.getState() === "RUNNING",
    relay: relay.lastRound,
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.once(signal, () => worker.shutdown());

  log.info({ ready: true, taskQueue: settings.BATON_TASK_QUEUE }, "worker and relay are ready");
  try {
    await worker.run();
  } finally {
    await schedules.stop();
    await catchUp.stop();
    await relay.stop();
    await forgotten.stop();
    await queue.stop();
    await heartbeat.stop();
    await connection.close();
    await pool.end();
    await repeatable.end();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
