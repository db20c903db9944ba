import { randomBytes } from "node:crypto";
import pg from "pg";
import { readDatabaseUrl, DatabaseUrlError, underName } from "./connection.ts";
import {
  listeners,
  mostConnections,
  mostUnderName,
  routingConnections,
  type PoolOwner,
  type PoolSizes,
} from "./pools.ts";
import { databaseTrouble } from "./trouble.ts";

/** Processes that are to open connections, and how many. */
export type Openers = { readonly [P in PoolOwner]?: PoolSizes<P> };

/** What came of comparing what processes may open with what Postgres allows. */
export interface Budget {
  /**
   * `fits`; `tight`: all may not get theirs at once; `refused`: the processes cannot work here;
   * `unknown`: Postgres does not answer.
   */
  readonly state: "fits" | "tight" | "refused" | "unknown";
  /** For the operator: figures, and what to change. */
  readonly sentence: string;
  readonly figures?: {
    /** What the processes may open. */
    readonly most: number;
    /** What Postgres allows them and everybody else together. */
    readonly allowed: number;
    /** What others have open now. */
    readonly inUse: number;
    /** What others may open: Baton's other processes all of theirs, the rest what is open. */
    readonly others: number;
  };
}

/**
 * Compares, with at most two connections. What is open under the name in `url` is the asker's own
 * and does not count. Never throws.
 */
export async function connectionBudget(url: string, openers: Openers): Promise<Budget> {
  try {
    return await withClients(url, async (first, second) => {
      if (await changesSessions(first, second))
        return { state: "refused", sentence: changingSessions };
      return budgetOf(openers, await limitsOf(first));
    });
  } catch (error) {
    const sentence = databaseTrouble(error);
    // An address that cannot be used does not get better by waiting.
    const state = error instanceof DatabaseUrlError ? "refused" : "unknown";
    return {
      state,
      sentence:
        sentence ??
        `What Postgres allows is not known (${error instanceof Error ? error.name : "error"}).`,
    };
  }
}

/**
 * Says what the budget is as soon as Postgres answers: now, or every five seconds from now on.
 * `refused` is called, with the reason, when the process cannot work with this database. Resolves
 * after the first look; `stop` ends the looking.
 */
export async function tellBudget(
  url: string,
  openers: Openers,
  say: (level: "info" | "warn", sentence: string, figures: Budget["figures"]) => void,
  refused: (sentence: string) => void,
): Promise<{ stop(): Promise<void> }> {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isFirst = true;
  const look = async (): Promise<void> => {
    const { state, sentence, figures } = await connectionBudget(url, openers);
    if (isStopped) return;
    if (state === "refused") return refused(sentence);
    if (state !== "unknown") return say(state === "fits" ? "info" : "warn", sentence, figures);
    if (isFirst) say("warn", sentence, figures);
    isFirst = false;
    timer = setTimeout(() => void look(), 5_000).unref();
  };
  await look();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      return Promise.resolve();
    },
  };
}

const changingSessions =
  "DATABASE_URL leads to a connection pooler that gives every transaction another session, " +
  "such as PgBouncer with pool_mode = transaction; Baton is notified, keeps plans and takes " +
  "its lock for migrations in one session: give the address of Postgres itself, or pool_mode = " +
  "session.";

/** The address under a name that no other has. */
function withName(url: string): string {
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  const isOwn = mostUnderName(query.get("application_name") ?? "") !== null;
  return isOwn ? url : underName(url, `baton start ${randomBytes(4).toString("hex")}`);
}

