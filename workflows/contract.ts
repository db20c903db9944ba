import { defineQuery, defineSignal } from "@temporalio/workflow";
import { defineSearchAttributeKey, SearchAttributeType } from "@temporalio/common";
import {
  newsNames,
  toldNames,
  type NewsName,
  type Standing,
  type Subject,
  type ToldName,
} from "../handoff/process/words.ts";
import type { ReviewKind } from "../handoff/reviews/review.ts";

/**
 * The Temporal contract: queue, ids and their inverse, messages, search attributes. Ids only, never
 * a name.
 */

export function leadWorkflowId(leadId: string): string {
  return `lead/${leadId}`;
}

/** The lead of a workflow id, or null when the id names something else. */
export function leadOfWorkflowId(workflowId: string): string | null {
  return /^lead\/(ld_[0-9a-z]+)$/.exec(workflowId)?.[1] ?? null;
}

/** Each flag of an account has a process of its own. */
export function accountWorkflowId(accountId: string, cycle: number): string {
  return `account/${accountId}/${cycle}`;
}

/** The account of a workflow id, or null when the id names something else. */
export function accountOfWorkflowId(workflowId: string): string | null {
  return /^account\/(ac_[0-9a-z]+)\/\d+$/.exec(workflowId)?.[1] ?? null;
}

/** The process of a subject; an account has one for each of its cycles. */
export function processWorkflowId({ kind, id }: Subject, cycle: number): string {
  return kind === "account" ? accountWorkflowId(id, cycle) : leadWorkflowId(id);
}

export function reviewWorkflowId(kind: string, period: string): string {
  return `review/${kind}/${period}`;
}

/** The activation of a version; as in `store/governance/activations.ts`. */
export function activationWorkflowId(versionId: string): string {
  return `agreement/${versionId}`;
}

/** Stand with the words, because the store writes them. */
export type { AccountStart, LeadStart, ProcessStart } from "../handoff/process/words.ts";

/** News is a hint to look at the rows again; the id is for the log. */
export interface News {
  readonly id: string;
}

/** What was decided elsewhere, and where the process stands since. */
export interface Told {
  /** Of the decision: an action's id, for example. */
  readonly id: string;
  readonly standing: Standing;
}

/**
 * One signal for each thing that can be decided, so that the Temporal UI reads like the process.
 */
export const told = Object.fromEntries(
  toldNames.map((name) => [name, defineSignal<[Told]>(name)]),
) as { readonly [N in ToldName]: ReturnType<typeof defineSignal<[Told]>> };

export const news = Object.fromEntries(
  newsNames.map((name) => [name, defineSignal<[News]>(name)]),
) as { readonly [N in NewsName]: ReturnType<typeof defineSignal<[News]>> };

/** Effects could not be carried out beside the process: it tries until they are. */
export const effectsLeft = defineSignal<[News]>("effectsLeft");

export const standing = defineQuery<Standing | null>("standing");

/** What a workflow asks to be decided: the key makes a repeat return the stored answer. */
export interface DecisionAsk {
  readonly subject: Subject;
  readonly key: string;
  /** Workflow time in epoch milliseconds. */
  readonly now: number;
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const datetime = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.DATETIME);
const int = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.INT);

/** Search attributes of every lead. */
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
  cycle: int("LeadCycle"),
  /** The number of the decision that the process knew of when it last showed where it stands. */
  step: int("LeadStep"),
} as const;

/** Under this name the memo of a lead's process holds the address of the lead's page. */
export const pageMemo = "page";

/**
 * Set by the server, not by us: why the last workflow tasks of a process failed, once several did
 * in a row. Taken away by the first that succeeds. The process stands still meanwhile.
 */
export const reportedProblems = defineSearchAttributeKey(
  "TemporalReportedProblems",
  SearchAttributeType.KEYWORD_LIST,
);

/** Processes of any type that are broken now, as a visibility query. */
export const brokenProcesses = `${reportedProblems.name} IS NOT NULL AND ExecutionStatus = "Running"`;

/**
 * Input of `review`: which review, of which period (`2026-Q4`, `2026-11`). The rest is in Postgres.
 */
export interface ReviewStart {
  readonly kind: ReviewKind;
  readonly period: string;
}

/** Input of `rejudgeClocks`: the version by which the clocks of open handoffs go on. */
export interface ActivationStart {
  readonly versionId: string;
}

/** How far an activation is: what its workflow needs to know. */
export interface ActivationStanding {
  readonly looked: number;
  readonly failed: number;
  readonly isOver: boolean;
  readonly state: "going on" | "over" | "superseded";
}

/** A person signed, or decided about a lead of the review: a hint to look whether anything is still open. */
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
  /** Leads that were reminded of effects that nobody had begun, or of somebody who has left. */
  readonly reminded: number;
  /** Leads whose process is broken: its tasks fail. */
  readonly broken: number;
  /** Rows of plumbing removed because they are over. */
  readonly swept: number;
  /** More open leads wait to be compared: go on after this one. */
  readonly after: string | null;
}
