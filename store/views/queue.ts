import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { Target } from "../../handoff/time/deadline.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { often, rows, type Db } from "../postgres/db.ts";
import { emailOfLead, nameOfLead } from "./names.ts";
import { versionOfProcess } from "./version.ts";
import { firstByDue, firstByLeadDue, isTheirs, type Way } from "./open-tasks.ts";
import { reachValues } from "./reach.ts";
import type { TaskAsker } from "./tasks.ts";

/** One line of somebody's queue: a lead or an account to work on, or a task to do. */
export interface QueueEntry {
  readonly kind: "lead" | "account" | "task";
  readonly id: string;
  readonly lead_id: string | null;
  readonly account_id: string | null;
  /** The next step of a lead, the kind of a task. */
  readonly what: string;
  readonly stage: Stage | null;
  readonly waiting_on: WaitingOn | null;
  readonly owner_id: string | null;
  readonly owner_name: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly company: string | null;
  readonly title: string | null;
  readonly phone: string | null;
  readonly band: string | null;
  /** Of the process, with the round of its open offer; null without a lead. */
  readonly cycle: number | null;
  readonly round: number | null;
  readonly handoff_id: string | null;
  readonly agreement_id: string | null;
  /** The version that its subject stands under, with a handoff or without. */
  readonly version_id: string | null;
  readonly paused_until: Date | null;
  readonly lead_type: string | null;
  readonly priority: number | null;
  /** Why the lead was handed to sales. */
  readonly because: string | null;
  /** What a task is about; null of a lead. */
  readonly detail: Readonly<Record<string, unknown>> | null;
  readonly due_at: Date | null;
  /** What the lead's clock gives, and the hours on which it runs. */
  readonly target: Target | null;
  readonly hours: AppliedCalendar | null;
  /** The sort key, exactly as the next page needs it. */
  readonly place: string;
}

/** What a lead waits for when its owner has to do something. */
const work = ["outreach", "answer", "attempts", "meeting", "opportunity", "manager"];

/** The values of the statement. */
const [people, roles, self, afterDue, afterId, limit, until, toWork] = [
  "$1",
  "$2",
  "$3",
  "$4",
  "$5",
  "$6",
  "$7",
  "$8",
];
/** Says what type each value has, for a statement that does not ask for it. */
const given = `given as (select ${people}::text[], ${roles}::text[], ${self}::text,
  ${afterDue}::timestamptz, ${afterId}::text, ${limit}::int, ${until}::timestamptz,
  ${toWork}::text[])`;

/** What a statement about a queue depends on: each is planned for itself, and once. */
interface Shape {
  /** Everybody's queue, and not that of people. */
  readonly isOfAll: boolean;
  readonly way: Way;
  /** From a place on. */
  readonly isAfter: boolean;
  /** The number of the lead that alone is asked for. */
  readonly of?: string;
}

/**
 * The entries of somebody's queue as `entry`, and the first of them as `page` (or the last before a
 * place).
 */
