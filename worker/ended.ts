import type { Instant } from "../handoff/time/calendar.ts";
import type { Agreements } from "../store/process/agreements.ts";
import type { Pool } from "../store/postgres/db.ts";
import { hasProcess } from "../store/process/subject.ts";
import { take } from "../store/process/take.ts";
import { closedToRemind, closedWithAbsence } from "../store/process/human-tasks.ts";
import type { Undeliverable } from "./relay.ts";

export interface EndedDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly clock: () => Instant;
}

const decidedHere = { rosterChanged: { kind: "roster" }, engaged: { kind: "engaged" } } as const;

/**
 * Decides about leads whose process has ended and whose tasks go on: people who left have none, and
 * who raises a hand is seen. All other news of such a lead is for its next process.
 */
export function tasksOfEnded({
  pool,
  agreements,
  clock,
}: EndedDeps): (news: Undeliverable) => Promise<void> {
  return async ({ leadId, message, key }) => {
    if (message !== "rosterChanged" && message !== "engaged") return;
    const subject = { kind: "lead", id: leadId } as const;
    // What is told of a lead that is not there is no fault of the telling.
    if (!(await hasProcess(pool, leadId))) return;
    const ask = { subject, key, now: clock(), by: "elsewhere" } as const;
    await take({ pool, agreements }, ask, decidedHere[message]);
  };
}

const mostReminders = 200;

/**
 * Looks at what no timer looks at any more: tasks about closed leads that are to be asked for again,
 * and opportunities whose owner's absence begins or ends. Gives how many leads it looked at.
 */
export async function lookAtClosed({ pool, agreements, clock }: EndedDeps): Promise<number> {
  const now = clock();
  const waiting = await closedToRemind(pool, now, mostReminders);
  for (const { leadId, remindAt } of waiting) {
    const subject = { kind: "lead", id: leadId } as const;
    const key = `reminder/${leadId}/${remindAt.getTime()}`;
    await take({ pool, agreements }, { subject, key, now, by: "elsewhere" }, { kind: "time" });
  }
  const absent = await closedWithAbsence(pool, now, mostReminders);
  for (const { leadId, at } of absent) {
    const subject = { kind: "lead", id: leadId } as const;
    const key = `absence/${leadId}/${at.getTime()}`;
    await take({ pool, agreements }, { subject, key, now, by: "elsewhere" }, { kind: "time" });
  }
  return waiting.length + absent.length;
}
