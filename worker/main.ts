import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { Client } from "@temporalio/client";
import {
  bundleWorkflowCode,
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
} from "@temporalio/worker";
import { createActivities } from "../activities/index.ts";
import { createEffects } from "../activities/effects.ts";
import { sendDigests } from "../activities/reminders.ts";
import { remindResolutions } from "../store/reviews/resolutions.ts";
import { effectQueue } from "../activities/effect-queue.ts";
import { crmWithTimeout } from "../activities/crm-timeout.ts";
import { agreementOf } from "../agreement/stored.ts";
import { createCrm } from "../crm/adapters.ts";
import { createKeptMail } from "../messages/mail/kept.ts";
import { createSmtpMail } from "../messages/mail/smtp.ts";
import { createAgreements } from "../store/process/agreements.ts";
import { tellChanges } from "../store/process/changed.ts";
import { crashHook } from "../store/postgres/crash-point.ts";
import { tellBudget } from "../store/postgres/budget.ts";
import { openPools } from "../store/postgres/pools.ts";
import { schemaOfItsOwn } from "./schema.ts";
import { endWith, processLog } from "../settings/logger.ts";
import { refused, settingsOf, type SettingsOf } from "../settings/settings.ts";
import { keepMail } from "../store/effects/mail.ts";
import { nativeConnection } from "../temporal/native.ts";
import { neededTemporal } from "../temporal/profile.ts";
import type { DaysKept } from "../store/inbox/sweep.ts";
import { keepAccounts, proveAccounts } from "./accounts.ts";
import { startAnchors } from "./anchors.ts";
import { startCatchUp } from "./crm-pull.ts";
import { allOwnWork, followCurrentVersion, type WorkerVersion } from "./current-version.ts";
import { every } from "./every.ts";
import { partsOfProcess, type Parts } from "./parts.ts";
import { keepReadyFile } from "./ready-file.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { executionTimeout } from "./execution-timeout.ts";
import { processInbox } from "./inbox.ts";
import { resendUnacknowledged } from "./resend.ts";
import { listenForEffects } from "./wanted-effects.ts";
import { startRelay } from "./relay.ts";
import { lookAtClosed, tasksOfEnded } from "./ended.ts";
import { ensureSchedules } from "./schedules.ts";
import { sendSignInMails } from "./sign-in-mails.ts";
import type { Pace } from "../store/postgres/pace.ts";
import { keepTallies, ownRound, proveTallies } from "./upkeep.ts";

/**
 * The worker process: workflows, activities, relay and heartbeat. Ends in order on SIGTERM, SIGINT
 * and SIGHUP.
 */
