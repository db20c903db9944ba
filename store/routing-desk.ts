import type { Instant } from "../handoff/calendar.ts";
import { inTransaction, reserveOf, type Pool, type Tx } from "./db.ts";
import { routeFar, routeNear, type RouteRequest, type RouteResult } from "./routing.ts";
import { placed, type Asked } from "./routing-turns.ts";
import { together } from "./together.ts";

/** Routes handoffs for all who ask at once: one lock, one reading, one commit for many picks. */
export interface RoutingDesk {
  /**
   * Answers as `routeHandoff` does, and has committed when it answers. Asked again for the same (handoff, round) it
   * returns the stored assignment, so whoever died with the answer in hand asks again. The caller may be in a
   * transaction that holds the lead's row; it must hold no pool's lock and no row of `held`, for the desk waits for them.
   */
  route(request: RouteRequest): Promise<RouteResult>;
}

/** Bounds how long one transaction keeps the pools locked. */
const most = 64;

/** Requests further apart than this are walked at different times: rehearsals move the clock of each lead by itself. */
const sameMomentMs = 1_000;

/**
 * A desk on the reserve of a pool: those who wait for it may hold every connection of the pool itself. One batch at a
 * time, for a second one would only wait for the first one's locks; those that go beyond their first pool have a second
 * line, so that nobody waits for the locks of pools that are not needed.
 */
export function routingDesk(pool: Pool): RoutingDesk {
  const reserve = reserveOf(pool);
  const near = line(reserve, routeNear);
  const far = line(reserve, routeFar);
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
  return together(
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

/** Those that may share a snapshot, in their order: asked at about the same time, by the same agreement's hours. The latest time is that of the pick. */
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
