import { returns } from "../handoff/answers/renurture.ts";
import { frozenFacts } from "../handoff/process/frozen.ts";
import { handoffId } from "../handoff/process/judging.ts";
import type { Engagement, Facts } from "../handoff/facts/facts.ts";
import { evaluate, type Known } from "../handoff/qualify/condition.ts";
import { isMeaningful } from "../handoff/qualify/engagements.ts";
import { judgeNow, leadTypeOf, qualify, type Judgement } from "../handoff/qualify/qualify.ts";
import { deriveFacts } from "../handoff/facts/lead.ts";
import { intentScore } from "../handoff/qualify/score.ts";
import type { Roster } from "../handoff/routing/roster.ts";
import { placeOf } from "../handoff/routing/territory.ts";
import { becauseOf, type Stage } from "../handoff/stage.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import { sampleInterest } from "./interest.ts";
import type {
  SampleAccount,
  SampleCompany,
  SampleEngagement,
  SampleHandoff,
  SampleLead,
  SampleMove,
  SampleStanding,
  SampleVersion,
} from "./model.ts";
import { sampleOffice, sampleRouting, type SampleOffice } from "./office.ts";
import type { SampleOptions } from "./patterns.ts";
import {
  countryOf,
  dated,
  hoursFromUtc,
  sampleAccount,
  sampleContact,
  valuesOf,
  worthOf,
  type SampleContact,
} from "./people.ts";
import type { SamplePeriods } from "./periods.ts";
import { diceOf, sampleId, type Dice } from "./random.ts";
import { workHandoff, type SampleResult } from "./work.ts";

const hour = 3_600_000;
const day = 24 * hour;

export interface SampleAsk extends SampleOptions {
  readonly periods: SamplePeriods;
  /** Before the quarter of changed criteria, in it, and since. */
  readonly versions: readonly [SampleVersion, SampleVersion, SampleVersion];
  readonly roster: Roster;
}

/**
 * A company's leads over the months of the sample: who they are, what they did, what the agreement
 * of the day said about them and what sales made of them. Nothing is under way at the end but leads
 * in nurture and in the re-nurture pool. The same question gives the same company.
 */
export function generateCompany(ask: SampleAsk): SampleCompany {
  const dice = diceOf(ask.seed);
  const years = {
    from: new Date(ask.periods.begin).getUTCFullYear() - 1,
    to: new Date(ask.periods.until).getUTCFullYear() + 2,
  };
  const office = sampleOffice(ask.versions[2].agreement, ask.roster, years);
  const accounts: SampleAccount[] = [];
  const world: World = { ...ask, office, dice };
  const leads = arrivals(ask, dice).map((at, n) => {
    const isKnown = accounts.length > 0 && dice.chance(0.4);
    const account = isKnown ? dice.pick(accounts) : sampleAccount(accounts.length + 1, at, dice);
    if (!isKnown) accounts.push(account);
    return lifeOf(n, account, byDay(at, account, ask.periods, dice), world);
  });
  leads.sort((a, b) => a.arrivedAt - b.arrivedAt || (a.id < b.id ? -1 : 1));
  return { accounts, leads, calendars: office.calendars };
}

interface World extends SampleAsk {
  readonly office: SampleOffice;
  readonly dice: Dice;
}

/** When leads arrive, in order; few on weekends. */
function arrivals({ leads, periods: { begin, until } }: SampleAsk, dice: Dice): Instant[] {
  const days: Instant[] = [];
  while (days.length < leads) {
    const at = Math.floor(dice.between(begin, until));
    const isWeekend = [0, 6].includes(new Date(at).getUTCDay());
    if (!isWeekend || dice.chance(0.25)) days.push(at);
  }
  return days.sort((a, b) => a - b);
}

/** In the hours of the account's country, mostly. */
function byDay(
  at: Instant,
  account: SampleAccount,
  { begin, until }: SamplePeriods,
  dice: Dice,
): Instant {
  const local = dice.chance(0.85) ? dice.between(8, 19) : dice.between(0, 24);
  const midnight = Math.floor(at / day) * day;
  const then = midnight + Math.floor((local - hoursFromUtc(countryOf(account))) * hour);
  return Math.min(Math.max(then, begin, account.createdAt), until - 3 * hour);
}

/** One lead from its arrival to where it stands at the end of the sample. */
function lifeOf(n: number, account: SampleAccount, arrivedAt: Instant, world: World): SampleLead {
  const { dice } = world;
  const id = sampleId("ld", arrivedAt, dice);
  const contact = sampleContact(n + 1, account, arrivedAt, dice);
  const engagements = sampleInterest(id, arrivedAt, dice);
  const known: Known = {
    facts: { ...valuesOf(account.facts), ...contact.facts },
    engagements: engagements.map(asEngagement),
    now: arrivedAt + 1_000,
  };
  const life = new Life({ id, contact, engagements, known }, world);
  life.live();
  const again = arrivedAt + Math.floor(dice.between(1, 60) * day);
  const { fit, intent, band } = life.judged;
  return {
    id,
    accountId: account.id,
    email: contact.email,
    facts: dated(contact.facts, arrivedAt),
    source: contact.source,
    campaign: contact.campaign,
    arrivedAt,
    arrivedAgainAt: dice.chance(0.03) && again < world.periods.until ? again : null,
    engagements,
    score: { fit, intent, band, at: known.now },
    handoffs: life.handoffs,
    moves: life.moves,
    standing: life.standing(),
  };
}

