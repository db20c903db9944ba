import type { Instant } from "../handoff/calendar.ts";
import { firstRow, rows, sql, type Db } from "./db.ts";

/** Who is alive: the latest heartbeat of each kind of process, or null. */
export async function lastHeartbeats(
  db: Db,
): Promise<{ worker: Instant | null; relay: Instant | null }> {
  const found = await rows<{ kind: "worker" | "relay"; at: Date }>(
    db,
    sql`select kind, max(at) as at from heartbeat group by kind`,
  );
  const at = (kind: "worker" | "relay") =>
    found.find((row) => row.kind === kind)?.at.getTime() ?? null;
  return { worker: at("worker"), relay: at("relay") };
}

/** Figures of operation at one moment: counts and ages in seconds, nothing about anybody. */
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
}

export async function gauges(db: Db, now: Instant): Promise<Gauges> {
  const at = new Date(now);
  const [leads, tasks, effects, queues, single] = await Promise.all([
    rows<Gauges["leads"][number]>(
      db,
      sql`select stage, waiting_on, count(*)::int as n from lead group by stage, waiting_on`,
    ),
    rows<Gauges["tasks"][number]>(
      db,
      sql`select kind, count(*)::int as n from task where state = 'open' group by kind`,
    ),
    rows<Gauges["effects"][number]>(
      db,
      sql`select kind, state, count(*)::int as n from effect where state in ('open', 'failed') group by kind, state`,
    ),
    rows<Gauges["queues"][number]>(
      db,
      sql`
      select 'outbox/' || lane as queue, count(*)::int as n, coalesce(extract(epoch from ${at}::timestamptz - min(created_at)), 0)::float8 as oldest_s from outbox where done_at is null group by lane
      union all
      select 'inbox/' || source, count(*)::int, coalesce(extract(epoch from ${at}::timestamptz - min(received_at)), 0)::float8 from inbox where processed_at is null group by source`,
    ),
    firstRow<{ overdue: number; held: number }>(
      db,
      sql`
      select (select count(*)::int from lead where due_at < ${at}::timestamptz) as overdue, (select count(*)::int from held) as held`,
    ),
  ]);
  return { leads, tasks, effects, queues, overdue: single?.overdue ?? 0, held: single?.held ?? 0 };
}
