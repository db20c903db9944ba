import type {
  AccountRules,
  Agreement,
  ClockRules,
  Condition,
  ExplorationRules,
  LeadType,
  RejectionReason,
  ReviewRule,
  Routing,
  Signal,
  Territory,
} from "../agreement.ts";
import type { CalendarDef } from "../time/calendar.ts";
import { printTarget, type Target } from "../time/deadline.ts";
import { calendarChanges, sayCalendar } from "./calendar-changes.ts";
import { conditionChanges, type Types } from "./condition-changes.ts";
import {
  byName,
  addedAndRemoved,
  exchanged,
  lacking,
  moved,
  reordered,
  tabled,
  wordsAddedAndRemoved,
  type RuleChange,
} from "./rule-change.ts";
import { meaningOf, sayCondition, sayReturn } from "./say-condition.ts";

/**
 * What a version of the agreement changes, rule by rule, in the words of the agreement. Comments,
 * the order of keys, and other spellings of the same rule are no change.
 */
export function agreementChanges(before: Agreement, after: Agreement): RuleChange[] {
  const types = { before, after };
  const [was, now] = [whole(before), whole(after)];
  return (Object.keys(rules) as (keyof Whole)[]).flatMap((part) =>
    changesOf(rules[part], was[part], now[part], types),
  );
}

/** The agreement with what may be absent named. */
type Whole = { readonly [K in keyof Required<Agreement>]: Agreement[K] };
function whole(agreement: Agreement): Whole {
  const { emailDomains, exploration } = agreement;
  return { ...agreement, emailDomains, exploration };
}

/** A part that has no rule here does not compile: no change goes unsaid. */
type Rules = {
  readonly [K in keyof Whole]: (before: Whole[K], after: Whole[K], types: Types) => RuleChange[];
};

function changesOf<K extends keyof Whole>(
  rule: Rules[K],
  before: Whole[K],
  after: Whole[K],
  types: Types,
): RuleChange[] {
  return rule(before, after, types);
}

