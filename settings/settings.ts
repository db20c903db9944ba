import { isIP } from "node:net";
import { homedir, platform } from "node:os";
import { join } from "node:path";
import { crmNames, type CrmName } from "../crm/names.ts";
import { isWebhookSecret } from "../crm/webhook.ts";
import { mailLinks, publicAddress, type MailLinks } from "../messages/link.ts";
import { crashSetting } from "../store/postgres/crash-point.ts";

/** The programs that read settings: the `baton` command, the worker and the API. */
export type SettingReader = "baton" | "worker" | "api";

export type Environment = Readonly<Record<string, string | undefined>>;

/** One environment variable. */
export interface Setting<T, By extends SettingReader, Fallback, Needs extends SettingReader> {
  /** What a value must be, as an error says it after "give". */
  readonly form: string;
  /** The text that counts when the variable is not set; null: the setting is absent then. */
  readonly fallback: Fallback;
  /** Works the fallback out where it depends on more; `fallback` then says it in words. */
  readonly derive?: (env: Environment) => string;
  /** Who reads it. */
  readonly by: readonly By[];
  /** Who cannot start without it. */
  readonly needs: readonly Needs[];
  /** Who cannot start unless it or one of these is set. */
  readonly needsUnless?: {
    readonly by: readonly SettingReader[];
    readonly unless: readonly string[];
  };
  /** An error does not repeat its value. */
  readonly isSecret: boolean;
  /** The value of a text; null when it is not of the form. */
  readonly parse: (text: string, by: SettingReader) => T | null;
}

const pem = /^-----BEGIN [A-Z ]+-----\s[\s\S]+-----END [A-Z ]+-----$/;

const levels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
type Level = (typeof levels)[number];

