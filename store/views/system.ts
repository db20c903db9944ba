import { isClosed } from "../../handoff/stage.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { lateLeads, leadPlaces, type LeadPlace } from "../inbox/reconcile.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { waitingSince } from "../postgres/outbox.ts";
import { openLeadCount } from "../reports/conservation.ts";
import { allBacklogs, openTasks, type BacklogAge, type OpenTasks } from "../reports/gauges.ts";
import { lastRecount } from "../reports/recount.ts";

/** An outside system that is not asked for the time being: the circuit breaker is open. */
export interface PausedConnection {
  readonly name: string;
  readonly since: Date;
  readonly until: Date | null;
  readonly reason: string | null;
}

/** What whoever runs Baton looks at first. */
export interface System {
  readonly backlogs: readonly BacklogAge[];
  readonly paused: readonly PausedConnection[];
  readonly tasks: readonly OpenTasks[];
  /** Open leads, each of which has a process. */
  readonly open: number;
  /** Leads whose next step is overdue, the first of them. */
  readonly late: { readonly count: number; readonly leads: readonly LeadPlace[] };
  /** Those of the leads asked for that are leads of ours, the first of them. */
  readonly broken: { readonly count: number; readonly leads: readonly LeadPlace[] };
  /** Those of the leads without a process that are open still. */
  readonly missing: readonly LeadPlace[];
  /** Starts and signals that Temporal has not been told for longer than `tellingMs`. */
  readonly untold: { readonly count: number; readonly since: Date | null };
  readonly recount: { readonly at: Date; readonly differences: number } | null;
}

/** A telling takes less than a second; after this long something keeps it. */
export const tellingMs = 2 * 60_000;

/** How many leads of one kind are shown. */
export const mostShown = 50;

/**
 * Everything but what other servers say. `broken`, `missing`: ids of leads whose process is so. What
 * is counted has an index that holds no more than what is open.
 */
export async function systemNow(
  db: Db,
  broken: readonly string[],
  missing: readonly string[],
  now: Instant,
): Promise<System> {
  const [backlogs, paused, tasks, open, late, places, without, untold, recount] = await Promise.all(
    [
      allBacklogs(db),
      rows<PausedConnection>(
        db,
        sql`
      select name, since, paused_until as until, reason from connection where since is not null
      order by name`,
      ),
      openTasks(db),
      openLeadCount(db),
      lateLeads(db, mostShown, now),
      leadPlaces(db, broken),
      leadPlaces(db, missing),
      waitingSince(db, now - tellingMs),
      lastRecount(db),
    ],
  );
  return {
    backlogs,
    paused,
    tasks,
    open,
    late,
    broken: { count: places.length, leads: places.slice(0, mostShown) },
    missing: without.filter(({ stage }) => !isClosed(stage)),
    untold,
    recount,
  };
}