async function main(): Promise<void> {
  const settings = settingsOf("worker", process.env);
  const temporal = neededTemporal("worker", process.env);
  const log = processLog("worker", settings.LOG_LEVEL);
  const logger = new DefaultLogger("WARN", (entry) =>
    log[entry.level === "ERROR" ? "error" : "warn"]({ ...entry.meta }, entry.message),
  );
  // The SDK's own listeners would take a signal and do nothing while there is no worker yet.
  // What its core says would be text of its own beside the lines.
  const filter = makeTelemetryFilterString({ core: "WARN", other: "ERROR" });
  const telemetryOptions = { logging: { forward: {}, filter } };
  Runtime.install({ logger, telemetryOptions, shutdownSignals: [] });

  const clock = Date.now;
  const crashPoint = crashHook(settings.BATON_CRASH_AT, () => process.kill(process.pid, "SIGKILL"));
  const onError = (error: Error) =>
    log.warn({ error: error.message }, "a database connection was lost");
  const parts = partsOfProcess((error) =>
    log.warn({ error: nameOf(error) }, "a part of the worker did not stop"),
  );
  const ending = endOnSignal(parts);
  let isRunning = () => false;
  const { WORKER_READY_FILE: readyFile } = settings;
  if (readyFile !== undefined)
    parts.add(
      keepReadyFile({
        file: readyFile,
        clock,
        isRunning: () => isRunning(),
        failed: (error) =>
          log.warn({ error: nameOf(error) }, "the file WORKER_READY_FILE cannot be written"),
      }),
    );
  const sizes = {
    pool: settings.WORKER_CONNECTIONS,
    repeatable: settings.WORKER_REPEATABLE_CONNECTIONS,
  };
  const pools = openPools("worker", settings.DATABASE_URL, sizes, { onError });
  parts.add({ stop: () => pools.end() });
  const { pool, repeatable, routing } = pools;
  parts.add(tellChanges([pool, repeatable, routing], repeatable));
  parts.add(
    await tellBudget(
      pools.url,
      { worker: sizes },
      (level, sentence, connections) => log[level]({ connections }, sentence),
      (sentence) => {
        log.fatal(sentence);
        process.exit(1);
      },
    ),
  );
  parts.add(
    await schemaOfItsOwn(pool, log, (sentence) => {
      log.fatal(sentence);
      process.exit(1);
    }),
  );
  const agreements = createAgreements(agreementOf);
  const crm = crmWithTimeout(createCrm(settings.CRM, repeatable, clock));
  const mail = settings.SMTP_URL
    ? createSmtpMail({ url: settings.SMTP_URL, from: settings.MAIL_FROM ?? "" })
    : createKeptMail((message) => keepMail(repeatable, message, clock()));

  const deps = {
    pool,
    repeatable,
    routing,
    agreements,
    crm,
    mail,
    publicUrl: settings.PUBLIC_URL,
    mailLinks: settings.MAIL_LINKS,
    clock,
    crashPoint,
  };
  const effects = createEffects(deps);
  const queue = effectQueue(deps, effects);

  const connection = await nativeConnection(temporal);
  parts.add({ stop: () => connection.close() });
  parts.add(queue);
  const { namespace } = temporal;
  const client = new Client({ connection, namespace });
  const version = versionOf(settings);
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: settings.BATON_TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL("../workflows/index.ts", import.meta.url)),
      // Its own would print the bundle's modules as text.
      logger,
    }),
    activities: createActivities({ ...deps, client, kept: daysKept(settings) }, effects, queue),
    shutdownGraceTime: "10 seconds",
    maxCachedWorkflows: settings.WORKER_CACHED_WORKFLOWS,
    workflowTaskPollerBehavior: pollers(settings.WORKER_WORKFLOW_POLLERS),
    activityTaskPollerBehavior: pollers(settings.WORKER_ACTIVITY_POLLERS),
    ...executionTimeout,
    ...(version
      ? {
          workerDeploymentOptions: {
            version,
            useWorkerVersioning: true,
            defaultVersioningBehavior: "AUTO_UPGRADE" as const,
          },
        }
      : {}),
  });
  isRunning = () => worker.getState() === "RUNNING";
  const ownWork = version
    ? parts.add(await followCurrentVersion({ client, version, clock, log }))
    : allOwnWork;
  parts.add(
    await ensureSchedules({
      client,
      pool,
      agreements,
      taskQueue: settings.BATON_TASK_QUEUE,
      log,
      ownWork,
    }),
  );

  const relay = parts.add(
    startRelay({
      pool: repeatable,
      databaseUrl: pools.url,
      client,
      taskQueue: settings.BATON_TASK_QUEUE,
      publicUrl: settings.PUBLIC_URL,
      bulkPerSecond: settings.WORKER_BULK_RATE,
      log,
      clock,
      processInbox: (limit) => processInbox({ pool, agreements, clock, crashPoint }, limit),
      onUndeliverable: tasksOfEnded({ pool, agreements, clock }),
      ownWork,
      crashPoint,
    }),
  );
  parts.add(startCatchUp({ pool, crm, clock, log, ownWork }));
  parts.add(
    listenForEffects({
      pool: repeatable,
      databaseUrl: pools.url,
      queue,
      clock,
      ownWork,
    }),
  );
  const repeat = (
    ms: number,
    round: (pace: Pace) => Promise<void>,
    couldNot: string,
    afterFailureMs = 0,
  ): void => {
    const failed = (error: unknown) => log.warn({ error: nameOf(error) }, couldNot);
    parts.add(every(ms, ownRound(ownWork, round), failed, afterFailureMs));
  };
  repeat(
    10_000,
    async () => void (await resendUnacknowledged({ pool, agreements, client, clock })),
    "processes could not be compared with what they were told",
  );
  repeat(5_000, () => queue.poll(), "forgotten effects could not be looked for");
  repeat(
    10_000,
    (pace) => keepTallies({ pool, clock, log, pace }),
    "the counts behind reports and metrics could not be kept",
  );
  repeat(
    10_000,
    async (pace) => {
      // One after the other, so that both together hold one connection at most.
      try {
        await proveTallies({ pool, clock, log, pace });
      } finally {
        await proveAccounts({ pool, agreements, clock, log, pace });
      }
    },
    "what is kept of leads and accounts could not be counted anew",
    10 * 60_000,
  );
  repeat(
    2_000,
    (pace) => keepAccounts({ pool, agreements, clock, log, pace }),
    "accounts could not be looked at",
  );
  parts.add(
    startHeartbeat({
      pool,
      clock,
      id: `${hostname()}:${process.pid}`,
      // A version that rests counts for nobody: alone it would let every lead wait.
      worker: () => isRunning() && ownWork.isCurrent(),
      relay: () => (ownWork.isCurrent() ? relay.lastRound() : 0),
    }),
  );
  repeat(
    60_000,
    async () => void (await lookAtClosed({ pool, agreements, clock })),
    "tasks of closed leads could not be asked for",
  );
  repeat(
    60_000,
    async () => {
      await remindResolutions(pool, clock());
      const refused = await sendDigests(deps);
      if (refused.length > 0) log.warn({ refused }, "reminders cannot be delivered");
    },
    "reminders could not be mailed",
  );
  repeat(
    2_000,
    async () => {
      const refused = await sendSignInMails(deps);
      if (refused.length > 0) log.warn({ refused }, "mails to sign in cannot be delivered");
    },
    "mails to sign in could not be sent",
  );
  parts.add(
    startAnchors({
      pool,
      mail,
      clock,
      log,
      file: settings.AUDIT_ANCHORS,
      operator: settings.OPERATOR_MAIL,
    }),
  );
  ending.nowBy(() => worker.shutdown());

  log.info({ ready: true, taskQueue: settings.BATON_TASK_QUEUE }, "worker and relay are ready");
  try {
    await worker.run();
  } finally {
    await parts.stop();
  }
}