/** Every setting of Baton. `docs/running.md` shows the same table; a test keeps them equal. */
export const settings = {
  /** The data folder: databases, logs, operator token. */
  BATON_HOME: setting({ form: "the path of a folder", fallback: ".baton", by: ["baton"] }),

  /** The port of the API. The API process takes any free one for 0. */
  PORT: setting({
    form: "a port number from 1 to 65535",
    fallback: "3000",
    by: ["baton", "api"],
    parse: (text, by) => (text === "0" && by === "api" ? 0 : port(text)),
  }),

  /** Where the API listens; a container needs 0.0.0.0. */
  HOST: setting({ form: "an address of this machine", fallback: "127.0.0.1", by: ["api"] }),

  /** The port of the embedded Temporal server. */
  TEMPORAL_PORT: setting({
    form: "a port number from 1 to 65535",
    fallback: "7233",
    by: ["baton"],
    parse: port,
  }),

  /** The port of its web interface. */
  TEMPORAL_UI_PORT: setting({
    form: "a port number from 1 to 65535",
    fallback: "8233",
    by: ["baton"],
    parse: port,
  }),

  /** The Postgres to use, 15 or newer. `baton start` embeds one when it is not set. */
  DATABASE_URL: setting({
    form: "the address of a Postgres database",
    fallback: null,
    by: ["baton", "worker", "api"],
    needs: ["worker", "api"],
    isSecret: true,
  }),

  /** Connections of the API: whatever the next one is not for. */
  API_CONNECTIONS: connections("8", ["baton", "api"]),

  /** Connections of the API for tokens and arrivals. */
  API_KEY_CONNECTIONS: connections("8", ["baton", "api"]),

  /** Connections of the worker: whatever the next one is not for. */
  WORKER_CONNECTIONS: connections("10", ["baton", "worker"]),

  /** Connections of the worker for writes that are repeated after a crash of Postgres. */
  WORKER_REPEATABLE_CONNECTIONS: connections("6", ["baton", "worker"]),

  /** The Temporal server to use, `host:port`. `baton start` embeds one when it is not set. */
  TEMPORAL_ADDRESS: setting({
    form: "host and port of a Temporal server",
    fallback: null,
    by: ["baton", "worker", "api"],
    needsUnless: { by: ["worker", "api"], unless: ["TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE"] },
    parse: (text) => (/^(\[[\da-f:.]+\]|[^\s/:@]+)(:\d{1,5})?$/i.test(text) ? text : null),
  }),

  /** The Temporal namespace. A profile may name another one (temporal/profile.ts). */
  TEMPORAL_NAMESPACE: setting({
    form: "the name of a namespace",
    fallback: "default",
    by: ["baton", "worker", "api"],
  }),

  /** A file of Temporal's own tools with profiles, each of which says how to reach a server. */
  TEMPORAL_CONFIG_FILE: connecting("the path of a TOML file with profiles"),

  /** The profile of that file. */
  TEMPORAL_PROFILE: connecting("the name of a profile"),

  /** The key that the server asks for; with it TLS is on. */
  TEMPORAL_API_KEY: connecting("an API key", true, /^\S+$/),

  /** Whether TLS is used. */
  TEMPORAL_TLS: connecting("true or false", false, /^(true|false|1|0)$/),

  /** Where the server's certificate authority is none that this machine trusts. */
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: connecting("the path of a certificate in PEM"),
  TEMPORAL_TLS_SERVER_CA_CERT_DATA: connecting("a certificate in PEM", false, pem),

  /** Mutual TLS: what the client shows. */
  TEMPORAL_TLS_CLIENT_CERT_PATH: connecting("the path of a certificate in PEM"),
  TEMPORAL_TLS_CLIENT_CERT_DATA: connecting("a certificate in PEM", false, pem),
  TEMPORAL_TLS_CLIENT_KEY_PATH: connecting("the path of a private key in PEM"),
  TEMPORAL_TLS_CLIENT_KEY_DATA: connecting("a private key in PEM", true, pem),

  /** The name in the server's certificate, where it is not that of the address. */
  TEMPORAL_TLS_SERVER_NAME: connecting("the name in the server's certificate"),

  /** The Temporal CLI to run as the embedded server, and no other. */
  TEMPORAL_CLI: setting({ form: "the path of a program", fallback: null, by: ["baton"] }),

  /** The Temporal task queue of the worker. */
  BATON_TASK_QUEUE: setting({
    form: "the name of a task queue",
    fallback: "baton",
    by: ["baton", "worker"],
  }),

  /** Where a Temporal CLI that was downloaded, unpacked or built is kept between checkouts. */
  BATON_CACHE: setting({
    form: "the path of a folder",
    fallback: "the user's cache folder",
    derive: cacheFolder,
    by: ["baton"],
  }),

  /** The CRM that leads are shown in, and that people act in. */
  CRM: setting({
    form: `one of ${crmNames.join(", ")}`,
    fallback: "house",
    by: ["worker"],
    parse: (text): CrmName | null => crmNames.find((one) => one === text) ?? null,
  }),

  /** The mail server. Without it mail is kept in Postgres. */
  SMTP_URL: setting({
    form: "the address of a mail server",
    fallback: null,
    by: ["baton", "worker"],
    isSecret: true,
  }),

  /** The sender of mail. */
  MAIL_FROM: setting({ form: "a mail address", fallback: null, by: ["baton", "worker"] }),

  /** The file in which the heads of the audit trail are kept, outside of the database. */
  AUDIT_ANCHORS: setting({ form: "the path of a file", fallback: null, by: ["baton", "worker"] }),

  /** Written again and again while the worker works: for a probe, since the worker has no port. */
  WORKER_READY_FILE: setting({ form: "the path of a file", fallback: null, by: ["worker"] }),

  /** Who is mailed the head of the audit trail each day. */
  OPERATOR_MAIL: setting({
    form: "one plain mail address",
    fallback: null,
    by: ["baton", "worker"],
    parse: (text) => (/^[^\s@,;<>"]+@[^\s@,;<>"]+$/.test(text) ? text : null),
  }),

  /** The address at which people reach the API; links in mail begin with it. */
  PUBLIC_URL: setting({
    form: "an address such as https://baton.example",
    fallback: "http://127.0.0.1:PORT",
    derive: (env) => `http://127.0.0.1:${port(textOf(env, "PORT") ?? "") ?? 3000}`,
    by: ["baton", "worker", "api"],
    parse: publicAddress,
  }),

  /**
   * Where operators look at processes: links to the Temporal UI begin with it, and the embedded one
   * answers to its name.
   */
  TEMPORAL_UI_URL: setting({
    form: "an address such as https://temporal.example",
    fallback: null,
    by: ["baton", "api"],
    parse: publicAddress,
  }),

  /** The OpenID provider by which people sign in to the console; without it they do by mail. */
  OIDC_ISSUER: setting({
    form: "an address such as https://accounts.example, by TLS unless it is on this machine",
    fallback: null,
    by: ["api"],
    parse: issuer,
  }),

  /** What the provider knows Baton as, and by. */
  OIDC_CLIENT_ID: setting({ form: "the id of a client", fallback: null, by: ["api"] }),
  OIDC_CLIENT_SECRET: setting({
    form: "the secret of a client",
    fallback: null,
    by: ["api"],
    isSecret: true,
  }),

  /** What links in mails may do without a sign-in (docs/running.md, "Mail"). */
  MAIL_LINKS: setting({
    form: `one of ${mailLinks.join(", ")}`,
    fallback: "act",
    by: ["baton", "worker", "api"],
    parse: (text): MailLinks | null => mailLinks.find((one) => one === text) ?? null,
  }),

  /** How much worker and API log. */
  LOG_LEVEL: setting({
    form: `one of ${levels.join(", ")}`,
    fallback: "info",
    by: ["baton", "worker", "api"],
    parse: (text): Level | null => levels.find((level) => level === text) ?? null,
  }),

  /** A secret to make an operator's token of, for `baton migrate`; `baton start` makes its own. */
  OPERATOR_TOKEN: setting({
    form: "bt_ and at least 20 random characters",
    fallback: null,
    by: ["baton"],
    isSecret: true,
    parse: (text) => (/^bt_\S{20,}$/.test(text) ? text : null),
  }),

  /**
   * Processes that the worker keeps in memory. A lead rests for hours between two events; to replay
   * its few dozen events costs less than to keep a thousand of them.
   */
  WORKER_CACHED_WORKFLOWS: setting({
    form: "a number from 2 to 100000",
    fallback: "400",
    by: ["worker"],
    parse: (text) => wholeNumber(text, 2, 100_000),
  }),

  /** Requests for workflow tasks that wait at Temporal at once. */
  WORKER_WORKFLOW_POLLERS: setting({
    form: "a number from 2 to 100",
    fallback: "10",
    by: ["worker"],
    parse: (text) => wholeNumber(text, 2, 100),
  }),

  /** Requests for activity tasks that wait at Temporal at once. */
  WORKER_ACTIVITY_POLLERS: setting({
    form: "a number from 1 to 100",
    fallback: "10",
    by: ["worker"],
    parse: (text) => wholeNumber(text, 1, 100),
  }),

  /**
   * Processes that the worker starts or wakes in a second of imports, activations and restarts.
   * Each costs some tens of milliseconds of a processor; people and pages share it with them.
   */
  WORKER_BULK_RATE: setting({
    form: "processes per second, or 0 for no limit",
    fallback: "30",
    by: ["worker"],
    parse: rate,
  }),

  /** Worker Deployment Versioning: the deployment (docs/changing-workflows.md, "Deploying"). */
  BATON_DEPLOYMENT: setting({ form: "the name of a deployment", fallback: null, by: ["worker"] }),

  /** Worker Deployment Versioning: this build. */
  BATON_BUILD_ID: setting({ form: "the name of a build", fallback: null, by: ["worker"] }),

  /** Removed after so many days: what Temporal has been told (docs/operating.md, "What grows"). */
  BATON_KEEP_TOLD_DAYS: days("1"),

  /** News that was taken, of webhooks and the CRM. */
  BATON_KEEP_NEWS_DAYS: days("30"),

  /** Answers to requests with an idempotency key. */
  BATON_KEEP_ANSWERS_DAYS: days("7"),

  /** Syncs with the CRM that are done. */
  BATON_KEEP_SYNCS_DAYS: days("90"),

  /** Messages of the built-in mailbox. */
  BATON_KEEP_MAIL_DAYS: days("365"),

  /** Visitors who never said who they are, with what they did. */
  BATON_KEEP_VISITORS_DAYS: days("365"),

  /** Requests a second of one token, over ten seconds; people have a tenth of it. */
  RATE_LIMIT_TOKEN: rateLimit("300"),

  /** Requests a second of one address, over ten seconds. */
  RATE_LIMIT_ADDRESS: rateLimit("600"),

  /** Proxies before the API: what they say in `X-Forwarded-For` is believed, and nobody else. */
  TRUSTED_PROXIES: setting({
    form: "addresses or networks such as 10.0.0.0/8, separated by commas",
    fallback: null,
    by: ["baton", "api"],
    parse: networks,
  }),

  /** Whether an outage of the built-in CRM may be rehearsed over the API. */
  BATON_REHEARSE: setting({
    form: "yes or no",
    fallback: "no",
    by: ["baton", "api"],
    parse: (text) => (text === "yes" ? true : text === "no" ? false : null),
  }),

  /** Rehearsals only (docs/chaos.md): where this process ends as kill -9 would end it. */
  BATON_CRASH_AT: setting({
    form: "the name of a crash point, and :n for its n-th passing",
    fallback: null,
    by: ["worker", "api"],
    parse: (text) => (crashSetting.test(text) ? text : null),
  }),
} as const;

