import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";
import { lastAccountRecount } from "../accounts/recount.ts";
import { lastRecount } from "./recount.ts";
import { processCounts } from "./tallies.ts";

/** Work that has not been done yet: how much, and since when the oldest of it waits. */
export interface BacklogAge {
  readonly of: "outbox" | "inbox" | "effect";
  /** Lane, source or kind. */
  readonly name: string;
  readonly waiting: number;
  readonly oldest: Date | null;
  /** Effects that were given up on. */
  readonly failed: number;
}

/** How many tasks of a kind wait for somebody. */
export interface OpenTasks {
  readonly kind: string;
  readonly open: number;
}

/** Figures of operation at one moment: counts and ages in seconds, no personal data. */
export interface Gauges {
  readonly leads: readonly {
    readonly stage: string;
    readonly waiting_on: string;
    readonly n: number;
  }[];
  readonly tasks: readonly OpenTasks[];
  /** Leads past their deadline, and accounts that are handed off. */
  readonly overdue: number;
  readonly overdueAccounts: number;
  readonly held: number;
  readonly backlogs: readonly BacklogAge[];
  /** Kept counts that the last recount found to be wrong; null before the first one. */
  readonly differences: number | null;
  /** The same of what accounts are judged by. */
  readonly accountDifferences: number | null;
}

/**
 * Counts of leads are kept (store/reports/tallies.ts); everything else is counted, by an index that
 * holds no more than what is open.
 */
export async function gauges(db: Db, now: Instant): Promise<Gauges> {
  const [leads, tasks, backlogs, single, recount, accounts] = await Promise.all([
    processCounts(db),
    openTasks(db),
    allBacklogs(db),
    firstRow<{ overdue: number; accounts: number; held: number }>(
      db,
      sql`
      select count(*) filter (where subject_kind = 'lead')::int as overdue,
        count(*) filter (where subject_kind = 'account')::int as accounts,
        (select count(*)::int from held) as held
      from process where due_at < ${new Date(now)}::timestamptz`,
    ),
    lastRecount(db),
    lastAccountRecount(db),
  ]);
  return {
    leads,
    tasks,
    backlogs,
    overdue: single?.overdue ?? 0,
    overdueAccounts: single?.accounts ?? 0,
    held: single?.held ?? 0,
    differences: recount?.differences ?? null,
    accountDifferences: accounts?.differences ?? null,
  };
}

/** Every kind of work that waits or was given up on, in the order of its name. */
export function allBacklogs(db: Db): Promise<BacklogAge[]> {
  return rows<BacklogAge>(
    db,
    sql`
    select 'outbox' as of, lane::text as name, count(*)::int as waiting, min(created_at) as oldest,
      0 as failed from outbox where done_at is null group by lane
    union all
    select 'inbox', source, count(*)::int, min(received_at), 0 from inbox
    where processed_at is null group by source
    union all
    select 'effect', kind, sum(waiting)::int, min(oldest), sum(failed)::int from (
      select kind, count(*) as waiting, min(created_at) as oldest, 0 as failed
      from effect where state = 'open' group by kind
      union all
      select kind, 0, null, count(*) from effect where state = 'failed' group by kind) e
    group by kind
    order by 1, 2`,
  );
}

/** Open tasks by kind. */
export const openTasks = (db: Db): Promise<OpenTasks[]> =>
  rows<OpenTasks>(
    db,
    sql`
    select kind, count(*)::int as open from task where state = 'open' group by kind order by kind`,
  );