interface SamplePerson {
  readonly id: string;
  readonly contact: SampleContact;
  readonly engagements: readonly SampleEngagement[];
  readonly known: Known;
}

/** Its stages, one after the other. */
class Life {
  readonly handoffs: SampleHandoff[] = [];
  readonly moves: SampleMove[] = [];
  readonly judged: Judgement;
  private readonly id: string;
  private readonly contact: SampleContact;
  private readonly engagements: readonly SampleEngagement[];
  private readonly known: Known;
  private readonly world: World;
  private cycle = 1;
  private step = 0;
  private reviewAt: Instant | null = null;
  private exit: { at: Instant; reason: string; revisitOn: string | null } | null = null;
  private last: SampleHandoff | null = null;

  constructor(who: SamplePerson, world: World) {
    const { id, contact, engagements, known } = who;
    this.id = id;
    this.contact = contact;
    this.engagements = engagements;
    this.known = known;
    this.world = world;
    this.move("new", "arrived", known.now - 1_000);
    this.judged = judgeNow(this.agreementAt(known.now), known);
  }

  live(): void {
    const { verdict, leadType, band } = this.judged;
    const { now } = this.known;
    const agreement = this.agreementAt(now);
    if (verdict === "hand-off") return this.handOff(now, `${leadType} holds; band ${band}`, false);
    if (verdict === "disqualify")
      return this.close(`suppressed: ${qualify(agreement, this.known).suppression}`, now);
    this.move("nurture", becauseOf.new.nurture, now);
    const { humanReviewAfter: after } = agreement.nurture;
    this.reviewAt = now + ("ms" in after ? after.ms : 60 * day);
    // Whoever is due is looked at within days.
    const { until } = this.world.periods;
    if (this.reviewAt < until - hour)
      this.close("retired in review", this.soonAfter(this.reviewAt, 10));
  }

  private handOff(at: Instant, why: string, isBack: boolean): void {
    const made = this.handoff(at, isBack);
    this.move("mql", why, at);
    const { handoff, end, revisitOn } = made;
    const { sal, sql, closed } = handoff.at;
    if (sal !== undefined) this.move("sal", "the owner accepted", sal);
    if (sql !== undefined) this.move("sql", "sales confirmed fit, need and timing", sql);
    this.handoffs.push(handoff);
    this.last = handoff;
    if (end === "opportunity") return this.move(end, "the rep opened an opportunity", closed);
    if (end === "disqualified") return this.close(handoff.outcome, closed);
    this.move("renurture", handoff.outcome, closed);
    this.exit = { at: closed, reason: handoff.outcome, revisitOn };
    this.cycle++;
    this.step = 0;
    this.rest(revisitOn);
  }

  /** In the pool: called back on the day that was named, by chance, or retired in a review. */
  private rest(revisitOn: string | null): void {
    const { dice, periods } = this.world;
    const since = this.exit?.at ?? 0;
    const most = this.agreementAt(since).renurture.maxCycles;
    if (revisitOn !== null) {
      const date = Date.parse(revisitOn) + 14 * hour;
      if (date < periods.until - 3 * day)
        this.handOff(date, `the date ${revisitOn} has come`, true);
      return;
    }
    const back = since + Math.floor(dice.between(15, 80) * day);
    if (this.cycle <= Math.min(2, most) && dice.chance(0.2) && back < periods.until - 3 * day)
      return this.handOff(back, "a manager returned it in review", true);
    const review = quarterAfter(since + 30 * day) + 14 * hour;
    if (review < periods.until - day) this.close("retired in review", this.soonAfter(review, 8));
  }

