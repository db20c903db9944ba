import { excessOf, isRecurring, rateOf, type Rate } from "./figures.ts";
import { shortRate, sumOfRates } from "./paragraph.ts";
import { counted, daysWords, enumerated, hoursWords, numberWords, percent } from "./words.ts";

/** What a proposal can be about. */
export type ProposalKind =
  | "recurring-reason"
  | "broken-band"
  | "missed-sla"
  | "weak-signal"
  | "rejecting-territory"
  | "waiting-territory"
  | "empty-campaign"
  | "weak-version"
  | "slow-rep";

/** What the figures suggest to decide about. Nothing follows from it by itself. */
export interface Proposal {
  readonly kind: ProposalKind;
  /** The reason, band, lead type, signal, territory, campaign, version or rep that it is about. */
  readonly about: string;
  /** Figures about single people are for those who lead them. */
  readonly readers: "both teams" | "those who lead";
  /** What to decide, in one line. */
  readonly title: string;
  /** The numbers that led to it. */
  readonly because: string;
  /** What it would have changed in the time it looked at, in counts. */
  readonly wouldHaveChanged: string;
  /** What people call the rules of the agreement that it points at; empty where it points at none. */
  readonly rules: readonly string[];
  /** The report that shows the numbers. */
  readonly report: string;
  /** Handoffs that surely went worse than the others did: by this proposals are ranked. */
  readonly weight: number;
}

/** What proposals are computed from: figures of one stretch of time. */
export interface ProposalFigures {
  readonly reasons: readonly {
    readonly reason: string;
    readonly mostInMonth: number;
    /** For this reason, of MQLs accepted or rejected for good: now, and as long before. */
    readonly now: Rate;
    readonly before: Rate;
    readonly accused: readonly string[];
    /** How a rule that it points at would have sorted: who was rejected for it, who was accepted. */
    readonly sorted: readonly {
      readonly rule: string;
      /** Did not meet the rule / all, where it is recorded. */
      readonly rejected: Rate;
      readonly accepted: Rate;
    }[];
  }[];
  /** From best to worst: qualified of handed off. */
  readonly bands: readonly { readonly band: string; readonly rate: Rate }[];
  readonly clocks: readonly {
    readonly leadType: string;
    readonly clock: string;
    /** Met in time, of those decided. */
    readonly rate: Rate;
    /** Of each person, for the clocks of their own offers. */
    readonly people: readonly Rate[];
  }[];
  readonly signals: readonly {
    readonly signal: string;
    /** Qualified of handed off: with it, without it in bands mixed alike, with it as the only one. */
    readonly rate: Rate;
    readonly without: Rate;
    readonly alone: Rate;
  }[];
  readonly territories: readonly {
    readonly territory: string;
    readonly rejected: Rate;
    readonly fallback: Rate;
    readonly medianHeldHours: number | null;
  }[];
  readonly campaigns: readonly {
    readonly campaign: string;
    /** Accepted of MQLs. */
    readonly rate: Rate;
    readonly qualified: number;
  }[];
  /** The active version and the one before it: accepted of handed off; null where there is no other. */
  readonly versions: {
    readonly number: number;
    readonly rate: Rate;
    readonly before: { readonly number: number; readonly rate: Rate };
    readonly changed: readonly string[];
  } | null;
  readonly people: readonly {
    readonly rep: string;
    /** Outreach clocks of their own offers that were met in time. */
    readonly rate: Rate;
    readonly medianOpenHours: number | null;
  }[];
}

const mostProposals = 3;

/**
 * At most three things to decide, the weightiest first; none where nothing stands out. A packet
 * makes some fifty comparisons, so two rates differ here only where their 99.5 % intervals lie
 * apart, and where that is at least one handoff (docs/reviews.md, "Proposals").
 */
export function proposalsOf(figures: ProposalFigures, most = mostProposals): readonly Proposal[] {
  return [
    ...figures.reasons.flatMap(recurringReason),
    ...brokenBand(figures.bands),
    ...figures.clocks.flatMap(missedSla),
    ...figures.signals.flatMap(weakSignal),
    ...againstOthers(figures.territories, ({ rejected }) => rejected, rejectingTerritory),
    ...againstOthers(figures.territories, ({ fallback }) => fallback, waitingTerritory),
    ...againstOthers(figures.campaigns, ({ rate }) => rate, emptyCampaign),
    ...weakVersion(figures.versions),
    ...againstOthers(figures.people, ({ rate }) => rate, slowRep),
  ]
    .filter(({ weight }) => weight >= 1)
    .sort((a, b) => b.weight - a.weight || (a.kind + a.about < b.kind + b.about ? -1 : 1))
    .slice(0, most);
}

type Part<K extends keyof ProposalFigures> = ProposalFigures[K] extends readonly (infer T)[]
  ? T
  : never;

/** For intervals of 99.5 %. */
const surely = 2.807033768343811;

/**
 * How many cases of `worse` surely would have gone otherwise at the rate of `better`: by the ends of
 * their intervals that are nearest. 0 where they overlap or one has too few cases.
 */
