import { loadavg } from "node:os";
import pg from "pg";
import { findLeads } from "../store/intake/identities.ts";
import { claimEffects, forgottenEffects } from "../store/effects/effects.ts";
import { listMail } from "../store/effects/mail.ts";
import { houseLeads } from "../store/house/rows.ts";
import { nextInboxRow } from "../store/inbox/inbox.ts";
import { closedWithEffects, openLeads, remindOfLeavers } from "../store/inbox/reconcile.ts";
import { sweep, usualDays } from "../store/inbox/sweep.ts";
import { inTransaction, openPool, reportSession, type Pool } from "../store/postgres/db.ts";
import { claimTellings } from "../store/postgres/outbox.ts";
import { createAgreements } from "../store/process/agreements.ts";
import { closedToRemind } from "../store/process/human-tasks.ts";
import { loadSituation } from "../store/process/load.ts";
import { unacknowledged } from "../store/process/unacknowledged.ts";
import { conservation } from "../store/reports/conservation.ts";
import { funnelReport } from "../store/reports/funnel.ts";
import { reports } from "../store/reports/registry.ts";
import type { ReportFile } from "../store/reports/report.ts";
import { gauges } from "../store/reports/gauges.ts";
import { recountAll } from "../store/reports/recount.ts";
import { foldProcessCounts, tally } from "../store/reports/tallies.ts";
import { leadHistory } from "../store/views/history.ts";
import { currentHandoff, listLeads, seeLead, type LeadFilter } from "../store/views/leads.ts";
import { queueOf } from "../store/views/queue.ts";
import { reachOf, type Reach } from "../store/views/reach.ts";
import { listTasks } from "../store/views/tasks.ts";
import { grow, grownLead, grownPeople } from "../test/support/grown-database.ts";
import { smallAgreement } from "../test/support/small-agreement.ts";
import { startStage, urlOfDatabase, type PostgresAnswer } from "../test/support/stage.ts";
import { measure, type MeasuredWork } from "./measure.ts";
import type { Report } from "./numbers.ts";

export interface World {
  readonly pool: Pool;
  readonly leads: number;
  readonly now: number;
  readonly team: Reach;
}

const day = 86_400_000;
const now = Date.parse("2026-11-20T12:00:00Z");
const all: Reach = { kind: "all" };
const own: Reach = { kind: "people", repIds: [grownPeople.rep], team: false };
const agreements = createAgreements(() => smallAgreement);
const page = { limit: 51, now, until: now };

function asked(report: ReportFile, days: number) {
  return ({ pool }: World) =>
    report.rows({
      ...period(days),
      db: pool,
      agreements,
      knowledge: "now",
      filters: {},
      groupBy: null,
      repIds: null,
    });
}

function list(filter: LeadFilter, reach = all, after?: (world: World) => string) {
  return (world: World) => listLeads(world.pool, filter, reach, { ...page, after: after?.(world) });
}
function inTrial(
  work: (tx: Parameters<typeof loadSituation>[0], world: World) => Promise<unknown>,
) {
  return (world: World) => inTransaction(world.pool, (tx) => work(tx, world), "rollback");
}
const middle = ({ leads }: World) => grownLead(2 * Math.floor(leads / 4));
const period = (days: number) => ({ from: now - days * day, to: now, asOf: now });
const asker = (reach: Reach, roles: readonly string[] = []) => ({ reach, roles });

