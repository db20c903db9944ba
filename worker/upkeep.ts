import type { Logger } from "pino";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Pool } from "../store/postgres/db.ts";
import { lastRecount, recountAll } from "../store/reports/recount.ts";
import { settleHandoffs } from "../store/reports/settling.ts";
import { keepWeeks } from "../store/reports/weeks.ts";
import { foldProcessCounts, tally } from "../store/reports/tallies.ts";

export interface UpkeepDeps {
  readonly pool: Pool;
  readonly clock: () => Instant;
  readonly log: Pick<Logger, "error">;
}

/** So many steps a round; what is left waits for the next one. */
const mostSteps = 200;
/** A past of years is counted over many minutes: decisions and pages come before it. */
const mostWeeks = 1;
const recountEveryMs = 24 * 3_600_000;

/**
 * Keeps the counts of which reports and metrics are made (store/reports/tallies.ts), and once a day
 * compares them with a count of everything.
 */
export async function keepTallies({ pool, clock, log }: UpkeepDeps): Promise<void> {
  for (let step = 0; step < mostSteps && (await tally(pool, clock())); step += 1);
  for (let step = 0; step < mostSteps && (await foldProcessCounts(pool)); step += 1);
  for (let step = 0; step < mostSteps && (await settleHandoffs(pool, clock())); step += 1);
  for (let step = 0; step < mostWeeks && (await keepWeeks(pool, clock())); step += 1);
  const last = await lastRecount(pool);
  if (last && clock() - last.at.getTime() < recountEveryMs) return;
  const { differences, detail } = await recountAll(pool, clock());
  if (differences > 0) log.error({ differences, detail }, "kept counts were wrong; made anew");
}
