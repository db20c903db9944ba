import { proxyActivities, proxyLocalActivities } from "@temporalio/workflow";
import type { Activities } from "../activities/index.ts";
import { oneAtATime } from "./one-at-a-time.ts";

export type Decisions = Pick<Activities, "arrive" | "route" | "checkTime" | "takeNews" | "look">;
type Effects = Pick<Activities, "carryOut">;

/**
 * Decisions: our own database, once for each key, so a repeat returns the stored answer. Local
 * first, because a remote activity costs four more events and a workflow task. Only the main line
 * uses them, one at a time: two local activities of one run can end in another order on replay.
 */
export const decideNow = oneAtATime(
  proxyLocalActivities<Decisions>({
    startToCloseTimeout: "4 seconds",
    scheduleToCloseTimeout: "6 seconds",
    retry: { initialInterval: "50 milliseconds", backoffCoefficient: 3, maximumAttempts: 4 },
  }),
);

/**
 * The same decision when the database is away: retried by the server for as long as it takes,
 * without a growing history, and shown in the Temporal UI as a pending activity with its failure.
 * The key is the same, so it is taken once.
 */
export const decideLater = proxyActivities<Decisions>({
  startToCloseTimeout: "15 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "30 seconds", backoffCoefficient: 2 },
});

/**
 * At the end of a run the main line asks once whether effects are left; slow systems are not waited
 * for.
 */
export const drainNow = oneAtATime(
  proxyLocalActivities<Pick<Activities, "drain">>({
    startToCloseTimeout: "3 seconds",
    retry: { maximumAttempts: 1 },
  }),
);

/**
 * Effects, until done: every effect has a key that the receiver or our ledger knows, so trying
 * again is safe. A failure says itself how long to wait, up to five minutes; what is left to the
 * server is a worker that died.
 */
export const keepTrying = proxyActivities<Effects>({
  startToCloseTimeout: "30 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "10 seconds", backoffCoefficient: 2 },
  summary: "effects: CRM and mail",
});

/**
 * Reviews, the reconciler and activations: our own database, in steps that are safe to repeat because each finds
 * what is there already. Nobody waits for them, so they leave the local slots to the leads.
 */
export const inTheBackground = proxyActivities<
  Pick<
    Activities,
    "dueReview" | "dueReviews" | "openReview" | "lookAtReview" | "reconcile" | "rejudgeClocksOf"
  >
>({
  startToCloseTimeout: "4 minutes",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute", backoffCoefficient: 2 },
});
