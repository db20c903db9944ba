import type { CalendarDef } from "../../handoff/time/calendar.ts";
import type { TaskKind } from "../../handoff/process/situation.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { firstRow, often, rows, sql, type Db } from "../postgres/db.ts";
import { emailOfLead, nameOfLead } from "./names.ts";
import { versionOfProcess } from "./version.ts";
import { reachValues, type Reach } from "./reach.ts";

/** The lists of a manager's board, what breaks first before the rest; each entry is in one of them. */
export const boardLists = ["breached", "hour", "today", "paused", "manager", "held"] as const;
export type BoardList = (typeof boardLists)[number];

/** A lead, or an account that is handed off as a whole, on the board. */
export interface BoardRow {
  readonly list: BoardList;
  readonly kind: "lead" | "account";
  readonly id: string;
  readonly stage: Stage;
  readonly waiting_on: WaitingOn;
  readonly owner_id: string | null;
  readonly owner_name: string | null;
  readonly queue: string | null;
  readonly lead_type: string | null;
  readonly priority: number | null;
  readonly due_at: Date | null;
  readonly paused_until: Date | null;
  readonly held_until: Date | null;
  readonly next_step: string | null;
  readonly next_at: Date | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly company: string | null;
  /** The task that asks the manager for something about it. */
  readonly task: TaskKind | null;
  readonly task_detail: Readonly<Record<string, unknown>> | null;
  readonly cycle: number;
  readonly round: number | null;
  /** The version that it stands under. */
  readonly agreement_id: string | null;
  /** The zone of the hours on which its clock runs. */
  readonly zone: string | null;
  /** The sort key, exactly as the next page needs it. */
  readonly place: string;
}

/** Moments that part the lists. */
export interface BoardTimes {
  readonly now: number;
  /** Where today ends for the reader. */
  readonly dayEnd: number;
}

/** A list with more entries than this says "at least". */
export const boardCountLimit = 1_000;

const hourMs = 3_600_000;

// $1 ids of the people in reach, or null for everybody's; $2 now, $3 in an hour, $4 the end of today.
const owned = "($1::text[] is null or p.owner_id = any($1::text[]))";
/** As in the list of leads: what nobody owns belongs to a manager by queue, task or pool. */
const unowned = `(p.owner_id is null and (p.waiting_on = 'queue'
  or exists (select from task t where t.subject_kind = p.subject_kind and t.subject_id = p.subject_id
    and t.state = 'open' and (t.assignee_id = any($1::text[])
      or (t.assignee_id is null and t.role = 'manager')))
  or (select g.pool from handoff g where g.id = p.handoff_id) = any(array(
    select m.pool_id from pool_member m where m.rep_id = any($1::text[])))))`;
const asksManager = "p.waiting_on in ('manager', 'queue')";
const isAnswerable = "p.waiting_on not in ('manager', 'queue', 'hold', 'nothing')";

/** What a list holds, and by which time it is ordered. */
const parts: Readonly<Record<BoardList, { readonly where: string; readonly by: string }>> = {
  breached: {
    where: `${owned} and ${isAnswerable} and p.due_at < $2::timestamptz`,
    by: "p.due_at",
  },
  hour: {
    where: `${owned} and ${isAnswerable} and p.due_at >= $2::timestamptz
      and p.due_at < $3::timestamptz`,
    by: "p.due_at",
  },
  today: {
    where: `${owned} and ${isAnswerable} and p.due_at >= $3::timestamptz
      and p.due_at < $4::timestamptz`,
    by: "p.due_at",
  },
  paused: {
    where: `${owned} and p.waiting_on in ('outreach', 'answer') and p.due_at is null
      and h.paused_until is not null`,
    by: "h.paused_until",
  },
  manager: {
    where: `(${owned} or ${unowned}) and ${asksManager}`,
    by: "coalesce(p.due_at, k.due_at, 'infinity')",
  },
  held: {
    where: `(${owned} or ${unowned}) and p.waiting_on = 'hold'`,
    by: "coalesce(e.until_at, 'infinity')",
  },
};

const joins: Readonly<Partial<Record<BoardList, string>>> = {
  paused: `join lateral (select g.paused_until from handoff g where g.id = p.handoff_id
    limit 1) h on true`,
  manager: `left join lateral (select min(t.due_at) as due_at from task t
    where t.subject_kind = p.subject_kind and t.subject_id = p.subject_id and t.state = 'open'
      and t.role = 'manager') k on true`,
  held: "left join held e on e.handoff_id = p.handoff_id",
};

