import { Context } from "@temporalio/activity";
import type { Instant } from "../handoff/calendar.ts";
import { routingDesk } from "../store/routing-desk.ts";
import { createEffectActivities, type EffectDeps } from "./effects.ts";
import type { DecisionKey, NewsName, ReviewStart, Standing, Subject } from "../workflows/contract.ts";
import { assess } from "./assess.ts";
import type { DecisionDeps } from "./case.ts";
import { checkClocks } from "./check-clocks.ts";
import { hear } from "./hear.ts";
import { reconcile, type ReconcileDeps } from "./reconcile.ts";
import { dueReview, lookAtReview, openReview } from "./review.ts";
import { route } from "./route.ts";
import { settle } from "./settle.ts";

/**
 * Everything a workflow can ask for: decisions on our own database, effects on other systems.
 *
 * A decision that is taken locally goes on to what follows from it at once: a lead that became an MQL is routed, and the
 * effects are tried. Each step is stored before the next and has its own key, so whatever is cut off here is done by the
 * workflow, as if nobody had tried (docs/decisions/0031).
 */
export function createActivities(deps: DecisionDeps & EffectDeps & ReconcileDeps) {
  const effects = createEffectActivities(deps);
  const routing = { ...deps, desk: routingDesk(deps.pool) };
  const decided = async <R>(decision: Promise<R>): Promise<R> => {
    const answer = await decision;
    deps.crashPoint?.("decision-committed");
    return answer;
  };
  const tried = async (subject: Subject, standing: Standing): Promise<Standing> => {
    if (!standing.effects || !Context.current().info.isLocal) return standing;
    const left = await effects.carryOut(subject).then((run) => run.left, () => 1);
    return left === 0 ? { ...standing, effects: false } : standing;
  };
  const routed = async (key: DecisionKey, standing: Standing): Promise<Standing> => {
    const isNext = standing.stage === "mql" && standing.waitingOn === "assessment" && standing.step !== undefined;
    if (!isNext || !Context.current().info.isLocal) return standing;
    const next = await decided(route(routing, { ...key, step: standing.step + 1 })).catch(() => standing);
    return { ...next, effects: next.effects || standing.effects };
  };
  return {
    assess: async (key: DecisionKey, how: { reopen: boolean }) => tried(key.subject, await routed(key, await decided(assess(deps, key, how)))),
    route: async (key: DecisionKey) => tried(key.subject, await decided(route(routing, key))),
    checkClocks: async (key: DecisionKey) => tried(key.subject, await routed(key, await decided(checkClocks(deps, key)))),
    settle: async (key: DecisionKey, actionId: string) => {
      const { standing, result } = await decided(settle(deps, key, actionId));
      return { standing: await tried(key.subject, await routed(key, standing)), result };
    },
    hear: async (key: DecisionKey, heard: readonly NewsName[]) => tried(key.subject, await decided(hear(deps, key, heard))),
    dueReview: (now: Instant) => dueReview(deps, now),
    openReview: (start: ReviewStart & { readonly now: Instant }) => openReview(deps, start),
    lookAtReview: (reviewId: string, now: Instant) => lookAtReview(deps, reviewId, now),
    reconcile: (now: Instant, after: string) => reconcile(deps, now, after),
    ...effects,
  };
}

export type Activities = ReturnType<typeof createActivities>;
