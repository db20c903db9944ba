import type { CalendarDef } from "./time/calendar.ts";
import type { EmailDomains } from "./facts/email.ts";
import type { ElapsedRoll, Target } from "./time/deadline.ts";
import type { FactValue, FieldPath, FieldType } from "./facts/facts.ts";

/**
 * The handoff agreement as typed data. `agreement/` parses the YAML into this; everything else only
 * reads it.
 */
export interface Agreement {
  readonly name: string;
  /** Two parties, one that is enough, or nobody. */
  readonly signedBy: readonly string[];
  readonly calendars: Readonly<Record<string, CalendarDef>>;
  /** Declared facts beyond the built-in ones. */
  readonly fields: Readonly<Record<FieldPath, FieldType>>;
  readonly nullWords: readonly string[];
  /** Added to the built-in lists of free and disposable mail providers. */
  readonly emailDomains?: EmailDomains;
  readonly requiredFields: readonly FieldPath[];
  readonly suppress: readonly { readonly reason: string; readonly when: Condition }[];
  /** Named conditions, `icp` always among them, `engaged` not (it needs an account's people). */
  readonly named: Readonly<Record<string, Condition>>;
  readonly checklist: readonly { readonly name: string; readonly when: Condition }[];
  readonly signals: Readonly<Record<string, Signal>>;
  readonly fit: readonly { readonly points: number; readonly when: Condition }[];
  /** First row that holds. A row without `fit` or `intent` does not ask for it. */
  readonly bands: readonly {
    readonly band: Band;
    readonly fit?: number;
    readonly intent?: number;
  }[];
  /** First match wins; no match means nurture. */
  readonly leadTypes: readonly LeadType[];
  /** Absent: nobody is handed off whom no lead type lets through. */
  readonly exploration?: ExplorationRules;
  readonly accounts: AccountRules | null;
  readonly clocks: ClockRules;
  readonly routing: Routing;
  readonly answers: AnswerRules;
  readonly working: {
    readonly attempts: number;
    readonly over: Target;
    readonly stalledAfter: Target;
  };
  readonly renurture: {
    readonly return: readonly { readonly when: ReturnCondition }[];
    readonly reviewEvery: "month" | "quarter";
    readonly maxCycles: number;
    /**
     * How long after the end a hand raised begins a new cycle, by closed reason: `lost`, `won`,
     * `retired`, or a reason of rejection. Null, and whatever is not named: only a person does.
     */
    readonly returnClosed: Readonly<Record<string, Target | null>>;
  };
  readonly leavers: LeaverRules;
  readonly absences: AbsenceRules;
  /** How long a task may wait before it is asked for again. */
  readonly tasks: { readonly within: Target };
  readonly nurture: { readonly humanReviewAfter: Target; readonly reviewer: string };
  readonly reviews: Readonly<Partial<Record<"weekly" | "monthly" | "quarterly", ReviewRule>>> & {
    /** Whether one signature is enough, in a company of few; absent: both parties sign. */
    readonly signedBy?: "both parties" | "one party";
  };
}

export type Band = "A" | "B" | "C" | "D";
export type Depth = "high" | "mid" | "low";

/**
 * Points for one engagement of this type; they halve every `halfLifeMs`, or never when it is
 * absent.
 */
export interface Signal {
  readonly points: number;
  readonly depth: Depth;
  readonly halfLifeMs?: number;
}

/** Paths say where a rule stands in the file: `leadTypes[0].when.all[1]`. */
export type RulePath = string;

export type Condition =
  | {
      readonly kind: "all" | "any" | "none";
      readonly of: readonly Condition[];
      readonly at: RulePath;
    }
  | { readonly kind: "named"; readonly name: string; readonly at: RulePath }
  | {
      readonly kind: "fact";
      readonly field: FieldPath;
      readonly matchers: readonly Matcher[];
      readonly at: RulePath;
    }
  /**
   * `score.fit`, `score.intent`, `band`, `engagement.topic`, `engagement.count`: facts that are
   * worked out.
   */
  | {
      readonly kind: "derived";
      readonly of: "score.fit" | "score.intent" | "band" | "engagement.topic" | "engagement.count";
      readonly matchers: readonly Matcher[];
      readonly at: RulePath;
    }
  /**
   * At least `atLeast` engagements of this signal, or of any signal of this depth, within the last
   * `withinMs`.
   */
  | {
      readonly kind: "signal";
      readonly signal: string | { readonly depth: Depth };
      readonly withinMs?: number;
      readonly atLeast: number;
      readonly at: RulePath;
    }
  /** At least `count` distinct meaningful behaviours (signals of depth mid or high). */
  | {
      readonly kind: "meaningful";
      readonly count: number;
      readonly withinMs?: number;
      readonly at: RulePath;
    };

/** What brings a lead back from the re-nurture pool; measured since it entered the pool. */
export type ReturnCondition =
  | {
      readonly kind: "signal";
      readonly signal: string | { readonly depth: Depth };
      readonly atLeast: number;
      readonly at: RulePath;
    }
  | { readonly kind: "intent-rises"; readonly by: number; readonly at: RulePath }
  | { readonly kind: "date"; readonly field: "revisitOn"; readonly at: RulePath };

