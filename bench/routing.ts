import { pathToFileURL } from "node:url";
import pg from "pg";
import type { Agreement } from "../handoff/agreement.ts";
import { firstRow, inTransaction, rows, sql, type Pool } from "../store/postgres/db.ts";
import { openPools, type WorkerPools } from "../store/postgres/pools.ts";
import { putPools, putReps } from "../store/routing/roster-edit.ts";
import type { RouteRequest } from "../store/routing/route-request.ts";
import { routeHandoff } from "../store/routing/routing.ts";
import { routingDispatcher } from "../store/routing/dispatcher.ts";
import { cpuOfFamily, parentOf } from "./cpu.ts";
import { atOnce } from "./numbers.ts";
import { agreement, now, rep } from "../test/support/routing-world.ts";
import { startStage, urlOfDatabase, type PostgresAnswer } from "../test/support/stage.ts";

export interface RoutingFigures {
  readonly leads: number;
  readonly clients: number;
  readonly picksPerSecond: number;
  /** The same with a transaction for each pick, by as many clients. */
  readonly alonePerSecond: number;
  /**
   * Median and 95th percentile of one pick, from asking the dispatcher to its answer, in
   * milliseconds.
   */
  readonly medianMs: number;
  readonly p95Ms: number;
  /**
   * Processor time of one pick in milliseconds, here and in Postgres; null where the system does
   * not tell.
   */
  readonly cpu: { readonly node: number; readonly postgres: number } | null;
  /**
   * Largest distance of any rep from the entitled share, over every prefix of the ledger, in leads.
   */
  readonly deviation: number;
  /**
   * The same without the ledger: the rep with the fewest, read without a lock, by as many clients.
   */
  readonly deviationUnlocked: number;
}

const weights: Readonly<Record<string, number>> = Object.fromEntries(
  [1, 2, 3, 1, 2, 3, 1, 2, 3, 2].map((weight, i) => [`rp_${i}`, weight]),
);

/**
 * Ten reps of unequal weight, and so many clients that ask the dispatcher at once, on a Postgres of
 * its own.
 */
export async function benchRouting({
  leads = 20_000,
  clients = 32,
}: { leads?: number; clients?: number } = {}): Promise<RoutingFigures> {
  const stage = await startStage(() => undefined);
  try {
    const server = (await (await fetch(`${stage.url}/postgres`)).json()) as PostgresAnswer;
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`create database bench template ${server.template}`);
    await admin.end();
    const pools = openPools(
      "worker",
      urlOfDatabase(server.url, "bench"),
      { pool: clients, repeatable: 2 },
      { statementTimeoutMs: 120_000 },
    );
    try {
      return await measure(pools, leads, clients);
    } finally {
      await pools.end();
    }
  } finally {
    await stage.close();
  }
}

async function measure(
  { pool, routing }: WorkerPools,
  leads: number,
  clients: number,
): Promise<RoutingFigures> {
  const few = leads < 5_000 ? 500 : 1_000;
  const ids = await prepare(pool, leads + few);
  const alonePerSecond = await inOwnTransactions(pool, ids.splice(leads), clients);
  const dispatcher = routingDispatcher(routing);
  const took: number[] = [];
  const backend = await firstRow<{ pid: number }>(pool, sql`select pg_backend_pid() as pid`);
  const postmaster = parentOf(backend?.pid ?? 0);
  const cpuOf = () => {
    const postgres = postmaster === null ? null : cpuOfFamily(postmaster);
    const { user, system } = process.cpuUsage();
    return postgres === null ? null : { node: (user + system) / 1000, postgres };
  };
  const before = cpuOf();
  const started = performance.now();
  await atOnce(clients, ids, async (id) => {
    const begun = performance.now();
    await dispatcher.route(request(id, agreement));
    took.push(performance.now() - begun);
  });
  const seconds = (performance.now() - started) / 1000;
  const after = cpuOf();
  const picks = await rows<{ winner: string }>(
    pool,
    sql`select winner from credit_entry where kind = 'pick' order by id`,
  );
  took.sort((a, b) => a - b);
  return {
    leads,
    clients,
    picksPerSecond: leads / seconds,
    alonePerSecond,
    medianMs: took[Math.floor(took.length / 2)] ?? 0,
    p95Ms: took[Math.floor(took.length * 0.95)] ?? 0,
    cpu: before &&
      after && {
        node: (after.node - before.node) / leads,
        postgres: (after.postgres - before.postgres) / leads,
      },
    deviation: deviationOf(
      picks.map((one) => one.winner),
      weights,
    ),
    deviationUnlocked: await unlocked(pool, leads, clients),
  };
}

