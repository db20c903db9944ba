import type { Agreement } from "../../handoff/agreement.ts";
import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Engagement, Facts } from "../../handoff/facts/facts.ts";
import { decide, type Decision } from "../../handoff/process/decide.ts";
import type { Refusal } from "../../handoff/process/course.ts";
import type { Action, ActionBodies, AnyAction, Event, Seen } from "../../handoff/process/event.ts";
import type { Message } from "../../handoff/process/message.ts";
import type { Person, ProcessState, Situation } from "../../handoff/process/situation.ts";
import type { Routed } from "../../handoff/routing/route.ts";
import { decisive, type ActionName } from "../../handoff/stage.ts";
import { exampleAgreement } from "./example-agreement.ts";

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** A Monday, 10:00 in New York: inside the hours of the example agreement. */
export const monday: Instant = Date.parse("2026-11-23T15:00:00Z");

const wholeDay = ["00:00-24:00"];
const everyDay = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const week = Object.fromEntries(everyDay.map((name) => [name, wholeDay]));
const workdays = Object.fromEntries(everyDay.slice(0, 5).map((name) => [name, ["09:00-17:00"]]));

/** Kept hours by id. `never` is somebody whose hours do not come again. */
export const calendars: Readonly<Record<string, AppliedCalendar>> = {
  always: { hours: { zone: "UTC", week }, minus: [], from: "rep" },
  newYork: { hours: { zone: "America/New_York", week: workdays }, minus: [], from: "rep" },
  berlin: { hours: { zone: "Europe/Berlin", week: workdays }, minus: [], from: "rep" },
  never: {
    hours: { zone: "UTC", week },
    minus: [{ from: 0, to: Date.parse("2099-01-01T00:00:00Z") }],
    from: "rep",
  },
};

export const agreement: Agreement = exampleAgreement();

/** Three reps, two managers one above the other, and who looks after the queues. */
export const people: Readonly<Record<string, Person>> = {
  rp_one: person("rp_one", "rep", "rp_lead"),
  rp_two: person("rp_two", "rep", "rp_lead"),
  rp_three: person("rp_three", "rep", "rp_chief"),
  rp_lead: person("rp_lead", "manager", "rp_chief"),
  rp_chief: person("rp_chief", "manager", null),
};

export function person(
  id: string,
  role: string,
  managerId: string | null,
  more: Partial<Person> = {},
): Person {
  return { id, role, managerId, active: true, calendarId: "always", ...more };
}

/** The people with some of them changed. */
export function withPeople(
  at: Situation,
  changes: Readonly<Record<string, Partial<Person>>>,
): Situation {
  const changed = Object.entries(changes).map(([id, change]) => {
    const before = at.people[id];
    if (!before) throw new Error(`there is no person ${id}`);
    return [id, { ...before, ...change }] as const;
  });
  return { ...at, people: { ...at.people, ...Object.fromEntries(changed) } };
}

/** Facts that pass every gate of the example agreement and are in its ideal profile. */
export const goodFacts: Facts = {
  "lead.name": "Kim Example",
  "lead.email": "kim@northwind.example",
  "lead.role": "operations",
  "lead.title": "Director of Operations",
  "lead.source": "webinar",
  "lead.firstTouchAt": "2026-11-01",
  "account.name": "Northwind Cranes",
  "account.domain": "northwind.example",
  "account.employees": 300,
  "account.industry": "Software",
  "account.country": "US",
};

const started: ProcessState = {
  stage: "new",
  stageSince: monday,
  waitingOn: "assessment",
  owner: null,
  queue: "assessment",
  nextStep: "it is assessed",
  nextAt: monday,
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
};

/** A lead that has just arrived and asked for a demo. */
export function situation(more: Partial<Situation> = {}): Situation {
  return {
    subject: { kind: "lead", id: "ld_1" },
    now: monday,
    agreementId: "ag_1",
    agreement,
    process: started,
    arrivedAt: monday,
    source: "webinar",
    campaign: null,
    erased: false,
    mergeInto: null,
    facts: goodFacts,
    engagements: [demo()],
    matches: 1,
    handoff: null,
    lastLeadType: null,
    clocks: [],
    calendars,
    poolCalendarId: "always",
    people,
    tasks: [],
    offers: [],
    answeredAt: null,
    lastActivityAt: null,
    stalledAt: null,
    rejectionsToday: 0,
    opportunity: null,
    ...more,
  };
}