type Table = typeof settings;
type ReadBy<R extends SettingReader> = {
  [N in keyof Table]: Table[N] extends Setting<unknown, infer By, unknown, SettingReader>
    ? R extends By
      ? N
      : never
    : never;
}[keyof Table];
type ValueFor<S, R extends SettingReader> =
  S extends Setting<infer T, SettingReader, infer Fallback, infer Needs>
    ? Fallback extends string
      ? T
      : R extends Needs
        ? T
        : T | undefined
    : never;

/** What a program was given, by the names of the variables. */
export type SettingsOf<R extends SettingReader> = {
  readonly [N in ReadBy<R>]: ValueFor<Table[N], R>;
};

/** Settings cannot be used; the message names each variable and says what was expected. */
export class SettingError extends Error {}

/**
 * Reads the settings of a program. A variable that is set but empty counts as not set: that is how
 * compose files and CI blank one out. Throws a `SettingError` that names every wrong variable.
 */
export function settingsOf<R extends SettingReader>(reader: R, env: Environment): SettingsOf<R> {
  const wrong: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(settings) as [string, AnySetting][]) {
    if (!one.by.includes(reader)) continue;
    const given = textOf(env, name);
    const text = given ?? (one.derive ? one.derive(env) : one.fallback);
    if (text === null) {
      if (isNeeded(one, reader, env)) wrong.push(`${name} is not set; give ${one.form}.`);
      continue;
    }
    const value = one.parse(text, reader);
    const found = one.isSecret ? "not as expected" : `"${text}"`;
    if (value === null) wrong.push(`${name} is ${found}; give ${one.form}.`);
    else values[name] = value;
  }
  if (wrong.length > 0) throw refused(reader, wrong.join(" "));
  return values as SettingsOf<R>;
}

