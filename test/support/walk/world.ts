import type { Agreement } from "../../../handoff/agreement.ts";
import type { Instant } from "../../../handoff/time/calendar.ts";
import type { Engagement, Facts } from "../../../handoff/facts/facts.ts";
import type { Decision } from "../../../handoff/process/decide.ts";
import type { AnyAction, Event, Seen } from "../../../handoff/process/event.ts";
import { termsOf } from "../../../handoff/clocks/terms.ts";
import type { Person, Situation } from "../../../handoff/process/situation.ts";
import { followUp } from "../../../handoff/process/words.ts";
import type { Routed } from "../../../handoff/routing/route.ts";
import { actions, decisive, mayAct, type ActionName } from "../../../handoff/stage.ts";
import { exampleAgreement } from "../example-agreement.ts";
import {
  agreement,
  calendars,
  day,
  goodFacts,
  hour,
  minute,
  monday,
  people,
  situation,
} from "../situation.ts";
import type { Actor, FactChange, Jump, PersonChange, Step } from "./steps.ts";

/**
 * Versions of the agreement, by number: the example; always open; with another required field; one
 * cycle and an early review in nurture; accepting by the outreach clock, on the pool's hours; few
 * attempts and no reassignment by the ladder; leavers and absences by other rules.
 */
export const versions: readonly Agreement[] = [
  agreement,
  exampleAgreement(['{ mon-fri: ["09:00-17:00"] }', '{ mon-sun: ["00:00-24:00"] }']),
  exampleAgreement(["lead.role, ", "lead.role, lead.phone, "]),
  exampleAgreement(
    ["maxCycles: 3", "maxCycles: 1"],
    ["humanReviewAfter: 60 days", "humanReviewAfter: 5 days"],
    ["{ lost: 90 days, won: never }", "{ lost: 90 days, retired: 5 days }"],
  ),
  exampleAgreement(
    ["acceptBy: status", "acceptBy: outreach"],
    ["calendar: assignee", "calendar: pool"],
  ),
  exampleAgreement(
    ["attempts: 6", "attempts: 1"],
    ["over: 15 business days", "over: 1 business day"],
    ["maxReassignments: 2", "maxReassignments: 0"],
    ["accepted: deputy                        # to", "accepted: manager # to"],
    ["offers: route-again                     # or keep", "offers: keep"],
    ["accepted: deputy                        # without", "accepted: manager # without"],
  ),
];

/** What the routing dispatcher has on record: it commits its picks by itself. */
interface Pick {
  readonly handoffId: string;
  readonly round: number;
  readonly routed: Routed;
  /** The turn was charged, and given back. */
  readonly charged: boolean;
  reversed: number;
}

/** What has become of one handoff so far, as somebody outside would write it down. */
interface Told {
  /** Who had it, in order, with the moment since when. */
  readonly had: { readonly repId: string; readonly since: Instant }[];
}

/** The world around one subject. The walk changes it; decisions only ever see `load()`. */
export interface World {
  at: Situation;
  now: Instant;
  facts: Facts;
  engagements: readonly Engagement[];
  matches: number;
  roster: Readonly<Record<string, Person>>;
  /** Somebody came, left or changed hours, and the process has not been told. */
  rosterPending: boolean;
  active: number;
  pinned: number;
  rejections: { readonly by: string; readonly at: Instant }[];
  picks: Pick[];
  handoffs: Map<string, Told>;
  lastEvent: Event | null;
  lastEventActed: boolean;
  opportunity: Situation["opportunity"];
  /** The person's latest opportunity, whichever handoff led to it. */
  pipeline: {
    readonly id: string;
    readonly ownerId: string | null;
    readonly end?: NonNullable<Situation["opportunityEnd"]>;
  } | null;
  sent: Map<string, string>;
  lastDecisive: Instant | null;
  n: number;
  lives: number;
}