/** Every list, page, search, report, and what runs for each lead. */
export const works: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  "leads, newest": list({}),
  "leads, a page in the middle": list({}, all, middle),
  "leads, of a stage": list({ stage: "sal" }),
  "leads, of a stage that grows": list({ stage: "nurture" }),
  "leads, of an owner": list({ owner: grownPeople.rep }),
  "leads, of nobody": list({ owner: "none" }),
  "leads, by what they wait for": list({ waitingOn: "attempts" }),
  "leads, overdue": list({ overdue: true }),
  "leads, a rep's": list({}, own),
  "leads, a team's": (world) => listLeads(world.pool, {}, world.team, page),
  "search, beginning of an address": list({ q: "4fa8" }),
  "search, one letter": list({ q: "4" }),
  "search, an id": (world) => listLeads(world.pool, { q: middle(world) }, all, page),
  "search, another name": (world) =>
    listLeads(world.pool, { q: `ext-${Math.floor(world.leads / 2)}` }, all, page),
  "search, a domain": list({ q: "company-77.example" }),
  "search, nothing found": list({ q: "nobody@nowhere.example" }),
  "queue, a rep's": (world) =>
    queueOf(world.pool, { ...asker(own, ["rep"]), repId: grownPeople.rep }, page),
  "queue, a manager's": (world) =>
    queueOf(world.pool, { ...asker(world.team, ["manager"]), repId: grownPeople.manager }, page),
  "queue, an operator's": (world) => queueOf(world.pool, { ...asker(all), repId: null }, page),
  "tasks, all open": (world) => listTasks(world.pool, asker(all), { state: "open" }, page),
  "tasks, done": (world) => listTasks(world.pool, asker(all), { state: "done" }, page),
  "tasks, of a kind": (world) =>
    listTasks(world.pool, asker(all), { state: "open", kind: "contested" }, page),
  "tasks, a team's": (world) =>
    listTasks(world.pool, asker(world.team, ["manager"]), { state: "open" }, page),
  "a lead's page": async (world) => {
    const lead = await seeLead(world.pool, middle(world), own);
    return currentHandoff(world.pool, lead ?? { id: middle(world), handoff_id: null });
  },
  "a lead's history": (world) => leadHistory(world.pool, middle(world), { limit: 51 }),
  "mail, newest": (world) => listMail(world.pool, { limit: 51 }),
  "mail, a rep's": (world) => listMail(world.pool, { repId: grownPeople.rep, limit: 51 }),
  "built-in CRM, leads": (world) => houseLeads(world.pool, { limit: 51 }),
  "built-in CRM, search within": (world) =>
    houseLeads(world.pool, { q: "@company-77.", limit: 51 }),
  "conservation, 30 days": (world) => conservation(world.pool, period(30), null, null),
  "conservation, a year": (world) => conservation(world.pool, period(365), null, null),
  ...Object.fromEntries(reports.map((report) => [`${report.name}, 30 days`, asked(report, 30)])),
  "funnel, three years": asked(funnelReport, 1_096),
  metrics: (world) => gauges(world.pool, now),
  "intake, who is it": ({ pool, leads }) =>
    findLeads(pool, [
      { kind: "email", value: `before-${5 * Math.floor(leads / 10)}@example.com` },
      { kind: "crm", value: `HL-${Math.floor(leads / 3)}` },
      { kind: "external", value: "ext-none" },
    ]),
  "decision, the situation": inTrial((tx, world) =>
    loadSituation(tx, agreements, { kind: "lead", id: middle(world) }, { now }),
  ),
  "outbox, a claim": inTrial((tx) => claimTellings(tx, 1, 100, now)),
  "inbox, a claim": inTrial((tx) => nextInboxRow(tx, now)),
  "effects, a claim": (world) =>
    claimEffects(
      world.pool,
      { kind: "lead", id: middle(world) },
      { kinds: ["mail", "sync-crm"], now, until: now, connection: "crm:house" },
    ),
  "effects left over": ({ pool }) => forgottenEffects(pool, { before: now, now, limit: 100 }),
  "processes that have not acknowledged": ({ pool }) => unacknowledged(pool, now, 100),
  "tasks of closed leads": ({ pool }) => closedToRemind(pool, now, 100),
  "reconciler, a page of 1,000": ({ pool, leads }) =>
    openLeads(pool, grownLead(Math.floor(leads / 2)), 1_000, now),
  "reconciler, effects of closed leads": ({ pool }) => closedWithEffects(pool, 1_000, now),
  "reconciler, people who left": ({ pool }) => remindOfLeavers(pool, 1_000, now),
  "upkeep, counts of the last minutes": async ({ pool }) => {
    await tally(pool, now);
    await foldProcessCounts(pool);
  },
  // In a day with nothing to remove: what there is stays for the other figures.
  "upkeep, sweeping": ({ pool }) => sweep(pool, usualDays, { most: 0 }, now),
};

/**
 * Fills a Postgres of its own with the rows of years of work, one database for each size, and
 * measures everything that Baton asks it. The rate stays (250 leads a day): what grows is the past.
 */
