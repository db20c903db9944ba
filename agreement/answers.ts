import {
  rejectionGroups,
  type Agreement,
  type Condition,
  type RejectionReason,
} from "../handoff/agreement.ts";
import { isNotReady } from "../handoff/answers/rejection.ts";
import type { Shape } from "./shape.ts";
import { span } from "./durations.ts";
import { name } from "./names.ts";
import {
  from,
  list,
  may,
  named,
  need,
  number,
  object,
  oneOf,
  orElse,
  standingIn,
  text,
  yesNo,
} from "./shape.ts";

/** What a rep may answer, and what each no leads to. */
export function answers(condition: Shape<Condition>): Shape<Agreement["answers"]> {
  const reason: Shape<RejectionReason> = from(
    object({
      group: need(oneOf(rejectionGroups), "what kind of no it is"),
      // oxlint-disable-next-line no-thenable -- the agreement's own word; this object is never awaited
      then: need(oneOf(["disqualify", "renurture", "fix-data"]), "what happens to the lead"),
      contradictedBy: may(condition, "if this holds, the rejection is contested"),
      requires: orElse(
        standingIn(
          object({
            attempts: may(
              number("a count of attempts", { min: 1, max: 100, whole: true }),
              "outreach that must be logged first",
            ),
            revisitOn: may(yesNo, "whether a date to come back is asked for"),
          }),
          // A date is not missed where one may be asked for.
          () => ({ revisitOn: true }),
        ),
        {},
        "what the rep must supply",
      ),
    }),
    (given, place) => {
      if (
        given.group === "timing" &&
        given.then === "renurture" &&
        given.requires.revisitOn !== true
      )
        place.wrong(
          'expected `requires: { revisitOn: true }` for a reason of timing: "not now" needs a date',
        );
      return given;
    },
  );
  return object({
    acceptBy: need(
      oneOf(["status", "outreach"]),
      "the clock that accepting or rejecting belongs to",
    ),
    reasons: need(
      from(named(reason, "reasons", reasonName), (reasons, place) =>
        Object.keys(reasons).length > 0 ? reasons : place.wrong("expected at least one reason"),
      ),
      "the complete list; anything else is refused",
    ),
    contested: need(
      object({ to: need(oneOf(["manager"]), "who decides"), within: need(span, "how soon") }),
      "what happens to a contested rejection",
    ),
    rejectionsPerRepPerDay: need(
      number("a count", { min: 1, max: 10_000, whole: true }),
      "more than this in a day is refused",
    ),
    rateFit: orElse(scale, { from: 1, to: 5 }, "the scale of the fit rating, 1-5"),
    buyingSignals: orElse(
      standingIn(list(name("buying signal"), "buying signals"), () => []),
      [],
      "what may be heard in a reply or a call; never a gate",
    ),
  });
}

/** The error asks for the reason behind a "not ready". */
function reasonName(reason: string): string | null {
  if (isNotReady(reason)) return "a reason that says why, such as below-company-size";
  return /^[\p{L}\p{N}][\p{L}\p{N}-]{0,60}$/u.test(reason)
    ? null
    : "a reason of letters, digits and hyphens";
}

const scale = standingIn(
  from(
    text("a scale such as 1-5"),
    (value, place, node) => {
      const [start, to] = (/^(\d{1,2})\s*-\s*(\d{1,2})$/.exec(value)?.slice(1) ?? []).map(Number);
      return start !== undefined && to !== undefined && start < to
        ? { from: start, to }
        : place.expected("a scale such as 1-5", node);
    },
    { type: "string", pattern: "^\\d{1,2}\\s*-\\s*\\d{1,2}$" },
  ),
  () => ({ from: NaN, to: NaN }),
);
