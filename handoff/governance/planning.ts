import type { Agreement } from "../agreement.ts";
import { deriveFacts } from "../facts/lead.ts";
import type { ClockView } from "../clocks/clock.ts";
import type { ClocksInput, HandoffClock } from "../clocks/escalation.ts";
import { viewOf } from "../clocks/escalation.ts";
import { retargeting, runsBy, termsOf } from "../clocks/terms.ts";
import { isRunning } from "../process/clocks.ts";
import { decide } from "../process/decide.ts";
import type { Event } from "../process/event.ts";
import type { Situation } from "../process/situation.ts";
import { isExplored, mayBeExplored } from "../qualify/exploration.ts";
import { judgeNow, leadTypeOf, type Judgement, type KnownLead } from "../qualify/qualify.ts";
import type { RepPool, Roster } from "../routing/roster.ts";
import { firstPoolOf } from "../routing/territory.ts";
import { appliedCalendar, compileApplied, type AppliedCalendar } from "../time/applied-calendar.ts";
import type { Stage } from "../stage.ts";
import { NoOpenTime, type Instant } from "../time/calendar.ts";
import { dueAt, withinHours } from "../time/deadline.ts";

/**
 * What a version would do, asked of the very functions by which the process decides. Everything is
 * plain data; the store reads leads and history, and counts.
 */

/** How a lead would be judged, and in which pool it would be looked for somebody. */
export interface PlannedOutcome extends Pick<Judgement, "verdict" | "leadType" | "band"> {
  /** Absent where nothing is handed off; null: the fallback queue. */
  readonly pool?: string | null;
  /** No lead type lets it through: it is of the share that is handed off to explore. */
  readonly explored?: true;
}

/** A lead as it is known, and where it stands. */
export interface StandingLead {
  readonly id: string;
  readonly stage: Stage;
  readonly cycle: number;
  readonly known: KnownLead;
}

/** What a version makes of a lead as it is known. */
export function outcomeUnder(agreement: Agreement, lead: StandingLead): PlannedOutcome {
  const { id, stage, cycle, known } = lead;
  const { verdict, leadType, band } = judgeNow(agreement, known);
  if (leadType !== undefined) return { verdict, leadType, band, pool: firstPool(agreement, known) };
  if (
    verdict !== "nurture" ||
    !mayBeExplored({ stage, cycle }) ||
    !isExplored(agreement, id, known)
  )
    return { verdict, band };
  const { leadType: explored } = agreement.exploration!;
  const pool = firstPool(agreement, known);
  return { verdict: "hand-off", leadType: explored, band, pool, explored: true };
}

/** The pool that routing looks in first. */
export function firstPool(agreement: Agreement, known: KnownLead): string | null {
  const facts = deriveFacts(known.facts, agreement.emailDomains);
  return firstPoolOf(agreement, { ...known, facts });
}

/** An open handoff with the clocks that run now. */
export interface OpenClocks extends Pick<ClocksInput, "calendars"> {
  readonly leadType: string;
  /** Of its account when it began. */
  readonly tier?: number;
  readonly repId: string | null;
  readonly pool: string | null;
  readonly clocks: readonly HandoffClock[];
}

/** A deadline that moves when clocks are re-judged. */
export interface MovedDeadline {
  readonly clock: HandoffClock["kind"];
  readonly scope: HandoffClock["scope"];
  readonly from: Instant | null;
  readonly to: Instant | null;
}

/** Hours by the id under which they would be kept. */
export interface PlannedHours {
  readonly id: string;
  readonly applied: AppliedCalendar;
}

/**
 * The deadlines of an open handoff that would move if its clocks went on by a version: by the event
 * that such a decision writes. `agreement` is the one that it began under, `hours` those on which
 * its clocks would run.
 */
export function movedDeadlines(
  agreement: Agreement,
  version: Agreement,
  open: OpenClocks,
  hours: PlannedHours,
  now: Instant,
): MovedDeadline[] {
  const terms = termsOf(version, "", open);
  if (terms === null) return [];
  const calendar = hours.id;
  const input = { ...open, calendars: { ...open.calendars, [calendar]: hours.applied }, now };
  const before = viewsOf(agreement, input);
  const clocks = open.clocks.map((clock, n) => {
    const to = { target: terms[clock.kind], calendar };
    const event = retargeting(agreement, input, clock, to, () => before(n));
    return event === null ? clock : { ...clock, events: [...clock.events, event] };
  });
  return movedBy(agreement, input, clocks, before);
}

/**
 * The deadlines of an open handoff that move when its clocks go on by other hours: by the event
 * that follows when people's hours change.
 */
export function movedByHours(
  agreement: Agreement,
  open: OpenClocks,
  hours: PlannedHours,
  now: Instant,
): MovedDeadline[] {
  const input = { ...open, calendars: { ...open.calendars, [hours.id]: hours.applied }, now };
  const clocks = open.clocks.map((clock) => {
    if (runsBy(clock).calendar === hours.id || !isRunning(clock)) return clock;
    const last = clock.events.at(-1)?.at ?? now;
    const at = Math.max(now, last);
    const event = { kind: "calendar-changed", at, calendar: hours.id } as const;
    return { ...clock, events: [...clock.events, event] };
  });
  return movedBy(agreement, input, clocks, viewsOf(agreement, input));
}