/** Every part of the agreement, in the order in which the file has them. */
const rules: Rules = {
  name: (before, after) => moved("name", before, after),
  signedBy: (before, after) =>
    lacking(before, after, String).length === 0 && lacking(after, before, String).length === 0
      ? []
      : moved("signed by", sayParties(before), sayParties(after)),
  calendars: (before, after) =>
    tabled<CalendarDef>(before, after, {
      about: (name) => `calendar ${name}`,
      say: sayCalendar,
      changes: (name, was, now) => calendarChanges(`calendar ${name}`, was, now),
    }),
  fields: (before, after) =>
    tabled<string>(before, after, {
      about: (name) => `fact ${name}`,
      say: String,
      changes: (name, was, now) => moved(`fact ${name}`, was, now),
    }),
  nullWords: (before, after) =>
    wordsAddedAndRemoved("words that mean nothing", before, after, quoted),
  emailDomains: (before, after) => [
    ...addedAndRemoved("free mail domains", before?.free ?? [], after?.free ?? []),
    ...addedAndRemoved(
      "disposable mail domains",
      before?.disposable ?? [],
      after?.disposable ?? [],
    ),
  ],
  requiredFields: (before, after) => addedAndRemoved("required fields", before, after),
  suppress: suppressChanges,
  named: (before, after, types) => conditions((name) => name, before, after, types),
  checklist: (before, after, types) =>
    conditions((name) => `checklist ${name}`, namedOf(before), namedOf(after), types),
  signals: (before, after) =>
    tabled<Signal>(before, after, {
      about: (name) => `signal ${name}`,
      say: ({ points, depth, halfLifeMs }) =>
        `${points} points, ${depth}${halfLifeMs === undefined ? "" : `, half-life ${length(halfLifeMs)}`}`,
      changes: (name, was, now) => {
        const about = `signal ${name}`;
        return [
          ...moved(about, `${was.points}`, `${now.points}`, "points"),
          ...moved(about, was.depth, now.depth, "depth"),
          ...moved(about, lengthOrNone(was.halfLifeMs), lengthOrNone(now.halfLifeMs), "half-life"),
        ];
      },
    }),
  fit: fitChanges,
  bands: (before, after) => {
    const [was, now] = [byName(before, ({ band }) => band), byName(after, ({ band }) => band)];
    const say = (threshold: number | undefined) =>
      threshold === undefined ? "any" : `${threshold}`;
    return [
      ...tabled(was, now, {
        about: (name) => `band ${name}`,
        say: ({ fit, intent }) => `fit from ${say(fit)}, intent from ${say(intent)}`,
        changes: (name, one, other) => [
          ...moved(`band ${name}`, say(one.fit), say(other.fit), "fit from"),
          ...moved(`band ${name}`, say(one.intent), say(other.intent), "intent from"),
        ],
      }),
      ...reordered("bands", Object.keys(was), Object.keys(now)),
    ];
  },
  leadTypes: (before, after, types) => {
    const [was, now] = [byName(before, nameOf), byName(after, nameOf)];
    return [
      ...tabled<LeadType>(was, now, {
        about: (name) => `lead type ${name}`,
        say: ({ path, priority, when, outreach, status }) =>
          `${path} path, priority ${priority}, when ${sayCondition(when, types.after)}, outreach ` +
          `${printTarget(outreach)}, status ${printTarget(status)}`,
        changes: (name, one, other) => [
          ...moved(`lead type ${name}`, one.path, other.path, "path"),
          ...moved(`lead type ${name}`, `${one.priority}`, `${other.priority}`, "priority"),
          ...conditionChanges(`lead type ${name}`, one.when, other.when, types),
          ...target(`outreach of ${name}`, one.outreach, other.outreach),
          ...target(`status of ${name}`, one.status, other.status),
        ],
      }),
      ...reordered("lead types", Object.keys(was), Object.keys(now)),
    ];
  },
  exploration: explorationChanges,
  accounts: accountChanges,
  clocks: clockChanges,
  routing: routingChanges,
  answers: (before, after, types) => [
    ...moved("accept by", before.acceptBy, after.acceptBy),
    ...tabled<RejectionReason>(before.reasons, after.reasons, {
      about: (name) => `reason ${name}`,
      say: ({ group, then }) => `${group}, then ${then}`,
      changes: (name, was, now) => reasonChanges(`reason ${name}`, was, now, types),
    }),
    ...moved("contested rejections", before.contested.to, after.contested.to, "to"),
    ...target("contested rejections", before.contested.within, after.contested.within, "within"),
    ...moved(
      "rejections per rep per day",
      `${before.rejectionsPerRepPerDay}`,
      `${after.rejectionsPerRepPerDay}`,
    ),
    ...moved("fit rating", range(before.rateFit), range(after.rateFit)),
    ...addedAndRemoved("buying signals", before.buyingSignals, after.buyingSignals),
  ],
  working: (before, after) => [
    ...moved("working", `${before.attempts}`, `${after.attempts}`, "attempts"),
    ...target("working", before.over, after.over, "over"),
    ...target("working", before.stalledAfter, after.stalledAfter, "stalled after"),
  ],
  renurture: (before, after) => [
    ...exchanged(
      "return from re-nurture",
      before.return.map(({ when }) => sayReturn(when)),
      after.return.map(({ when }) => sayReturn(when)),
      "on",
    ),
    ...moved("review of the re-nurture pool every", before.reviewEvery, after.reviewEvery),
    ...moved("cycles at most", `${before.maxCycles}`, `${after.maxCycles}`),
    ...tabled<Target | null>(before.returnClosed, after.returnClosed, {
      about: (reason) => `return of closed leads, ${reason}`,
      say: wait,
      changes: (reason, was, now) =>
        moved(`return of closed leads, ${reason}`, wait(was), wait(now)),
    }),
  ],
  leavers: (before, after) => [
    ...moved("offers of leavers", before.offers, after.offers),
    ...moved("accepted leads of leavers", before.accepted, after.accepted),
  ],
  absences: (before, after) => [
    ...target("absences longer than", before.longerThan, after.longerThan),
    ...moved("offers of the absent", before.offers, after.offers),
    ...moved("accepted leads of the absent", before.accepted, after.accepted),
  ],
  tasks: (before, after) => target("tasks within", before.within, after.within),
  nurture: (before, after) => [
    ...target(
      "nurture",
      before.humanReviewAfter,
      after.humanReviewAfter,
      "reviewed by a person after",
    ),
    ...moved("nurture", before.reviewer, after.reviewer, "reviewer"),
  ],
  reviews: ({ signedBy: were, ...before }, { signedBy: are, ...after }) => [
    ...moved("reviews are signed by", were ?? "both parties", are ?? "both parties"),
    ...tabled<ReviewRule>(before, after, {
      about: (kind) => `${kind} review`,
      say: (rule) => `${sayDay(rule)}, calendar ${rule.calendar}`,
      changes: (kind, was, now) => [
        ...moved(`${kind} review`, sayDay(was), sayDay(now)),
        ...moved(`${kind} review`, was.calendar, now.calendar, "calendar"),
        ...target(`${kind} review`, was.signedWithin, now.signedWithin, "signed within"),
      ],
    }),
  ],
};