export async function benchGrowth({ sizes }: { sizes: readonly number[] }): Promise<Report> {
  const stage = await startStage(() => undefined);
  const found: { leads: number; by: Map<string, MeasuredWork>; notes: string }[] = [];
  try {
    const server = (await (await fetch(`${stage.url}/postgres`)).json()) as PostgresAnswer;
    for (const leads of sizes) {
      const url = urlOfDatabase(server.url, `growth_${leads}`);
      const admin = new pg.Client({ connectionString: server.url });
      await admin.connect();
      await admin.query(`create database growth_${leads} template ${server.template}`);
      const pool = openPool(url, { statementTimeoutMs: 60_000, session: reportSession });
      try {
        found.push({ leads, ...(await measureAll({ pool, leads })) });
      } finally {
        await pool.end();
        await admin.query(`drop database growth_${leads} with (force)`);
        await admin.end();
      }
    }
  } finally {
    await stage.close();
  }
  return reportOf(found);
}

async function measureAll({
  pool,
  leads,
}: Pick<World, "pool" | "leads">): Promise<{ by: Map<string, MeasuredWork>; notes: string }> {
  const began = performance.now();
  await grow(pool, { leads, now });
  const filled = performance.now();
  while (await tally(pool, now));
  const tallied = performance.now();
  const { differences } = await recountAll(pool, now);
  const counted = performance.now();
  const second = await recountAll(pool, now);
  const seconds = (from: number, to: number) => ((to - from) / 1_000).toFixed(1);
  const size = await pool.query<{ size: string }>(
    "select pg_size_pretty(pg_database_size(current_database())) as size",
  );
  const notes =
    `${leads} leads: filled in ${seconds(began, filled)} s (${size.rows[0]?.size}), ` +
    `tallied in ${seconds(filled, tallied)} s, counted anew in ${seconds(tallied, counted)} s ` +
    `(${differences} differences before, ${second.differences} after), load ${loadavg()[0]?.toFixed(1)}`;
  const world = {
    pool,
    leads,
    now,
    team: await reachOf(pool, "team", grownPeople.manager),
  };
  const by = new Map<string, MeasuredWork>();
  for (const [name, work] of Object.entries(works))
    by.set(name, await measure(pool, () => work(world)));
  return { by, notes };
}

const nothing: MeasuredWork = { ms: 0, cpuMs: null, rows: 0, buffers: 0 };

/** A table, a line for each work, and how much more the largest size takes than the one before. */
function reportOf(
  found: readonly { leads: number; by: ReadonlyMap<string, MeasuredWork>; notes: string }[],
): Report {
  const [before, last] = found.slice(-2);
  const cells = (list: readonly string[]) => `| ${list.join(" | ")} |`;
  const number = (value: number) => value.toLocaleString("en");
  const lines = Object.keys(works).map((name) => {
    const of = found.map(({ by }) => by.get(name) ?? nothing);
    const [one, other] = [before?.by.get(name), last?.by.get(name)];
    const ratio = (part: "ms" | "rows") =>
      one && other && other !== one ? (other[part] / Math.max(one[part], 1e-9)).toFixed(1) : "-";
    const grows = one && other && other.rows > 2_000 && other.rows > 3 * one.rows ? "grows" : "";
    return cells([
      name,
      ...of.map(({ ms }) => ms.toFixed(ms < 10 ? 1 : 0)),
      ...of.map(({ rows }) => number(rows)),
      ...of.map(({ buffers }) => number(buffers)),
      ratio("ms"),
      one && one.rows === 0 ? "-" : ratio("rows"),
      grows,
    ]);
  });
  const heads = (what: string) => found.map(({ leads }) => `${what}, ${number(leads)}`);
  return {
    figures: Object.keys(works).map((name) => ({
      name,
      value: last?.by.get(name)?.ms ?? 0,
      unit: "ms",
      beside: found
        .slice(0, -1)
        .map(({ leads, by }) => ({ name: `${leads} leads`, value: by.get(name)?.ms ?? 0 })),
    })),
    notes: [
      ...found.map(({ notes }) => notes),
      cells([
        "",
        ...heads("ms"),
        ...heads("rows"),
        ...heads("pages"),
        "ms, times",
        "rows, times",
        "",
      ]),
      cells(["---", ...found.flatMap(() => ["---", "---", "---"]), "---", "---", "---"]),
      ...lines,
    ],
  };
}
