import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { ClockEvent } from "../../handoff/clocks/clock.ts";
import type { HandoffTerms } from "../../handoff/clocks/terms.ts";
import type { HandoffClock } from "../../handoff/clocks/escalation.ts";
import type { Engagement, Facts } from "../../handoff/facts/facts.ts";
import type { OpenClocks } from "../../handoff/governance/planning.ts";
import type { Event } from "../../handoff/process/event.ts";
import type { StoredSituation } from "../../handoff/process/stored.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { isClosed, stages } from "../../handoff/stage.ts";
import { calendarDefinitions } from "../process/calendars.ts";
import { firstRow, fragment, rows, sql, type Db } from "../postgres/db.ts";

/** What a plan reads: today's leads, and the handoffs of a period with what was known then. */

const closedStages = stages.filter((stage) => isClosed(stage));

/** The period whose handoffs are judged again. */
export interface PastPeriod {
  readonly from: Instant;
  readonly to: Instant;
}

/** How much there is to look at: for the progress. */
export async function countToPlan(db: Db, { from, to }: PastPeriod): Promise<number> {
  const row = await firstRow<{ n: number }>(
    db,
    sql`
    select ((select count(*) from lead_standing where erased_at is null and merged_into is null
        and (not stage = any(${closedStages}::text[]) or stage_since >= ${new Date(from)}))
      + (select count(*) from handoff where state = 'open' and subject_kind = 'account')
      + (select count(*) from handoff where mql_at >= ${new Date(from)}
        and mql_at < ${new Date(to)}))::int as n`,
  );
  return row?.n ?? 0;
}

/** A lead that is open, or whose process moved in the period. */
export interface LeadToPlan {
  readonly id: string;
  readonly isOpen: boolean;
  /** The open handoff with a running clock. */
  readonly handoffId: string | null;
  /** It was handed off in the period. */
  readonly wasHandedOff: boolean;
}

/** The next leads after an id. */
export async function leadsToPlan(
  db: Db,
  { from, to }: PastPeriod,
  after: string,
  limit: number,
): Promise<LeadToPlan[]> {
  return rows(
    db,
    sql`
    select l.id, not l.stage = any(${closedStages}::text[]) as "isOpen",
      case when l.stage in ('mql', 'sal', 'sql') then l.handoff_id end as "handoffId",
      exists (select from handoff h where h.subject_kind = 'lead' and h.subject_id = l.id
        and h.mql_at >= ${new Date(from)} and h.mql_at < ${new Date(to)}) as "wasHandedOff"
    from lead_standing l
    where l.id > ${after} and l.erased_at is null and l.merged_into is null
      and (not l.stage = any(${closedStages}::text[]) or l.stage_since >= ${new Date(from)})
    order by l.id limit ${limit}`,
  );
}

/** Whose handoff it is. */
export type HandoffOf = { readonly lead: string } | { readonly account: string };

/** An open handoff, with the version that it began under. */
export interface OpenHandoff extends OpenClocks {
  readonly of: HandoffOf;
  readonly agreementId: string;
  readonly terms?: HandoffTerms;
}

/** Every open handoff of an account: one each at most. */
export async function openAccountHandoffIds(db: Db): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    sql`select id from handoff where state = 'open' and subject_kind = 'account' order by id`,
  );
  return found.map(({ id }) => id);
}

