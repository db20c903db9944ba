import type { Agreement, LeadType, RejectionGroup } from "../handoff/agreement.ts";
import { evaluate, type Known } from "../handoff/qualify/condition.ts";
import {
  addBusinessDays,
  businessTimeBetween,
  type Calendar,
  type Instant,
} from "../handoff/time/calendar.ts";
import { dueAt, type Target } from "../handoff/time/deadline.ts";
import type {
  SampleAnswer,
  SampleClock,
  SampleDealState,
  SampleHandoff,
  SampleOutreach,
  SampleSteps,
} from "./model.ts";
import { openAfter, type SampleOffice, type SampleRouting } from "./office.ts";
import { planted, type PatternName } from "./patterns.ts";
import type { SamplePeriods } from "./periods.ts";
import type { Dice } from "./random.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** What sales makes of a handoff depends on this alone. */
export interface SampleTask {
  readonly agreement: Agreement;
  readonly type: LeadType;
  readonly band: string;
  readonly mqlAt: Instant;
  readonly known: Known;
  readonly routing: SampleRouting;
  /** How much of the usual chance of acceptance it has. */
  readonly worth: number;
  /** It came back on the day that its rejection named; it names none again. */
  readonly isBack: boolean;
}

export type SampleResult = Pick<
  SampleHandoff,
  | "at"
  | "rejection"
  | "outcome"
  | "systemMs"
  | "humanMs"
  | "offers"
  | "clocks"
  | "outreach"
  | "answers"
  | "deal"
> & {
  readonly end: "opportunity" | "renurture" | "disqualified";
  readonly revisitOn: string | null;
};

export interface SampleTimes {
  readonly periods: SamplePeriods;
  readonly plant: readonly PatternName[];
}

/** Of a hundred of the band so many are accepted; of those accepted, qualified. */
const accepted: Readonly<Record<string, number>> = { A: 0.74, B: 0.64, C: 0.54, D: 0.42 };
const qualified: Readonly<Record<string, number>> = { A: 0.62, B: 0.45, C: 0.32, D: 0.2 };
const stoppedQualified = 0.12;

/** Half of the first outreaches come within so many open hours. */
const usualDelay: Readonly<Record<string, number>> = {
  "demo-request": 0.4,
  "active-trial": 1.2,
  "high-intent-mql": 1.4,
  "standard-mql": 3,
};
const slowTimes = 6;

/** How often which reason is named; the recurring one in its time. */
const reasons = {
  "unsupported-use-case": 16,
  "no-intent-signals": 10,
  [planted.reason]: 14,
  "no-authority": 17,
  unreachable: 16,
  "already-customer": 4,
  "outside-geography": 1,
  "below-company-size": 1,
  "dated-timing": 21,
};
const recurringWeight = 120;

/**
 * One handoff from MQL to its end, as reps work: on their own hours, some quicker than others. What
 * would end after the sample does ends earlier instead, so that nothing of the past is left open.
 */
