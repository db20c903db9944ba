import type { Instant } from "../time/calendar.ts";
import type { Stage, WaitingOn } from "../stage.ts";

/**
 * Whom a process is about. Every row and every decision names its subject. Effects are also written
 * about a review and about versions of the agreement, which have no process row.
 */
export interface Subject {
  readonly kind: "lead" | "account" | "review" | "agreement";
  readonly id: string;
}

/** Whether a process of its own hears of the subject; versions and reviews are seen to otherwise. */
export function hasOwnProcess({ kind }: Subject): boolean {
  return kind === "lead" || kind === "account";
}

/** Where a process stands after a decision: all that its workflow needs to know. Ids only. */
export interface Standing {
  readonly cycle: number;
  /** The number of the decision within the cycle. A standing with a lower number is older. */
  readonly step: number;
  readonly stage: Stage;
  readonly stageSince: Instant;
  readonly waitingOn: WaitingOn;
  readonly handoffId: string | null;
  readonly owner: string | null;
  /** When time must be looked at again; null when only a message can move the subject. */
  readonly wakeAt: Instant | null;
  /** What the timer is for, as a person reads it in the Temporal UI. */
  readonly wakeFor: string;
  readonly dueAt: Instant | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly source: string | null;
  readonly territory: string | null;
  /** Markdown for the Temporal UI. */
  readonly details: string;
  /** Effects of this subject are not carried out yet. */
  readonly effects: boolean;
}

/** Whether `a` is the standing of a later decision than `b`. */
export function isNewer(
  a: Pick<Standing, "cycle" | "step">,
  b: Pick<Standing, "cycle" | "step">,
): boolean {
  return a.cycle > b.cycle || (a.cycle === b.cycle && a.step > b.step);
}

/** What comes next when nobody says anything: the one rule that every caller asks. */
export type FollowUp = "route" | "end" | "wait";

/**
 * A fresh MQL, or one that was taken from somebody, is routed; a closed process ends; everything
 * else waits for its time, a person or a signal.
 */
export function followUp(at: Pick<Standing, "stage" | "waitingOn">): FollowUp {
  if (at.stage === "mql" && at.waitingOn === "assessment") return "route";
  return at.stage === "opportunity" || at.stage === "disqualified" ? "end" : "wait";
}

/** The answer to a person's action. A refusal is a value: the sender is told what stands. */
export type ActionResult =
  | {
      readonly done: true;
      readonly stage: Stage;
      readonly waitingOn: WaitingOn;
      readonly owner: string | null;
      readonly because: string;
      /** Whether the clock that the action stopped was met; absent when it stopped none. */
      readonly onTime?: boolean;
    }
  | {
      readonly done: false;
      readonly code: string;
      readonly field?: string;
      readonly message: string;
      readonly stage: Stage;
      readonly waitingOn: WaitingOn;
      readonly owner: string | null;
    };

/**
 * Signals that tell a process what was decided elsewhere, named by what happened. Each carries the
 * standing that the decision left.
 */
export const toldNames = [
  "met",
  "accepted",
  "rejected",
  "advanced",
  "handedBack",
  "reassigned",
  "paused",
  "resumed",
  "contestDecided",
  "reviewDecided",
  "reopened",
  "moved",
] as const;
export type ToldName = (typeof toldNames)[number];

/** News from outside: a hint to look at the rows again. */
export const newsNames = [
  "engaged",
  "factsChanged",
  "seenInCrm",
  "policyChanged",
  "rosterChanged",
  "released",
  "erased",
] as const;
export type NewsName = (typeof newsNames)[number];

/** Input of a process; one run is one cycle, and this is all that the next run needs. */
export interface ProcessStart {
  readonly cycle: number;
  /** `intake` is judged first; `resume` goes on from `at`, or from what the rows say. */
  readonly from: "intake" | "resume";
  /** 1 is the most urgent. */
  readonly priority: number;
  /** Where the subject stood when the run was asked for. */
  readonly at?: Standing;
  /** News that came while the earlier run was ending and was not looked at there. */
  readonly heard?: readonly NewsName[];
  /** Continue as new after so many events, instead of when the server suggests it (tests). */
  readonly continueAfterEvents?: number;
}

/** Input of `leadHandoff`. */
export interface LeadStart extends ProcessStart {
  readonly leadId: string;
}

/** Input of `accountHandoff`. Each flag of an account is a cycle of its own. */
export interface AccountStart extends ProcessStart {
  readonly accountId: string;
}