async function prepare(pool: Pool, leads: number): Promise<string[]> {
  const ids = Array.from({ length: leads }, (_, i) => `ho_${i}`);
  await pool.query(
    "insert into agreement_version (id, number, content, content_hash, state, created_at, " +
      "created_by) values ('ag_1', 1, '', '', 'active', now(), 'bench')",
  );
  await pool.query(
    `
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
      priority, band, fit, intent, icp, mql_at)
    select id, 'lead', 'ld_' || id, 1, 'ag_1', 'demo-request', 'fast', 1, 'A', 0, 0, true, now()
      from unnest($1::text[]) as id`,
    [ids],
  );
  await inTransaction(pool, async (tx) => {
    await putReps(
      tx,
      Object.keys(weights).map((id) => rep(id)),
      now,
    );
    await putPools(tx, [{ id: "east-sdr", hours: null, members: weights }], now);
  });
  await pool.query("analyze");
  return ids;
}

/** Picks a second when each has a transaction of its own; what it picked is taken back. */
async function inOwnTransactions(
  pool: Pool,
  ids: readonly string[],
  clients: number,
): Promise<number> {
  const started = performance.now();
  await atOnce(clients, ids, (id) =>
    inTransaction(pool, (tx) => routeHandoff(tx, request(id, agreement))),
  );
  const seconds = (performance.now() - started) / 1000;
  await pool.query("truncate assignment, credit_entry, credit");
  return ids.length / seconds;
}

function request(handoffId: string, given: Agreement): RouteRequest {
  return {
    handoffId,
    round: 1,
    now,
    agreement: given,
    known: { facts: { "account.country": "DE" }, engagements: [], now },
    leadType: "demo-request",
    priority: 1,
    dueAt: now + 3_600_000,
    arrivedAt: now,
    exclude: [],
    accountId: null,
    owners: [],
    language: null,
    product: null,
    motion: null,
  };
}

/**
 * What a pool without a lock gives: every client reads the counts, takes the rep furthest behind,
 * and writes.
 */
async function unlocked(pool: Pool, leads: number, clients: number): Promise<number> {
  await pool.query(
    "create table naive (id bigint generated always as identity, rep text not null)",
  );
  await pool.query("create table naive_count (rep text primary key, n int not null)");
  await pool.query(
    sql`insert into naive_count select id, 0 from unnest(${Object.keys(weights)}::text[]) as id`,
  );
  await atOnce(clients, Array.from({ length: Math.min(leads, 5_000) }), () =>
    inTransaction(pool, async (tx) => {
      const counts = await rows<{ rep: string; n: number }>(
        tx,
        sql`select rep, n from naive_count order by rep`,
      );
      const [next] = counts.sort(
        (a, b) => a.n / weights[a.rep]! - b.n / weights[b.rep]! || a.rep.localeCompare(b.rep),
      );
      await tx.query(sql`insert into naive (rep) values (${next!.rep})`);
      await tx.query(sql`update naive_count set n = n + 1 where rep = ${next!.rep}`);
    }),
  );
  const picks = await rows<{ rep: string }>(pool, sql`select rep from naive order by id`);
  return deviationOf(
    picks.map((one) => one.rep),
    weights,
  );
}

/** Largest distance between leads received and the entitled share, over every prefix. */
export function deviationOf(
  winners: readonly string[],
  shares: Readonly<Record<string, number>>,
): number {
  const all = Object.values(shares).reduce((sum, weight) => sum + weight, 0);
  const counts: Record<string, number> = {};
  let furthest = 0;
  for (const [i, winner] of winners.entries()) {
    counts[winner] = (counts[winner] ?? 0) + 1;
    for (const [id, weight] of Object.entries(shares))
      furthest = Math.max(furthest, Math.abs((counts[id] ?? 0) - ((i + 1) * weight) / all));
  }
  return furthest;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const leads = Number(process.argv[2] ?? 20_000);
  const figures = await benchRouting({ leads });
  process.stdout.write(
    `${figures.leads} leads, ${figures.clients} clients, 10 reps of unequal weight\n` +
      `picks per second ${figures.picksPerSecond.toFixed(0)}, with a transaction for each ` +
      `${figures.alonePerSecond.toFixed(0)}; one pick ${figures.medianMs.toFixed(1)} ms ` +
      `median, ${figures.p95Ms.toFixed(1)} ms p95\n` +
      (figures.cpu
        ? `processor time of a pick: node ${figures.cpu.node.toFixed(2)} ms, postgres ` +
          `${figures.cpu.postgres.toFixed(2)} ms\n`
        : "") +
      `furthest from entitlement: credit ledger under the lock ${figures.deviation.toFixed(2)} ` +
      `leads; fewest-first without a lock ${figures.deviationUnlocked.toFixed(0)} leads\n`,
  );
}
