import type { Agreement } from "../../handoff/agreement.ts";
import { agreementChanges } from "../../handoff/governance/agreement-changes.ts";
import { backTest, type BackTest, type PastPart } from "../../handoff/governance/back-test.ts";
import {
  dueInClosedHours,
  expectedLoad,
  firstPool,
  hoursOfPools,
  hoursUnder,
  movedDeadlines,
  outcomeUnder,
  wouldHandOff,
  type ExpectedLoad,
  type PlannedHours,
  type PlannedHandoff,
  type PlannedOutcome,
} from "../../handoff/governance/planning.ts";
import type { RuleChange } from "../../handoff/governance/rule-change.ts";
import { fromStored } from "../../handoff/process/stored.ts";
import { propensityOf } from "../../handoff/qualify/exploration.ts";
import { judgeNow } from "../../handoff/qualify/qualify.ts";
import { rateOf, type Rate } from "../../handoff/reviews/figures.ts";
import type { Roster } from "../../handoff/routing/roster.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Db } from "../postgres/db.ts";
import { readAhead } from "../postgres/read-ahead.ts";
import { knownLeads } from "../intake/scores.ts";
import { calendarId } from "../process/calendars.ts";
import { loadRoster } from "../routing/roster.ts";
import {
  calendarsNamed,
  countToPlan,
  heldBack,
  keptDecision,
  leadsToPlan,
  openAccountHandoffIds,
  openHandoffs,
  pastHandoffs,
  type HeldBack,
  type JudgedHandoff,
  type KnownThen,
  type LeadToPlan,
  type OpenHandoff,
  type PastPeriod,
} from "./plan-data.ts";
import { accountsToPlan, planFlags, type PlannedFlags } from "./plan-flags.ts";
import { mostListed, tallyMoved, type MovedDeadlines } from "./moved-deadlines.ts";

/** A warning of an agreement's text. */
export interface RuleWarning {
  readonly path: string;
  readonly message: string;
}

/** A version as its text is read. */
export interface ReadVersion {
  readonly id: string;
  readonly agreement: Agreement;
  readonly warnings: readonly RuleWarning[];
}

/** An outcome that becomes another, how often, and of which leads: ids, at most five. */
export interface OutcomeChange {
  readonly from: PlannedOutcome;
  readonly to: PlannedOutcome;
  readonly count: number;
  readonly examples: readonly string[];
}

/** Deadlines of a lead type that fall into closed hours, by the active version and by this one. */
export interface ClosedHours {
  readonly leadType: string;
  readonly clock: "outreach" | "status";
  readonly before: Rate;
  readonly after: Rate;
}

/** What a version would do, as of one moment: ids, counts and words of the agreement. */
export interface VersionPlan {
  /** The version that was active. */
  readonly against: string;
  readonly asOf: Instant;
  readonly changes: readonly RuleChange[];
  /** Rules that cannot be reached, or overlap, since this version. */
  readonly newWarnings: readonly RuleWarning[];
  /** Today's open leads by both versions. */
  readonly trial: {
    readonly leads: number;
    readonly same: number;
    readonly changes: readonly OutcomeChange[];
    /** The first of those that change. */
    readonly list: readonly {
      readonly lead: string;
      readonly from: PlannedOutcome;
      readonly to: PlannedOutcome;
    }[];
  };
  /** Accounts that it would flag, and that it would not flag any more; absent in earlier plans. */
  readonly flags?: PlannedFlags;
  /** Deadlines of open handoffs of leads and accounts, should their clocks be re-judged. */
  readonly deadlines: MovedDeadlines;
  /** The last quarter judged again. */
  readonly history: PastPeriod & {
    readonly handoffs: number;
    /** Without the decision that opened them, as when they were imported. */
    readonly notJudged: number;
    readonly test: BackTest;
    /** Leads, the first ones. */
    readonly dropped: readonly string[];
    readonly added: readonly string[];
  };
  readonly closedHours: readonly ClosedHours[];
  readonly load: readonly ExpectedLoad[];
  readonly missingPools: readonly string[];
}

/** Given so often that the run goes on; false ends it. */
export type OnProgress = (done: number, of: number) => Promise<boolean>;

/** The run was cancelled, or another one makes the plan. */
export class PlanCancelled extends Error {
  override readonly name = "PlanCancelled";
}

const weeks = 13;
const weekMs = 7 * 86_400_000;
const page = 500;
/** Of each change a plan names so many leads. */
const mostExamples = 5;

interface Ask {
  readonly db: Db;
  readonly active: ReadVersion;
  readonly version: ReadVersion;
  /** Versions by id, for handoffs that began under an earlier one. */
  readonly agreementOf: (id: string) => Promise<Agreement>;
  readonly now: Instant;
  readonly missingPools: (roster: Roster) => readonly string[];
  readonly progress: OnProgress;
}

