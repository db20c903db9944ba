import { setTimeout as pause } from "node:timers/promises";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { endWith, processLog } from "../settings/logger.ts";
import { loadNames } from "../spellings/fact.ts";
import { refused, settingsOf, webhookSecretsOf, type SettingsOf } from "../settings/settings.ts";
import { signedInOf } from "../store/access/sessions.ts";
import { createAgreements } from "../store/process/agreements.ts";
import { changesChannel, tellChanges } from "../store/process/changed.ts";
import { crashHook } from "../store/postgres/crash-point.ts";
import { tellBudget } from "../store/postgres/budget.ts";
import { listen } from "../store/postgres/listen.ts";
import { openPools } from "../store/postgres/pools.ts";
import { watchSchema } from "../store/postgres/schema.ts";
import { neededTemporal } from "../temporal/profile.ts";
import { createApp } from "./app.ts";
import { oidcRedirect } from "./console/paths.ts";
import { createLive } from "./live.ts";
import { createOidc, type Oidc } from "./oidc.ts";
import { connectTemporal } from "./temporal.ts";
import { answerUnreadable } from "./http/unreadable.ts";
import { storedReader, warmThreads } from "./threads/threads.ts";

/**
 * The API process. Says `"ready":true` on stdout when it listens; ends in order on SIGTERM, SIGINT
 * and SIGHUP.
 */
async function main(): Promise<void> {
  const settings = settingsOf("api", process.env);
  const profile = neededTemporal("api", process.env);
  const log = processLog("api", settings.LOG_LEVEL);
  // Statements end well before the three seconds that an answer may take.
  const sizes = { pool: settings.API_CONNECTIONS, keyed: settings.API_KEY_CONNECTIONS };
  const pools = openPools("api", settings.DATABASE_URL, sizes, {
    statementTimeoutMs: 2_000,
    onError: (error) => log.warn({ error: error.message }, "a database connection was lost"),
  });
  const budget = await tellBudget(
    pools.url,
    { api: sizes },
    (level, sentence, connections) => log[level]({ connections }, sentence),
    (sentence) => {
      log.fatal(sentence);
      process.exit(1);
    },
  );
  const schema = await watchSchema(pools.pool, (fit) => {
    if (fit.state === "fits") log.info("the database has the migrations of this version");
    else log[fit.state === "closed" ? "error" : "warn"](fit.sentence);
  });
  const temporal = connectTemporal(profile);
  const crashPoint = crashHook(settings.BATON_CRASH_AT, () => process.kill(process.pid, "SIGKILL"));
  const agreements = createAgreements(storedReader(log));
  const live = createLive({
    clock: Date.now,
    areSignedIn: (sessions) => signedInOf(pools.keyed, sessions, Date.now()),
  });
  const telling = tellChanges([pools.pool, pools.keyed, pools.routing], pools.keyed);
  const listening = listen(pools.url, [changesChannel], (_, payload) => live.heard(payload));
  const app = createApp({
    ...pools,
    live,
    agreements,
    temporal,
    clock: Date.now,
    publicUrl: settings.PUBLIC_URL,
    temporalUi:
      settings.TEMPORAL_UI_URL === undefined
        ? undefined
        : { url: settings.TEMPORAL_UI_URL, namespace: profile.namespace },
    mailLinks: settings.MAIL_LINKS,
    oidc: oidcOf(settings),
    log,
    schema,
    webhookSecrets: webhookSecretsOf(process.env),
    crashPoint,
    mayRehearse: settings.BATON_REHEARSE,
    rates: {
      perToken: settings.RATE_LIMIT_TOKEN,
      perAddress: settings.RATE_LIMIT_ADDRESS,
      trustedProxies: settings.TRUSTED_PROXIES ?? [],
    },
  });
  loadNames();
  // The first requests need these, and on a busy machine a thread takes seconds to begin. Without
  // them the API listens all the same: what is away may come back.
  const warm = warmThreads()
    .then(() => agreements.active(pools.pool))
    // The description of all routes is made once.
    .then(() => app.request("/openapi.json"))
    .catch((error: unknown) => {
      log.warn(
        { error: error instanceof Error ? error.name : "unknown" },
        "no thread or no database was there at the start",
      );
    });
  await Promise.race([warm, pause(10_000, undefined, { ref: false })]);

  const server = serve(
    {
      fetch: app.fetch,
      port: settings.PORT,
      hostname: settings.HOST,
      // Headers that do not come are given up soon; a body has its own time, up to a file's.
      serverOptions: {
        headersTimeout: 10_000,
        requestTimeout: 300_000,
        connectionsCheckingInterval: 2_000,
      },
    },
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

  const endInOrder = async (): Promise<void> => {
    await Promise.allSettled([temporal.close(), telling.stop()]);
    await pools.end();
  };
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void budget.stop();
    void schema.stop();
    live.stop();
    void listening.stop();
    // Requests under way are answered; what keeps a connection open for nothing is cut after a
    // while.
    setTimeout(() => {
      if ("closeAllConnections" in server) server.closeAllConnections();
    }, 4_000).unref();
    server.close(() => void endInOrder().finally(() => process.exit(0)));
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
}

/** The provider of the settings: all three of them, or none. */
function oidcOf({
  OIDC_ISSUER: issuer,
  OIDC_CLIENT_ID: clientId,
  OIDC_CLIENT_SECRET: clientSecret,
  PUBLIC_URL: publicUrl,
}: SettingsOf<"api">): Oidc | undefined {
  if (issuer === undefined) return undefined;
  if (clientId === undefined || clientSecret === undefined)
    throw refused("api", "OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.");
  return createOidc({ issuer, clientId, clientSecret, redirectUri: oidcRedirect(publicUrl) });
}

try {
  await main();
} catch (error) {
  endWith("api", error);
}
