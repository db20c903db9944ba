import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";
import { lastAccountRecount } from "../accounts/recount.ts";
import { lastRecount } from "./recount.ts";
import { processCounts } from "./tallies.ts";

/** Figures of operation at one moment: counts and ages in seconds, no personal data. */
export interface Gauges {
  readonly leads: readonly {
    readonly stage: string;
    readonly waiting_on: string;
    readonly n: number;
  }[];
  readonly tasks: readonly { readonly kind: string; readonly n: number }[];
  readonly overdue: number;
  readonly held: number;
  readonly effects: readonly {
    readonly kind: string;
    readonly state: string;
    readonly n: number;
  }[];
  readonly queues: readonly {
    readonly queue: string;
    readonly n: number;
    readonly oldest_s: number;
  }[];
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
  const at = new Date(now);
  const [leads, tasks, effects, queues, single, recount, accounts] = await Promise.all([
    processCounts(db),
    rows<Gauges["tasks"][number]>(
      db,
      sql`select kind, count(*)::int as n from task where state = 'open' group by kind`,
    ),
    rows<Gauges["effects"][number]>(
      db,
      sql`
        select kind, 'open' as state, count(*)::int as n from effect where state = 'open'
          group by kind
        union all select kind, 'failed', count(*)::int from effect where state = 'failed'
          group by kind`,
    ),
    rows<Gauges["queues"][number]>(
      db,
      sql`
      select 'outbox/' || lane as queue, count(*)::int as n,
        coalesce(extract(epoch from ${at}::timestamptz - min(created_at)), 0)::float8 as oldest_s
        from outbox where done_at is null group by lane
      union all
      select 'inbox/' || source, count(*)::int,
        coalesce(extract(epoch from ${at}::timestamptz - min(received_at)), 0)::float8 from inbox
        where processed_at is null group by source`,
    ),
    firstRow<{ overdue: number; held: number }>(
      db,
      sql`
      select (select count(*)::int from process where subject_kind = 'lead'
        and due_at < ${at}::timestamptz) as overdue, (select count(*)::int from held) as held`,
    ),
    lastRecount(db),
    lastAccountRecount(db),
  ]);
  return {
    leads,
    tasks,
    effects,
    queues,
    overdue: single?.overdue ?? 0,
    held: single?.held ?? 0,
    differences: recount?.differences ?? null,
    accountDifferences: accounts?.differences ?? null,
  };
}