export function newWorld(version: number): World {
  const at = situation({ facts: goodFacts, engagements: [] });
  return {
    at,
    now: monday,
    facts: goodFacts,
    engagements: [],
    matches: 1,
    roster: people,
    rosterPending: false,
    active: version,
    pinned: version,
    rejections: [],
    picks: [],
    handoffs: new Map(),
    lastEvent: null,
    lastEventActed: false,
    opportunity: null,
    pipeline: null,
    sent: new Map(),
    lastDecisive: null,
    n: 0,
    lives: 0,
  };
}

/** The situation of this moment, as a loader reads it. */
export function load(world: World, actor: string | null): Situation {
  const { now, facts, engagements, matches, roster, opportunity, pipeline } = world;
  const { openOpportunity: _, opportunityEnd: _end, ...at } = world.at;
  const isOpen = at.process.handoffId !== null;
  const version = isOpen ? world.pinned : world.active;
  // With a merge opportunities go to the survivor; about an erased person nobody does anything.
  const isGone = at.erased || at.mergeInto !== null || at.process.mergedInto !== null;
  const closed = isOpen
    ? {}
    : {
        handoff: null,
        clocks: [],
        lastActivityAt: null,
        stalledAt: null,
      };
  return {
    ...at,
    ...closed,
    ...(at.process.stage === "opportunity" && pipeline === null && !isGone
      ? { openOpportunity: { id: "op_own", ownerId: at.process.owner } }
      : {}),
    now,
    matches,
    people: roster,
    opportunity,
    engagements,
    agreementId: `ag_${version}`,
    agreement: versions[version]!,
    calendars,
    facts,
    ...(isGone ? {} : ownPipeline(pipeline)),
    poolCalendarId: "newYork",
    rejectionsToday: world.rejections.filter(({ by, at: when }) => by === actor && when > now - day)
      .length,
  };
}

function ownPipeline(pipeline: World["pipeline"]): Partial<Situation> {
  if (pipeline === null) return {};
  const { id, ownerId, end } = pipeline;
  return end === undefined ? { openOpportunity: { id, ownerId } } : { opportunityEnd: end };
}

/** What the world is after a decision was written. */
export function written(world: World, before: Situation, event: Event, decision: Decision): void {
  const { after, changes } = decision;
  world.at = after;
  for (const change of changes) {
    if (change.do === "open-handoff") {
      world.pinned = Number(before.agreementId.slice(3));
      world.handoffs.set(change.handoff.id, { had: [] });
    }
    if (change.do === "open-offer" && change.repId !== null) {
      // Looked up by the handoff of the situation, which is the one that the offer belongs to.
      const id = after.handoff?.id ?? before.handoff?.id ?? "";
      world.handoffs.get(id)?.had.push({ repId: change.repId, since: before.now });
    }
    if (change.do === "reverse-credit") {
      const id = change.handoffId ?? before.handoff?.id;
      const pick = world.picks.find((one) => one.handoffId === id && one.round === change.round);
      if (pick?.charged) pick.reversed += 1;
    }
    if (change.do === "learn-timeline") {
      world.facts = { ...world.facts, "lead.timeline": change.timeline };
    }
    if (change.do === "open-opportunity") {
      world.pipeline = { id: change.id, ownerId: before.handoff?.repId ?? null };
    }
    // Linked: it belongs to this handoff, and no other one finds it.
    if (change.do === "link-opportunity") {
      world.opportunity = null;
      world.pipeline = { id: change.id, ownerId: before.handoff?.repId ?? null };
    }
  }
  if (event.kind === "action") {
    const { name, by } = event.action;
    if (name === "reject") {
      world.rejections = [...world.rejections.slice(-30), { by, at: before.now }];
    }
    if (decisive.includes(name)) world.at = { ...world.at, answeredAt: before.now };
  }
  if (after.process.cycle !== before.process.cycle) world.at = { ...world.at, answeredAt: null };
}

