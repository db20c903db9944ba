import type { ElapsedRoll, Target } from "../handoff/time/deadline.ts";
import type { Shape } from "./shape.ts";
import { parseDuration, parseTarget } from "../handoff/time/deadline.ts";
import { from, isReadWord, need, standingIn, text } from "./shape.ts";

const amount = "^\\s*\\d+ +";

/** How long a clock may run: `1 business hour`, `24 hours`, `5 business days`, `same day`. */
export const target: Shape<Target> = standingIn(
  from(
    text("a target such as `1 business hour`, `24 hours`, `5 business days` or `same day`"),
    (words, place, node) => {
      const parsed = parseTarget(words);
      if ("error" in parsed) return place.wrong(parsed.error, node);
      return "ms" in parsed && parsed.ms === 0
        ? place.wrong(`expected a target above zero, found "${words}"`, node)
        : parsed;
    },
    {
      type: "string",
      pattern: `${amount}(business )?(minute|hour|day|week|second)s?\\s*$|^same day$`,
    },
  ),
  unreadTarget,
);

/** Neither longer nor shorter than any other. */
function unreadTarget(): Target {
  return { kind: "elapsed", ms: NaN };
}

/** Elapsed time in milliseconds: `14 days`. */
export const elapsedMs: Shape<number> = standingIn(
  from(
    text("a duration such as `24 hours` or `14 days`"),
    (words, place, node) => {
      const parsed = parseDuration(words);
      if ("error" in parsed) return place.wrong(parsed.error, node);
      return parsed.ms === 0
        ? place.wrong(`expected a duration above zero, found "${words}"`, node)
        : parsed.ms;
    },
    { type: "string", pattern: `${amount}(minute|hour|day|week|second)s?\\s*$` },
  ),
  () => NaN,
);

/** Open time in milliseconds, zero allowed: `60 business minutes`. */
export const businessMs: Shape<number> = standingIn(
  from(
    text("open time such as `30 business minutes`"),
    (words, place, node) => {
      const parsed = parseTarget(words);
      return "kind" in parsed && parsed.kind === "business"
        ? parsed.ms
        : place.wrong(`expected open time such as \`30 business minutes\`, found "${words}"`, node);
    },
    { type: "string", pattern: `${amount}business (minute|hour|second)s?\\s*$` },
  ),
  () => NaN,
);

/** A wait that a person can also be asked to keep: elapsed or business days, but not `same day`. */
export const span: Shape<Target> = standingIn(
  from(target, (value, place, node) =>
    value.kind === "same-day"
      ? place.wrong(
          "expected a length such as `14 days` or `3 business days`, found `same day`",
          node,
        )
      : value,
  ),
  unreadTarget,
);

/** `next-open` needs its grace, NaN where it could not be read; `none` needs nothing. */
export function rollOf(roll: "none" | "next-open", graceMs: number | undefined): ElapsedRoll {
  if (roll === "none") return { kind: "none" };
  return { kind: "next-open", graceMs: isReadWord(roll) ? (graceMs ?? NaN) : NaN };
}

/** The two targets every lead type has. */
export const twoTargets = {
  outreach: need(target, "how soon the first outreach is due"),
  status: need(target, "how soon the answer is due"),
};