function certain(higher: Rate, lower: Rate, of: Rate): number {
  if (higher.isSmall || lower.isSmall) return 0;
  const [low, high] = [
    rateOf(higher.numerator, higher.denominator, surely).low ?? 0,
    rateOf(lower.numerator, lower.denominator, surely).high ?? 1,
  ];
  return Math.max(0, low - high) * of.denominator;
}

/** Each one with the others together. */
function againstOthers<T>(
  list: readonly T[],
  rate: (one: T) => Rate,
  look: (one: T, others: Rate) => readonly Proposal[],
): Proposal[] {
  return list.flatMap((one) =>
    look(one, sumOfRates(list.filter((other) => other !== one).map((other) => rate(other)))),
  );
}

function recurringReason(one: Part<"reasons">): Proposal[] {
  const { reason, now, before, mostInMonth, accused, sorted } = one;
  const weight = isRecurring(mostInMonth) ? certain(now, before, now) : 0;
  const more = Math.round(excessOf(now, before) ?? 0);
  const [best] = [...sorted].sort((a, b) => gain(b) - gain(a));
  const points = accused.length === 0 ? "" : `: look at ${enumerated(accused)}`;
  const rule =
    best === undefined || gain(best) <= 0
      ? ""
      : ` Had ${best.rule} been demanded, ${shortRate(best.rejected)}, of those rejected for ` +
        `it would not have been handed off, and ${shortRate(best.accepted)}, of those accepted.`;
  return [
    {
      kind: "recurring-reason",
      about: reason,
      readers: "both teams",
      title: `Sales rejects more for ${reason}${points}`,
      because:
        `${shortRate(now)} of the MQLs answered for good were rejected for it, up to ` +
        `${mostInMonth} in a month; ${shortRate(before)} in the same time before.`,
      wouldHaveChanged: `At the rate of before ${counted(more, "rejection")} fewer.${rule}`,
      rules: accused,
      report: "rejections",
      weight,
    },
  ];
}

/** How much better a rule sorts out the rejected than the accepted. */
const gain = ({ rejected, accepted }: Part<"reasons">["sorted"][number]) =>
  (rejected.rate ?? 0) - (accepted.rate ?? 0);

/** Of the bands that do worse than a lower one, the one by most. */
function brokenBand(bands: ProposalFigures["bands"]): Proposal[] {
  const pairs = bands.flatMap((one, n) =>
    bands.slice(n + 1).map((lower) => ({
      one,
      lower,
      weight: certain(lower.rate, one.rate, one.rate),
    })),
  );
  const [worst] = pairs.sort((a, b) => b.weight - a.weight);
  if (worst === undefined) return [];
  const { one, lower, weight } = worst;
  const expected = Math.round((lower.rate.rate ?? 0) * one.rate.denominator);
  return [
    {
      kind: "broken-band",
      about: one.band,
      readers: "both teams",
      title:
        `Band ${one.band} qualifies less than band ${lower.band}: look at what gives it its ` +
        "points",
      because:
        `Qualified of handed off: band ${one.band} ${shortRate(one.rate)}; band ${lower.band} ` +
        `${shortRate(lower.rate)}.`,
      wouldHaveChanged:
        `At the rate of band ${lower.band} ${numberWords(expected)} instead of ` +
        `${numberWords(one.rate.numerator)} of its ${counted(one.rate.denominator, "handoff")} ` +
        "would have qualified.",
      rules: [`band: ${one.band}`],
      report: "bands",
      weight,
    },
  ];
}

/** Fewer than half are kept, by all together and by everybody who has enough of them. */
function missedSla({ leadType, clock, rate, people }: Part<"clocks">): Proposal[] {
  const high = rateOf(rate.numerator, rate.denominator, surely).high ?? 1;
  const judged = people.filter(({ isSmall }) => !isSmall);
  const isNobody = judged.every((one) => (one.rate ?? 0) < 0.5);
  if (rate.isSmall || high >= 0.5 || !isNobody) return [];
  const missed = rate.denominator - rate.numerator;
  const best = [...judged].sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0))[0];
  return [
    {
      kind: "missed-sla",
      about: `${leadType}, ${clock}`,
      readers: "both teams",
      title:
        `Nobody keeps the ${clock} time of ${leadType}: agree on another time, or on more ` +
        "people",
      because: `${shortRate(rate)} were met in time.${
        best === undefined
          ? ""
          : ` Of ${counted(judged.length, "person", "people")} with 30 or more, the best kept ` +
            `${percent(best.rate ?? 0)}.`
      }`,
      wouldHaveChanged:
        `${counted(missed, "deadline was", "deadlines were")} missed; at half kept it would ` +
        `have been ${numberWords(Math.floor(rate.denominator / 2))}.`,
      rules: [`leadTypes: ${leadType}`],
      report: "sla",
      weight: (0.5 - high) * rate.denominator,
    },
  ];
}