export function workHandoff(
  task: SampleTask,
  office: SampleOffice,
  { periods, plant }: SampleTimes,
  dice: Dice,
): SampleResult {
  const { mqlAt, routing, agreement } = task;
  const { repId, offeredAt } = routing;
  const hours = office.hoursOf(repId, routing.pool);
  const { open } = hours;
  const outreach: { channel: string; outcome: string; at: Instant }[] = [];
  const steps: Partial<SampleSteps> & { mql: Instant } = { mql: mqlAt, offered: offeredAt };
  const isAccepted = dice.chance((accepted[task.band] ?? 0.4) * task.worth);
  const reason = isAccepted ? null : reasonOf(task, { periods, plant }, dice);
  const style = repId === planted.rep && plant.includes("slow-rep") ? slowTimes : styleOf(repId);
  const answered = untilAnswer();
  const { fate, end, revisitOn } = isAccepted ? afterAcceptance() : afterRejection();
  const at = fitInto(steps, fate, periods.until - hour, outreach);
  const touches = outreach.map((one, n) => touch(one, n));
  const clocks = clocksOf();
  return {
    at,
    end,
    revisitOn,
    outcome: fate.outcome,
    rejection: reason === null ? null : { reason, group: groupOf(agreement, reason) },
    systemMs:
      at.firstOutreach === undefined ? null : businessTimeBetween(open, mqlAt, at.offered ?? mqlAt),
    humanMs:
      at.firstOutreach === undefined
        ? null
        : businessTimeBetween(open, at.offered ?? mqlAt, at.firstOutreach),
    offers: routing.offers.map((one, n) => ({
      ...one,
      at: one.repId === null ? Math.min(one.at, at.closed) : (at.offered ?? one.at),
      endedAt: n + 1 < routing.offers.length ? (at.offered ?? at.closed) : at.closed,
      endedWhy: n + 1 < routing.offers.length ? "reassigned" : fate.outcome,
    })),
    clocks,
    outreach: touches,
    answers: answersOf(),
    deal: dealOf(),
  };

  /** First outreach and answer; a lead can be rejected without anybody having called. */
  function untilAnswer(): Instant {
    const most = task.type.name === "standard-mql" ? 14 : 7;
    const wait = Math.min(most, (usualDelay[task.type.name] ?? 2) * style * dice.spread(0.75));
    const first = openAfter(open, offeredAt, Math.max(2 * minute, wait * hour));
    if (reason !== null && reason !== "unreachable" && dice.chance(0.1)) return first;
    steps.firstOutreach = first;
    const isReached = reason !== "unreachable" && dice.chance(0.5);
    outreach.push({
      channel: dice.weighted({ call: 50, email: 35, message: 15 }),
      outcome: isReached ? "connected" : dice.pick(["attempted", "no_answer"]),
      at: first,
    });
    if (isReached) steps.connected = first;
    if (reason !== "unreachable") return openAfter(open, first, dice.between(5 * minute, 4 * hour));
    let last = first;
    for (let n = 0; n < 2; n++) {
      last = openAfter(open, last, dice.between(2, 7) * hour);
      outreach.push({ channel: "call", outcome: "no_answer", at: last });
    }
    return last + 10 * minute;
  }

  function afterAcceptance(): Ending {
    steps.sal = answered;
    const p =
      task.band === planted.band && plant.includes("stopped-band") && mqlAt >= periods.bandStops
        ? stoppedQualified
        : (qualified[task.band] ?? 0.2);
    if (!dice.chance(p)) return notQualified();
    let last = answered;
    for (let n = steps.connected === undefined ? dice.whole(1, 3) : 0; n > 0; n--) {
      last = openAfter(open, last, dice.between(2, 8) * hour);
      outreach.push({
        channel: dice.pick(["call", "email"]),
        outcome: n === 1 ? "connected" : "no_answer",
        at: last,
      });
      if (n === 1) steps.connected = last;
    }
    const booked = openAfter(open, last, dice.between(0.5, 12) * hour);
    outreach.push({ channel: "call", outcome: "meeting_booked", at: booked });
    steps.meeting = booked;
    const sql = openAfter(open, booked, dice.between(6, 40) * hour);
    steps.sql = sql;
    if (dice.chance(0.72)) {
      const opened = openAfter(open, sql, dice.between(4, 60) * hour);
      steps.opportunity = opened;
      return to("opportunity", "opportunity", opened);
    }
    return to("renurture", "handed back", openAfter(open, sql, dice.between(20, 70) * hour));
  }

  function notQualified(): Ending {
    if (steps.connected !== undefined) {
      const met = dice.chance(0.3);
      const last = openAfter(open, answered, dice.between(2, 20) * hour);
      if (met) steps.meeting = last;
      outreach.push({ channel: "call", outcome: met ? "meeting_booked" : "connected", at: last });
      const closed = openAfter(open, last, dice.between(4, 40) * hour);
      return to("renurture", "handed back", closed);
    }
    const { attempts, over } = agreement.working;
    let last = answered;
    for (let n = dice.whole(attempts - 3, attempts - 1); n > 0; n--) {
      last = openAfter(open, last, dice.between(6, 18) * hour);
      outreach.push({ channel: dice.pick(["call", "email"]), outcome: "no_answer", at: last });
    }
    const days = over.kind === "business-days" ? over.days : 15;
    const closed = Math.max(last + hour, addBusinessDays(open, answered, days));
    return to("renurture", "no response after the agreed attempts", closed);
  }

  function afterRejection(): Ending {
    const rule = agreement.answers.reasons[reason ?? ""];
    const outcome = `rejected: ${reason}`;
    steps.rejected = answered;
    const isContested =
      rule?.contradictedBy !== undefined &&
      evaluate(rule.contradictedBy, { ...task.known, now: answered }, agreement).result === true;
    let closed = answered;
    if (isContested) {
      steps.contested = answered;
      closed = openAfter(open, answered, dice.between(0.5, 7) * hour);
    }
    const revisit =
      reason === "dated-timing"
        ? new Date(closed + dice.whole(30, 150) * day).toISOString().slice(0, 10)
        : null;
    const end = rule?.then === "disqualify" ? "disqualified" : "renurture";
    return { ...to(end, outcome, closed), revisitOn: revisit };
  }

  function touch(one: { channel: string; outcome: string; at: Instant }, n: number) {
    const lag = dice.chance(0.75) ? dice.whole(0, 10) * minute : dice.whole(20, 300) * minute;
    return {
      ...one,
      toldAt: Math.min(one.at + lag, periods.until),
      onTime: n === 0 ? one.at <= dueOf("outreach", mqlAt) : null,
    } satisfies SampleOutreach;
  }

  function clocksOf(): SampleClock[] {
    const ends = {
      outreach: at.firstOutreach,
      status: at.sal ?? at.rejected,
    } as const;
    const rounds = routing.offers.length;
    return (["outreach", "status"] as const).flatMap((kind) =>
      (["lead", "rep"] as const).map((scope): SampleClock => {
        const startedAt = scope === "lead" ? mqlAt : (at.offered ?? mqlAt);
        const due = dueOf(kind, startedAt);
        const stopped = ends[kind];
        const endedAt = stopped ?? at.closed;
        const isLate = endedAt > due;
        return {
          kind,
          scope,
          round: scope === "lead" ? 0 : rounds,
          repId: scope === "lead" ? null : repId,
          target: task.type[kind],
          calendar: hours.name,
          startedAt,
          dueAt: due,
          state: isLate ? "breached" : stopped === undefined ? "cancelled" : "met",
          endedAt,
          breachedAt: isLate ? due : null,
          usedMs: usedOf(task.type[kind], open, startedAt, endedAt),
        };
      }),
    );
  }

  function dueOf(kind: "outreach" | "status", from: Instant): Instant {
    const roll = { elapsedRoll: agreement.clocks.elapsedRoll };
    const due = dueAt(task.type.outreach, from, open, roll);
    return kind === "outreach"
      ? due
      : dueAt(task.type.status, from, open, { ...roll, outreachDueAt: due });
  }

  function answersOf(): SampleAnswer[] {
    const learnt = {
      fitRating: dice.chance(0.6) ? ratingOf(task.band, isAccepted, dice) : null,
      timeline: dice.chance(0.5) ? dice.pick(["now", "this-quarter", "this-year", "later"]) : null,
      buyingSignals: agreement.answers.buyingSignals.filter(() =>
        dice.chance(isAccepted ? 0.35 : 0.1),
      ),
    };
    const nothing = { fitRating: null, timeline: null, buyingSignals: [], contested: false };
    const said = at.sal ?? at.rejected ?? at.closed;
    const given: SampleAnswer = {
      ...learnt,
      kind: isAccepted ? "accept" : "reject",
      by: repId,
      at: said,
      reason,
      group: reason === null ? null : groupOf(agreement, reason),
      revisitOn,
      contested: at.contested !== undefined,
      onTime: said <= dueOf("status", mqlAt),
      openMs: businessTimeBetween(open, at.offered ?? said, said),
    };
    const later = (kind: string, by: string, when: Instant): SampleAnswer => ({
      ...nothing,
      kind,
      by,
      at: when,
      reason: null,
      group: null,
      revisitOn: null,
      onTime: null,
      openMs: null,
    });
    return [
      given,
      ...(at.contested === undefined ? [] : [later("contest-upheld", bossOf(), at.closed)]),
      ...(at.sql === undefined ? [] : [later("advance", repId, at.sql)]),
      ...(at.opportunity === undefined ? [] : [later("advance", repId, at.opportunity)]),
      ...(fate.outcome === "handed back" ? [later("hand-back", repId, at.closed)] : []),
    ];
  }

  function bossOf(): string {
    return office.roster.reps[repId]?.managerId ?? repId;
  }

  function dealOf(): SampleDealState[] {
    const { opportunity } = at;
    if (opportunity === undefined) return [];
    const currency = routing.pool === "dach-sdr" ? "EUR" : "USD";
    const size = routing.pool === "enterprise-ae" ? 40_000 : 9_000;
    const amountMinor = Math.round(size * dice.spread(0.5)) * 100;
    const states: SampleDealState[] = [
      { stage: "open", dealStage: "Discovery", amountMinor: null, currency: null, at: opportunity },
    ];
    const priced = opportunity + dice.whole(1, 10) * day;
    const decided = priced + dice.whole(10, 90) * day;
    // Whoever takes longer than a month negotiates; the dice are not asked for that.
    const negotiated = priced + 20 * day;
    const known = { stage: "open", amountMinor, currency } as const;
    if (priced < periods.until) states.push({ ...known, dealStage: "Proposal", at: priced });
    if (decided - priced > 30 * day && negotiated < periods.until)
      states.push({ ...known, dealStage: "Negotiation", at: negotiated });
    if (decided < periods.until) {
      const stage = dice.chance(0.35) ? "won" : "lost";
      states.push({ stage, dealStage: null, amountMinor, currency, at: decided });
      at[stage] = decided;
    }
    return states;
  }
}