const waitsOf: Readonly<Record<Jump, number>> = {
  next: 0,
  before: -1,
  "just-after": 1,
  minutes: 7 * minute,
  hours: 3 * hour,
  days: 2 * day,
  weeks: 17 * day,
  "a-year": 370 * day,
};

/** The clock goes on; it never goes back. */
export function jump(world: World, to: Jump): void {
  const next = world.at.process.nextAt ?? world.now + hour;
  const isNear = to === "next" || to === "before" || to === "just-after";
  const goal = (isNear ? next : world.now) + waitsOf[to];
  world.now = Math.max(world.now + 1, goal);
}

/** The event that a step brings, after it has changed the world; null when nobody is told. */
export function eventOf(world: World, step: Step): Event | null {
  switch (step.do) {
    case "wait":
      jump(world, step.to);
      return null;
    case "time":
      jump(world, step.to);
      return { kind: "time" };
    case "act":
      return actionOf(world, step);
    case "again":
      return world.lastEvent;
    case "route":
      return route(world, step.variant, step.late);
    case "late-answer":
      return lateAnswer(world, step.which);
    case "engage":
      world.engagements = [
        ...world.engagements.slice(-11),
        {
          id: `en_${world.n}`,
          type: step.signal,
          occurredAt: world.now,
        },
      ];
      world.now += 1;
      return step.told ? { kind: "engaged" } : null;
    case "facts":
      changeFacts(world, step.change);
      return { kind: "facts", fields: Object.keys(values[step.change]) };
    case "person":
      changePerson(world, step.who, step.change);
      return step.told ? roster(world) : null;
    case "roster":
      return roster(world);
    case "policy":
      world.active = step.version % versions.length;
      return step.told ? { kind: "policy" } : null;
    case "rejudge": {
      const agreementId = `ag_${world.active}`;
      const { leadType = "", tier } = world.at.handoff ?? {};
      return {
        kind: "rejudged",
        agreementId,
        terms: termsOf(versions[world.active]!, agreementId, { leadType, tier }),
      };
    }
    case "opportunity":
      if (world.pipeline === null || world.pipeline.end !== undefined) {
        world.opportunity = { id: `op_crm_${world.n}`, createdAt: world.now };
        world.pipeline = { id: world.opportunity.id, ownerId: null };
      }
      return step.told ? { kind: "seenInCrm" } : null;
    case "opportunity-ends":
      if (world.pipeline === null || world.pipeline.end !== undefined) return null;
      world.pipeline = { ...world.pipeline, end: { how: step.how, at: world.now } };
      world.opportunity = null;
      return { kind: "seenInCrm" };
    case "pool-review":
      openPoolReview(world);
      return null;
    case "task-done":
      return endTask(world, step.which) ? { kind: "facts", fields: [] } : null;
    case "merge":
      // One of five: otherwise most lives would end here.
      if (world.n % 5 !== 0) return null;
      world.at = { ...world.at, mergeInto: "ld_survivor" };
      return { kind: "merged" };
    case "absorb":
      return absorb(world, step.variant);
    case "erase":
      if (world.n % 5 !== 0) return null;
      world.at = { ...world.at, erased: true };
      return { kind: "erased" };
    case "reopen":
      return { kind: "reopened", by: "rp_lead" };
    case "new-life":
      return isOver(world.at) ? arrive(world) : { kind: "arrived" };
    default:
      return step satisfies never;
  }
}

const behind = ["new", "nurture", "renurture", "disqualified", "mql", "sal"] as const;

/** Another record of the person, at some stage, with or without attempts, a rep, a raised hand. */
function absorb(world: World, variant: number): Event {
  const stage = behind[variant % behind.length]!;
  const hadSales = stage === "mql" || stage === "sal";
  const tried = hadSales && variant % 2 === 0 ? world.now - hour : null;
  if (variant % 16 === 0) changeFacts(world, "opted-out");
  return {
    kind: "absorbed",
    from: {
      id: `ld_other_${world.n}`,
      stage,
      repId: hadSales ? (["rp_one", "rp_two"][variant % 2] ?? null) : null,
      attempts: tried === null ? 0 : 2,
      firstOutreachAt: tried,
      connectedAt: variant % 3 === 0 ? tried : null,
      meetingAt: variant % 5 === 0 ? tried : null,
      raised: variant % 4 < 2,
      ...(variant % 8 < 3 ? { isAsked: true as const } : {}),
    },
    fields: variant % 3 === 0 ? ["lead.phone"] : [],
  };
}

