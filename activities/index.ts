import type { Instant } from "../handoff/calendar.ts";
import { createEffectActivities, type EffectDeps } from "./effects.ts";
import type { DecisionKey, NewsName, ReviewStart } from "../workflows/contract.ts";
import { assess } from "./assess.ts";
import type { DecisionDeps } from "./case.ts";
import { checkClocks } from "./check-clocks.ts";
import { hear } from "./hear.ts";
import { reconcile, type ReconcileDeps } from "./reconcile.ts";
import { dueReview, lookAtReview, openReview } from "./review.ts";
import { route } from "./route.ts";
import { settle } from "./settle.ts";

/** Everything a workflow can ask for: decisions on our own database, effects on other systems. */
export function createActivities(deps: DecisionDeps & EffectDeps & ReconcileDeps) {
  const decided = async <R>(decision: Promise<R>): Promise<R> => {
    const answer = await decision;
    deps.crashPoint?.("decision-committed");
    return answer;
  };
  return {
    assess: (key: DecisionKey, how: { reopen: boolean }) => decided(assess(deps, key, how)),
    route: (key: DecisionKey) => decided(route(deps, key)),
    checkClocks: (key: DecisionKey) => decided(checkClocks(deps, key)),
    settle: (key: DecisionKey, actionId: string) => decided(settle(deps, key, actionId)),
    hear: (key: DecisionKey, heard: readonly NewsName[]) => decided(hear(deps, key, heard)),
    dueReview: (now: Instant) => dueReview(deps, now),
    openReview: (start: ReviewStart & { readonly now: Instant }) => openReview(deps, start),
    lookAtReview: (reviewId: string, now: Instant) => lookAtReview(deps, reviewId, now),
    reconcile: (now: Instant, after: string) => reconcile(deps, now, after),
    ...createEffectActivities(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
