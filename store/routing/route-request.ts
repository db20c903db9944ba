import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Known } from "../../handoff/qualify/condition.ts";
import type { RouteAnswer, RouteInput } from "../../handoff/routing/route.ts";
import type { Released } from "./held.ts";

/** What routing is asked: one offer, numbered by its round. */
export interface RouteRequest {
  readonly handoffId: string;
  readonly round: number;
  readonly now: Instant;
  readonly agreement: Agreement;
  readonly known: Known;
  readonly leadType: string;
  /** 1 is the most urgent. */
  readonly priority: number;
  /**
   * When outreach is due: held leads are released in this order, and none waits for room longer.
   */
  readonly dueAt: Instant;
  readonly arrivedAt: Instant;
  /** Who had this lead before. */
  readonly exclude: readonly { readonly repId: string; readonly round: number }[];
  /** The lead's account; null for a lead of no company. */
  readonly accountId: string | null;
  /** Who has the account already, in the order in which they are asked. */
  readonly owners: readonly string[];
  /**
   * It is the account's own handoff or belongs to one: `owners` are those who have that, and are
   * asked whatever `routing.owners` says.
   */
  readonly withAccount?: true;
  readonly language: string | null;
  readonly product: string | null;
  readonly motion: string | null;
  /** A manager's explicit choice: rep id. */
  readonly assignTo?: string;
}

export interface RouteResult extends RouteAnswer {
  /** All that the pure function was given; `routeAgain` answers the same again. */
  readonly input: RouteInput;
  /**
   * Leads on hold that went first, under the same lock; their processes are told when it commits.
   */
  readonly released: readonly Released[];
}