function entries({ isOfAll, way, isAfter, of }: Shape): string {
  const ids = isOfAll ? null : people;
  const isOurs = (owner: string) => (ids === null ? "true" : `${owner} = any(${ids}::text[])`);
  // Where a task stands: also by the clock of its lead, unless that is the asker's own.
  const place = `least(coalesce(t.due_at, 'infinity'),
    case when t.lead_owner_id is distinct from ${self}::text and ${isOurs("t.lead_owner_id")}
      then t.lead_due_at end)`;
  const isThere = (at: string, id: string) =>
    isAfter
      ? `and (${at}, ${id}) ${way === "on" ? ">" : "<"} (${afterDue}::timestamptz, ${afterId}::text)`
      : "";
  const ofTask =
    of === undefined ? "" : `and t.subject_kind = 'lead' and t.subject_id = ${of}::text`;
  const where = `${isThere(place, "t.id")} ${ofTask}`;
  const since = isAfter ? afterDue : "null";
  const tasks = `${firstByDue({ ids, roles, limit, since }, where, way)}
    union all ${firstByLeadDue({ ids, limit, since, self }, where, way)}`;
  const back = way === "on" ? "" : "desc";
  return `${given}, entry as (
      select p.subject_kind as kind, p.subject_id as id,
        case p.subject_kind when 'lead' then p.subject_id end as lead_id,
        case p.subject_kind when 'account' then p.subject_id end as account_id,
        coalesce(p.next_step, p.waiting_on) as what, null::jsonb as detail, p.owner_id as with_id,
        coalesce(p.due_at, p.next_at, 'infinity') as place, p.due_at
      from process p
      where ${of === undefined ? "" : `p.subject_kind = 'lead' and p.subject_id = ${of}::text and`}
        ((p.owner_id = ${self}::text and p.waiting_on = any(${toWork}::text[]))
        or (p.due_at < ${until}::timestamptz and ${isOurs("p.owner_id")}))
        and not ((p.waiting_on in ('manager', 'queue')
            or p.owner_id is distinct from ${self}::text)
          and (select count(*) from task t where t.subject_kind = p.subject_kind
            and t.subject_id = p.subject_id and t.state = 'open' and ${isTheirs({ ids, roles })}) > 0)
      union all
      select 'task', t.id, case when t.subject_kind = 'lead' then t.subject_id end,
        case when t.subject_kind = 'account' then t.subject_id end, t.kind, t.detail,
        t.assignee_id, ${place}, nullif(${place}, 'infinity')
      from (select distinct on (id) * from (${tasks}) ways) t
    ), page as (
      select * from entry where true ${isThere("place", "id")}
      order by place ${back}, id ${back} limit ${limit}
    )`;
}

/** Whose queue, and until when the clocks of others' leads are in it. */
type QueueAsker = TaskAsker & { readonly repId: string | null };

function valuesOf(
  asker: QueueAsker,
  page: { after?: Place | undefined; limit: number; until: number },
): unknown[] {
  return [
    reachValues(asker.reach).ids,
    asker.roles,
    asker.repId,
    page.after?.due ?? null,
    page.after?.id ?? null,
    page.limit,
    new Date(page.until),
    work,
  ];
}

interface Place {
  readonly due: string;
  readonly id: string;
}

/**
 * What waits for somebody, the earliest due first: the leads a person owns and must work on, tasks
 * named to them or to their roles, and for a manager (or an operator) the leads of the team (of
 * everybody) whose clock runs out before `until`. A lead of the team that waits for the asker with a
 * task is in the list once, as that task, at the earlier of both times.
 */
export async function queueOf(
  db: Db,
  asker: QueueAsker,
  page: { after?: Place | undefined; limit: number; until: number },
): Promise<QueueEntry[]> {
  const isOfAll = asker.reach.kind === "all";
  const text = `
    with ${entries({ isOfAll, way: "on", isAfter: page.after !== undefined })}
    select page.kind, page.id, page.lead_id, page.account_id, page.what, page.detail, p.stage, p.waiting_on,
      page.with_id as owner_id, r.name as owner_name, p.lead_type, h.priority, page.due_at,
      p.band, p.cycle, h.round, h.id as handoff_id, h.agreement_id, h.paused_until,
      ${versionOfProcess("p")} as version_id,
      l.facts #>> '{lead.title,value}' as title,
      ${nameOfLead} as name, ${emailOfLead} as email,
      coalesce(a.facts #>> '{account.name,value}', a.domain) as company,
      l.facts #>> '{lead.phone,value}' as phone,
      (select t.because from transition t where t.subject_kind = p.subject_kind
        and t.subject_id = p.subject_id
        and t.cycle = h.cycle and t.to_stage = 'mql' order by t.step limit 1) as because,
      k.target, k.definition as hours,
      page.place::text as place
    from page left join lead l on l.id = page.lead_id
      left join account a on a.id = coalesce(page.account_id, l.account_id)
      left join process p on p.subject_id = coalesce(page.lead_id, page.account_id)
        and p.subject_kind = case when page.lead_id is null then 'account' else 'lead' end
      left join handoff h on h.id = p.handoff_id left join rep r on r.id = page.with_id
      left join lateral (select c.target, v.definition from clock c
        join calendar_version v on v.id = c.calendar_id where c.handoff_id = h.id
        order by c.round desc, (c.ended_at is null) desc, c.due_at, c.id limit 1) k on true
    order by page.place, page.id`;
  return rows<QueueEntry>(db, often(text, valuesOf(asker, page)));
}

