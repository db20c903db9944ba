import type { Instant } from "../handoff/time/calendar.ts";
import type { ReviewKind } from "../handoff/reviews/review.ts";
import type { Pool } from "../store/postgres/db.ts";
import type { TakeDeps } from "../store/process/take.ts";
import { rejudgeNext } from "../store/governance/activations.ts";
import { routingDispatcher } from "../store/routing/dispatcher.ts";
import type { ActivationStart, ReviewStart } from "../workflows/contract.ts";
import { createDecisions } from "./decisions.ts";
import { createEffectActivities, createEffects, type EffectDeps } from "./effects.ts";
import { effectQueue } from "./effect-queue.ts";
import { reconcileLeads, type ReconcileDeps } from "./reconcile.ts";
import { dueReview, dueReviews, lookAtReview, openReview } from "./review.ts";

export type ActivityDeps = Omit<TakeDeps, "dispatcher"> &
  EffectDeps &
  ReconcileDeps & { readonly routing: Pool };

/** Everything a workflow can ask for: decisions on our own database, effects on other systems. */
export function createActivities(
  deps: ActivityDeps,
  effects = createEffects(deps),
  queue = effectQueue(deps, effects),
) {
  return {
    ...createDecisions({ ...deps, dispatcher: routingDispatcher(deps.routing) }, queue),
    dueReview: (now: Instant) => dueReview(deps, now),
    dueReviews: (now: Instant, kind: ReviewKind | null) => dueReviews(deps, now, kind),
    openReview: (start: ReviewStart & { readonly now: Instant }) => openReview(deps, start),
    lookAtReview: (reviewId: string, now: Instant) => lookAtReview(deps, reviewId, now),
    rejudgeClocksOf: ({ versionId }: ActivationStart, now: Instant) =>
      rejudgeNext(deps, versionId, now),
    reconcile: (now: Instant, after: string) => reconcileLeads(deps, now, after),
    ...createEffectActivities(effects),
  };
}

export type Activities = ReturnType<typeof createActivities>;