const fromProcess = (list: BoardList) =>
  `from process p ${joins[list] ?? ""} where ${parts[list].where}`;

function values(reach: Reach, { now, dayEnd }: BoardTimes): unknown[] {
  const { ids } = reachValues(reach);
  return [ids, ...[now, now + hourMs, dayEnd].map((at) => new Date(at))];
}

/**
 * How many entries each list holds, in the order of the lists; one more than `boardCountLimit` stands
 * for "more than that".
 */
export async function boardCounts(
  db: Db,
  reach: Reach,
  times: BoardTimes,
): Promise<ReadonlyMap<BoardList, number>> {
  const text = boardLists
    .map(
      (list) => `select '${list}' as list, (select count(*)::int
        from (select 1 ${fromProcess(list)} limit ${boardCountLimit + 1}) found) as n`,
    )
    .join(" union all ");
  const found = await rows<{ list: BoardList; n: number }>(db, often(text, values(reach, times)));
  return new Map(found.map(({ list, n }) => [list, n]));
}

/**
 * The first entries of these lists, at most `limit` of each, or those after a place. Each list is in
 * its own order: what comes first is what breaks first.
 */
export async function boardRows(
  db: Db,
  lists: readonly BoardList[],
  reach: Reach,
  times: BoardTimes,
  page: { after?: { place: string; id: string } | undefined; limit: number },
): Promise<BoardRow[]> {
  const part = (list: BoardList) => `(
    select '${list}' as list, p.subject_kind as kind, p.subject_id as id, ${parts[list].by} as place ${fromProcess(list)}
      and ($5::timestamptz is null
        or (${parts[list].by}, p.subject_id) > ($5::timestamptz, $6::text))
    order by ${parts[list].by}, p.subject_id limit $7::int)`;
  // The first part says what type each value has, for a list that does not ask for it.
  const text = `with given as (select $1::text[], $2::timestamptz, $3::timestamptz, $4::timestamptz),
    entry as (${lists.map(part).join(" union all ")})
    select entry.list, entry.kind, entry.id, p.stage, p.waiting_on, p.owner_id, r.name as owner_name, p.queue,
      p.lead_type, h.priority, p.due_at, h.paused_until,
      e.until_at as held_until, p.next_step, p.next_at,
      ${nameOfLead} as name, ${emailOfLead} as email,
      coalesce(a.facts #>> '{account.name,value}', a.domain) as company,
      m.kind as task, m.detail as task_detail, p.cycle, h.round,
      ${versionOfProcess("p")} as agreement_id,
      ${clockZone} as zone, entry.place::text as place
    from entry join process p on p.subject_kind = entry.kind and p.subject_id = entry.id
      left join lead l on entry.kind = 'lead' and l.id = entry.id
      left join account a on a.id = case entry.kind when 'account' then entry.id else l.account_id end
      left join handoff h on h.id = p.handoff_id left join rep r on r.id = p.owner_id
      left join held e on e.handoff_id = p.handoff_id
      left join lateral (select t.kind, t.detail from task t where t.subject_kind = p.subject_kind
        and t.subject_id = p.subject_id and t.state = 'open' and t.role = 'manager'
        order by t.due_at, t.id limit 1) m on true
    order by array_position(array['${boardLists.join("','")}'], entry.list), entry.place, entry.id`;
  const { after, limit } = page;
  return rows<BoardRow>(
    db,
    often(text, [...values(reach, times), after?.place ?? null, after?.id ?? null, limit]),
  );
}

/** The zone of the latest clock of a process `p`. */
const clockZone = `(select v.definition #>> '{hours,zone}' from clock c
  join calendar_version v on v.id = c.calendar_id where c.handoff_id = p.handoff_id
  order by c.round desc, c.id limit 1)`;

/** The zone of a person's hours, else of the pool's; null where the roster names none. */
export async function zoneOfPerson(db: Db, repId: string): Promise<string | null> {
  const row = await firstRow<{ hours: CalendarDef | null; pool_hours: CalendarDef | null }>(
    db,
    sql`
    select r.hours, (select p.hours from pool_member m join pool p on p.id = m.pool_id
      where m.rep_id = r.id and p.hours is not null order by p.id limit 1) as pool_hours
    from rep r where r.id = ${repId}`,
  );
  return row?.hours?.zone ?? row?.pool_hours?.zone ?? null;
}
