import { tierOf } from "../../handoff/accounts/standing.ts";
import type { AppliedCalendar, HoursRules } from "../../handoff/time/applied-calendar.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { appliedCalendar, agreementHours } from "../../handoff/time/applied-calendar.ts";
import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import type { ClockEvent } from "../../handoff/clocks/clock.ts";
import { hoursRules } from "../../handoff/clocks/terms.ts";
import type { FactValue, Facts } from "../../handoff/facts/facts.ts";
import type { AnyAction } from "../../handoff/process/event.ts";
import type {
  OpenOffer,
  OpenTask,
  Person,
  ProcessClock,
  Situation,
} from "../../handoff/process/situation.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { localDateOf } from "../../handoff/time/local-time.ts";
import { decisive, isClosed } from "../../handoff/stage.ts";
import type { Agreements } from "./agreements.ts";
import { calendarDefinitions, calendarId, keepCalendar } from "./calendars.ts";
import { firstRow, sql, type Tx } from "../postgres/db.ts";
import type { KnownAbsence } from "../routing/roster.ts";
import { withCompany } from "../../spellings/domain.ts";
import { shownDecisions, type ShownDecision } from "./standing.ts";
import { readRare } from "./load-rare.ts";
import { handoffOf, processOf, type HandoffJson, type ProcessRow } from "./rows.ts";

export interface LoadOptions {
  readonly now: Instant;
  /** On which hours clocks are to run from now on; absent: by the handoff's own terms. */
  readonly hoursBy?: HoursRules;
  /** The action to be decided: its author's and its target's rows are loaded too. */
  readonly action?: AnyAction;
}

/** A situation under lock, and what its reader needs besides. */
export interface Loaded {
  readonly situation: Situation;
  /** Fields that changed since a person was asked to correct facts; empty when nobody was. */
  readonly corrected: readonly string[];
  /** Effects of the subject are not carried out yet. */
  readonly hasOpenEffects: boolean;
  /** The latest decisions, the newest first. */
  readonly recent: readonly ShownDecision[];
}

/**
 * Locks the process row until the transaction ends and reads everything that a decision may look
 * at: two statements, the second sent without waiting for the first, and what few ask for behind
 * them. Undefined when there is no such subject. Throws when no agreement is active yet.
 */
export async function loadSituation(
  tx: Tx,
  agreements: Agreements,
  subject: Subject,
  options: LoadOptions,
): Promise<Loaded | undefined> {
  const [row, around] = await Promise.all([
    lockProcess(tx, subject),
    readAround(tx, subject, options),
  ]);
  if (!row || !around) return undefined;
  const { handoff: json, agreement_id } = around;
  if (agreement_id === null) {
    throw new Error(
      "there is no active agreement; publish one with `npx baton agreement publish FILE`",
    );
  }
  const [{ agreement }, rare] = await Promise.all([
    agreements.version(tx, agreement_id),
    readRare(tx, subject, options.now, {
      suggested: around.is_rep_gone,
      knownAtEnd: isClosed(row.stage),
      rejectedFacts: (around.tasks ?? []).some(
        ({ kind, detail }) => kind === "fix-data" && "reason" in detail,
      ),
    }),
  ]);
  const process = processOf(row);
  const handoff = json === null ? null : handoffOf(json, around.rejection_revisit_on);
  const hours = calendarsAround(
    options.hoursBy ?? hoursRules(agreement, handoff),
    around,
    options.now,
  );
  const clocks = (around.clocks ?? []).map(clockOf);
  const kept = await calendarDefinitions(tx, calendarsIn(clocks));
  for (const [id, applied] of Object.entries(hours.calendars))
    await keepCalendar(tx, id, applied, options.now);
  const situation: Situation = {
    subject,
    now: options.now,
    agreementId: agreement_id,
    agreement,
    process,
    arrivedAt: around.arrived_at.getTime(),
    source: around.source,
    campaign: around.campaign,
    erased: around.erased_at !== null,
    mergeInto: around.merge_into,
    facts: withCompany(factsOf(around), agreement.emailDomains),
    engagements: (around.engagements ?? []).map(engagementOf),
    ...tierNow(agreement, around),
    matches: 1 + around.others,
    handoff,
    lastLeadType: around.last_lead_type,
    clocks,
    calendars: { ...kept, ...hours.calendars },
    poolCalendarId: hours.pool,
    people: hours.people,
    tasks: (around.tasks ?? []).map(taskOf),
    offers: around.offers ?? [],
    ...(around.out_of_pool ? { outOfPool: true as const } : {}),
    ...(rare.suggested === null ? {} : { suggested: rare.suggested }),
    answeredAt: around.answered_at?.getTime() ?? null,
    lastActivityAt: around.last_activity_at?.getTime() ?? null,
    stalledAt: around.stalled_at?.getTime() ?? null,
    ...(rare.knownAtEnd === null ? {} : { knownAtEnd: rare.knownAtEnd }),
    rejectionsToday: rejectionsOfDay(agreement, around, options),
    opportunity:
      around.opportunity === null
        ? null
        : {
            id: around.opportunity.id,
            createdAt: Date.parse(around.opportunity.createdAt),
          },
    ...ownPipeline(around),
  };
  return {
    situation,
    hasOpenEffects: around.has_open_effects,
    recent: (around.recent ?? []).map((one) => ({ ...one, at: Date.parse(one.at) })),
    corrected: correctedIn(situation, around, rare.rejectedFacts),
  };
}

