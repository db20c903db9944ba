import { Context } from "@temporalio/activity";
import type { Event } from "../handoff/process/event.ts";
import {
  followUp,
  isNewer,
  type NewsName,
  type Standing,
  type Subject,
} from "../handoff/process/words.ts";
import { isClosed } from "../handoff/stage.ts";
import { standingNow, take, takeRoute, type Ask, type TakeDeps } from "../store/process/take.ts";
import type { DecisionAsk } from "../workflows/contract.ts";
import type { EffectQueue } from "./effect-queue.ts";

type Noticed = Exclude<Event, { kind: "action" | "routed" | "reopened" }>;

/** News in the order in which it is looked at: what ends a process first. */
const eventOf: Readonly<Record<Exclude<NewsName, "released">, Noticed>> = {
  erased: { kind: "erased" },
  factsChanged: { kind: "facts" },
  policyChanged: { kind: "policy" },
  rosterChanged: { kind: "roster" },
  seenInCrm: { kind: "seenInCrm" },
  engaged: { kind: "engaged" },
};
const inOrder = Object.keys(eventOf) as (keyof typeof eventOf)[];

/**
 * The decisions that a workflow asks for. Each is taken under the lock of the process row and
 * stored with its key. A decision that runs as a local activity goes on to what follows from it at
 * once: a lead that became an MQL is routed. What is cut off there is asked for again by the
 * workflow.
 */
export function createDecisions(deps: TakeDeps, queue: EffectQueue) {
  const committed = async (decision: Promise<Standing>): Promise<Standing> => {
    const at = await decision;
    deps.crashPoint?.("decision-committed");
    return at;
  };
  const routed = async (ask: DecisionAsk, at: Standing): Promise<Standing> => {
    if (followUp(at) !== "route" || !Context.current().info.isLocal) return at;
    const next = await committed(takeRoute(deps, asked(ask, "route"))).catch(() => at);
    return later(at, next);
  };
  const decided = async (ask: DecisionAsk, event: Noticed): Promise<Standing> =>
    handedOver(
      queue,
      ask.subject,
      await routed(ask, await committed(take(deps, asked(ask), event))),
    );
  return {
    arrive: (ask: DecisionAsk) => decided(ask, { kind: "arrived" }),
    checkTime: (ask: DecisionAsk) => decided(ask, { kind: "time" }),
    route: async (ask: DecisionAsk) =>
      handedOver(queue, ask.subject, await committed(takeRoute(deps, asked(ask)))),
    look: (ask: DecisionAsk) => standingNow(deps, ask.subject, ask.now),
    takeNews: async (ask: DecisionAsk, heard: readonly NewsName[]) => {
      let at: Standing | undefined;
      for (const name of inOrder.filter((one) => heard.includes(one))) {
        at = later(at, await committed(take(deps, asked(ask, name), eventOf[name])));
      }
      at ??= await standingNow(deps, ask.subject, ask.now);
      if (heard.includes("released") && at.waitingOn === "hold") {
        at = later(at, await committed(takeRoute(deps, asked(ask, "released"))));
      }
      return handedOver(queue, ask.subject, await routed(ask, at));
    },
    /** How many effects are left after a short try beside the process. */
    drain: async (subject: Subject) => ({ left: (await queue.carryOut(subject)) ? 0 : 1 }),
  };
}

/**
 * Where the process stands after both. The stored answer of a task that was lost is older than what
 * was decided since.
 */
function later(before: Standing | undefined, at: Standing): Standing {
  if (before === undefined) return at;
  return { ...(isNewer(at, before) ? at : before), effects: before.effects || at.effects };
}

/** One activity can take several decisions, each under its own key. */
function asked({ subject, key, now }: DecisionAsk, part?: string): Ask {
  return { subject, now, key: part === undefined ? key : `${key}/${part}`, by: "process" };
}

/** The queue beside the process sees to the effects, unless the circuit breaker is open. */
function handedOver(queue: EffectQueue, subject: Subject, at: Standing): Standing {
  if (!at.effects || isClosed(at.stage) || !Context.current().info.isLocal) return at;
  return queue.add(subject, at.owner !== null) ? { ...at, effects: false } : at;
}