function isOver({ process, erased, mergeInto }: Situation): boolean {
  return (
    process.stage === "opportunity" ||
    (process.stage === "disqualified" && (erased || mergeInto !== null || process.cycle > 4))
  );
}

/** Another person arrives; roster, time and agreement stay as they are. */
function arrive(world: World): Event {
  world.lives += 1;
  const fresh = newWorld(world.active);
  const id = `ld_${world.lives}`;
  Object.assign(world, {
    ...fresh,
    at: { ...fresh.at, subject: { kind: "lead", id } },
    now: world.now,
    roster: world.roster,
    rosterPending: world.rosterPending,
    active: world.active,
    n: world.n,
    lives: world.lives,
    engagements: [{ id: "en_0", type: "demo_request", occurredAt: world.now }],
  });
  world.now += minute;
  const { process } = world.at;
  world.at = {
    ...world.at,
    arrivedAt: world.now,
    process: { ...process, stageSince: world.now, nextAt: world.now },
  };
  return { kind: "arrived" };
}

function roster(world: World): Event {
  world.rosterPending = false;
  return { kind: "roster" };
}

function changePerson(world: World, who: string, change: PersonChange): void {
  const before = world.roster[who]!;
  world.roster = { ...world.roster, [who]: { ...before, ...changedBy(world, who, change) } };
  world.rosterPending = true;
}

function changedBy(world: World, who: string, change: PersonChange): Partial<Person> {
  const ids = Object.keys(world.roster);
  const other = ids[(ids.indexOf(who) + 1 + (world.n % (ids.length - 1))) % ids.length]!;
  const away = (from: Instant, to: Instant): Partial<Person> => ({
    absences: [
      ...(world.roster[who]?.absences ?? []).slice(-2),
      { from, to, knownAt: world.now, deputyId: world.n % 3 === 0 ? other : null },
    ],
  });
  switch (change) {
    case "leave":
      return { active: false };
    case "return":
      return { active: true };
    case "ill":
      return away(world.now - 3 * hour, world.now + 5 * day);
    case "day-off":
      return away(world.now - hour, world.now + 6 * hour);
    case "vacation-ahead":
      return away(world.now + 2 * day, world.now + 16 * day);
    case "present":
      return { absences: [] };
    case "deputy":
      return { deputyId: other };
    case "no-deputy":
      return { deputyId: null };
    default:
      return { calendarId: change };
  }
}

type Changed = Readonly<Record<string, string | number | boolean | null>>;
const values: Readonly<Record<FactChange, Changed>> = {
  "name-lost": { "account.name": null },
  "name-found": { "account.name": "Northwind Cranes" },
  "mail-wrong": { "lead.email": "kim@" },
  "mail-right": { "lead.email": "kim@northwind.example" },
  "phone-found": { "lead.phone": "+1 555 0100" },
  "opted-out": { "lead.doNotContact": true },
  "opted-in": { "lead.doNotContact": false },
  small: { "account.employees": 10 },
  large: { "account.employees": 900 },
  customer: { "account.customer": true },
  "no-customer": { "account.customer": false },
  "two-match": {},
  "one-match": {},
  pipeline: { "account.openOpportunities": 1 },
  "no-pipeline": { "account.openOpportunities": 0 },
};

function changeFacts(world: World, change: FactChange): void {
  const changed = { ...world.facts, ...values[change] };
  world.facts = Object.fromEntries(
    Object.entries(changed).filter(([, value]) => value !== null),
  ) as Facts;
  if (change === "two-match") world.matches = 2;
  if (change === "one-match") world.matches = 1;
}