function sayParties(named: readonly string[]): string {
  return named.length === 0 ? "nobody" : named.join(" and ");
}

function target(about: string, before: Target, after: Target, what = ""): RuleChange[] {
  return moved(about, printTarget(before), printTarget(after), what);
}

/** Conditions by name. */
function conditions(
  about: (name: string) => string,
  before: Readonly<Record<string, Condition>>,
  after: Readonly<Record<string, Condition>>,
  types: Types,
): RuleChange[] {
  return tabled<Condition>(before, after, {
    about,
    say: (condition) => sayCondition(condition, types.after),
    changes: (name, was, now) => conditionChanges(about(name), was, now, types),
  });
}

/** Conditions whose first that holds counts. */
function suppressChanges(
  before: Agreement["suppress"],
  after: Agreement["suppress"],
  types: Types,
): RuleChange[] {
  const named = (rows: Agreement["suppress"]) =>
    namedOf(rows.map(({ reason, when }) => ({ name: reason, when })));
  const [was, now] = [named(before), named(after)];
  return [
    ...conditions((name) => `suppress ${name}`, was, now, types),
    ...reordered("suppress", Object.keys(was), Object.keys(now)),
  ];
}

function namedOf(
  rows: readonly { readonly name: string; readonly when: Condition }[],
): Readonly<Record<string, Condition>> {
  return Object.fromEntries(
    Object.entries(byName(rows, nameOf)).map(([name, { when }]) => [name, when]),
  );
}

/** Rows have no names: one is known by its condition, or else by what stands in its place. */
function fitChanges(before: Agreement["fit"], after: Agreement["fit"], types: Types): RuleChange[] {
  type Row = Agreement["fit"][number];
  const say = ({ when }: Row, of: "before" | "after") => sayCondition(when, types[of]);
  const meant = (rows: Agreement["fit"]) =>
    rows.map((row) => ({ ...row, meaning: meaningOf(row.when) }));
  const [was, now] = [meant(before), meant(after)];
  const keyOf = ({ points, meaning }: (typeof was)[number]) => `${points} ${meaning}`;
  const without = lacking(was, now, keyOf);
  const left = lacking(now, was, keyOf);
  const found: RuleChange[] = [];
  const gone = without.filter((row) => {
    const same = left.findIndex(({ meaning }) => meaning === row.meaning);
    const at = same >= 0 ? same : left.findIndex((one) => one.points === row.points);
    const [twin] = at < 0 ? [] : left.splice(at, 1);
    if (!twin) return true;
    const about = `fit for ${say(row, "before")}`;
    found.push(...moved(about, `${row.points}`, `${twin.points}`, "points"));
    found.push(...conditionChanges(about, row.when, twin.when, types));
    return false;
  });
  return [
    ...found,
    ...gone.map((row) => ({
      about: `fit for ${say(row, "before")}`,
      change: `${row.points} points removed`,
    })),
    ...left.map((row) => ({
      about: `fit for ${say(row, "after")}`,
      change: `${row.points} points added`,
    })),
  ];
}

