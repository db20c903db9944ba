import { tierOf } from "../../handoff/accounts/standing.ts";
import type { AppliedCalendar, HoursRules } from "../../handoff/time/applied-calendar.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { appliedCalendar, agreementHours } from "../../handoff/time/applied-calendar.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { ClockEvent } from "../../handoff/clocks/clock.ts";
import { hoursRules } from "../../handoff/clocks/terms.ts";
import type { FactValue, Facts } from "../../handoff/facts/facts.ts";
import type { OpenTask, Person, ProcessClock, Situation } from "../../handoff/process/situation.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { localDateOf } from "../../handoff/time/local-time.ts";
import { isClosed } from "../../handoff/stage.ts";
import type { Agreements } from "./agreements.ts";
import { calendarDefinitions, calendarId, keepCalendar } from "./calendars.ts";
import { firstRow, sql, type Tx } from "../postgres/db.ts";
import type { KnownAbsence } from "../routing/roster.ts";
import { withCompany } from "../../spellings/domain.ts";
import type { Around, ClockJson, EngagementJson, LookAround, TaskJson } from "./around.ts";
import { readAroundAccount } from "./around-account.ts";
import { readAroundLead } from "./around-lead.ts";
import { readRare } from "./load-rare.ts";
import type { ShownDecision } from "./standing.ts";
import { handoffOf, processOf, type ProcessRow } from "./rows.ts";

export interface LoadOptions extends LookAround {
  /** On which hours clocks are to run from now on; absent: by the handoff's own terms. */
  readonly hoursBy?: HoursRules;
  /** The process row, where the caller has locked it in this transaction; absent: it is locked here. */
  readonly locked?: ProcessRow | undefined;
}

/** What stands around a process row is read by the kind of its subject. */
function readAround(tx: Tx, subject: Subject, look: LookAround): Promise<Around | undefined> {
  switch (subject.kind) {
    case "lead":
      return readAroundLead(tx, subject, look);
    case "account":
      return readAroundAccount(tx, subject, look);
    case "review":
    case "agreement":
      return Promise.resolve(undefined);
    default:
      return subject.kind satisfies never;
  }
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
    options.locked ?? lockProcess(tx, subject),
    readAround(tx, subject, options),
  ]);
  if (!row || !around) return undefined;
  const { handoff: json, agreement_id } = around;
  if (agreement_id === null) {
    throw new Error(
      "there is no active agreement; publish one with `npx baton agreement publish FILE`",
    );
  }
  const isLead = subject.kind === "lead";
  const [{ agreement }, rare] = await Promise.all([
    agreements.version(tx, agreement_id),
    readRare(tx, subject, options.now, {
      suggested: around.is_rep_gone,
      knownAtEnd: isLead && isClosed(row.stage),
      rejectedFacts:
        isLead &&
        (around.tasks ?? []).some(({ kind, detail }) => kind === "fix-data" && "reason" in detail),
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
    ...(around.account_handoff === null ? {} : { accountHandoffId: around.account_handoff }),
    ...(around.flag_contacts === null ? {} : { accountFlag: { contacts: around.flag_contacts } }),
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