/**
 * Facts that have another value than when a person was asked to correct them: the same
 * value again corrects nothing.
 */
function correctedIn(
  { tasks }: Situation,
  { facts, account_facts }: Around,
  rejected: Facts | null,
): string[] {
  const task = tasks.find(({ kind }) => kind === "fix-data");
  if (!task) return [];
  const all = [...Object.entries(account_facts ?? {}), ...Object.entries(facts)];
  return all
    .filter(([path, { value, at }]) =>
      rejected === null
        ? Date.parse(at) >= task.since
        : JSON.stringify(value) !== JSON.stringify(rejected[path]),
    )
    .map(([path]) => path);
}

/** The open opportunity of the person, else how the latest one ended. */
function ownPipeline({
  own_opportunity: own,
  hand_raised_at: handRaisedAt,
}: Around): Pick<Situation, "openOpportunity" | "opportunityEnd" | "handRaisedAt"> {
  const raised = handRaisedAt === null ? {} : { handRaisedAt: handRaisedAt.getTime() };
  if (own === null) return raised;
  const { id, ownerId, wonAt, lostAt } = own;
  if (wonAt !== null) return { ...raised, opportunityEnd: { how: "won", at: Date.parse(wonAt) } };
  if (lostAt !== null)
    return { ...raised, opportunityEnd: { how: "lost", at: Date.parse(lostAt) } };
  return { ...raised, openOpportunity: { id, ownerId } };
}

/**
 * The process row, locked until the transaction ends: decisions about one subject come one by one.
 */
export function lockProcess(tx: Tx, subject: Subject): Promise<ProcessRow | undefined> {
  return firstRow<ProcessRow>(
    tx,
    sql`
    select stage, stage_since, waiting_on, owner_id, queue, next_step, next_at, due_at, lead_type,
      band,
      territory, cycle, step, handoff_id, review_at, exit_at, exit_intent, exit_reason, revisit_on,
      closed_reason, merged_into
    from process where subject_kind = ${subject.kind} and subject_id = ${subject.id} for update`,
  );
}

interface Around {
  readonly facts: StoredFacts;
  readonly account_facts: StoredFacts | null;
  readonly pipeline: number;
  readonly is_flagged: boolean;
  readonly source: string | null;
  readonly campaign: string | null;
  readonly arrived_at: Date;
  readonly erased_at: Date | null;
  readonly merge_into: string | null;
  readonly agreement_id: string | null;
  readonly handoff: HandoffJson | null;
  readonly rejection_revisit_on: string | null;
  readonly last_lead_type: string | null;
  readonly engagements: readonly EngagementJson[] | null;
  readonly others: number;
  readonly clocks: readonly ClockJson[] | null;
  readonly tasks: readonly TaskJson[] | null;
  readonly offers: readonly OpenOffer[] | null;
  readonly out_of_pool: boolean;
  /** Whoever has it has left, is away, or is no longer in its pool. */
  readonly is_rep_gone: boolean;
  readonly people: readonly PersonJson[] | null;
  readonly pool: { readonly hours: CalendarDef | null } | null;
  readonly answered_at: Date | null;
  readonly last_activity_at: Date | null;
  readonly stalled_at: Date | null;
  /** Of the author of the action, within two days. */
  readonly recent_rejections: readonly string[] | null;
  readonly opportunity: { readonly id: string; readonly createdAt: string } | null;
  readonly own_opportunity: {
    readonly id: string;
    readonly ownerId: string | null;
    readonly wonAt: string | null;
    readonly lostAt: string | null;
  } | null;
  readonly hand_raised_at: Date | null;
  readonly has_open_effects: boolean;
  readonly recent:
    | readonly { readonly kind: string; readonly at: string; readonly because: string | null }[]
    | null;
}

