import type { Agreement } from "../agreement.ts";
import { tierTerms } from "../accounts/tier.ts";
import { leadTypeOf } from "../qualify/qualify.ts";
import { agreementHours, type HoursRules } from "../time/applied-calendar.ts";
import type { CalendarDef, Instant } from "../time/calendar.ts";
import type { Target } from "../time/deadline.ts";
import { viewOf, type ClocksInput, type HandoffClock } from "./escalation.ts";
import type { ClockEvent, ClockView } from "./fold.ts";

/**
 * By which targets and hours the clocks of an open handoff run since a later version was activated
 * with its clocks re-judged. Everything else stays as the version says under which it began.
 */
export interface HandoffTerms {
  readonly agreementId: string;
  readonly outreach: Target;
  readonly status: Target;
  /** `clocks.calendar` of that version, and its own hours. */
  readonly calendar: string;
  readonly hours: CalendarDef;
}

/**
 * What a version asks of handoffs of a lead type and of accounts of a tier; null where it has no such
 * type any more.
 */
export function termsOf(
  agreement: Agreement,
  agreementId: string,
  { leadType, tier }: { readonly leadType: string; readonly tier?: number | undefined },
): HandoffTerms | null {
  const type = leadTypeOf(agreement, leadType);
  if (!type) return null;
  const { outreach, status } = tierTerms(agreement, type, tier);
  const { calendar } = agreement.clocks;
  return { agreementId, outreach, status, calendar, hours: agreementHours(agreement) };
}

/** The same as rules about hours. */
function hoursOfTerms({ calendar, hours }: HandoffTerms): HoursRules {
  return { calendars: { [calendar]: hours }, clocks: { calendar } };
}

/** By what they say: stored ones come back with their keys in another order. */
function isSame(one: Target, other: Target): boolean {
  const amount = (target: Target) =>
    "ms" in target ? target.ms : "days" in target ? target.days : null;
  return one.kind === other.kind && amount(one) === amount(other);
}

/** On which hours the clocks of a handoff run: by the version it began under, or by its terms. */
export function hoursRules(
  agreement: Agreement,
  handoff: { readonly terms?: HandoffTerms } | null,
): HoursRules {
  return handoff?.terms ? hoursOfTerms(handoff.terms) : agreement;
}

/** The target and the kept hours by which a clock runs now. */
export function runsBy({ events }: Pick<HandoffClock, "events">): {
  readonly target: Target | null;
  readonly calendar: string | null;
} {
  const target = events.findLast((event) => "target" in event);
  const calendar = events.findLast((event) => "calendar" in event);
  return {
    target: target && "target" in target ? target.target : null,
    calendar: calendar && "calendar" in calendar ? calendar.calendar : null,
  };
}

/**
 * What happens to a running clock that from now on has another target or other hours: the time that
 * it used stays used. Null where nothing changes, and for a deadline that is missed already: what
 * was missed by the rules of then stays missed.
 */
export function retargeting(
  agreement: Agreement,
  input: Pick<ClocksInput, "clocks" | "calendars" | "now">,
  clock: HandoffClock,
  to: { readonly target: Target; readonly calendar: string },
  viewed: () => ClockView = () => viewOf(agreement, input, clock),
): ClockEvent | null {
  const by = runsBy(clock);
  if (by.calendar === to.calendar && by.target !== null && isSame(by.target, to.target))
    return null;
  const view = viewed();
  if (!view.open || view.late || clock.breached) return null;
  const last: Instant = clock.events.at(-1)?.at ?? input.now;
  return { kind: "target-changed", at: Math.max(input.now, last), ...to };
}
