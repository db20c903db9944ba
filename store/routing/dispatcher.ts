import type { Instant } from "../../handoff/time/calendar.ts";
import { inTransaction, type Pool, type Tx } from "../postgres/db.ts";
import type { RouteRequest, RouteResult } from "./route-request.ts";
import { routeFar, routeNear } from "./routing.ts";
import { placed, type Asked } from "./turns.ts";
import { batched } from "../postgres/batch.ts";

/** Routes handoffs for all who ask at once: one lock, one reading, one commit for many picks. */
export interface RoutingDispatcher {
  /**
   * Answers as `routeHandoff` does, and has committed when it answers. Asked again for the same
   * (handoff, round) it returns the stored assignment, so a caller that died before it used the
   * answer asks again. The caller may be in a transaction that holds the lead's process row; it must
   * hold no pool's lock and no row of `held`: the dispatcher waits for them.
   */
  route(request: RouteRequest): Promise<RouteResult>;
}

/** Bounds how long one transaction keeps the pools locked. */
const most = 64;

/**
 * Requests further apart than this are walked at different times: rehearsals move the clock of each
 * lead by itself.
 */
const sameMomentMs = 1_000;

/**
 * A dispatcher on a pool of its own, of two connections: the callers that wait for it may hold every
 * connection of another one. One batch at a time: a second one would wait for the locks of the
 * first. Requests that go beyond their first pool have a second queue, so that the others do not
 * wait for locks of pools that they do not need.
 */
export function routingDispatcher(pool: Pool): RoutingDispatcher {
  const near = line(pool, routeNear);
  const far = line(pool, routeFar);
  return {
    async route(request) {
      const asked = placed(request);
      const result = (await near(asked)) ?? (await far(asked));
      if (!result) throw new Error(`handoff ${request.handoffId} was not routed`);
      return result;
    },
  };
}

function line(
  pool: Pool,
  route: (tx: Tx, asked: readonly Asked[], now: Instant) => Promise<(RouteResult | null)[]>,
): (asked: Asked) => Promise<RouteResult | null> {
  return batched(
    most,
    async (batch: readonly Asked[]) => {
      const answers = new Map<Asked, RouteResult | null>();
      for (const group of sameMoment(batch)) {
        const results = await inTransaction(pool, (tx) => route(tx, group.asked, group.now));
        group.asked.forEach((one, n) => answers.set(one, results[n] ?? null));
      }
      return batch.map((one) => answers.get(one) ?? null);
    },
    1,
  );
}

interface Moment {
  readonly asked: Asked[];
  from: Instant;
  now: Instant;
}

/**
 * Those that may share a snapshot, in their order: asked at about the same time, by the same
 * agreement's hours. The latest time is that of the pick.
 */
function sameMoment(batch: readonly Asked[]): Moment[] {
  const moments: Moment[] = [];
  for (const one of batch) {
    const { now } = one.request;
    const moment = moments.find(
      ({ asked, from, now: to }) =>
        asked[0]?.base === one.base && now >= to - sameMomentMs && now <= from + sameMomentMs,
    );
    if (moment) {
      moment.asked.push(one);
      moment.from = Math.min(moment.from, now);
      moment.now = Math.max(moment.now, now);
    } else {
      moments.push({ asked: [one], from: now, now });
    }
  }
  return moments;
}
