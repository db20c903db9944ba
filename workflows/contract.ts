import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import { defineSearchAttributeKey, SearchAttributeType } from "@temporalio/common";
import type { PoolReviewKind } from "../handoff/review.ts";
import type { ActionName, Stage, WaitingOn } from "../handoff/stage.ts";

/** The Temporal contract: queue, ids and their inverse, messages, search attributes. Ids only, never a name. */

export function leadWorkflowId(leadId: string): string {
  return `lead/${leadId}`;
}

/** The lead of a workflow id, or null when the id names something else. */
export function leadOfWorkflowId(workflowId: string): string | null {
  return /^lead\/(ld_[0-9a-z]+)$/.exec(workflowId)?.[1] ?? null;
}

export function reviewWorkflowId(kind: string, period: string): string {
  return `review/${kind}/${period}`;
}

/** A subject is a lead or an account; every row and decision names one. Effects are also written about a review. */
export interface Subject {
  readonly kind: "lead" | "account" | "review";
  readonly id: string;
}

/** Input of `leadHandoff`; one run is one cycle, and this is all that the next run needs. */
export interface LeadStart {
  readonly leadId: string;
  readonly cycle: number;
  /** The last decision taken in this cycle; decisions are unique by (subject, cycle, step). */
  readonly step: number;
  /** `intake` and `reopen` begin at `new`; `cycle` follows an earlier run; `resume` picks up what Postgres says. */
  readonly from: "intake" | "reopen" | "cycle" | "resume";
  /** 1 is the most urgent. */
  readonly priority: number;
  /** Where the earlier run left it; ids only. Without it the process asks Postgres. */
  readonly at?: Standing;
  /** News that came while the earlier run was ending and was not looked at there. */
  readonly heard?: readonly NewsName[];
  /** Continue as new after so many events, instead of when the server suggests it (tests). */
  readonly continueAfterEvents?: number;
}

/** What a person's action tells the process. Everything else about it lies in the `action` row with this id. */
export interface ActionNotice {
  readonly id: string;
  readonly name: ActionName;
  /** Rep or token id. */
  readonly by: string;
  readonly role: string;
  readonly receivedAt: number;
}