/** The review of the re-nurture pool lists whoever is in it. */
function openPoolReview(world: World): void {
  const { at, now } = world;
  if (at.process.stage !== "renurture") return;
  world.at = {
    ...at,
    tasks: [
      ...at.tasks.filter(({ kind }) => kind !== "renurture-review"),
      {
        kind: "renurture-review",
        handoffId: null,
        role: "marketing-ops",
        assigneeId: null,
        since: now,
        dueAt: now + 10 * day,
        detail: { review: "rv_1" },
      },
    ],
  };
}

/** A person ends a task that no other request ends; true when the process is told. */
function endTask(world: World, which: number): boolean {
  const ending = world.at.tasks.filter(
    ({ kind, detail }) =>
      kind === "stalled" ||
      kind === "hand-raise" ||
      (kind === "fix-data" && detail["reason"] !== undefined),
  );
  const done = ending[which % Math.max(1, ending.length)];
  if (!done) return false;
  world.at = { ...world.at, tasks: world.at.tasks.filter((task) => task !== done) };
  return done.kind === "fix-data";
}

/** The dispatcher answers for the next round, and has its pick on record before the process hears it. */
function route(world: World, variant: number, late: boolean): Event | null {
  const { at } = world;
  const { handoff, process } = at;
  const asked = followUp(process) === "route" || process.waitingOn === "hold";
  if (!asked || handoff === null || process.handoffId === null) return null;
  const round = handoff.round + 1;
  let pick = world.picks.find((one) => one.handoffId === handoff.id && one.round === round);
  if (!pick) {
    const answer = routedBy(world, variant);
    const made = {
      handoffId: handoff.id,
      round,
      routed: answer,
      reversed: 0,
      charged: answer.kind === "assigned" && answer.via !== "manager",
    };
    // A lead on hold is looked at again; nothing of it is on record.
    if (answer.kind !== "held") {
      world.picks = [...world.picks.slice(-20), made];
      const repId = answer.kind === "assigned" ? answer.repId : null;
      const pool = answer.kind === "assigned" ? answer.pool : null;
      world.at = { ...at, offers: [...at.offers, { handoffId: handoff.id, round, repId, pool }] };
    }
    pick = made;
  }
  return late ? null : answerOf(pick);
}

function answerOf({ handoffId, round, routed }: Pick): Event {
  return { kind: "routed", handoffId, round, routed, territory: "americas", segment: null };
}

function routedBy(world: World, variant: number): Routed {
  const { handoff } = world.at;
  const chosen = handoff?.assignTo ?? null;
  if (chosen !== null && world.roster[chosen]?.active) {
    return { kind: "assigned", repId: chosen, pool: null, via: "manager" };
  }
  if (variant === 0) return { kind: "held", pool: "americas-sdr", untilAt: world.now + 2 * hour };
  if (variant === 1) return { kind: "held", pool: "dach-sdr", untilAt: null };
  const had = (handoff && world.handoffs.get(handoff.id)?.had.map(({ repId }) => repId)) ?? [];
  // Mostly active people, mostly others; sometimes somebody who is leaving at this moment.
  const reps = Object.values(world.roster).filter(
    (one) => one.role === "rep" && (variant === 2 || (one.active && !had.includes(one.id))),
  );
  const rep = reps[variant % Math.max(1, reps.length)];
  return rep
    ? { kind: "assigned", repId: rep.id, pool: "americas-sdr", via: "territory" }
    : { kind: "queue", queue: "sales-ops" };
}

function lateAnswer(world: World, which: number): Event | null {
  const pick = world.picks.at(-1 - (which % Math.max(1, world.picks.length)));
  return pick ? answerOf(pick) : null;
}

