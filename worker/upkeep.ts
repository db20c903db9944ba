import type { Logger } from "pino";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Pool } from "../store/postgres/db.ts";
import { resting, type Pace } from "../store/postgres/pace.ts";
import { lastRecount, recountAll } from "../store/reports/recount.ts";
import { settleHandoffs } from "../store/reports/settling.ts";
import { keepWeeks } from "../store/reports/weeks.ts";
import { foldProcessCounts, tally } from "../store/reports/tallies.ts";
import type { OwnWork } from "./current-version.ts";

export interface UpkeepDeps {
  readonly pool: Pool;
  readonly clock: () => Instant;
  readonly log: Pick<Logger, "error">;
  readonly pace?: Pace;
}

/** So many steps a round; what is left waits for the next one. */
const mostSteps = 200;
/** A past of years is counted over many minutes. */
const mostWeeks = 1;
export const recountEveryMs = 24 * 3_600_000;

/** All upkeep goes at this pace: a third of the time it works, two thirds it rests. */
export const upkeepPace = (ending?: AbortSignal, mayGoOn?: () => boolean): Pace =>
  resting(2, ending, mayGoOn);

/**
 * A round for the current version alone, also a long one: when the process ends, or another version
 * becomes current, it takes no further step, and what it throws then is no failure.
 */
export function ownRound(
  { isCurrent }: Pick<OwnWork, "isCurrent">,
  round: (pace: Pace) => Promise<void>,
): (ending: AbortSignal) => Promise<void> {
  return async (ending) => {
    if (!isCurrent()) return;
    try {
      await round(upkeepPace(ending, isCurrent));
    } catch (error) {
      if (isCurrent()) throw error;
    }
  };
}

/** Keeps the counts of which reports and metrics are made (store/reports/tallies.ts). */
export async function keepTallies({ pool, clock, pace = upkeepPace() }: UpkeepDeps): Promise<void> {
  await inSteps(mostSteps, pace, () => tally(pool, clock()));
  await inSteps(mostSteps, pace, () => foldProcessCounts(pool));
  await inSteps(mostSteps, pace, () => settleHandoffs(pool, clock()));
  await inSteps(mostWeeks, pace, () => keepWeeks(pool, clock()));
}

/**
 * Once a day compares the counts with a count of everything. With its rests that takes a while, and
 * counts are kept meanwhile: it is a round of its own.
 */
export async function proveTallies({
  pool,
  clock,
  log,
  pace = upkeepPace(),
}: UpkeepDeps): Promise<void> {
  const last = await lastRecount(pool);
  if (last && clock() - last.at.getTime() < recountEveryMs) return;
  const { differences, detail, isRecorded } = await recountAll(pool, clock(), { pace });
  if (isRecorded && differences > 0)
    log.error({ differences, detail }, "kept counts were wrong; made anew");
}

/** Repeats a step while it says that there is more. */
export async function inSteps(
  most: number,
  pace: Pace,
  step: () => Promise<boolean>,
): Promise<void> {
  for (let done = 0; done < most; done += 1) if (!(await pace(step))) return;
}
