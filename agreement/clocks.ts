import type { Agreement } from "../handoff/agreement.ts";
import type { Shape } from "./shape.ts";
import { businessMs, rollOf, span } from "./durations.ts";
import { name } from "./names.ts";
import {
  from,
  list,
  may,
  need,
  number,
  object,
  oneOf,
  orElse,
  reference,
  standingIn,
  text,
} from "./shape.ts";

const percent = from(
  text("a percentage such as 50%"),
  (value, place, node) => {
    const share = Number(/^(\d{1,3}(?:\.\d+)?) ?%$/.exec(value)?.[1] ?? NaN);
    return share > 0 && share < 100
      ? share / 100
      : place.expected("a percentage between 0% and 100%, such as 50%", node);
  },
  { type: "string", pattern: "^\\d{1,3}(\\.\\d+)? ?%$" },
);

const pause: Shape<Agreement["clocks"]["pause"]> = standingIn(
  object({
    reasons: need(list(name("pause reason"), "reasons"), "the reasons a clock may pause for"),
    atMost: need(span, "the longest pause"),
  }),
  () => ({ reasons: [], atMost: { kind: "elapsed", ms: NaN } }),
);

/** How lateness is measured and what follows from it. */
export function clocks(calendars: readonly string[]): Shape<Agreement["clocks"]> {
  return from(
    object({
      calendar: need(
        reference(["assignee", "pool", ...calendars], "a calendar"),
        "assignee, pool, or a calendar's name",
      ),
      elapsedRoll: need(
        oneOf(["none", "next-open"]),
        "what happens to an elapsed deadline outside hours",
      ),
      elapsedGrace: may(businessMs, "open time after the next opening"),
      warnAt: orElse(
        standingIn(list(percent, "percentages", { max: 10 }), () => []),
        [],
        "shares of the time after which to warn",
      ),
      escalate: orElse(
        standingIn(
          list(
            object({
              after: need(businessMs, "open time after the breach"),
              do: need(oneOf(["notify-manager", "reassign"]), "what to do"),
            }),
            "steps",
            { max: 10 },
          ),
          () => [],
        ),
        [],
        "what happens after a breach",
      ),
      maxReassignments: need(
        number("a count", { min: 0, max: 20, whole: true }),
        "how often a lead may change hands for lateness",
      ),
      pause: need(pause, "when a clock may stand still"),
    }),
    (given, place) => {
      const { elapsedRoll, elapsedGrace, escalate, ...rest } = given;
      if (elapsedRoll === "next-open" && elapsedGrace === undefined)
        place.wrong(
          "expected `elapsedGrace:` beside `elapsedRoll: next-open`, such as 60 business minutes",
        );
      if (elapsedRoll === "none" && elapsedGrace !== undefined)
        place
          .child("elapsedGrace", null)
          .wrong("expected no `elapsedGrace:` beside `elapsedRoll: none`");
      const late = escalate.findIndex((rung, i) => i > 0 && rung.after < escalate[i - 1]!.after);
      if (late > 0)
        place
          .child("escalate", null)
          .child(late, null)
          .wrong("expected the steps in order of time");
      if (rest.warnAt.some((share, i) => i > 0 && share <= rest.warnAt[i - 1]!))
        place.child("warnAt", null).wrong("expected the percentages in ascending order");
      return {
        ...rest,
        elapsedRoll: rollOf(elapsedRoll, elapsedGrace),
        escalate: escalate.map((rung) => ({ afterMs: rung.after, do: rung.do })),
      };
    },
  );
}