/**
 * How often the author of the action rejected on the day of the action: a day of the place where
 * the author works.
 */
function rejectionsOfDay(
  agreement: Agreement,
  { recent_rejections, people, pool }: Around,
  { now, action }: LoadOptions,
): number {
  const hours = people?.find(({ id }) => id === action?.by)?.hours ?? pool?.hours;
  const { zone } = hours ?? agreementHours(agreement);
  const today = localDateOf(zone, action?.receivedAt ?? now);
  return (recent_rejections ?? []).filter((at) => localDateOf(zone, Date.parse(at)) === today)
    .length;
}

type StoredFacts = Readonly<Record<string, { readonly value: FactValue; readonly at: string }>>;
interface EngagementJson {
  readonly id: string;
  readonly type: string;
  readonly topic: string | null;
  readonly at: string;
}
interface ClockJson {
  readonly id: string;
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  readonly round: number;
  readonly warned: number;
  readonly rung: number;
  readonly breached: boolean;
  readonly events: readonly { kind: string; at: string; detail: Record<string, unknown> }[];
}
type TaskJson = Omit<OpenTask, "since" | "dueAt" | "remindAt"> & {
  readonly since: string;
  readonly dueAt: string | null;
  readonly remindAt: string | null;
};
interface PersonJson {
  readonly id: string;
  readonly active: boolean;
  readonly role: string;
  readonly managerId: string | null;
  readonly deputyId: string | null;
  readonly hours: CalendarDef | null;
  readonly absences: readonly KnownAbsence[] | null;
}

/** Of a person's latest engagements so many are looked at. */
const mostEngagements = 500;