/** The answer to a person's action. A refusal after acceptance is a value too: evidence is judged against stored facts. */
export type ActionResult =
  | {
      readonly done: true;
      readonly stage: Stage;
      readonly waitingOn: WaitingOn;
      readonly owner: string | null;
      readonly because: string;
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

/** What a validator's refusal carries (ApplicationFailure type `Refused`, details[0]). */
export interface Refusal {
  readonly code: "not-possible-now" | "already-answered" | "not-yours";
  readonly stage: Stage;
  readonly waitingOn: WaitingOn;
  readonly owner: string | null;
  readonly message: string;
}

/** News is a hint to look at Postgres again; the id is for the log. */
export interface News {
  readonly id: string;
}

/** One update per action, so that the Temporal UI reads like the process. */
export const updates: {
  readonly [A in ActionName]: ReturnType<typeof defineUpdate<ActionResult, [ActionNotice]>>;
} = {
  logOutreach: defineUpdate<ActionResult, [ActionNotice]>("logOutreach"),
  accept: defineUpdate<ActionResult, [ActionNotice]>("accept"),
  reject: defineUpdate<ActionResult, [ActionNotice]>("reject"),
  advance: defineUpdate<ActionResult, [ActionNotice]>("advance"),
  handBack: defineUpdate<ActionResult, [ActionNotice]>("handBack"),
  reassign: defineUpdate<ActionResult, [ActionNotice]>("reassign"),
  pause: defineUpdate<ActionResult, [ActionNotice]>("pause"),
  resume: defineUpdate<ActionResult, [ActionNotice]>("resume"),
  decideContest: defineUpdate<ActionResult, [ActionNotice]>("decideContest"),
  decideReview: defineUpdate<ActionResult, [ActionNotice]>("decideReview"),
};

export const newsNames = [
  "engaged",
  "factsChanged",
  "seenInCrm",
  "policyChanged",
  "released",
  "erased",
] as const;
export type NewsName = (typeof newsNames)[number];

export const news: { readonly [N in NewsName]: ReturnType<typeof defineSignal<[News]>> } = {
  engaged: defineSignal<[News]>("engaged"),
  factsChanged: defineSignal<[News]>("factsChanged"),
  seenInCrm: defineSignal<[News]>("seenInCrm"),
  policyChanged: defineSignal<[News]>("policyChanged"),
  released: defineSignal<[News]>("released"),
  erased: defineSignal<[News]>("erased"),
};

/** Effects could not be carried out beside the process: it tries until they are. Changes nothing else, so it is no news. */
export const effectsLeft = defineSignal<[News]>("effectsLeft");

/** Where a lead's process stands after a decision: all that the workflow itself needs to know. */
export interface Standing {
  readonly stage: Stage;
  readonly stageSince: number;
  readonly waitingOn: WaitingOn;
  readonly handoffId: string | null;
  readonly owner: string | null;
  /** A rejection lies with the manager. */
  readonly contested: boolean;
  /** When `checkClocks` must look again; null when only a message can move the lead. */
  readonly wakeAt: number | null;
  /** What the timer is for, as a person reads it in the Temporal UI; ids only. */
  readonly wakeFor: string;
  readonly dueAt: number | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly source: string | null;
  readonly territory: string | null;
  /** Markdown for the Temporal UI: stage, owner, clocks, last decisions; ids only. */
  readonly details: string;
  /** Effects wait for the process to carry them out. */
  readonly effects: boolean;
  /** This cycle is over and the lead goes on in the next one. */
  readonly nextCycle: boolean;
  /** The number under which the decision is stored; absent in answers from before it was told. */
  readonly step?: number;
}

export const standing = defineQuery<Standing | null>("standing");

/** The key under which a decision is stored; asked twice with the same key the stored answer comes back. */
export interface DecisionKey {
  readonly subject: Subject;
  readonly cycle: number;
  readonly step: number;
  /** Workflow time in epoch milliseconds. */
  readonly now: number;
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const datetime = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.DATETIME);

/** Search attributes of every lead (temporal.md, section 6). */
export const searchAttributes = {
  stage: keyword("LeadStage"),
  waitingOn: keyword("LeadWaitingOn"),
  owner: keyword("LeadOwner"),
  leadType: keyword("LeadType"),
  band: keyword("LeadBand"),
  source: keyword("LeadSource"),
  territory: keyword("LeadTerritory"),
  dueAt: datetime("LeadDueAt"),
  stageSince: datetime("LeadStageSince"),
  cycle: defineSearchAttributeKey("LeadCycle", SearchAttributeType.INT),
} as const;

/** Input of `review`: which review, of which period (`2026-Q4`, `2026-11`). The rest is in Postgres. */
export interface ReviewStart {
  readonly kind: PoolReviewKind;
  readonly period: string;
}

/** A person decided about a lead of the review: a hint to look whether anything is still open. */
export const decided = defineSignal<[News]>("decided");

/** Where a review stands: what its workflow needs to know. */
export interface ReviewStanding {
  readonly reviewId: string;
  readonly state: "open" | "closed";
  /** Leads that still wait for a person. */
  readonly waiting: number;
  readonly wakeAt: number;
  /** What the timer is for, as a person reads it in the Temporal UI. */
  readonly wakeFor: string;
  readonly effects: boolean;
  /** Markdown for the Temporal UI; ids and counts only. */
  readonly details: string;
}

/** What one comparison of Postgres with Temporal found and did: counts only. */
export interface Reconciled {
  /** Open leads without a running process, started again. */
  readonly restarted: number;
  /** Leads whose next step is overdue though their process runs. */
  readonly stuck: number;
  /** Closed leads that left effects undone. */
  readonly stranded: number;
  /** Open leads that were reminded of effects that nobody had begun; absent in answers from before they were counted. */
  readonly reminded?: number;
  /** Rows of plumbing removed because they are over. */
  readonly swept: number;
  /** More open leads wait to be compared: go on after this one. */
  readonly after: string | null;
}