  private handoff(
    at: Instant,
    isBack: boolean,
  ): Pick<SampleResult, "end" | "revisitOn"> & { readonly handoff: SampleHandoff } {
    const { versions, office, dice, plant, periods } = this.world;
    const version = this.versionAt(at);
    const { agreement } = this.agreementOf(version);
    const known = { ...this.known, now: at };
    const judged = isBack ? judgeNow(agreement, known) : this.judged;
    const name = this.last?.leadType ?? judged.leadType ?? "";
    const type = leadTypeOf(agreement, name);
    if (!type) throw new Error(`the agreement has no lead type ${name}`);
    const facts = deriveFacts(known.facts, agreement.emailDomains);
    const place = placeOf(agreement, { known: { ...known, facts }, scores: judged });
    const routing = sampleRouting(office, place, at, dice);
    const usual = versions[0].agreement;
    const isStretch = version === 1 && !isBack && judgeNow(usual, known).verdict !== "hand-off";
    const worth = worthOf(this.contact.campaign, plant) * (isStretch ? 0.15 : 1);
    const task = { agreement, type, band: judged.band, mqlAt: at, known, routing, worth, isBack };
    const { end, revisitOn, ...worked } = workHandoff(task, office, { periods, plant }, dice);
    const handoff: SampleHandoff = {
      ...worked,
      id: handoffId(this.id, this.cycle),
      cycle: this.cycle,
      version,
      leadType: type.name,
      path: type.path,
      priority: type.priority,
      band: judged.band,
      fit: judged.fit,
      intent: judged.intent,
      icp:
        evaluate({ kind: "named", name: "icp", at: "icp" }, { ...known, facts }, agreement)
          .result === true,
      motion: text(facts, "lead.motion"),
      segment: place.segment,
      territory: place.territory,
      pool: routing.pool,
      repId: routing.repId,
      frozen: frozenFacts({
        facts: known.facts,
        engagements: known.engagements,
        now: at,
        agreement,
      }),
      signals: this.engagements.filter((one) => isMeaningful(agreement.signals, asEngagement(one))),
    };
    return { handoff, end, revisitOn };
  }

  /** Where the process stands, as the decisions of the product would have left it. */
  standing(): SampleStanding {
    const { at, to, because } = this.lastMove();
    const last = this.last;
    const common = {
      stage: to,
      stageSince: at,
      ownerId: null,
      queue: null,
      nextAt: null,
      leadType: last?.leadType ?? null,
      band: last?.band ?? this.judged.band,
      territory: last?.territory ?? null,
      cycle: this.cycle,
      step: this.step,
      reviewAt: null,
      exitAt: this.exit?.at ?? null,
      exitIntent: this.exitIntent(),
      exitReason: this.exit?.reason ?? null,
      revisitOn: this.exit?.revisitOn ?? null,
      closedReason: null,
    };
    switch (to) {
      case "opportunity":
        return {
          ...common,
          waitingOn: "nothing",
          ownerId: last?.repId ?? null,
          nextStep: "nothing; won or lost is recorded from the CRM",
        };
      case "disqualified":
        return {
          ...common,
          waitingOn: "nothing",
          nextStep: "nothing; reopen it to start again",
          closedReason: because,
        };
      case "renurture":
        return {
          ...common,
          waitingOn: "return",
          queue: "renurture",
          nextStep: "a return condition, or the re-nurture review",
          nextAt: this.returnAt(),
        };
      default:
        return {
          ...common,
          waitingOn: "signal",
          queue: "nurture",
          nextStep: "a person reviews it",
          nextAt: this.reviewAt,
          reviewAt: this.reviewAt,
        };
    }
  }

  private returnAt(): Instant | null {
    const { exit } = this;
    const { until } = this.world.periods;
    if (exit === null) return null;
    const { revisitOn } = exit;
    const intent = this.exitIntent() ?? 0;
    const back = returns(this.agreementAt(until), {
      ...this.known,
      now: until,
      exit: { at: exit.at, intent, ...(revisitOn === null ? {} : { revisitOn }) },
    });
    return back.due ? until : back.nextAt;
  }

  private exitIntent(): number | null {
    if (this.exit === null) return null;
    const { signals } = this.agreementAt(this.exit.at);
    return intentScore(this.known.engagements, signals, this.exit.at);
  }

  private close(why: string, at: Instant): void {
    this.move("disqualified", why, at);
  }

  private move(to: Stage, because: string, at: Instant): void {
    const from = this.moves.at(-1)?.to ?? null;
    if (from !== null) this.step++;
    this.moves.push({ cycle: this.cycle, step: this.step, from, to, because, at });
  }

  private lastMove(): SampleMove {
    const last = this.moves.at(-1);
    if (!last) throw new Error(`${this.id} never arrived`);
    return last;
  }

  private soonAfter(at: Instant, days: number): Instant {
    const last = this.world.periods.until - hour / 2;
    return Math.min(last, at + Math.floor(this.world.dice.between(0.2, days) * day));
  }

  private versionAt(at: Instant): number {
    return this.world.versions.findLastIndex(({ from }) => from <= at);
  }

  private agreementOf(version: number): SampleVersion {
    const found = this.world.versions[version];
    if (!found) throw new Error("the sample begins before its first agreement");
    return found;
  }

  private agreementAt(at: Instant) {
    return this.agreementOf(this.versionAt(at)).agreement;
  }
}

/** The beginning of the next calendar quarter (UTC). */
function quarterAfter(at: Instant): Instant {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / 3) * 3 + 3, 1);
}

function asEngagement({ id, type, occurredAt, topic }: SampleEngagement): Engagement {
  return { id, type, occurredAt, ...(topic === null ? {} : { topic }) };
}

function text(facts: Facts, path: string): string | null {
  const value = facts[path];
  return typeof value === "string" ? value : null;
}