async function readAround(
  tx: Tx,
  subject: Subject,
  { now, action }: LoadOptions,
): Promise<Around | undefined> {
  const named = namedBy(action);
  const by = action?.by ?? null;
  const at = new Date(now);
  const [from, to] = [
    new Date((action?.receivedAt ?? now) - 2 * 86_400_000),
    new Date(action?.receivedAt ?? now),
  ];
  return firstRow<Around>(
    tx,
    sql`
    with p as (
      select * from process where subject_kind = ${subject.kind} and subject_id = ${subject.id}),
    h as (select handoff.* from handoff join p on handoff.id = p.handoff_id),
    t as (
      select * from task where subject_kind = ${subject.kind} and subject_id = ${subject.id}
        and state = 'open')
    select l.facts, a.facts as account_facts, l.source, l.campaign, l.arrived_at, l.erased_at,
      l.merge_into,
      coalesce((select agreement_id from h), (select id from agreement_version
        where state = 'active')) as agreement_id,
      (select row_to_json(h) from h) as handoff,
      (select revisit_on from answer where handoff_id = p.handoff_id and kind = 'reject'
        order by received_at desc limit 1) as rejection_revisit_on,
      (select lead_type from handoff last where last.subject_kind = ${subject.kind}
        and last.subject_id = ${subject.id}
        order by cycle desc limit 1) as last_lead_type,
      (select count(*)::int from lead other join opportunity o on o.lead_id = other.id
        where other.account_id = l.account_id and other.id <> l.id and o.won_at is null
          and o.lost_at is null) as pipeline,
      exists (select from account_flag f where f.account_id = l.account_id
        and f.ended_at is null) as is_flagged,
      (select json_agg(json_build_object('id', e.message_id, 'type', e.type, 'topic', e.topic, 'at',
        e.occurred_at)
          order by e.occurred_at, e.message_id)
        from (select message_id, type, topic, occurred_at from engagement where lead_id = l.id
          order by occurred_at desc, message_id desc limit ${mostEngagements}) e) as engagements,
      (select count(distinct c.other)::int from (
          select other_id as other from lead_conflict where lead_id = l.id and settled_at is null
          union all select lead_id from lead_conflict where other_id = l.id and
            settled_at is null) c
        where (select o.erased_at is null and q.merged_into is null from lead o
          join process q on q.subject_kind = 'lead' and q.subject_id = o.id where o.id = c.other))
            as others,
      (select json_agg(json_build_object('id', c.id, 'kind', c.kind, 'scope', c.scope, 'round',
        c.round,
          'warned', c.warned, 'rung', c.rung, 'breached', c.breached_at is not null,
          'events', (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail',
            e.detail) order by e.n)
            from clock_event e where e.clock_id = c.id)) order by c.kind, c.scope desc)
        from clock c join h on c.handoff_id = h.id where c.round in (0, h.round)) as clocks,
      (select json_agg(json_build_object('kind', t.kind, 'handoffId', t.handoff_id, 'role', t.role,
          'assigneeId', t.assignee_id, 'since', t.since, 'dueAt', t.due_at,
          'remindAt', t.remind_at, 'reminded', t.reminded, 'detail', t.detail)
            order by t.since, t.kind)
        from t) as tasks,
      (select json_agg(json_build_object('handoffId', s.handoff_id, 'round', s.round, 'repId',
        s.rep_id, 'pool', s.pool)
          order by s.handoff_id, s.round)
        from handoff x join assignment s on s.handoff_id = x.id
        where x.subject_kind = ${subject.kind} and x.subject_id = ${subject.id}
          and s.ended_at is null) as offers,
      exists (select from h join assignment s on s.handoff_id = h.id and s.round = h.round
        where s.rep_id = h.rep_id and s.ended_at is null and s.via <> 'manager'
          and s.pool is not null
          and not exists (select from pool_member m where m.pool_id = s.pool
            and m.rep_id = s.rep_id)) as out_of_pool,
      exists (select from h join rep gone on gone.id = h.rep_id
        where h.pool is not null and (not gone.active
          or not exists (select from pool_member own where own.pool_id = h.pool
            and own.rep_id = gone.id)
          or exists (select from absence b where b.rep_id = gone.id and b.from_at <= ${at}
            and b.to_at > ${at}))) as is_rep_gone,
      (with recursive above as (
          select r.* from rep r where r.id =
            any(array[p.owner_id, (select rep_id from h), (select w.rep_id from opportunity o
              join handoff w on w.id = o.handoff_id where o.lead_id = l.id and o.won_at is null
                and o.lost_at is null order by o.created_at desc limit 1)] || ${named}::text[]
            || (select coalesce(array_agg(t.assignee_id), '{}') from t))
          union select r.* from rep r join above on r.id = above.manager_id
            or r.id = above.deputy_id or r.id in (select b.deputy_id from absence b
              where b.rep_id = above.id and b.to_at > ${at}))
        select json_agg(json_build_object('id', r.id, 'active', r.active, 'role', r.role,
          'managerId', r.manager_id, 'deputyId', r.deputy_id,
          'hours', r.hours, 'absences', (
            select json_agg(json_build_object('from',
              floor(extract(epoch from b.from_at) * 1000)::bigint,
              'to', floor(extract(epoch from b.to_at) * 1000)::bigint, 'reason', b.reason,
              'knownAt', floor(extract(epoch from b.known_at) * 1000)::bigint,
              'deputyId', b.deputy_id)
                order by b.from_at, b.id)
            from absence b where b.rep_id = r.id)) order by r.id) from above r) as people,
      (select json_build_object('hours', pool.hours) from pool join h on pool.id = h.pool) as pool,
      (select max(x.settled_at) from action x
        where x.lead_id = l.id and x.settled_at >= coalesce((select mql_at from h), p.stage_since)
          and x.name = any(${decisive}::text[])
          and x.result ->> 'done' = 'true'
          and not (x.via = 'crm' and ${action?.via ?? null}::text is not distinct from 'crm')) as
            answered_at,
      (select greatest((select max(received_at) from outreach where handoff_id = p.handoff_id),
        (select max(received_at) from answer where handoff_id = p.handoff_id))) as last_activity_at,
      (select max(since) from task where subject_kind = ${subject.kind}
        and subject_id = ${subject.id}
        and kind = 'stalled' and handoff_id is not distinct from p.handoff_id
        and (p.handoff_id is not null or since >= p.stage_since)) as stalled_at,
      (select json_agg(received_at) from answer where by_id = ${by}::text
        and kind is not distinct from 'reject' and received_at > ${from} and received_at <= ${to}) as recent_rejections,
      (select json_build_object('id', o.id, 'createdAt', o.created_at) from opportunity o
        where o.lead_id = l.id and o.lost_at is null
          and (o.handoff_id is null or o.handoff_id = p.handoff_id)
        order by o.created_at limit 1) as opportunity,
      (select json_build_object('id', o.id, 'ownerId', coalesce(
          case when p.stage = 'opportunity' then p.owner_id end, w.rep_id), 'wonAt', o.won_at,
          'lostAt', o.lost_at)
        from opportunity o left join handoff w on w.id = o.handoff_id where o.lead_id = l.id
        order by o.won_at is null and o.lost_at is null desc,
          coalesce(o.won_at, o.lost_at, o.created_at) desc, o.id limit 1) as own_opportunity,
      (select max(since) from task where subject_kind = ${subject.kind}
        and subject_id = ${subject.id} and kind = 'hand-raise') as hand_raised_at,
      exists (select from effect where subject_kind = ${subject.kind} and subject_id = ${subject.id}
        and state = 'open') as has_open_effects,
      (select json_agg(json_build_object('kind', d.kind, 'at', d.at,
          'because', d.output ->> 'because') order by d.cycle desc, d.step desc)
        from (select cycle, step, kind, at, output from decision
          where subject_kind = ${subject.kind} and subject_id = ${subject.id}
          order by cycle desc, step desc limit ${shownDecisions}) d) as recent
    from p join lead l on l.id = p.subject_id left join account a on a.id = l.account_id`,
  );
}