function weakSignal({ signal, rate, without, alone }: Part<"signals">): Proposal[] {
  return [
    {
      kind: "weak-signal",
      about: signal,
      readers: "both teams",
      title:
        `The signal ${signal} tells of no interest: give it fewer points, or ask for a second ` +
        "one",
      because:
        `Qualified of handed off: with it ${shortRate(rate)}; without it, in the same bands, ` +
        `${shortRate(without)}.`,
      wouldHaveChanged:
        `${counted(alone.denominator, "handoff")} had no other meaningful signal; ` +
        `${numberWords(alone.numerator)} of these qualified.`,
      rules: [`signals: ${signal}`],
      report: "signals",
      weight: certain(without, rate, rate),
    },
  ];
}

function rejectingTerritory(
  { territory, rejected }: Part<"territories">,
  others: Rate,
): Proposal[] {
  const fewer = rejected.numerator - Math.round((others.rate ?? 0) * rejected.denominator);
  return [
    {
      kind: "rejecting-territory",
      about: territory,
      readers: "both teams",
      title:
        `${territory} rejects more than the others: look at what is sent there, and why it is ` +
        "turned down",
      because:
        `Rejected of handed off: ${territory} ${shortRate(rejected)}; the others ` +
        `${shortRate(others)}.`,
      wouldHaveChanged: `At the rate of the others ${counted(fewer, "rejection")} fewer.`,
      rules: [`routing: ${territory}`],
      report: "acceptance",
      weight: certain(rejected, others, rejected),
    },
  ];
}

function waitingTerritory(
  { territory, fallback, medianHeldHours }: Part<"territories">,
  others: Rate,
): Proposal[] {
  const held =
    medianHeldHours === null
      ? ""
      : `, offered after a median of ${daysWords(medianHeldHours / 24)}`;
  return [
    {
      kind: "waiting-territory",
      about: territory,
      readers: "both teams",
      title: `Leads of ${territory} wait in the fallback queue: give it somebody who takes them`,
      because:
        `In the fallback queue: ${territory} ${shortRate(fallback)}${held}; the others ` +
        `${shortRate(others)}.`,
      wouldHaveChanged: `${counted(fallback.numerator, "handoff")} would have been offered to a rep at once.`,
      rules: [`routing: ${territory}`],
      report: "routing",
      weight: (fallback.rate ?? 0) > 0.5 ? certain(fallback, others, fallback) : 0,
    },
  ];
}

/** Volume without quality: accepted less than half as often as the others. */
function emptyCampaign({ campaign, rate, qualified }: Part<"campaigns">, others: Rate): Proposal[] {
  const isEmpty = (rate.rate ?? 1) < (others.rate ?? 0) / 2;
  return [
    {
      kind: "empty-campaign",
      about: campaign,
      readers: "both teams",
      title:
        `The campaign ${campaign} brings volume that sales does not accept: stop it, or keep ` +
        "its leads in nurture",
      because: `Accepted of MQLs: ${campaign} ${shortRate(rate)}; the others ${shortRate(others)}.`,
      wouldHaveChanged:
        `${counted(rate.denominator, "MQL")} fewer, of which ${numberWords(rate.numerator)} ` +
        `were accepted and ${numberWords(qualified)} qualified.`,
      rules: [],
      report: "campaigns",
      weight: isEmpty ? certain(others, rate, rate) : 0,
    },
  ];
}

function weakVersion(versions: ProposalFigures["versions"]): Proposal[] {
  if (versions === null) return [];
  const { number, rate, before, changed } = versions;
  const expected = Math.round((before.rate.rate ?? 0) * rate.denominator);
  return [
    {
      kind: "weak-version",
      about: String(number),
      readers: "both teams",
      title:
        `Under version ${number} of the agreement sales accepts less than under version ` +
        `${before.number}: take back what it changed`,
      because:
        `Accepted of handed off: version ${number} ${shortRate(rate)}; version ` +
        `${before.number} ${shortRate(before.rate)}.`,
      wouldHaveChanged:
        `At the rate of version ${before.number} ${numberWords(expected)} instead of ` +
        `${numberWords(rate.numerator)} of ${counted(rate.denominator, "handoff")} would have ` +
        "been accepted.",
      rules: changed,
      report: "acceptance",
      weight: certain(before.rate, rate, rate),
    },
  ];
}

function slowRep({ rep, rate, medianOpenHours }: Part<"people">, others: Rate): Proposal[] {
  const median =
    medianOpenHours === null
      ? ""
      : `, first outreach after a median of ${hoursWords(medianOpenHours)}`;
  const missed = rate.denominator - rate.numerator;
  const expected = Math.round((1 - (others.rate ?? 0)) * rate.denominator);
  return [
    {
      kind: "slow-rep",
      about: rep,
      readers: "those who lead",
      title: `${rep} keeps fewer outreach deadlines than the others: look at load, hours and habits`,
      because: `Outreach in time: ${rep} ${shortRate(rate)}${median}; the others ${shortRate(others)}.`,
      wouldHaveChanged:
        `At the rate of the others ${numberWords(expected)} instead of ${numberWords(missed)} ` +
        "deadlines would have been missed.",
      rules: [],
      report: "reps",
      weight: certain(others, rate, rate),
    },
  ];
}