/**
 * Works out what a version would do: today's open leads and deadlines, last quarter's handoffs
 * judged again from what was known then, closed hours, load. Judged by the functions by which the
 * process decides. Reads page by page, writes nothing. Takes long: not for the API's loop.
 * @throws PlanCancelled when `progress` says that it is not wanted any more
 */
export async function makePlan(given: Ask): Promise<VersionPlan> {
  const ask = { ...given, version: derivingAs(given.active, given.version) };
  const { db, active, version, now } = ask;
  const roster = await loadRoster(db);
  const period = { from: now - weeks * weekMs, to: now };
  const engaged = await accountsToPlan(db, [active.agreement, version.agreement], now);
  const of = (await countToPlan(db, period)) + engaged.length;
  let done = 0;
  const went = async (count: number): Promise<void> => {
    done += count;
    if (!(await ask.progress(Math.min(done, of), of))) throw new PlanCancelled();
  };
  await went(0);
  const between = { from: active.agreement, to: version.agreement };
  const flags = await planFlags(db, between, engaged, now, went);
  const accounts = await planAccounts(ask, period, went);
  // Each judges a page while the other one's is read.
  const [leads, past] = await bothOver(
    planLeads(ask, roster, period, went),
    planPast(ask, period, went),
  );
  // Of those that nobody can judge again it is not known that the version changes them.
  const actual = [...past.actual, ...accounts.actual];
  const planned = [...past.kept, ...past.notJudged, ...leads.added, ...accounts.planned];
  const known = new Set(active.warnings.map(({ message }) => message));
  return {
    against: active.id,
    asOf: now,
    changes: agreementChanges(active.agreement, version.agreement),
    newWarnings: version.warnings
      .filter(({ message }) => !known.has(message))
      .map(({ path, message }) => ({ path, message })),
    trial: leads.trial,
    flags,
    deadlines: leads.deadlines,
    history: {
      ...period,
      handoffs: past.handoffs,
      notJudged: past.notJudged.length,
      test: backTest({
        kept: past.parts.kept,
        dropped: past.parts.dropped,
        added: leads.added.length,
        couldBeExplored: leads.added.filter((one) => one.couldBeExplored).length,
        explored: past.explored,
      }),
      dropped: past.dropped,
      added: leads.added.slice(0, mostListed).map(({ leadId }) => leadId),
    },
    closedHours: closedHours(active.agreement, version.agreement, actual, planned, roster),
    load: expectedLoad(roster, {
      before: byPool(actual, active.agreement),
      after: byPool(planned, version.agreement),
      weeks,
    }),
    missingPools: ask.missingPools(roster),
  };
}

/** The same version; where it derives facts as the active one does, a lead's are derived once for both. */
function derivingAs(active: ReadVersion, version: ReadVersion): ReadVersion {
  const { emailDomains } = active.agreement;
  return emailDomains !== undefined &&
    JSON.stringify(emailDomains) === JSON.stringify(version.agreement.emailDomains)
    ? { ...version, agreement: { ...version.agreement, emailDomains } }
    : version;
}

/** Both have ended before either's failure is told: they read by one transaction. */
async function bothOver<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}

type Went = (count: number) => Promise<void>;
type AddedHandoff = PlannedHandoff & {
  readonly leadId: string;
  readonly couldBeExplored: boolean;
};

/** Today's open leads, their deadlines, and leads of the period that were held back. */
async function planLeads(ask: Ask, roster: Roster, period: PastPeriod, went: Went) {
  const { db, active, version, now } = ask;
  const changes = new Map<
    string,
    { from: PlannedOutcome; to: PlannedOutcome; count: number; examples: string[] }
  >();
  const list: { lead: string; from: PlannedOutcome; to: PlannedOutcome }[] = [];
  const added: AddedHandoff[] = [];
  const deadlines = movedTally(ask, roster);
  const sum = { leads: 0, same: 0 };
  const pages = readAhead(async (last: LeadToPlan | undefined) => {
    const found = await leadsToPlan(db, period, last?.id ?? "", page);
    const open = found.filter(({ isOpen }) => isOpen).map(({ id }) => id);
    const handoffIds = found.flatMap(({ handoffId }) => (handoffId === null ? [] : [handoffId]));
    const heldIds = found.filter((one) => !one.wasHandedOff).map(({ id }) => id);
    const known = await knownLeads(db, open, now);
    const handoffs = await openHandoffs(db, handoffIds);
    const held = await heldBack(db, period, heldIds);
    return { last: found.at(-1), count: found.length, known, handoffs, held };
  });
  for await (const { count: looked, known, handoffs, held } of pages) {
    for (const lead of known) {
      const { id } = lead;
      sum.leads++;
      const from = outcomeUnder(active.agreement, lead);
      const to = outcomeUnder(version.agreement, lead);
      if (isSame(from, to)) {
        sum.same++;
        continue;
      }
      if (list.length < mostListed) list.push({ lead: id, from, to });
      const key = JSON.stringify([from, to]);
      const entry = changes.get(key) ?? { from, to, count: 0, examples: [] };
      entry.count++;
      if (entry.examples.length < mostExamples) entry.examples.push(id);
      changes.set(key, entry);
    }
    await deadlines.look(handoffs);
    added.push(...(await addedAmong(ask, held)));
    await went(looked);
  }
  // Of accounts nothing is judged but their clocks.
  const ofAccounts = await openAccountHandoffIds(db);
  for (let from = 0; from < ofAccounts.length; from += page) {
    const ids = ofAccounts.slice(from, from + page);
    await deadlines.look(await openHandoffs(db, ids));
    await went(ids.length);
  }
  return {
    trial: {
      leads: sum.leads,
      same: sum.same,
      changes: [...changes.values()].sort((a, b) => b.count - a.count),
      list,
    },
    deadlines: deadlines.found,
    added,
  };
}