type ClocksNow = OpenClocks & { readonly now: Instant };
type ViewOfNth = (n: number) => ClockView;

/** What each clock shows, worked out once, when it is first asked for. */
function viewsOf(agreement: Agreement, input: ClocksNow): ViewOfNth {
  const views: ClockView[] = [];
  return (n) => (views[n] ??= viewOf(agreement, input, input.clocks[n]!));
}

/** `clocks`: the same clocks, of which those to which something happens have one event more. */
function movedBy(
  agreement: Agreement,
  input: ClocksNow,
  clocks: readonly HandoffClock[],
  viewBefore: ViewOfNth,
): MovedDeadline[] {
  if (clocks.every((clock, n) => clock === input.clocks[n])) return [];
  const viewAfter = viewsOf(agreement, { ...input, clocks });
  return input.clocks.flatMap(({ kind, scope }, n): MovedDeadline[] => {
    const before = viewBefore(n);
    if (!before.open) return [];
    const { dueAt: to } = viewAfter(n);
    return before.dueAt === to ? [] : [{ clock: kind, scope, from: before.dueAt, to }];
  });
}

/** On which hours the clocks of a handoff would run by a version. */
export function hoursUnder(
  version: Agreement,
  { repId, pool }: Pick<OpenClocks, "repId" | "pool">,
  { reps, pools }: Roster,
): AppliedCalendar {
  const rep = repId === null ? null : (reps[repId] ?? null);
  return appliedCalendar(version, rep, pool === null ? null : (pools[pool] ?? null));
}

/** Whether a version would have handed off at a decision of the past, by taking it again. */
export function wouldHandOff(situation: Situation, version: Agreement, event: Event): boolean {
  const decided = decide({ ...situation, agreement: version, agreementId: "planned" }, event);
  return !("refused" in decided) && decided.changes.some((change) => change.do === "open-handoff");
}

/** A handoff of the past, or one that a version adds to it. */
export interface PlannedHandoff {
  readonly leadType: string;
  readonly pool: string | null;
  readonly mqlAt: Instant;
}

/** The hours of each pool by a version, and of none; each worked out once, when it is asked for. */
export function hoursOfPools(
  agreement: Agreement,
  pools: Readonly<Record<string, RepPool>>,
): (pool: string | null) => AppliedCalendar {
  const known = new Map<string | null, AppliedCalendar>();
  return (pool) => {
    const found = known.get(pool);
    if (found) return found;
    const hours = appliedCalendar(agreement, null, pool === null ? null : (pools[pool] ?? null));
    known.set(pool, hours);
    return hours;
  };
}

/**
 * Whether the deadlines of a handoff fall into closed hours, on the hours of its pool; undefined
 * where the version has no such lead type, or no such deadline.
 */
export function dueInClosedHours(
  agreement: Agreement,
  { leadType, pool, mqlAt }: PlannedHandoff,
  hoursOf: (pool: string | null) => AppliedCalendar,
): { readonly outreach: boolean; readonly status: boolean } | undefined {
  const type = leadTypeOf(agreement, leadType);
  if (!type) return undefined;
  const calendar = compileApplied(hoursOf(pool), mqlAt);
  const rule = { elapsedRoll: agreement.clocks.elapsedRoll };
  try {
    const outreach = dueAt(type.outreach, mqlAt, calendar, rule);
    const status = dueAt(type.status, mqlAt, calendar, { ...rule, outreachDueAt: outreach });
    return {
      outreach: !withinHours(calendar, outreach),
      status: !withinHours(calendar, status),
    };
  } catch (error) {
    if (error instanceof NoOpenTime) return undefined;
    throw error;
  }
}

/** Handoffs a week that a rep may expect from a pool: the pool's, shared by weight. */
export interface ExpectedLoad {
  readonly pool: string;
  readonly repId: string;
  readonly before: number;
  readonly after: number;
}

/** The load of every active member of the pools, from handoffs counted over some weeks. */
export function expectedLoad(
  { reps, pools }: Roster,
  counts: {
    readonly before: Readonly<Record<string, number>>;
    readonly after: Readonly<Record<string, number>>;
    readonly weeks: number;
  },
): ExpectedLoad[] {
  const named = [...new Set([...Object.keys(counts.before), ...Object.keys(counts.after)])].sort();
  return named.flatMap((pool) => {
    const sharing = Object.entries(pools[pool]?.members ?? {}).filter(
      ([id, weight]) => weight > 0 && reps[id]?.active === true,
    );
    const whole = sharing.reduce((sum, [, weight]) => sum + weight, 0);
    return sharing.map(([repId, weight]) => {
      const share = weight / whole / counts.weeks;
      return {
        pool,
        repId,
        before: rounded((counts.before[pool] ?? 0) * share),
        after: rounded((counts.after[pool] ?? 0) * share),
      };
    });
  });
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
