import type { Agreement } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { Target } from "../time/deadline.ts";
import { dueByOffice } from "../clocks/office.ts";

/** A task of a person that waits longer than agreed. */
export interface AskedTask {
  readonly remindAt: Instant;
  /** How often it was asked about since it was given to whoever has it. */
  readonly reminded: number;
}

export type Asking =
  /** The next above has it from now on, with time of their own. */
  | { readonly do: "move-up"; readonly to: string }
  | {
      readonly do: "ask";
      readonly remindAt: Instant;
      readonly reminded: number;
      /** Whoever has it hears of it; else only those above do. */
      readonly isHolderTold: boolean;
      readonly isAboveTold: boolean;
    };

/**
 * What follows when a task is asked about again: whoever has it is reminded when it is due; then it
 * goes up the agreement's escalation ladder. At the top it is asked for again and again, each time
 * after a longer wait. `above`: the next active person above whoever has it.
 */
export function askAgain(
  agreement: Agreement,
  task: AskedTask,
  above: string | null,
  now: Instant,
): Asking {
  const rungs = agreement.clocks.escalate;
  let { reminded, remindAt } = task;
  let isAboveTold = false;
  while (remindAt <= now) {
    const n = reminded % (rungs.length + 1);
    const rung = rungs[n - 1];
    if (rung?.do === "reassign" && above !== null) return { do: "move-up", to: above };
    isAboveTold ||= rung?.do === "notify-manager";
    reminded += 1;
    const next = rungs[n];
    remindAt =
      next === undefined
        ? dueByOffice(agreement, times(agreement.tasks.within, reminded / (rungs.length + 1)), now)
        : dueByOffice(
            agreement,
            { kind: "business", ms: next.afterMs - (rung?.afterMs ?? 0) },
            remindAt,
          );
  }
  const isHolderTold = task.reminded % (rungs.length + 1) === 0;
  return { do: "ask", remindAt, reminded, isHolderTold, isAboveTold };
}

/** Who does not act is asked less and less often, but never for the last time. */
function times(within: Target, round: number): Target {
  const by = 2 ** Math.min(round, 4);
  switch (within.kind) {
    case "business":
    case "elapsed":
      return { ...within, ms: within.ms * by };
    case "business-days":
      return { ...within, days: within.days * by };
    case "same-day":
      return { kind: "business-days", days: by };
    default:
      return within satisfies never;
  }
}