/** The error of a program that cannot start, for these reasons. */
export function refused(reader: SettingReader, reasons: string): SettingError {
  return new SettingError(`${opening[reader]}${reasons}`);
}

/**
 * Secrets of webhooks, by source: `WEBHOOK_SECRET_<SOURCE>` holds one or, while one is being
 * replaced, several, separated by spaces. Throws a SettingError for a secret of another form; it
 * does not repeat the secret.
 */
export function webhookSecretsOf(env: Environment): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.keys(env).flatMap((name) => {
      const source = /^WEBHOOK_SECRET_([A-Z0-9_]+)$/.exec(name)?.[1];
      const value = textOf(env, name);
      if (source === undefined || value === undefined) return [];
      const secrets = value.split(/\s+/);
      if (!secrets.every(isWebhookSecret))
        throw new SettingError(
          `${opening.api}${name}: expected whsec_ and base64 of 16 bytes or more, such as: ` +
            "echo whsec_$(openssl rand -base64 24)",
        );
      return [[source.toLowerCase().replaceAll("_", "-"), secrets]];
    }),
  );
}

const opening: Readonly<Record<SettingReader, string>> = {
  baton: "",
  worker: "the worker cannot start: ",
  api: "the API cannot start: ",
};

type AnySetting = Setting<unknown, SettingReader, string | null, SettingReader>;

