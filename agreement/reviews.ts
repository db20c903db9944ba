import type { Agreement, ReviewRule } from "../handoff/agreement.ts";
import type { Shape } from "./shape.ts";
import { span } from "./durations.ts";
import { from, may, need, object, oneOf, orElse, reference, text } from "./shape.ts";

const weekdayNames = {
  monday: "mon",
  tuesday: "tue",
  wednesday: "wed",
  thursday: "thu",
  friday: "fri",
  saturday: "sat",
  sunday: "sun",
} as const;

/** The three reviews both parties sign. */
export function reviews(calendars: readonly string[]): Shape<Agreement["reviews"]> {
  const common = {
    calendar: need(reference(calendars, "a calendar"), "whose business days count"),
    signedWithin: need(span, "how long both parties have to sign"),
  };
  const fixed = (of: "month" | "quarter", example: string): Shape<ReviewRule> =>
    from(
      object({ on: need(dayAndTime(of, example), `when, such as \`${example}\``), ...common }),
      (given) => ({ ...given, everyWeeks: 1 }),
    );
  const weekly: Shape<ReviewRule> = from(
    object({
      on: need(dayAndTime("week", "monday 09:00"), "when, such as `monday 09:00`"),
      every: orElse(oneOf(["1 week", "2 weeks"]), "1 week", "every week or every second one"),
      ...common,
    }),
    ({ every, ...given }) => ({ ...given, everyWeeks: every === "2 weeks" ? 2 : 1 }),
  );
  return object({
    signedBy: may(
      oneOf(["both parties", "one party"]),
      "whose signatures close a review; both parties when absent",
    ),
    weekly: may(weekly, "the weekly review"),
    monthly: may(fixed("month", "first business day 09:00"), "the monthly review"),
    quarterly: may(fixed("quarter", "first business day of quarter 09:00"), "the quarterly review"),
  });
}

function dayAndTime(of: ReviewRule["on"]["of"], example: string): Shape<ReviewRule["on"]> {
  return from(text(`a time such as \`${example}\``), (value, place, node) => {
    const match = /^(.+?) ([01]\d|2[0-3]):([0-5]\d)$/.exec(
      value.toLowerCase().replace(/\s+/g, " "),
    );
    const day = match?.[1] ?? "";
    const time = `${match?.[2]}:${match?.[3]}`;
    const weekday = Object.entries(weekdayNames).find(([long]) => long === day)?.[1];
    if (match && of === "week" && weekday) return { day: weekday, of, time };
    if (
      match &&
      of !== "week" &&
      [`first business day of ${of}`, ...(of === "month" ? ["first business day"] : [])].includes(
        day,
      )
    )
      return { day: "first-business-day", of, time };
    return place.expected(`a time such as \`${example}\``, node);
  });
}