/** The next open handoffs of leads and accounts after an id. */
export async function openHandoffIds(db: Db, after: string, limit: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    sql`
    select id from handoff where state = 'open' and subject_kind in ('lead', 'account')
      and id > ${after}
    order by id limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

/** Open handoffs by id with their lead clocks and those of the offer that stands. */
export async function openHandoffs(db: Db, ids: readonly string[]): Promise<OpenHandoff[]> {
  if (ids.length === 0) return [];
  const found = await rows<{
    kind: "lead" | "account";
    subject_id: string;
    agreement_id: string;
    lead_type: string;
    tier: number | null;
    rep_id: string | null;
    pool: string | null;
    terms: HandoffTerms | null;
    clocks:
      | readonly (Omit<HandoffClock, "events"> & {
          readonly events: readonly {
            kind: string;
            at: string;
            detail: Record<string, unknown>;
          }[];
        })[]
      | null;
  }>(
    db,
    sql`
    select h.subject_kind as kind, h.subject_id, h.agreement_id, h.lead_type, h.tier, h.rep_id,
      h.pool, h.terms,
      (select json_agg(json_build_object('id', c.id, 'kind', c.kind, 'scope', c.scope,
          'warned', c.warned, 'rung', c.rung, 'breached', c.breached_at is not null,
          'events', (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail',
            e.detail) order by e.n) from clock_event e where e.clock_id = c.id))
          order by c.kind, c.scope desc)
        from clock c where c.handoff_id = h.id and c.round in (0, h.round)) as clocks
    from handoff h where h.id = any(${ids}::text[]) and h.state = 'open'
      and h.subject_kind in ('lead', 'account')`,
  );
  const events = (of: readonly { kind: string; at: string; detail: Record<string, unknown> }[]) =>
    of.map(({ kind, at, detail }) => ({ ...detail, kind, at: Date.parse(at) }) as ClockEvent);
  const read = found.map(({ clocks, ...handoff }) => ({
    ...handoff,
    clocks: (clocks ?? []).map((clock) => ({ ...clock, events: events(clock.events) })),
  }));
  const calendars = await calendarDefinitions(db, [
    ...new Set(
      read.flatMap(({ clocks }) =>
        clocks.flatMap((clock) =>
          clock.events.flatMap((event) => ("calendar" in event ? [event.calendar] : [])),
        ),
      ),
    ),
  ]);
  return read.map(({ kind, subject_id: id, terms, tier, ...row }) => ({
    ...(terms === null ? {} : { terms }),
    of: kind === "lead" ? { lead: id } : { account: id },
    agreementId: row.agreement_id,
    leadType: row.lead_type,
    ...(tier === null ? {} : { tier }),
    repId: row.rep_id,
    pool: row.pool,
    clocks: row.clocks,
    calendars,
  }));
}

/** The parts of a stored situation, which is unpacked once for all of them. */
const situationParts = fragment(`jsonb_to_record(d.situation) as s(process jsonb, facts jsonb,
  engagements jsonb, matches int, now float8, "agreementId" text)`);

/** What was known when something was decided. */
export interface KnownThen {
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
  readonly matches: number;
  readonly now: Instant;
}

/** A handoff of the period with the decision that opened it; null where there is none, as of one
 * that was imported. */
export interface JudgedHandoff {
  readonly id: string;
  /** The lead, or the account. */
  readonly subjectId: string;
  readonly leadType: string;
  readonly pool: string | null;
  readonly mqlAt: Instant;
  readonly isDecided: boolean;
  readonly isAccepted: boolean;
  readonly isQualified: boolean;
  /** How likely it was that it began to explore; null: a rule or a person began it. */
  readonly propensity: number | null;
  readonly known: KnownThen | null;
  /** Kept whole where the rules of qualification alone do not say why it was handed off. */
  readonly whole: { readonly situation: StoredSituation; readonly event: Event } | null;
}

/**
 * The next handoffs of leads or of accounts of the period, in order of time. They are chosen before
 * what was decided is looked up: many of one instant would be looked up again for every page.
 */
export async function pastHandoffs(
  db: Db,
  kind: Subject["kind"],
  { from, to }: PastPeriod,
  after: { readonly at: Instant; readonly id: string } | null,
  limit: number,
): Promise<JudgedHandoff[]> {
  const since = after ?? { at: from, id: "" };
  const found = await rows<{
    id: string;
    subject_id: string;
    lead_type: string;
    pool: string | null;
    mql_at: Date;
    decided: boolean;
    accepted: boolean;
    qualified: boolean;
    propensity: number | null;
    known: KnownThen | null;
    whole: JudgedHandoff["whole"];
  }>(
    db,
    sql`
    select h.id, h.subject_id, h.lead_type, h.pool, h.mql_at, h.propensity,
      (h.sal_at is not null or h.rejected_at is not null or h.state = 'closed') as decided,
      h.sal_at is not null as accepted, h.sql_at is not null as qualified,
      case when d.situation is not null then jsonb_build_object('facts', s.facts,
        'engagements', s.engagements, 'matches', s.matches, 'now', s.now) end as known,
      case when h.subject_kind = 'account' or s.process ->> 'stage' not in ('new', 'nurture')
          or d.kind not in ('arrived', 'facts', 'engaged', 'time', 'policy')
        then jsonb_build_object('situation', d.situation, 'event', d.input) end as whole
    from (select * from handoff
      where subject_kind = ${kind} and mql_at < ${new Date(to)}
        and (mql_at, id) > (${new Date(since.at)}::timestamptz, ${since.id}::text)
      order by mql_at, id limit ${limit}) h
    left join lateral (select t.cycle, t.step from transition t
      where t.subject_kind = h.subject_kind and t.subject_id = h.subject_id
        and t.cycle = h.cycle and t.to_stage = 'mql' order by t.step limit 1) t on true
    left join decision d on d.subject_kind = h.subject_kind and d.subject_id = h.subject_id
      and d.cycle = t.cycle and d.step = t.step and not h.imported
    left join lateral ${situationParts} on true
    order by h.mql_at, h.id`,
  );
  return found.map((row) => ({
    id: row.id,
    subjectId: row.subject_id,
    leadType: row.lead_type,
    pool: row.pool,
    mqlAt: row.mql_at.getTime(),
    isDecided: row.decided,
    isAccepted: row.accepted,
    isQualified: row.qualified,
    propensity: row.propensity,
    known: row.known,
    whole: row.whole?.situation == null ? null : row.whole,
  }));
}

/** A decision of the period that left a lead in nurture. */
export interface HeldBack extends KnownThen {
  readonly leadId: string;
  readonly cycle: number;
  readonly step: number;
  /** The version by which it was judged. */
  readonly agreementId: string;
}

/** What was decided of these leads in the period while they were new or in nurture, in order. */
export async function heldBack(
  db: Db,
  { from, to }: PastPeriod,
  leadIds: readonly string[],
): Promise<HeldBack[]> {
  if (leadIds.length === 0) return [];
  return rows(
    db,
    sql`
    select d.subject_id as "leadId", d.cycle, d.step, s.facts, s.engagements, s.matches, s.now,
      s."agreementId"
    from decision d cross join lateral ${situationParts}
    where d.subject_kind = 'lead' and d.subject_id = any(${leadIds}::text[])
      and d.at >= ${new Date(from)} and d.at < ${new Date(to)}
      and d.kind in ('arrived', 'facts', 'engaged', 'time', 'policy')
      and s.process ->> 'stage' in ('new', 'nurture')
    order by d.subject_id, d.at, d.cycle, d.step`,
  );
}

/** A decision as it is kept, to be taken again; undefined where it is gone. */
export async function keptDecision(
  db: Db,
  { leadId, cycle, step }: Pick<HeldBack, "leadId" | "cycle" | "step">,
): Promise<NonNullable<JudgedHandoff["whole"]> | undefined> {
  return firstRow(
    db,
    sql`
    select situation, input as event from decision where subject_kind = 'lead'
      and subject_id = ${leadId} and cycle = ${cycle} and step = ${step}
      and situation is not null`,
  );
}

/** The calendars that stored situations name. */
export function calendarsNamed(
  db: Db,
  situations: readonly StoredSituation[],
): Promise<Record<string, AppliedCalendar>> {
  return calendarDefinitions(db, [...new Set(situations.flatMap(({ calendars }) => calendars))]);
}