/** People whom the action names: its author, and whom a manager chose. */
function namedBy(action: AnyAction | undefined): string[] {
  if (!action) return [];
  return action.name === "reassign" && action.body.to !== undefined
    ? [action.by, action.body.to]
    : [action.by];
}

function factsOf({ facts, account_facts, pipeline }: Around): Facts {
  const flat: Record<string, FactValue> = {};
  for (const stored of [account_facts ?? {}, facts]) {
    for (const [path, fact] of Object.entries(stored)) flat[path] = fact.value;
  }
  const told = flat["account.openOpportunities"];
  if (pipeline === 0) return flat;
  return {
    ...flat,
    "account.openOpportunities": Math.max(pipeline, typeof told === "number" ? told : 0),
  };
}

/** The tier of the lead's account; absent where it has none. */
function tierNow(agreement: Agreement, around: Around): Pick<Situation, "tier"> {
  const tier = tierOf(agreement.accounts, factsOf(around), around.is_flagged);
  return tier === null ? {} : { tier };
}

function engagementOf({ id, type, topic, at }: EngagementJson): Situation["engagements"][number] {
  return { id, type, occurredAt: Date.parse(at), ...(topic === null ? {} : { topic }) };
}

function clockOf({ events, ...clock }: ClockJson): ProcessClock {
  return {
    ...clock,
    events: events.map(
      (event) =>
        ({ ...event.detail, kind: event.kind, at: Date.parse(event.at) }) as unknown as ClockEvent,
    ),
  };
}

function taskOf({ since, dueAt, remindAt, ...task }: TaskJson): OpenTask {
  const instant = (text: string | null) => (text === null ? null : Date.parse(text));
  return {
    ...task,
    since: Date.parse(since),
    dueAt: instant(dueAt),
    remindAt: instant(remindAt),
  };
}

function calendarsIn(clocks: readonly ProcessClock[]): string[] {
  return [
    ...new Set(
      clocks.flatMap(({ events }) =>
        events.flatMap((event) => ("calendar" in event ? [event.calendar] : [])),
      ),
    ),
  ];
}

interface Hours {
  readonly people: Readonly<Record<string, Person>>;
  readonly calendars: Readonly<Record<string, AppliedCalendar>>;
  /** Of the pool, while nobody has the lead. */
  readonly pool: string;
}

/** Who stands in, and absences ahead. What most people do not have is left out of the situation. */
export function standIns(
  deputyId: string | null,
  absences: readonly KnownAbsence[],
  now: Instant,
): Pick<Person, "deputyId" | "absences"> {
  const ahead = absences
    .filter(({ to }) => to > now)
    .map(({ from, to, knownAt, deputyId: standIn }) => ({ from, to, knownAt, deputyId: standIn }));
  return {
    ...(deputyId === null ? {} : { deputyId }),
    ...(ahead.length === 0 ? {} : { absences: ahead }),
  };
}

function calendarsAround(
  rules: HoursRules,
  { people, pool }: Pick<Around, "people" | "pool">,
  now: Instant,
): Hours {
  const calendars: Record<string, AppliedCalendar> = {};
  const keep = (applied: AppliedCalendar): string => {
    const id = calendarId(applied);
    calendars[id] = applied;
    return id;
  };
  const persons = (people ?? []).map(
    ({ id, active, role, managerId, deputyId, hours, absences }): [string, Person] => [
      id,
      {
        id,
        active,
        role,
        managerId,
        ...standIns(deputyId, absences ?? [], now),
        calendarId: keep(appliedCalendar(rules, { hours, absences: absences ?? [] }, pool)),
      },
    ],
  );
  return {
    people: Object.fromEntries(persons),
    pool: keep(appliedCalendar(rules, null, pool)),
    calendars,
  };
}