function actionOf(world: World, step: Extract<Step, { do: "act" }>): Event {
  const { at, now } = world;
  const { stage, waitingOn } = at.process;
  const possible = actions.filter((one) => mayAct(stage, waitingOn, one));
  const allowed = possible[step.variant % Math.max(1, possible.length)];
  const name =
    step.name !== "allowed" ? step.name : (allowed ?? actions[step.variant % actions.length]!);
  const by = actorOf(world, step.who, name);
  const receivedAt = step.late ? now - 5 * minute : now;
  world.now += 1;
  const action = {
    id: `ac_${world.n}`,
    name,
    body: bodyOf(world, name, step.variant),
    by,
    role: world.roster[by]?.role ?? "operator",
    via: step.via,
    receivedAt,
    seen: seenOf(at, step.seen),
  } as AnyAction;
  return { kind: "action", action };
}

function seenOf({ process, handoff }: Situation, seen: "none" | "now" | "earlier"): Seen | null {
  if (seen === "none") return null;
  const round = process.handoffId === null ? 0 : (handoff?.round ?? 0);
  return seen === "now"
    ? { stage: process.stage, round }
    : { stage: "mql", round: Math.max(0, round - 1) };
}

const managers: readonly ActionName[] = ["reassign", "decideContest", "decideReview"];

function actorOf({ at, handoffs }: World, who: Actor, name: ActionName): string {
  const { owner } = at.process;
  const had = handoffs.get(at.handoff?.id ?? "")?.had ?? [];
  switch (who) {
    case "owner":
      return owner === null || managers.includes(name) ? "rp_chief" : owner;
    case "former":
      return had.findLast(({ repId }) => repId !== owner)?.repId ?? "rp_two";
    case "other":
      return Object.keys(people).find((id) => id !== owner)!;
    case "manager":
      return "rp_lead";
    case "operator":
      return "tk_operator";
    default:
      return who satisfies never;
  }
}

const dates = ["2026-01-01", "2027-06-01", "2028-01-01", "2030-01-01"];
const reasons = [
  "wrong-role",
  "bad-contact-data",
  "below-company-size",
  "unreachable",
  "dated-timing",
  "no-intent-signals",
  "unsupported-use-case",
  "already-customer",
  "not ready",
];
const outcomes = ["attempted", "connected", "no_answer", "meeting_booked", "replied"] as const;

function bodyOf({ now }: World, name: ActionName, variant: number): unknown {
  const pick = <T>(all: readonly T[]): T => all[variant % all.length]!;
  switch (name) {
    case "logOutreach": {
      const when = [
        {},
        {},
        {},
        { occurredAt: new Date(now - 3 * minute).toISOString() },
        { occurredAt: new Date(now - 900 * day).toISOString() },
        { occurredAt: new Date(now + hour).toISOString() },
      ];
      return { channel: "call", outcome: pick(outcomes), ...pick(when) };
    }
    case "accept":
      return pick([{}, { fitRating: 4, timeline: "now" }, { fitRating: 9 }, { note: "spoke" }]);
    case "reject": {
      const reason = pick(reasons);
      return reason === "dated-timing" ? { reason, revisitOn: pick(dates) } : { reason };
    }
    case "advance":
      return pick([
        {},
        {},
        { to: "sql" },
        { to: "opportunity", amountMinor: 100, currency: "EUR" },
      ]);
    case "handBack":
      return pick([{}, { revisitOn: pick(dates) }]);
    case "reassign":
      return pick([
        {},
        { to: "rp_one" },
        { to: "rp_two" },
        { to: "rp_three" },
        { to: "rp_nobody" },
      ]);
    case "pause":
      return pick([
        { reason: "legal-review" },
        { reason: "holiday" },
        { reason: "lead-asked-to-wait", until: new Date(now + hour).toISOString() },
        { reason: "legal-review", until: new Date(now - hour).toISOString() },
      ]);
    case "resume":
      return {};
    case "decideContest":
      return { decision: pick(["uphold", "overturn"]) };
    case "decideReview":
      return { decision: pick(["keep", "return", "retire", "keep"]) };
    default:
      return name satisfies never;
  }
}
