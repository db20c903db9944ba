import { Context } from "@temporalio/activity";
import type { Instant } from "../handoff/calendar.ts";
import { isClosed } from "../handoff/stage.ts";
import { routingDesk } from "../store/routing-desk.ts";
import { createEffectActivities, createEffects, type EffectDeps } from "./effects.ts";
import { effectQueue } from "./effect-queue.ts";
import type {
  DecisionKey,
  NewsName,
  ReviewStart,
  Standing,
  Subject,
} from "../workflows/contract.ts";
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
 * A decision that is taken locally goes on to what follows from it at once: a lead that became an MQL is routed. Each step
 * is stored before the next and has its own key, so whatever is cut off here is done by the workflow, as if nobody had
 * tried (docs/decisions/0031). The effects go to the queue beside the processes, and nobody waits for them (0036).
 */
export function createActivities(
  deps: DecisionDeps & EffectDeps & ReconcileDeps,
  effects = createEffects(deps),
  queue = effectQueue(deps, effects),
) {
  const routing = { ...deps, desk: routingDesk(deps.pool) };
  const decided = async <R>(decision: Promise<R>): Promise<R> => {
    const answer = await decision;
    deps.crashPoint?.("decision-committed");
    return answer;
  };
  const handedOver = async (subject: Subject, standing: Standing): Promise<Standing> => {
    if (!standing.effects || !Context.current().info.isLocal) return standing;
    // A run of the process ends only when everybody outside has been told.
    const isEnd = isClosed(standing.stage) || standing.nextCycle;
    const isSeenTo = isEnd
      ? await queue.carryOut(subject)
      : queue.add(subject, standing.owner !== null);
    return isSeenTo ? { ...standing, effects: false } : standing;
  };
  const routed = async (key: DecisionKey, standing: Standing): Promise<Standing> => {
    const isNext =
      standing.stage === "mql" &&
      standing.waitingOn === "assessment" &&
      standing.step !== undefined;
    if (!isNext || !Context.current().info.isLocal) return standing;
    const next = await decided(route(routing, { ...key, step: standing.step + 1 })).catch(
      () => standing,
    );
    return { ...next, effects: next.effects || standing.effects };
  };
  return {
    assess: async (key: DecisionKey, how: { reopen: boolean }) =>
      handedOver(key.subject, await routed(key, await decided(assess(deps, key, how)))),
    route: async (key: DecisionKey) => handedOver(key.subject, await decided(route(routing, key))),
    checkClocks: async (key: DecisionKey) =>
      handedOver(key.subject, await routed(key, await decided(checkClocks(deps, key)))),
    settle: async (key: DecisionKey, actionId: string) => {
      const { standing, result } = await decided(settle(deps, key, actionId));
      return { standing: await handedOver(key.subject, await routed(key, standing)), result };
    },
    hear: async (key: DecisionKey, heard: readonly NewsName[]) =>
      handedOver(key.subject, await decided(hear(deps, key, heard))),
    dueReview: (now: Instant) => dueReview(deps, now),
    openReview: (start: ReviewStart & { readonly now: Instant }) => openReview(deps, start),
    lookAtReview: (reviewId: string, now: Instant) => lookAtReview(deps, reviewId, now),
    reconcile: (now: Instant, after: string) => reconcile(deps, now, after),
    ...createEffectActivities(effects),
  };
}

export type Activities = ReturnType<typeof createActivities>;