/** Counts the deadlines of open handoffs that would move. */
function movedTally({ version, agreementOf, now }: Ask, roster: Roster) {
  const hoursOf = hoursByOwner(version.agreement, roster);
  const tally = tallyMoved();
  return {
    found: tally.found,
    async look(handoffs: readonly OpenHandoff[]): Promise<void> {
      for (const handoff of handoffs) {
        const pinned = await agreementOf(handoff.agreementId);
        tally.add(
          handoff.of,
          movedDeadlines(pinned, version.agreement, handoff, hoursOf(handoff), now),
        );
      }
    },
  };
}

/** The hours of each owner in each pool, worked out once: thousands of clocks run on a few. */
function hoursByOwner(version: Agreement, roster: Roster): (open: OpenHandoff) => PlannedHours {
  const known = new Map<string, PlannedHours>();
  return ({ repId, pool }) => {
    const key = `${repId}/${pool}`;
    const found = known.get(key);
    if (found) return found;
    const applied = hoursUnder(version, { repId, pool }, roster);
    const hours = { id: calendarId(applied), applied };
    known.set(key, hours);
    return hours;
  };
}

function isSame(one: PlannedOutcome, other: PlannedOutcome): boolean {
  return (
    one.verdict === other.verdict &&
    one.leadType === other.leadType &&
    one.band === other.band &&
    one.pool === other.pool &&
    one.explored === other.explored
  );
}

/** Leads that nobody handed off in the period and that the version would have, when first. */
async function addedAmong(
  { db, version, agreementOf }: Ask,
  held: readonly HeldBack[],
): Promise<AddedHandoff[]> {
  const added = new Map<string, AddedHandoff>();
  for (const then of held) {
    const { leadId, now: mqlAt } = then;
    const before = added.get(leadId);
    if (before?.couldBeExplored) continue;
    const known = knownOf(then);
    const judged = judgeNow(version.agreement, known);
    if (judged.verdict !== "hand-off" || judged.leadType === undefined) continue;
    // It might have been drawn, and was not.
    const couldBeExplored =
      then.cycle === 1 && propensityOf(await agreementOf(then.agreementId), known) > 0;
    if (before) {
      added.set(leadId, { ...before, couldBeExplored });
      continue;
    }
    // Rare enough to be taken again as a whole: somebody may work with the person already.
    const kept = await keptDecision(db, then);
    if (!kept) continue;
    const calendars = await calendarsNamed(db, [kept.situation]);
    const situation = fromStored(kept.situation, version.agreement, calendars);
    if (!wouldHandOff(situation, version.agreement, kept.event)) continue;
    const pool = firstPool(version.agreement, known);
    added.set(leadId, { leadId, leadType: judged.leadType, pool, mqlAt, couldBeExplored });
  }
  return [...added.values()];
}

function knownOf({ facts, engagements, matches, now }: KnownThen) {
  return { facts, engagements, matches, now };
}