/** Two clients, of which the first is connected; both are closed in the end. */
async function withClients<T>(
  url: string,
  work: (first: pg.Client, second: pg.Client) => Promise<T>,
): Promise<T> {
  const connection = readDatabaseUrl(withName(url), 3_000);
  const clients = [0, 1].map(() => new pg.Client({ ...connection, query_timeout: 3_000 })) as [
    pg.Client,
    pg.Client,
  ];
  // A server that goes away between two queries must not end this process.
  for (const client of clients) client.on("error", () => undefined);
  try {
    await clients[0].connect();
    return await work(...clients);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}

/**
 * Whether two statements of one connection may meet two sessions. A server that is asked directly
 * names the same process to its client and in SQL; a pooler names one of its own making. Behind a
 * pooler two clients take turns: in one session each they see two processes, and always the same.
 */
async function changesSessions(first: pg.Client, second: pg.Client): Promise<boolean> {
  if ((await sessionOf(first)) === (first as unknown as { processID: number }).processID)
    return false;
  await second.connect();
  for (let round = 0; round < 3; round++) {
    const before = await sessionOf(first);
    if ((await sessionOf(first)) !== before) return true;
    if (!(await begins(second))) return true;
    const other = await sessionOf(second);
    // Asked while the other holds a session: where there is only one, it would wait.
    const isShared = other === before || (await sessionOf(first)) !== before;
    await second.query("commit");
    if (isShared) return true;
  }
  return false;
}

/** A pooler that gives each statement another session allows no transaction. */
async function begins(client: pg.Client): Promise<boolean> {
  try {
    await client.query("begin");
    return true;
  } catch (error) {
    if (error instanceof Error && /statement pooling/.test(error.message)) return false;
    throw error;
  }
}

async function sessionOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

/** One limit on connections, and those that count towards it. */
export interface Limit {
  readonly allowed: number;
  /** What to raise. */
  readonly by: string;
  readonly open: readonly { readonly name: string; readonly n: number }[];
}

interface LimitsRow {
  readonly of_server: number;
  readonly of_user: number;
  readonly of_database: number;
  readonly clients: readonly { name: string; n: number; ours: number; here: number }[] | null;
}

/** The server's limit, and those of the user and the database where there are any. */
async function limitsOf(client: pg.Client): Promise<readonly Limit[]> {
  const { rows } = await client.query<LimitsRow>(`
    select current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int as of_server,
      case when rolsuper then -1 else rolconnlimit end as of_user,
      case when rolsuper then -1
        else (select datconnlimit from pg_database where datname = current_database())
        end as of_database,
      (select json_agg(c) from (
        select coalesce(application_name, '') as name, count(*)::int as n,
          count(*) filter (where usename = current_user)::int as ours,
          count(*) filter (where datname = current_database())::int as here
        from pg_stat_activity
        -- Who may not see another user's sessions is not told of what kind they are.
        where coalesce(backend_type, 'client backend') = 'client backend' and usesysid is not null
          and application_name is distinct from current_setting('application_name')
        group by 1) c) as clients
    from pg_roles where rolname = current_user`);
  const row = rows[0];
  if (!row) return [];
  const limit = (allowed: number, by: string, of: "n" | "ours" | "here"): Limit[] =>
    allowed < 0
      ? []
      : [
          {
            allowed,
            by,
            open: (row.clients ?? []).map((one) => ({ name: one.name, n: one[of] })),
          },
        ];
  return [
    ...limit(row.of_server, "max_connections", "n"),
    ...limit(row.of_user, "the connection limit of the user", "ours"),
    ...limit(row.of_database, "the connection limit of the database", "here"),
  ];
}

/** Judges what the processes may open by the limit that leaves the least. */
export function budgetOf(openers: Openers, limits: readonly Limit[]): Budget {
  const parts = partsOf(openers);
  const most = parts.reduce((sum, one) => sum + one.most, 0);
  const judged = limits
    .map((limit) => ({
      ...limit,
      inUse: limit.open.reduce((sum, { n }) => sum + n, 0),
      // Baton's own processes may open more than they have open.
      others: limit.open.reduce((sum, { name, n }) => sum + othersOf(name, n), 0),
    }))
    .sort((a, b) => a.allowed - a.others - (b.allowed - b.others))[0];
  if (!judged) return { state: "unknown", sentence: "What Postgres allows is not known." };
  const { allowed, inUse, others, by } = judged;
  const figures = { most, allowed, inUse, others };
  const may = `${parts.map((one) => one.text).join(" and ")}${parts.length > 1 ? `, ${most} in all` : ""}`;
  const settings = parts.flatMap((one) => one.settings).join(", ");
  if (most > allowed)
    return {
      state: "refused",
      figures,
      sentence:
        `Too few connections: ${may}, but Postgres allows ${allowed}. Raise ${by} by ` +
        `${most - allowed} or more, or lower ${settings}.`,
    };
  if (most + others > allowed)
    return {
      state: "tight",
      figures,
      sentence:
        `Connections may run out: ${may}; others may open ${others} (${inUse} are open); ` +
        `Postgres allows ${allowed}. Raise ${by} by ${most + others - allowed} or more, or ` +
        `lower ${settings}.`,
    };
  return {
    state: "fits",
    figures,
    sentence: `Connections: ${may}; others may open ${others} (${inUse} are open); Postgres allows ${allowed}.`,
  };
}

/** Of a process of which nothing counts towards this limit, nothing will. */
function othersOf(name: string, open: number): number {
  return open === 0 ? 0 : Math.max(open, mostUnderName(name) ?? 0);
}

interface BudgetPart {
  readonly most: number;
  readonly text: string;
  readonly settings: readonly string[];
}

function partsOf({ api, worker }: Openers): BudgetPart[] {
  return [
    ...(api
      ? [
          part("api", "the API", mostConnections("api", api), {
            API_CONNECTIONS: api.pool,
            API_KEY_CONNECTIONS: api.keyed,
          }),
        ]
      : []),
    ...(worker
      ? [
          part("worker", "the worker", mostConnections("worker", worker), {
            WORKER_CONNECTIONS: worker.pool,
            WORKER_REPEATABLE_CONNECTIONS: worker.repeatable,
          }),
        ]
      : []),
  ];
}

function part(
  owner: PoolOwner,
  name: string,
  most: number,
  settings: Readonly<Record<string, number>>,
): BudgetPart {
  const of = [
    ...Object.entries(settings).map(([setting, n]) => `${setting} ${n}`),
    `routing ${routingConnections}`,
    ...(listeners[owner] > 0 ? [`notifications ${listeners[owner]}`] : []),
  ];
  return {
    most,
    text: `${name} may open ${most} (${of.join(", ")})`,
    settings: Object.keys(settings),
  };
}