/**
 * Ends the process on a signal, also while it waits for its database or for Temporal: nothing has
 * begun then, and what was started is given two seconds. Once it works, it is ended by what
 * `nowBy` is given, once.
 */
function endOnSignal(parts: Parts): { nowBy(end: () => void): void } {
  let end = () => {
    setTimeout(() => process.exit(0), 2_000).unref();
    void parts.stop().finally(() => process.exit(0));
  };
  let isEnding = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const)
    process.on(signal, () => {
      if (!isEnding) end();
      isEnding = true;
    });
  return {
    nowBy(given) {
      end = given;
    },
  };
}

function pollers(maximum: number) {
  return { type: "simple-maximum", maximum } as const;
}

/** Worker Deployment Versioning is on when both are set. */
function versionOf(settings: SettingsOf<"worker">): WorkerVersion | null {
  const { BATON_DEPLOYMENT: deploymentName, BATON_BUILD_ID: buildId } = settings;
  if (deploymentName !== undefined && buildId !== undefined) return { deploymentName, buildId };
  if (deploymentName === undefined && buildId === undefined) return null;
  const missing = deploymentName === undefined ? "BATON_DEPLOYMENT" : "BATON_BUILD_ID";
  throw refused("worker", `${missing} is not set; give both or neither.`);
}

function daysKept(settings: SettingsOf<"worker">): DaysKept {
  return {
    told: settings.BATON_KEEP_TOLD_DAYS,
    news: settings.BATON_KEEP_NEWS_DAYS,
    answers: settings.BATON_KEEP_ANSWERS_DAYS,
    syncs: settings.BATON_KEEP_SYNCS_DAYS,
    mail: settings.BATON_KEEP_MAIL_DAYS,
    visitors: settings.BATON_KEEP_VISITORS_DAYS,
  };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}

try {
  await main();
} catch (error) {
  endWith("worker", error);
}
