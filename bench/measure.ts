import type { Pool } from "../store/postgres/db.ts";
import { carriedOut, recordStatements } from "../test/support/plans.ts";
import { cpuOfFamily, parentOf } from "./cpu.ts";
import { median } from "./numbers.ts";

/** One thing that Baton does, measured on a database of one size. */
export interface MeasuredWork {
  readonly ms: number;
  /** Processor time of Postgres, which other work on the machine moves less; null without /proc. */
  readonly cpuMs: number | null;
  /** Rows that its statements looked at, and pages of 8 kB. */
  readonly rows: number;
  readonly buffers: number;
}

const mostRuns = 21;
const usuallyMs = 4_000;
/** What takes longer is not asked a third time. */
const longMs = 10_000;

/**
 * The median time of a work, and what its statements read by their plans as carried out. It is
 * repeated for about `mostMs`.
 */
export async function measure(
  pool: Pool,
  work: () => Promise<unknown>,
  mostMs = usuallyMs,
): Promise<MeasuredWork> {
  const { rows: backend } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  const server = parentOf(backend[0]?.pid ?? 0);
  const spent = () => (server === null ? null : cpuOfFamily(server));
  const timed = async (): Promise<{ ms: number; cpuMs: number | null }> => {
    const [began, before] = [performance.now(), spent()];
    await work();
    const [ms, after] = [performance.now() - began, spent()];
    return { ms, cpuMs: before === null || after === null ? null : after - before };
  };
  const recorded = recordStatements(pool);
  const first = await timed();
  recorded.stop();
  let [rows, buffers] = [0, 0];
  for (const statement of recorded.sent) {
    const carried = await carriedOut(pool, statement);
    for (const { visited } of carried?.scans ?? []) rows += visited;
    buffers += carried?.buffers ?? 0;
  }
  const took = first.ms > longMs ? [first] : [await timed()];
  const until = performance.now() + mostMs - first.ms;
  while (took.length < mostRuns && performance.now() < until) took.push(await timed());
  // The kernel counts in hundredths of a second: over all runs, as one is too short.
  const cpu = took.flatMap(({ cpuMs }) => (cpuMs === null ? [] : [cpuMs]));
  return {
    ms: median(took.map(({ ms }) => ms)),
    cpuMs: cpu.length === 0 ? null : cpu.reduce((sum, one) => sum + one, 0) / cpu.length,
    rows,
    buffers,
  };
}
