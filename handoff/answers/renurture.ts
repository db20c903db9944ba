import type { Agreement, ReturnCondition, RulePath } from "../agreement.ts";
import { agreementHours } from "../time/applied-calendar.ts";
import type { Instant, LocalDate } from "../time/calendar.ts";
import type { Known, TraceLine } from "../qualify/condition.ts";
import { happenedBy, isSignal } from "../qualify/engagements.ts";
import { dayOfDate, startOfDay } from "../time/local-time.ts";
import { intentCrosses, intentScore } from "../qualify/score.ts";

/** How a lead stood when it entered the re-nurture pool. */
export interface PoolExit {
  readonly at: Instant;
  /** The intent score at that moment. */
  readonly intent: number;
  /** YYYY-MM-DD, when the rejection or the lead named a date. */
  readonly revisitOn?: LocalDate;
}

export type Return =
  | { readonly due: true; readonly because: string; readonly at: RulePath }
  | { readonly due: false; readonly nextAt: Instant | null; readonly trace: TraceLine[] };

/**
 * Whether a lead in the re-nurture pool starts a new handoff cycle: the first return condition that
 * holds since it entered (docs/process.md, "Coming back"). When none does, `nextAt` is the
 * earliest moment at which one will hold if nothing happens (a date, a fading bad signal); null
 * when only news can bring the lead back.
 */
export function returns(agreement: Agreement, known: Known & { readonly exit: PoolExit }): Return {
  const asked = agreement.renurture.return.map((row) => ({
    ...ask(agreement, known, row.when),
    at: row.when.at,
  }));
  const held = asked.find((one) => one.line.result === true);
  if (held) return { due: true, because: held.because, at: held.at };
  const next = asked.flatMap((one) => one.nextAt ?? []).filter((at) => at > known.now);
  return {
    due: false,
    nextAt: next.length > 0 ? Math.min(...next) : null,
    trace: asked.map((one) => one.line),
  };
}

type Asked = {
  readonly line: TraceLine;
  readonly because: string;
  readonly nextAt: Instant | null;
};

function ask(
  agreement: Agreement,
  known: Known & { readonly exit: PoolExit },
  condition: ReturnCondition,
): Asked {
  switch (condition.kind) {
    case "signal": {
      const since = happenedBy(known.engagements, known.now).filter(
        (one) => one.occurredAt > known.exit.at,
      );
      const count = since.filter((one) =>
        isSignal(agreement.signals, one, condition.signal),
      ).length;
      const what =
        typeof condition.signal === "string"
          ? condition.signal
          : `signal of ${condition.signal.depth} depth`;
      const expected = `at least ${condition.atLeast} ${what} since it entered the pool`;
      return {
        line: { at: condition.at, value: count, expected, result: count >= condition.atLeast },
        because: `new ${what}`,
        nextAt: null,
      };
    }
    case "intent-rises": {
      const now = intentScore(known.engagements, agreement.signals, known.now);
      const goal = known.exit.intent + condition.by;
      const line = {
        at: condition.at,
        field: "score.intent",
        value: now,
        expected: `at least ${goal} (${known.exit.intent} on entering, and ${condition.by} more)`,
        result: now >= goal,
      };
      return {
        line,
        because: `intent rose from ${known.exit.intent} to ${now}`,
        nextAt:
          now >= goal ? null : intentCrosses(known.engagements, agreement.signals, goal, known.now),
      };
    }
    case "date": {
      const date = known.exit.revisitOn;
      const begins = date === undefined ? null : startOf(agreement, date);
      const expected = "the date to come back to has come";
      if (date === undefined || begins === null) {
        return {
          line: {
            at: condition.at,
            field: condition.field,
            expected,
            result: "unknown",
            missing: [condition.field],
          },
          because: "",
          nextAt: null,
        };
      }
      return {
        line: {
          at: condition.at,
          field: condition.field,
          value: date,
          expected,
          result: known.now >= begins,
        },
        because: `it was to be revisited on ${date}`,
        nextAt: begins,
      };
    }
  }
}

/**
 * The start of a date, in the zone of the agreement's own hours: "come back on the 1st" is said in
 * the sellers' own day. Null when the text is no date.
 */
function startOf(agreement: Agreement, date: LocalDate): Instant | null {
  const day = dayOfDate(date);
  if (day === null) return null;
  return startOfDay(agreementHours(agreement).zone, day);
}