interface Ending {
  readonly fate: { readonly outcome: string; readonly closed: Instant };
  readonly end: SampleResult["end"];
  readonly revisitOn: string | null;
}

function to(end: SampleResult["end"], outcome: string, closed: Instant): Ending {
  return { fate: { outcome, closed }, end, revisitOn: null };
}

function reasonOf(task: SampleTask, { periods, plant }: SampleTimes, dice: Dice): string {
  const recurs = plant.includes("recurring-rejection") && task.mqlAt >= periods.reasonRecurs;
  const weights: Record<string, number> = {
    ...reasons,
    ...(recurs ? { [planted.reason]: recurringWeight } : {}),
  };
  if (task.isBack) weights["dated-timing"] = 0;
  return dice.weighted(weights);
}

function groupOf(agreement: Agreement, reason: string): RejectionGroup {
  const rule = agreement.answers.reasons[reason];
  if (!rule) throw new Error(`the agreement has no reason ${reason}`);
  return rule.group;
}

/** Some are a little quicker than others, always the same ones. */
function styleOf(repId: string): number {
  let sum = 0;
  for (const char of repId) sum = (sum * 31 + char.charCodeAt(0)) % 97;
  return 0.85 + (0.3 * sum) / 96;
}

function ratingOf(band: string, isAccepted: boolean, dice: Dice): number {
  const middle = ({ A: 4, B: 3.6, C: 3 }[band] ?? 2.5) - (isAccepted ? 0 : 1.4);
  return Math.min(5, Math.max(1, Math.round(middle + dice.between(-1, 1))));
}

/** What would come after `last` is drawn nearer: from the answer on where that fits, else all. */
function fitInto(
  steps: Partial<SampleSteps> & { mql: Instant },
  { closed }: Ending["fate"],
  last: Instant,
  outreach: { at: Instant }[],
): SampleSteps {
  const at: SampleSteps = { ...steps, closed };
  if (closed <= last) return at;
  const answered = at.sal ?? at.rejected ?? closed;
  const from = answered < last - hour && answered < closed ? answered : at.mql;
  const nearer = (when: Instant) =>
    when <= from ? when : from + Math.floor(((when - from) * (last - from)) / (closed - from));
  for (const one of outreach) one.at = nearer(one.at);
  return Object.fromEntries(
    Object.entries(at).map(([step, when]) => [step, nearer(when as Instant)]),
  ) as unknown as SampleSteps;
}

function usedOf(target: Target, open: Calendar, from: Instant, until: Instant): number {
  return target.kind === "elapsed" ? until - from : businessTimeBetween(open, from, until);
}
