import type { Agreement } from "../../handoff/agreement.ts";
import { appliedCalendar } from "../../handoff/time/applied-calendar.ts";
import { decide, type Decision } from "../../handoff/process/decide.ts";
import type { Action, ActionBodies, AnyAction, Event } from "../../handoff/process/event.ts";
import type { Message } from "../../handoff/process/message.ts";
import type { Person, Situation } from "../../handoff/process/situation.ts";
import type { ActionName } from "../../handoff/stage.ts";
import { exampleAgreement } from "./example-agreement.ts";

const HOUR = 3_600_000;
const lead = { kind: "lead", id: "ld_ada" } as const;

/** Monday 2026-11-23, 09:00 in New York: the hours of the example agreement open. */
export const opening = Date.parse("2026-11-23T14:00:00Z");

const person = (id: string, managerId: string | null): Person => ({
  id,
  active: true,
  role: managerId === null ? "manager" : "rep",
  managerId,
  calendarId: "cal",
});

const facts = {
  "lead.name": "Ada Lovelace",
  "lead.email": "ada@engines.test",
  "lead.role": "buyer",
  "lead.source": "website",
  "lead.firstTouchAt": "2026-11-20T10:00:00Z",
  "account.name": "Analytical Engines",
  "account.domain": "engines.test",
  "account.employees": 200,
  "account.industry": "Software",
  "account.country": "US",
};

/** A lead that was just taken in, with a demo request; reps Ann and Bob, their manager Mia. */
export function arrivedLead(agreement: Agreement = exampleAgreement()): Situation {
  return {
    subject: lead,
    now: opening,
    agreementId: "ag_1",
    agreement,
    arrivedAt: opening,
    process: {
      stage: "new",
      stageSince: opening,
      waitingOn: "assessment",
      owner: null,
      queue: "assessment",
      nextStep: "it is assessed",
      nextAt: opening,
      dueAt: null,
      leadType: null,
      band: null,
      territory: null,
      cycle: 1,
      step: 0,
      handoffId: null,
      reviewAt: null,
      exitAt: null,
      exitIntent: null,
      exitReason: null,
      revisitOn: null,
      closedReason: null,
      mergedInto: null,
    },
    source: "website",
    campaign: null,
    erased: false,
    mergeInto: null,
    facts,
    engagements: [{ id: "en_1", type: "demo_request", occurredAt: opening - HOUR }],
    matches: 1,
    handoff: null,
    lastLeadType: null,
    clocks: [],
    calendars: { cal: appliedCalendar(agreement, null, null) },
    poolCalendarId: "cal",
    people: {
      rp_ann: person("rp_ann", "rp_mia"),
      rp_bob: person("rp_bob", "rp_mia"),
      rp_mia: person("rp_mia", null),
    },
    tasks: [],
    offers: [],
    answeredAt: null,
    lastActivityAt: null,
    stalledAt: null,
    rejectionsToday: 0,
    opportunity: null,
  };
}

/** Decides; throws where the decision is a refusal. */
export function decided(situation: Situation, event: Event): Decision {
  const decision = decide(situation, event);
  if ("refused" in decision) throw new Error(`refused: ${decision.refused.message}`);
  return decision;
}

/**
 * The situation at a later instant, `HH:MM` or `YYYY-MM-DDTHH:MM` in UTC; two seconds later with
 * `:02`.
 */
export function at(situation: Situation, time: string): Situation {
  const text = time.includes("T") ? time : `2026-11-23T${time}`;
  return { ...situation, now: Date.parse(`${text}Z`) };
}

export const time: Event = { kind: "time" };

/** The dispatcher puts the next round before a rep, or into a queue. */
export function routedTo(situation: Situation, repId: string | null): Decision {
  const round = (situation.handoff?.round ?? 0) + 1;
  return decided(situation, {
    kind: "routed",
    round,
    territory: "americas",
    segment: null,
    routed:
      repId === null
        ? { kind: "queue", queue: "sales-ops" }
        : { kind: "assigned", repId, pool: "americas-sdr", via: "territory" },
  });
}

/** An action of the lead's owner, or of somebody else, received at the instant of the situation. */
export function action<A extends ActionName>(
  { now }: Situation,
  name: A,
  body: ActionBodies[A],
  how: Partial<Action> = {},
): AnyAction {
  const sent: Action<A> = {
    id: `ax_${name}_${now}`,
    name,
    body,
    by: "rp_ann",
    role: "rep",
    via: "api",
    receivedAt: now,
    seen: null,
  };
  return { ...sent, ...how } as AnyAction;
}

/** The same, decided. */
export function acted<A extends ActionName>(
  situation: Situation,
  name: A,
  body: ActionBodies[A],
  how: Partial<Action> = {},
): Decision {
  return decided(situation, { kind: "action", action: action(situation, name, body, how) });
}

/** The messages that a decision sends. */
export function sentBy({ changes }: Pick<Decision, "changes">): readonly Message[] {
  return changes.flatMap((change) => (change.do === "send" ? [change.message] : []));
}
