import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { pino } from "pino";
import { parseAgreement } from "../agreement/parse.ts";
import { agreementOf } from "../agreement/stored.ts";
import { createAgreements } from "../store/agreements.ts";
import { crashHook } from "../store/crash-point.ts";
import { openPool } from "../store/db.ts";
import { sweepAnswers } from "../store/idempotency.ts";
import { createApp } from "./app.ts";
import { readApiSettings } from "./env.ts";
import { connectTemporal } from "./temporal.ts";
import { answerUnreadable } from "./unreadable.ts";

/** The API process. Says `"ready":true` on stdout when it listens; ends in order on SIGTERM, SIGINT and SIGHUP. */
function main(): void {
  const settings = readApiSettings(process.env);
  const log = pino({ name: "api", level: settings.LOG_LEVEL });
  // Statements end well before the three seconds that an answer may take.
  const pool = openPool(settings.DATABASE_URL, {
    max: 20,
    statementTimeoutMs: 2_000,
    onError: (error) => log.warn({ error: error.message }, "a database connection was lost"),
  });
  const temporal = connectTemporal({
    address: settings.TEMPORAL_ADDRESS,
    namespace: settings.TEMPORAL_NAMESPACE,
  });
  const crashPoint = crashHook(settings.BATON_CRASH_AT, () => process.kill(process.pid, "SIGKILL"));
  const app = createApp({
    pool,
    agreements: createAgreements(agreementOf),
    parseAgreement,
    temporal,
    clock: Date.now,
    publicUrl: settings.publicUrl,
    log,
    webhookSecrets: settings.webhookSecrets,
    crashPoint,
  });

  const server = serve(
    { fetch: app.fetch, port: settings.PORT, hostname: settings.HOST },
    ({ port }) => {
      log.info({ ready: true, port }, "the API listens");
    },
  );
  answerUnreadable(server as Server);
  server.on("error", (error: NodeJS.ErrnoException) => {
    log.fatal(
      { code: error.code, port: settings.PORT },
      error.code === "EADDRINUSE"
        ? `port ${settings.PORT} is taken; set PORT to a free one`
        : "the API cannot listen",
    );
    process.exit(1);
  });

  // A repeat comes within minutes; what a week has not asked for is forgotten.
  setInterval(() => {
    sweepAnswers(pool, Date.now() - 7 * 86_400_000).catch(() => undefined);
  }, 3_600_000).unref();

  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    // Requests under way are answered; what keeps a connection open for nothing is cut after a while.
    setTimeout(() => {
      if ("closeAllConnections" in server) server.closeAllConnections();
    }, 4_000).unref();
    server.close(() => {
      void Promise.allSettled([temporal.close(), pool.end()]).then(() => process.exit(0));
    });
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
}

main();