/** What says nothing is a share of none. */
function explorationChanges(
  before: ExplorationRules | undefined,
  after: ExplorationRules | undefined,
  types: Types,
): RuleChange[] {
  const about = "exploration";
  const share = (rules: ExplorationRules | undefined) =>
    rules === undefined || rules.share === 0
      ? "none"
      : `${percent(rules.share)} % of the leads in nurture`;
  const [was, now] = [before?.leadType, after?.leadType];
  return [
    ...moved(about, share(before), share(after)),
    ...(was !== undefined && now !== undefined ? moved(about, was, now, "lead type") : []),
    ...(after !== undefined && was === undefined && after.share > 0
      ? [{ about, change: `lead type ${after.leadType}` }]
      : []),
    ...optional("exploration among", before?.when, after?.when, types, "all"),
  ];
}

function accountChanges(
  before: AccountRules | null,
  after: AccountRules | null,
  types: Types,
): RuleChange[] {
  if (!before || !after)
    return moved("account handoffs", before ? "asked for" : "none", after ? "asked for" : "none");
  const about = "account handoffs";
  const engaged = ({ engaged: { contacts, depth, withinMs } }: AccountRules) =>
    `${contacts} people, ${depth} or deeper, within ${length(withinMs)}`;
  type Tier = AccountRules["tiers"][string];
  const say = (tier: Tier, what: "outreach" | "status") => {
    const set = tier[what];
    return set === undefined ? "as the lead type says" : printTarget(set);
  };
  const pool = (tier: Tier) => tier.pool ?? "by segment and territory";
  const priority = (tier: Tier) =>
    tier.priority === undefined ? "as the lead type says" : `${tier.priority}`;
  return [
    ...moved("engaged account", engaged(before), engaged(after)),
    ...moved(about, before.leadType, after.leadType, "lead type"),
    ...moved(about, `${before.tier}`, `${after.tier}`, "tier"),
    ...conditionChanges(about, before.when, after.when, types),
    ...target(`outreach of ${about}`, before.outreach, after.outreach),
    ...target(`status of ${about}`, before.status, after.status),
    ...moved(about, length(before.coolDownMs), length(after.coolDownMs), "cool-down"),
    ...tabled<Tier>(before.tiers, after.tiers, {
      about: (tier) => `leads of tier ${tier}`,
      say: (tier) =>
        `priority ${priority(tier)}, outreach ${say(tier, "outreach")}, status ${say(tier, "status")}, pool ${pool(tier)}`,
      changes: (tier, was, now) => [
        ...moved(`leads of tier ${tier}`, priority(was), priority(now), "priority"),
        ...moved(`leads of tier ${tier}`, say(was, "outreach"), say(now, "outreach"), "outreach"),
        ...moved(`leads of tier ${tier}`, say(was, "status"), say(now, "status"), "status"),
        ...moved(`leads of tier ${tier}`, pool(was), pool(now), "pool"),
      ],
    }),
  ];
}

function clockChanges(before: ClockRules, after: ClockRules): RuleChange[] {
  const roll = ({ elapsedRoll }: ClockRules) =>
    elapsedRoll.kind === "none" ? "stay" : `next opening plus ${length(elapsedRoll.graceMs)}`;
  const rungs = ({ escalate }: ClockRules) =>
    escalate.map((rung) => `${rung.do} ${length(rung.afterMs)} of open time after the breach`);
  const shares = ({ warnAt }: ClockRules) => warnAt.map((share) => `${percent(share)} %`);
  return [
    ...moved("clocks", before.calendar, after.calendar, "calendar"),
    ...moved("elapsed deadlines outside hours", roll(before), roll(after)),
    ...exchanged("warnings", shares(before), shares(after), "at"),
    ...exchanged("escalation", rungs(before), rungs(after)),
    ...reordered("escalation", rungs(before), rungs(after)),
    ...moved("reassignments at most", `${before.maxReassignments}`, `${after.maxReassignments}`),
    ...addedAndRemoved("pauses", before.pause.reasons, after.pause.reasons, "for"),
    ...target("pauses", before.pause.atMost, after.pause.atMost, "at most"),
  ];
}