/** Where a lead is in somebody's queue, and which leads stand before and after it. */
export interface InQueue {
  /** Its number among the first `mostCounted` leads; null: it is not among them. */
  readonly n: number | null;
  /** How many leads are in the queue, among the entries that are counted; there may be more. */
  readonly of: number;
  readonly orMore: boolean;
  readonly previous: string | null;
  readonly next: string | null;
}

/** So many entries of a queue are counted. */
export const mostCountedInQueue = 100;
/** Entries beside a lead that may be its own, or of leads that stand elsewhere. */
const mostBeside = 20;

interface Entry extends Place {
  readonly lead: string | null;
}

/** A lead that stands there more than once, with its tasks, counts where it stands first. */
export async function inQueue(
  db: Db,
  asker: QueueAsker,
  leadId: string,
  until: number,
): Promise<InQueue> {
  const first = await beside(db, asker, until, { way: "on", limit: mostCountedInQueue });
  const orMore = first.length === mostCountedInQueue;
  const leads = [...new Set(first.flatMap(({ lead }) => lead ?? []))];
  const n = leads.indexOf(leadId);
  const counted = { of: leads.length, orMore };
  // Whatever stands before a place stands among the first as well.
  if (n >= 0 && (n + 1 < leads.length || !orMore))
    return { n: n + 1, ...counted, previous: leads[n - 1] ?? null, next: leads[n + 1] ?? null };
  if (!orMore) return { n: null, ...counted, previous: null, next: leads[0] ?? null };
  const around = await placesBeside(db, asker, leadId, until);
  return { n: n < 0 ? null : n + 1, ...counted, ...around };
}

/** The same for a lead that stands further back, or nowhere. */
async function placesBeside(
  db: Db,
  asker: QueueAsker,
  leadId: string,
  until: number,
): Promise<Pick<InQueue, "previous" | "next">> {
  const firstOf = async (of: string) =>
    (await beside(db, asker, until, { way: "on", limit: 1, of }))[0];
  const neighbour = async (way: Way, after: Place | undefined): Promise<string | null> => {
    if (way === "back" && after === undefined) return null;
    for (const { id, lead } of await beside(db, asker, until, { way, after, limit: mostBeside })) {
      if (lead === null || lead === leadId) continue;
      if ((await firstOf(lead))?.id === id) return lead;
    }
    return null;
  };
  const own = await firstOf(leadId);
  const [previous, next] = await Promise.all([neighbour("back", own), neighbour("on", own)]);
  return { previous, next };
}

/** Entries of the queue along a way, from a place on where one is given, or of one lead. */
function beside(
  db: Db,
  asker: QueueAsker,
  until: number,
  page: { way: Way; limit: number; after?: Place | undefined; of?: string },
): Promise<Entry[]> {
  const { way, after, of } = page;
  const isOfAll = asker.reach.kind === "all";
  const back = way === "on" ? "" : "desc";
  const text = `
    with ${entries({ isOfAll, way, isAfter: after !== undefined, ...(of === undefined ? {} : { of: "$9" }) })}
    select page.place::text as due, page.id, page.lead_id as lead from page
    order by page.place ${back}, page.id ${back}`;
  const values = valuesOf(asker, { after, limit: page.limit, until });
  return rows<Entry>(db, often(text, of === undefined ? values : [...values, of]));
}