/** A hand raised: a signal of depth high. */
export function demo(at: Instant = monday - minute, id = "en_demo"): Engagement {
  return { id, type: "demo_request", occurredAt: at };
}

/** What a loader finds next: a closed handoff is not the open one, nor are its clocks. */
export function reloaded(at: Situation): Situation {
  return at.process.handoffId === null && at.handoff !== null
    ? { ...at, handoff: null, clocks: [], lastActivityAt: null, stalledAt: null }
    : at;
}

/** Decides and gives the decision; throws when it is refused. */
export function decided(at: Situation, event: Event): Decision {
  const outcome = decide(at, event);
  if ("refused" in outcome) {
    throw new Error(`refused: ${outcome.refused.code}: ${outcome.refused.message}`);
  }
  return outcome;
}

/** Decides and gives the refusal; throws when it is not refused. */
export function refused(at: Situation, event: Event): Refusal["refused"] {
  const outcome = decide(at, event);
  if ("refused" in outcome) return outcome.refused;
  throw new Error(`not refused: ${outcome.because}`);
}

/** Where a decision leaves the subject, as it is loaded for the next one. */
export function after(at: Situation, event: Event, atInstant: Instant = at.now): Situation {
  const before = { ...at, now: atInstant };
  const { after: left } = decided(before, event);
  const isAnswer = event.kind === "action" && decisive.includes(event.action.name);
  const sameCycle = left.process.cycle === at.process.cycle;
  const answeredAt = !sameCycle ? null : isAnswer ? atInstant : at.answeredAt;
  return reloaded({ ...left, answeredAt });
}

/** One event after another, each a millisecond later. */
export function afterAll(at: Situation, ...events: readonly Event[]): Situation {
  return events.reduce((so, event) => after(so, event, so.now + 1), at);
}

/** The situation some time later. */
export function later(at: Situation, ms: number): Situation {
  return { ...at, now: at.now + ms };
}

export function messagesOf({ changes }: Decision): readonly Message[] {
  return changes.flatMap((change) => (change.do === "send" ? [change.message] : []));
}

export function routed(answer: Routed, round = 1, more: { handoffId?: string } = {}): Event {
  return { kind: "routed", round, routed: answer, territory: "americas", segment: null, ...more };
}

export function assigned(repId: string, round = 1): Event {
  return routed({ kind: "assigned", repId, pool: "americas-sdr", via: "territory" }, round);
}

/** An action of somebody, received at the moment of the decision unless said otherwise. */
export function action<A extends ActionName>(
  at: Situation,
  name: A,
  body: ActionBodies[A],
  by: string,
  more: { readonly seen?: Seen; readonly receivedAt?: Instant; readonly via?: Action["via"] } = {},
): Event {
  const role = at.people[by]?.role ?? "operator";
  return {
    kind: "action",
    action: {
      id: `ac_${name}`,
      name,
      body,
      by,
      role,
      via: more.via ?? "api",
      receivedAt: more.receivedAt ?? at.now,
      seen: more.seen ?? null,
    } as AnyAction,
  };
}

/** The lead after its owner, or somebody named, did this. */
export function acted<A extends ActionName>(
  at: Situation,
  name: A,
  body: ActionBodies[A],
  by: string = at.process.owner ?? "rp_lead",
): Situation {
  const then = later(at, minute);
  return after(then, action(then, name, body, by));
}

/** A lead that was offered to the first rep. */
export function offered(more: Partial<Situation> = {}): Situation {
  return afterAll(situation(more), { kind: "arrived" }, assigned("rp_one"));
}

export function accepted(more: Partial<Situation> = {}): Situation {
  return acted(offered(more), "accept", {});
}

/** A rejection that the facts contradict: the manager decides. */
export function contested(more: Partial<Situation> = {}): Situation {
  return acted(offered(more), "reject", { reason: "below-company-size" });
}

/** In the pool, with the date on which it comes back. */
export function inPool(more: Partial<Situation> = {}): Situation {
  return acted(offered(more), "handBack", { revisitOn: "2027-03-01" });
}

export function inNurture(more: Partial<Situation> = {}): Situation {
  return afterAll(situation({ engagements: [], ...more }), { kind: "arrived" });
}
