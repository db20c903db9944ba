import { setTimeout as pause } from "node:timers/promises";
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
/** A past of years is counted over many minutes. */
const mostWeeks = 1;
/** It rests for twice as long as a step took: decisions and pages share the processors with it. */
const restFactor = 2;
const recountEveryMs = 24 * 3_600_000;

/**
 * Keeps the counts of which reports and metrics are made (store/reports/tallies.ts), and once a day
 * compares them with a count of everything.
 */
export async function keepTallies({ pool, clock, log }: UpkeepDeps): Promise<void> {
  await inSteps(mostSteps, () => tally(pool, clock()));
  await inSteps(mostSteps, () => foldProcessCounts(pool));
  await inSteps(mostSteps, () => settleHandoffs(pool, clock()));
  await inSteps(mostWeeks, () => keepWeeks(pool, clock()));
  const last = await lastRecount(pool);
  if (last && clock() - last.at.getTime() < recountEveryMs) return;
  const { differences, detail } = await recountAll(pool, clock());
  if (differences > 0) log.error({ differences, detail }, "kept counts were wrong; made anew");
}

/** Repeats a step while it says that there is more. */
async function inSteps(most: number, step: () => Promise<boolean>): Promise<void> {
  for (let done = 0; done < most; done += 1) {
    const began = performance.now();
    if (!(await step())) return;
    await pause(restFactor * (performance.now() - began));
  }
}
