import { knownSql } from "./known.ts";
import type { Knowledge } from "./report.ts";

/** The lead's clock of each kind, of which there is one at most. */
const clockKinds = ["outreach", "status"] as const;
const clockOf = (kind: (typeof clockKinds)[number], of: string) =>
  `(select ${of} from clock c where c.handoff_id = h.id and c.kind = '${kind}'
    and c.scope = 'lead' and c.round = 0 and c.started_at <= $3)`;

/** Of a clock whether it was met; what is open is missed as soon as its deadline has passed. */
const verdict = `case when c.breached_at <= $3 then 'missed'
  when c.ended_at <= $3 then case when c.state = 'met' then 'met' else 'cancelled' end
  else 'open' end`;

/** Since when its deadline was missed, where nothing ever stopped it in time. */
const lateAt = `case when c.ended_at is null or c.ended_at > $3 or c.state = 'breached'
  then coalesce(c.breached_at, c.due_at) end`;

const clockCounts: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    clockKinds.flatMap((kind) => [
      [`${kind}_clock`, clockOf(kind, verdict)],
      [`${kind}_due_at`, clockOf(kind, "c.due_at")],
      [`${kind}_used_ms`, clockOf(kind, "c.used_ms")],
    ]),
  ),
  late_at: clockOf("outreach", lateAt),
};

/**
 * What reports ask of what hangs on a handoff: its clocks, outreaches, answers and offers. Each is a
 * column of `handoff` that is kept once a handoff is settled, and the SQL that counts it from the
 * rows: of `handoff h`, as of `$3`. What is kept is made by the same SQL, so the two cannot differ
 * but by what was written since, and that unsettles (migration 0108). Clocks are judged by what was
 * received, whatever was told later.
 */
const countsOf = (knowledge: Knowledge): Readonly<Record<string, string>> => {
  const isMade = knownSql({ knowledge }, "o.occurred_at", "o.told_at");
  const isGiven = knownSql({ knowledge }, "a.received_at", "a.told_at");
  const isDecided = knownSql({ knowledge }, "d.received_at", "d.told_at");
  return {
    tried: `(select count(*)::int from outreach o where o.handoff_id = h.id and ${isMade})`,
    hours_to_log: `(select array_agg(date_part('epoch', o.told_at - o.occurred_at) / 3600.0 order by o.id)
    from outreach o where o.handoff_id = h.id and ${isMade} and o.told_at is not null)`,
    offers: `(select count(*)::int from assignment a where a.handoff_id = h.id and a.at <= $3
    and a.rep_id is not null)`,
    // No `exists`: Postgres may make one for all handoffs at once, and read all assignments for a few.
    is_fallback: `coalesce((select bool_or(a.via = 'fallback') from assignment a
    where a.handoff_id = h.id and a.at <= $3), false)`,
    is_routed: `coalesce((select bool_or(a.via <> 'manager') from assignment a
    where a.handoff_id = h.id and a.at <= $3), false)`,
    own_missed: `(select count(*)::int from clock c where c.handoff_id = h.id and c.scope = 'rep'
    and c.rep_id = h.rep_id and c.breached_at <= $3)`,
    own_contested: `(select count(*)::int from answer a where a.handoff_id = h.id
    and a.kind = 'reject' and a.by_id = h.rep_id and a.contested and ${isGiven})`,
    own_overturned: `(select count(*)::int from answer a where a.handoff_id = h.id
    and a.kind = 'reject' and a.by_id = h.rep_id and a.contested and ${isGiven}
    and (select d.kind from answer d where d.handoff_id = h.id and d.kind like 'contest-%'
      and d.received_at >= a.received_at and ${isDecided}
      order by d.received_at, d.id limit 1) = 'contest-overturned')`,
    rated_fit: `(select a.fit_rating from answer a where a.handoff_id = h.id
    and a.fit_rating is not null and ${isGiven}
    order by a.received_at desc, a.id desc limit 1)`,
    heard_timeline: `(select a.timeline from answer a where a.handoff_id = h.id
    and a.timeline is not null and ${isGiven}
    order by a.received_at desc, a.id desc limit 1)`,
    heard_signals: `(select array_agg(distinct heard) from answer a, unnest(a.buying_signals) heard
    where a.handoff_id = h.id and ${isGiven})`,
    ...clockCounts,
  };
};

/** Each column with the SQL that counts it. */
export const settledCounts = countsOf("now");

/** From when on what is kept holds: what was written about the handoff lies before, and was told. */
export const holdsFrom = `greatest(h.mql_at,
  (select max(greatest(o.occurred_at, o.told_at)) from outreach o where o.handoff_id = h.id),
  (select max(a.at) from assignment a where a.handoff_id = h.id),
  (select max(greatest(a.received_at, a.told_at)) from answer a where a.handoff_id = h.id),
  (select max(greatest(c.started_at, c.ended_at, c.breached_at))
    from clock c where c.handoff_id = h.id))`;

/**
 * Every count as a column of `handoff h`, as of `$3`: what is kept where the handoff is settled by
 * then, else counted.
 */
export const settledSql = ({ knowledge }: { readonly knowledge: Knowledge }): string =>
  Object.entries(countsOf(knowledge))
    .map(
      ([name, count]) => `case when h.settled_at <= $3 then h.${name} else ${count} end as ${name}`,
    )
    .join(",\n");