/** Handoffs of the period: which the version keeps, and which it drops. */
async function planPast(ask: Ask, period: PastPeriod, went: Went) {
  const parts = { kept: noPart(), dropped: noPart() };
  const actual: PlannedHandoff[] = [];
  const kept: PlannedHandoff[] = [];
  const dropped: string[] = [];
  const explored = new Map<number, Counting>();
  const notJudged: PlannedHandoff[] = [];
  let handoffs = 0;
  for await (const { found } of pastPages(ask, "lead", period)) {
    for (const past of found) {
      handoffs++;
      actual.push(past);
      const again = await judgedAgain(ask, past);
      if (again === undefined) {
        notJudged.push(past);
        continue;
      }
      if (past.propensity !== null) {
        // No rule made it, so it says nothing of what is kept or dropped.
        if (again === null) continue;
        const part = explored.get(past.propensity) ?? noPart();
        explored.set(past.propensity, part);
        count(part, past);
        kept.push(again);
        continue;
      }
      count(again === null ? parts.dropped : parts.kept, past);
      if (again !== null) kept.push(again);
      else if (dropped.length < mostListed) dropped.push(past.subjectId);
    }
    await went(found.length);
  }
  return {
    parts,
    actual,
    kept,
    dropped,
    explored: [...explored].map(([propensity, part]) => ({ propensity, ...part })),
    handoffs,
    notJudged,
  };
}

/**
 * Handoffs of flagged accounts of the period, and those that the version makes of the same flags:
 * they count for closed hours and load. Which accounts it would have flagged then nobody works out.
 */
async function planAccounts(ask: Ask, period: PastPeriod, went: Went) {
  const { version } = ask;
  const actual: PlannedHandoff[] = [];
  const planned: PlannedHandoff[] = [];
  for await (const { found } of pastPages(ask, "account", period)) {
    for (const past of found) {
      actual.push(past);
      const again = await judgedAgain(ask, past);
      const { accounts } = version.agreement;
      if (again === undefined) planned.push(past);
      else if (again !== null && accounts !== null)
        planned.push({ ...again, leadType: accounts.leadType });
    }
    await went(found.length);
  }
  return { actual, planned };
}

function pastPages({ db }: Ask, kind: "lead" | "account", period: PastPeriod) {
  return readAhead(async (last: JudgedHandoff | undefined) => {
    const after = last === undefined ? null : { at: last.mqlAt, id: last.id };
    const found = await pastHandoffs(db, kind, period, after, page);
    return { last: found.at(-1), found };
  });
}

/** The handoff as the version makes it; null where it makes none, undefined where nobody can say. */
async function judgedAgain(
  { db, version }: Ask,
  { known, whole, leadType, mqlAt }: JudgedHandoff,
): Promise<PlannedHandoff | null | undefined> {
  if (known === null) return undefined;
  const { agreement } = version;
  const judged = judgeNow(agreement, knownOf(known));
  const as = (type: string): PlannedHandoff => ({
    leadType: type,
    pool: firstPool(agreement, knownOf(known)),
    mqlAt,
  });
  if (whole === null) return judged.leadType === undefined ? null : as(judged.leadType);
  const calendars = await calendarsNamed(db, [whole.situation]);
  const situation = fromStored(whole.situation, agreement, calendars);
  return wouldHandOff(situation, agreement, whole.event) ? as(judged.leadType ?? leadType) : null;
}

type Counting = { -readonly [K in keyof PastPart]: PastPart[K] };

function noPart(): Counting {
  return { handoffs: 0, decided: 0, accepted: 0, qualified: 0 };
}

function count(part: Counting, { isDecided, isAccepted, isQualified }: JudgedHandoff): void {
  part.handoffs++;
  if (isDecided) part.decided++;
  if (isDecided && isAccepted) part.accepted++;
  if (isDecided && isQualified) part.qualified++;
}

function closedHours(
  active: Agreement,
  version: Agreement,
  actual: readonly PlannedHandoff[],
  planned: readonly PlannedHandoff[],
  { pools }: Roster,
): ClosedHours[] {
  const tally = (agreement: Agreement, handoffs: readonly PlannedHandoff[]) => {
    const of = new Map<string, { all: number; outreach: number; status: number }>();
    const hoursOf = hoursOfPools(agreement, pools);
    for (const one of handoffs) {
      const due = dueInClosedHours(agreement, one, hoursOf);
      if (!due) continue;
      const sum = of.get(one.leadType) ?? { all: 0, outreach: 0, status: 0 };
      sum.all++;
      if (due.outreach) sum.outreach++;
      if (due.status) sum.status++;
      of.set(one.leadType, sum);
    }
    return of;
  };
  const [before, after] = [tally(active, actual), tally(version, planned)];
  const rate = (sums: typeof before, type: string, clock: "outreach" | "status") =>
    rateOf(sums.get(type)?.[clock] ?? 0, sums.get(type)?.all ?? 0);
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((leadType) =>
    (["outreach", "status"] as const).map((clock) => ({
      leadType,
      clock,
      before: rate(before, leadType, clock),
      after: rate(after, leadType, clock),
    })),
  );
}

/** How many handoffs went, or would go, to each pool; nobody's are the fallback queue's. */
function byPool(
  handoffs: readonly PlannedHandoff[],
  { routing }: Agreement,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { pool } of handoffs) {
    const name = pool ?? routing.fallback;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
