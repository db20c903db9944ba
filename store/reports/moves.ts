import type { Stage } from "../../handoff/stage.ts";
import { stages } from "../../handoff/stage.ts";

/** What happened in one stage on one day. */
export interface StageCounts {
  readonly entered: number;
  /** Moves that say they come from the stage. */
  readonly exited: number;
  /** Moves of leads that stood in the stage, by the move before. */
  readonly vacated: number;
}

export const noMoves: StageCounts = { entered: 0, exited: 0, vacated: 0 };

/** The order of a lead's moves of one instant: cycle, step, and how far the stage lies. */
const along = `array[${stages.map((stage: Stage) => `'${stage}'`).join(",")}]`;
export const movesInOrder = `at, cycle, step, from_stage is not null, array_position(${along}, to_stage)`;
export const latestFirst = `at desc, cycle desc, step desc, from_stage is not null desc,
  array_position(${along}, to_stage) desc`;

/**
 * Counts by day and stage of the moves `from` (a row source of transitions that are all of leads
 * and all at or after `since`): the head of a statement that ends in the table `counted (day,
 * stage, entered, exited, vacated)`. `since` is how the statement writes the instant from which on
 * the moves are: where a lead stood before its first one is looked up.
 */
export function countedMoves(from: string, since: string): string {
  return `placed as materialized (
      select m.day, m.from_stage, m.to_stage, coalesce(m.before, (
        select t.to_stage from transition t where t.subject_kind = 'lead'
          and t.subject_id = m.subject_id and t.at < ${since}
        order by ${latestFirst} limit 1)) as before
      from (select subject_id, (at at time zone 'UTC')::date as day, from_stage, to_stage,
          lag(to_stage) over (partition by subject_id order by ${movesInOrder}) as before
        from ${from}) m),
    counted as (
      select day, stage, sum(entered)::bigint as entered, sum(exited)::bigint as exited,
        sum(vacated)::bigint as vacated
      from (select day, to_stage as stage, 1 as entered, 0 as exited, 0 as vacated from placed
        union all select day, from_stage, 0, 1, 0 from placed where from_stage is not null
        union all select day, before, 0, 0, 1 from placed where before is not null) one
      group by day, stage)`;
}
