import { loadavg } from "node:os";
import pg from "pg";
import { openPool, reportSession, type Pool } from "../store/postgres/db.ts";
import { createAgreements } from "../store/process/agreements.ts";
import type { Dimension } from "../store/reports/filters.ts";
import { reports } from "../store/reports/registry.ts";
import type { ReportAsk } from "../store/reports/report.ts";
import { compilePacket } from "../store/reviews/packet.ts";
import type { PacketKind } from "../store/reviews/packets.ts";
import { exampleAgreement } from "../test/support/example-agreement.ts";
import { startStage, urlOfDatabase, type PostgresAnswer } from "../test/support/stage.ts";
import { beginOf, growHandoffs } from "./grown-handoffs.ts";
import { measure, type MeasuredWork } from "./measure.ts";
import type { Report } from "./numbers.ts";

const day = 86_400_000;
const now = Date.parse("2026-11-20T00:00:00Z");
const agreements = createAgreements(() => exampleAgreement());

const quarter = { from: now - 91 * day };
const fourYears = { from: beginOf(now) };
/** What is asked of every report that knows what it is asked by. */
const questions: Readonly<Record<string, Partial<ReportAsk>>> = {
  "last quarter": quarter,
  "all four years": fourYears,
  "last quarter by source": { ...quarter, groupBy: "source" },
  "all four years by source": { ...fourYears, groupBy: "source" },
  "last quarter of one band": { ...quarter, filters: { band: "B" } },
  "all four years of one band": { ...fourYears, filters: { band: "B" } },
  "all four years by rep": { ...fourYears, groupBy: "rep" },
};
/** Of what time each packet of a review is. */
const packetsFrom: Readonly<Record<PacketKind, number>> = {
  weekly: now - 7 * day,
  monthly: now - 30 * day,
  quarterly: now - 91 * day,
};
const isAskedOf = (
  dimensions: readonly Dimension[],
  { groupBy, filters = {} }: Partial<ReportAsk>,
) =>
  [...Object.keys(filters), ...(groupBy ? [groupBy] : [])].every((name) =>
    dimensions.some((known) => known === name),
  );
/** So long each question is asked again: there are two hundred. */
const mostMs = 1_000;
const goalOf = (report: string): number => (report === "funnel" ? 500 : 2_000);

type Found = ReadonlyMap<string, MeasuredWork>;

/**
 * Every report on databases of so many handoffs of four years, for the last quarter and for all of
 * it: how long it takes, what it reads, and how both grow.
 */
export async function benchReports({
  sizes,
}: {
  readonly sizes: readonly number[];
}): Promise<Report> {
  const stage = await startStage(() => undefined);
  const found: { readonly size: number; readonly by: Found; readonly note: string }[] = [];
  try {
    const server = (await (await fetch(`${stage.url}/postgres`)).json()) as PostgresAnswer;
    for (const size of sizes) {
      const name = `reports_${size}`;
      const admin = new pg.Client({ connectionString: server.url });
      await admin.connect();
      await admin.query(`create database ${name} template ${server.template}`);
      const pool = openPool(urlOfDatabase(server.url, name), {
        statementTimeoutMs: 120_000,
        session: reportSession,
      });
      try {
        found.push({ size, ...(await measureReports(pool, size)) });
      } finally {
        await pool.end();
        await admin.query(`drop database ${name} with (force)`);
        await admin.end();
      }
    }
  } finally {
    await stage.close();
  }
  return reportOf(found);
}

async function measureReports(pool: Pool, size: number): Promise<{ by: Found; note: string }> {
  const began = performance.now();
  await growHandoffs(pool, size, now);
  const filled = ((performance.now() - began) / 1_000).toFixed(0);
  const { rows } = await pool.query<{ size: string }>(
    "select pg_size_pretty(pg_database_size(current_database())) as size",
  );
  const by = new Map<string, MeasuredWork>();
  for (const [when, question] of Object.entries(questions)) {
    const ask: ReportAsk = {
      from: now,
      to: now,
      asOf: now,
      knowledge: "now",
      filters: {},
      groupBy: null,
      repIds: null,
      db: pool,
      agreements,
      ...question,
    };
    for (const { name, dimensions, rows: work } of reports)
      if (isAskedOf(dimensions, question))
        by.set(`${name}, ${when}`, await measure(pool, () => work(ask), mostMs));
  }
  const version = await agreements.active(pool);
  for (const [kind, from] of Object.entries(packetsFrom))
    if (version)
      by.set(
        `packet, ${kind}`,
        await measure(
          pool,
          () =>
            compilePacket({
              db: pool,
              agreements,
              version,
              kind: kind as PacketKind,
              period: "bench",
              asOf: now,
              from,
              to: now,
            }),
          mostMs,
        ),
      );
  const note = `${size} handoffs: ${rows[0]?.size}, filled in ${filled} s, load ${loadavg()[0]?.toFixed(1)}`;
  return { by, note };
}

function reportOf(
  found: readonly { readonly size: number; readonly by: Found; readonly note: string }[],
): Report {
  const last = found.at(-1);
  const number = (value: number) => value.toLocaleString("en", { maximumFractionDigits: 0 });
  const cells = (list: readonly string[]) => `| ${list.join(" | ")} |`;
  const names = [...(last?.by.keys() ?? [])];
  const lines = names.map((name) => {
    const of = found.map(({ by }) => by.get(name));
    const [before, largest] = of.slice(-2).map((one) => one?.cpuMs ?? one?.ms ?? 0);
    const grows = before && largest ? largest / before : 1;
    return cells([
      name,
      ...of.map((one) => number(one?.ms ?? 0)),
      ...of.map((one) => (one?.cpuMs == null ? "-" : number(one.cpuMs))),
      ...of.map((one) => number(one?.rows ?? 0)),
      grows.toFixed(1),
    ]);
  });
  const heads = (what: string) => found.map(({ size }) => `${what}, ${number(size)}`);
  return {
    figures: names.map((name) => ({
      name,
      value: last?.by.get(name)?.ms ?? 0,
      unit: "ms",
      goal: { atMost: goalOf(name.split(",")[0] ?? "") },
      beside: found
        .slice(0, -1)
        .map(({ size, by }) => ({ name: `${size}`, value: by.get(name)?.ms ?? 0 })),
    })),
    notes: [
      ...found.map(({ note }) => note),
      cells(["", ...heads("ms"), ...heads("processor ms"), ...heads("rows"), "processor, times"]),
      cells(["---", ...found.flatMap(() => ["---", "---", "---"]), "---"]),
      ...lines,
    ],
  };
}
