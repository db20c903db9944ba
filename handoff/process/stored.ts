import type { Agreement } from "../agreement.ts";
import type { AppliedCalendar } from "../time/applied-calendar.ts";
import type { Known } from "../qualify/condition.ts";
import { deriveFacts } from "../facts/lead.ts";
import { placeOf, routingEvidence } from "../routing/territory.ts";
import type { Found } from "./course.ts";
import { decide } from "./decide.ts";
import type { Event } from "./event.ts";
import type { Situation } from "./situation.ts";
import type { ActionResult } from "./words.ts";

/** A situation as it is kept with its decision: what never changes is named by its id. */
export type StoredSituation = Omit<Situation, "agreement" | "calendars"> & {
  readonly calendars: readonly string[];
};

/** What a decision came to, as it is kept: `verify` compares this. */
export interface StoredOutcome {
  readonly because: string;
  readonly found: Found;
  readonly changes: readonly unknown[];
  /** The answer to a person's action; null where nobody asked. */
  readonly answer: ActionResult | null;
  readonly refused?: { readonly code: string; readonly message: string };
}

export function toStored(situation: Situation): StoredSituation {
  const named = { ...situation, agreement: undefined, calendars: Object.keys(situation.calendars) };
  return named;
}

export function fromStored(
  stored: StoredSituation,
  agreement: Agreement,
  kept: Readonly<Record<string, AppliedCalendar>>,
): Situation {
  const calendars = stored.calendars.map((id): [string, AppliedCalendar] => {
    const calendar = kept[id];
    if (!calendar) throw new Error(`the kept calendar ${id} is not there`);
    return [id, calendar];
  });
  return { ...stored, agreement, calendars: Object.fromEntries(calendars) };
}

/** Takes the decision and gives what is kept of it. */
export function outcomeOf(situation: Situation, event: Event): StoredOutcome {
  const decided = decide(situation, event);
  if ("refused" in decided) {
    const { code, message } = decided.refused;
    return { because: message, found: {}, changes: [], answer: null, refused: { code, message } };
  }
  const { because, found, changes, answer = null } = decided;
  return { because, found, changes, answer };
}

/** What routing rules look at: facts with what follows from them, as everywhere else. */
export function knownToRouting({ facts, engagements, now, agreement, handoff }: Situation): Known {
  const tier = handoff?.tier;
  return {
    facts: deriveFacts(facts, agreement.emailDomains),
    engagements,
    now,
    ...(tier === undefined ? {} : { tier }),
  };
}

/** Where the routing rules put the subject, found again from the situation of its decision. */
export function placeAgain(situation: Situation): {
  readonly territory: string | null;
  readonly segment: string | null;
} {
  const { agreement } = situation;
  const { territory, segment } = placeOf(
    agreement,
    routingEvidence(agreement, knownToRouting(situation)),
  );
  return { territory, segment };
}