function routingChanges(before: Routing, after: Routing, types: Types): RuleChange[] {
  const [was, now] = [territoriesOf(before.territories), territoriesOf(after.territories)];
  const segments = (routing: Routing) => byName(routing.segments, nameOf);
  return [
    ...moved("owners of accounts", before.owners, after.owners),
    ...tabled<Territory>(was, now, {
      about: (name) => `territory ${name}`,
      say: ({ when, pool }) =>
        [
          ...(when ? [sayCondition(when, types.after)] : []),
          ...(pool === undefined ? [] : [`pool ${pool}`]),
        ].join(", "),
      changes: (name, one, other) => [
        ...optional(`territory ${name}`, one.when, other.when, types),
        ...moved(`territory ${name}`, one.pool ?? "none", other.pool ?? "none", "pool"),
        ...moved(`territory ${name}`, one.language ?? "none", other.language ?? "none", "language"),
      ],
    }),
    ...reordered("territories", Object.keys(was), Object.keys(now)),
    ...tabled<Routing["segments"][number]>(segments(before), segments(after), {
      about: (name) => `segment ${name}`,
      say: ({ when, pool }) => `${sayCondition(when, types.after)}, pool ${pool}`,
      changes: (name, one, other) => [
        ...conditionChanges(`segment ${name}`, one.when, other.when, types),
        ...moved(`segment ${name}`, one.pool, other.pool, "pool"),
      ],
    }),
    ...reordered("segments", Object.keys(segments(before)), Object.keys(segments(after))),
    ...moved("outside all hours", before.hold, after.hold),
    ...moved("fallback queue", before.fallback, after.fallback),
  ];
}

/** Territories by their way through the tree: `emea / dach`. */
function territoriesOf(
  territories: readonly Territory[],
  within = "",
): Readonly<Record<string, Territory>> {
  return Object.fromEntries(
    Object.entries(byName(territories, nameOf)).flatMap(([name, territory]) => [
      [`${within}${name}`, territory] as const,
      ...Object.entries(territoriesOf(territory.within, `${within}${name} / `)),
    ]),
  );
}

function reasonChanges(
  about: string,
  before: RejectionReason,
  after: RejectionReason,
  types: Types,
): RuleChange[] {
  const attempts = ({ requires }: RejectionReason) => `${requires.attempts ?? "none"}`;
  const date = ({ requires }: RejectionReason) => (requires.revisitOn === true ? "yes" : "no");
  const contradicted = `${about}, contradicted by`;
  return [
    ...moved(about, before.group, after.group, "group"),
    ...moved(about, before.then, after.then, "then"),
    ...optional(contradicted, before.contradictedBy, after.contradictedBy, types),
    ...moved(about, attempts(before), attempts(after), "required attempts"),
    ...moved(about, date(before), date(after), "date to come back to required"),
  ];
}

/** A condition that either side may be without. */
function optional(
  about: string,
  before: Condition | undefined,
  after: Condition | undefined,
  types: Types,
  neither = "nothing",
): RuleChange[] {
  if (before && after) return conditionChanges(about, before, after, types);
  return moved(
    about,
    before ? sayCondition(before, types.before) : neither,
    after ? sayCondition(after, types.after) : neither,
  );
}

function sayDay({ on, everyWeeks }: ReviewRule): string {
  const day = on.day === "first-business-day" ? `first business day of the ${on.of}` : on.day;
  return `${day} ${on.time}${everyWeeks === 2 ? ", every 2 weeks" : ""}`;
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function wait(after: Target | null): string {
  return after === null ? "never" : `after ${printTarget(after)}`;
}

function range({ from, to }: { readonly from: number; readonly to: number }): string {
  return `${from} to ${to}`;
}

function length(ms: number): string {
  return printTarget({ kind: "elapsed", ms });
}

function lengthOrNone(ms: number | undefined): string {
  return ms === undefined ? "none" : length(ms);
}

function percent(share: number): number {
  return Math.round(share * 10_000) / 100;
}

function quoted(word: string): string {
  return JSON.stringify(word);
}