function setting<
  const By extends SettingReader,
  const Fallback extends string | null,
  T = string,
  const Needs extends SettingReader = never,
>(given: {
  readonly form: string;
  readonly fallback: Fallback;
  readonly derive?: (env: Environment) => string;
  readonly by: readonly By[];
  readonly needs?: readonly Needs[];
  readonly needsUnless?: {
    readonly by: readonly SettingReader[];
    readonly unless: readonly string[];
  };
  readonly isSecret?: boolean;
  readonly parse?: (text: string, by: SettingReader) => T | null;
}): Setting<T, By, Fallback, Needs> {
  const { needs = [], isSecret = false, parse = (text: string) => text as T } = given;
  return { ...given, needs, isSecret, parse };
}

/** How a connection to Temporal is made: `temporal/profile.ts` puts it together. */
function connecting(form: string, isSecret = false, is = /[\s\S]/) {
  return setting({
    form,
    fallback: null,
    by: ["baton", "worker", "api"],
    isSecret,
    parse: (text) => (is.test(text) ? text : null),
  });
}

function isNeeded(
  { needs, needsUnless }: AnySetting,
  reader: SettingReader,
  env: Environment,
): boolean {
  if (needs.includes(reader)) return true;
  if (!needsUnless?.by.includes(reader)) return false;
  return needsUnless.unless.every((name) => textOf(env, name) === undefined);
}

function rateLimit<const Fallback extends string>(fallback: Fallback) {
  return setting({
    form: "requests per second, or 0 for no limit",
    fallback,
    by: ["baton", "api"],
    parse: rate,
  });
}

function days<const Fallback extends string>(fallback: Fallback) {
  return setting({
    form: "a number of days from 1 to 36500",
    fallback,
    by: ["worker"],
    parse: (text) => (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 36_500 ? Number(text) : null),
  });
}

/** The size of a pool. */
function connections<const By extends SettingReader>(fallback: string, by: readonly By[]) {
  return setting({
    form: "a whole number from 2 to 500",
    fallback,
    by,
    parse: (text) => {
      const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
      return number >= 2 && number <= 500 ? number : null;
    },
  });
}

function textOf(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

function wholeNumber(text: string, least: number, most: number): number | null {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  return number >= least && number <= most ? number : null;
}

function issuer(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, search, hash } = new URL(text);
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  const isSafe = protocol === "https:" || (protocol === "http:" && isHere);
  return isSafe && search === "" && hash === "" ? text : null;
}

function port(text: string): number | null {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65_535 ? number : null;
}

function rate(text: string): number | null {
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}

function networks(text: string): readonly string[] | null {
  const all = text.split(",").map((one) => one.trim());
  const isNetwork = (one: string) => {
    const [address = "", bits, more] = one.split("/");
    const most = isIP(address) === 6 ? 128 : 32;
    const isWhole = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    return isIP(address) !== 0 && isWhole && more === undefined;
  };
  return all.every(isNetwork) ? all : null;
}

function cacheFolder(env: Environment): string {
  if (platform() === "darwin") return join(homedir(), "Library", "Caches", "baton");
  return join(textOf(env, "XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "baton");
}