export type Matcher =
  | { readonly op: "is"; readonly value: FactValue }
  | { readonly op: "in" | "notIn"; readonly values: readonly FactValue[] }
  | { readonly op: "atLeast" | "atMost" | "above" | "below"; readonly value: number }
  | { readonly op: "contains"; readonly value: string }
  | { readonly op: "exists"; readonly value: boolean }
  | { readonly op: "matches"; readonly glob: string };

export type Path = "fast" | "standard";

export interface LeadType {
  readonly name: string;
  readonly path: Path;
  /** 1 is the most urgent, 5 the least. */
  readonly priority: number;
  readonly when: Condition;
  readonly outreach: Target;
  readonly status: Target;
}

/** A share of the leads in nurture that is handed off all the same, to learn from it. */
export interface ExplorationRules {
  /** 0 to 0.5. */
  readonly share: number;
  /** On whose terms: path, priority, targets. */
  readonly leadType: string;
  /** Among whom; absent: among all that nothing but the lead types holds back. */
  readonly when?: Condition;
}

export interface AccountRules {
  readonly engaged: { readonly contacts: number; readonly depth: Depth; readonly withinMs: number };
  readonly leadType: string;
  readonly tier: number;
  readonly when: Condition;
  readonly outreach: Target;
  readonly status: Target;
  readonly coolDownMs: number;
  readonly tiers: Readonly<
    Record<
      string,
      {
        readonly priority?: number;
        readonly outreach?: Target;
        readonly status?: Target;
        /** Who takes its leads, before segment and territory; owners come first all the same. */
        readonly pool?: string;
      }
    >
  >;
}

export interface ClockRules {
  /** `assignee`, `pool`, or the name of a calendar of the agreement. */
  readonly calendar: string;
  readonly elapsedRoll: ElapsedRoll;
  /** Fractions of the target, ascending: 0.5, 0.8. */
  readonly warnAt: readonly number[];
  /** Rungs after the breach, in open time, ascending. */
  readonly escalate: readonly {
    readonly afterMs: number;
    readonly do: "notify-manager" | "reassign";
  }[];
  readonly maxReassignments: number;
  readonly pause: { readonly reasons: readonly string[]; readonly atMost: Target };
}

export interface Territory {
  readonly name: string;
  readonly when?: Condition;
  readonly pool?: string;
  readonly language?: string;
  readonly within: readonly Territory[];
  readonly at: RulePath;
}

export interface Routing {
  readonly owners: "keep" | "ignore";
  readonly territories: readonly Territory[];
  readonly segments: readonly {
    readonly name: string;
    readonly when: Condition;
    readonly pool: string;
    readonly at: RulePath;
  }[];
  /** Outside all hours: hold until the pool opens, or look in sibling pools first. */
  readonly hold: "until-open" | "follow-the-sun";
  readonly fallback: string;
}

/**
 * The groups that the reasons for a rejection fall into. `isLeadsFault`: the cause is the lead and
 * not the rep's choice, so the rep's turn is given back.
 */
const groups = {
  "no-fit": { isLeadsFault: true },
  "no-intent": { isLeadsFault: false },
  "no-access": { isLeadsFault: false },
  data: { isLeadsFault: true },
  "existing-customer": { isLeadsFault: true },
  timing: { isLeadsFault: false },
};
export type RejectionGroup = keyof typeof groups;
export const rejectionGroups = Object.keys(groups) as readonly RejectionGroup[];

/** Whether a rejection of this group gives the rep's turn back. */
export function givesTurnBack(group: RejectionGroup): boolean {
  return groups[group].isLeadsFault;
}

export interface RejectionReason {
  readonly group: RejectionGroup;
  readonly then: "disqualify" | "renurture" | "fix-data";
  /** If this holds (true, not unknown) the rejection is contested. */
  readonly contradictedBy?: Condition;
  readonly requires: { readonly attempts?: number; readonly revisitOn?: boolean };
}

/** What happens to the work of somebody who has left, or has left the pool that gave it. */
export interface LeaverRules {
  readonly offers: "route-again";
  /** `deputy`: to the named deputy, and without one to the manager. */
  readonly accepted: "deputy" | "manager";
}

/** What happens to the work of somebody who is away for longer than the agreement lets it wait. */
export interface AbsenceRules {
  readonly longerThan: Target;
  readonly offers: "route-again" | "keep";
  /** `manager`: the manager is shown it, with a suggestion, and it stays with its owner. */
  readonly accepted: "deputy" | "manager" | "keep";
}

export interface AnswerRules {
  readonly acceptBy: "status" | "outreach";
  /** The complete list; anything else is refused. */
  readonly reasons: Readonly<Record<string, RejectionReason>>;
  readonly contested: { readonly to: "manager"; readonly within: Target };
  readonly rejectionsPerRepPerDay: number;
  readonly rateFit: { readonly from: number; readonly to: number };
  readonly buyingSignals: readonly string[];
}

export interface ReviewRule {
  /** `monday 09:00`, `first business day 09:00`, `first business day of quarter 09:00`, parsed. */
  readonly on: {
    readonly day: "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun" | "first-business-day";
    readonly of: "week" | "month" | "quarter";
    readonly time: string;
  };
  readonly everyWeeks: 1 | 2;
  readonly calendar: string;
  readonly signedWithin: Target;
}
