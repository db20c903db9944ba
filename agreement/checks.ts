import type { Agreement, Condition, Territory } from "../handoff/agreement.ts";
import { agreementHours, compileApplied } from "../handoff/time/applied-calendar.ts";
import { isOpen, NoOpenTime, type Calendar, type CalendarDef } from "../handoff/time/calendar.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import { dueAt, printTarget, type ElapsedRoll, type Target } from "../handoff/time/deadline.ts";
import type { Logic } from "./logic.ts";
import type { Reading } from "./place.ts";
import { deepestCondition } from "./conditions.ts";
import { logicOf } from "./logic.ts";
import { checkAccounts } from "./account-checks.ts";
import { isReadWord, quotedName } from "./shape.ts";
import { joinPath } from "./source.ts";

/**
 * What only the whole agreement shows: names in a circle or unused, rules that can never apply,
 * territories that overlap or leave a gap (docs/agreement.md, "Names and limits"). Errors and
 * warnings go to the reading with their lines. Of an agreement that could not be read as a whole,
 * the parts that could be are checked, so that one mistake does not hide another: stand-ins hold
 * the places of the others, and nothing is said of those. `mentioned` are the words of the file
 * that may name a condition.
 */
export function checkWhole(
  given: Readable,
  reading: Reading,
  mentioned: ReadonlySet<string>,
): void {
  const inCircles = circles(given, reading);
  // Nothing below would come to an end in a circle.
  const named = Object.fromEntries(
    Object.entries(given.named).filter(([name]) => !inCircles.has(name)),
  );
  const agreement = { ...given, named };
  tooDeep(agreement, reading);
  unusedNames(agreement, mentioned, reading);
  const { fit, bands, leadTypes: types, routing, answers, renurture, signals, fields } = agreement;
  const { accounts } = agreement;
  if (fit) scoresInFit({ ...agreement, fit }, reading);
  if (bands) bandRows({ fit, bands }, reading);
  const order = orderOfTargets(agreement);
  statusBeforeOutreach(agreement, order, reading);
  if (answers && renurture) closedReasons(answers, renurture, reading);
  if (types) twinTypes(types, reading);
  if (accounts)
    checkAccounts(
      { ...agreement, leadTypes: types, signals, accounts },
      (row) => order(row) !== "right",
      reading,
    );
  // Of signals that could not be read no depth is known; an unknown field is text.
  const logic = logicOf({
    ...agreement,
    signals: signals ?? {},
    fields: fields ?? {},
    bands: bands?.every(({ band }) => isReadWord(band)) ? bands : anyBand,
  });
  if (routing) territories(routing.territories, [], true, routing.fallback, logic, reading);
  neverTrue(agreement, logic, reading);
  if (types) reachableTypes(types, logic, reading);
  if (types) checkExploration({ ...agreement, leadTypes: types }, logic, reading);
}

const anyBand = (["A", "B", "C", "D"] as const).map((band) => ({ band }));

/** What could be read of an agreement. */
type Readable = Partial<Agreement> & Pick<Agreement, "named">;

function checkExploration(
  { exploration, leadTypes: types }: Pick<Agreement, "exploration" | "leadTypes">,
  logic: Logic,
  reading: Reading,
): void {
  if (exploration === undefined) return;
  const names = types.map(({ name }) => name);
  const { leadType } = exploration;
  if (isReadWord(leadType) && names.every(isReadWord) && !names.includes(leadType))
    reading.report(
      "problems",
      "exploration.leadType",
      `expected a lead type (${names.join(", ")}), found "${leadType}"`,
    );
  const { when } = exploration;
  if (when === undefined) return;
  const taken = types.find((type) => logic.implies(when, type.when));
  if (taken)
    reading.report(
      "warnings",
      "exploration.when",
      "nobody is explored: whoever meets these conditions is handed off as " +
        quotedName(taken.name),
    );
}

/** Every condition of the agreement with the path at which to report it. */
function rules(agreement: Readable): { path: string; when: Condition }[] {
  const territoryRules = (tree: readonly Territory[]): { path: string; when: Condition }[] =>
    tree.flatMap((one) => [
      ...(one.when ? [{ path: one.at, when: one.when }] : []),
      ...territoryRules(one.within),
    ]);
  return [
    ...(agreement.suppress ?? []).map((one) => one.when),
    ...(agreement.checklist ?? []).map((one) => one.when),
    ...(agreement.fit ?? []).map((one) => one.when),
    ...(agreement.leadTypes ?? []).map((one) => one.when),
    ...(agreement.exploration?.when ? [agreement.exploration.when] : []),
    ...(agreement.accounts ? [agreement.accounts.when] : []),
    ...(agreement.routing?.segments ?? []).map((one) => one.when),
    ...Object.values(agreement.answers?.reasons ?? {}).flatMap((one) => one.contradictedBy ?? []),
  ]
    .map((when) => ({ path: when.at, when }))
    .concat(territoryRules(agreement.routing?.territories ?? []));
}

function namesIn(condition: Condition): string[] {
  switch (condition.kind) {
    case "all":
    case "any":
    case "none":
      return condition.of.flatMap(namesIn);
    case "named":
      return [condition.name];
    default:
      return [];
  }
}

/** Reports each circle once, and gives the names where they close. */
function circles(agreement: Readable, reading: Reading): ReadonlySet<string> {
  const state = new Map<string, "open" | "done">();
  const found = new Set<string>();
  const visit = (name: string): void => {
    const definition = Object.hasOwn(agreement.named, name) ? agreement.named[name] : undefined;
    if (!definition || state.get(name) === "done") return;
    if (state.get(name) === "open") {
      found.add(name);
      return reading.report(
        "problems",
        definition.at,
        `expected a condition that does not lead back to itself, found a circle through "${name}"`,
      );
    }
    state.set(name, "open");
    for (const inner of namesIn(definition)) visit(inner);
    state.set(name, "done");
  };
  Object.keys(agreement.named).forEach(visit);
  return found;
}

function tooDeep(agreement: Readable, reading: Reading): void {
  const known = new Map<string, number>();
  const depthOf = (condition: Condition, level: number): number => {
    if (condition.kind === "named") {
      // What is too deep where it stands is told there, and not once more wherever its name is.
      if (level > deepestCondition && !isReadWord(condition.name)) return NaN;
      const depth =
        known.get(condition.name) ??
        (Object.hasOwn(agreement.named, condition.name)
          ? depthOf(agreement.named[condition.name]!, 1)
          : 1);
      known.set(condition.name, depth);
      return depth;
    }
    return "of" in condition && typeof condition.of === "object"
      ? 1 + Math.max(...condition.of.map((part) => depthOf(part, level + 1)))
      : 1;
  };
  for (const { path, when } of rules(agreement)) {
    const depth = depthOf(when, 1);
    if (depth > deepestCondition)
      reading.report(
        "problems",
        path,
        `expected at most ${deepestCondition} conditions inside each other, found ${depth} ` +
          "when names are unfolded",
      );
  }
}

function unusedNames(agreement: Readable, mentioned: ReadonlySet<string>, reading: Reading): void {
  const used = new Set(
    [...rules(agreement).map((rule) => rule.when), ...Object.values(agreement.named)].flatMap(
      namesIn,
    ),
  );
  // What could not be read may use any name that it mentions, and means the name that it misspells.
  const isUsed = (name: string) =>
    used.has(name) ||
    reading.meant.has(name) ||
    (reading.problems.length > 0 && mentioned.has(name));
  for (const [name, condition] of Object.entries(agreement.named)) {
    if (name !== "icp" && isReadWord(name) && !isUsed(name))
      reading.report("warnings", condition.at, `"${name}" is defined but no rule uses it`);
  }
}

/** Fit is what scores and bands are made of, so it cannot ask for them. */
function scoresInFit(agreement: Pick<Agreement, "fit" | "named">, reading: Reading): void {
  const asks = (condition: Condition): boolean => {
    if (condition.kind === "named")
      return (
        Object.hasOwn(agreement.named, condition.name) && asks(agreement.named[condition.name]!)
      );
    if (condition.kind === "derived")
      return ["score.fit", "score.intent", "band"].includes(condition.of);
    return "of" in condition && typeof condition.of === "object" && condition.of.some(asks);
  };
  for (const row of agreement.fit) {
    if (asks(row.when))
      reading.report(
        "problems",
        row.when.at,
        "expected a condition on facts or engagements; scores and bands are made from these rows",
      );
  }
}

/**
 * A row that asks for at least as much as one above it is never reached, nor is one that asks for
 * more fit than all points together.
 */
function bandRows(
  agreement: Pick<Agreement, "bands"> & { readonly fit: Agreement["fit"] | undefined },
  reading: Reading,
): void {
  const least = (value: number | undefined) => value ?? -Infinity;
  const most = agreement.fit?.reduce((sum, { points }) => sum + Math.max(0, points), 0) ?? NaN;
  agreement.bands.forEach((row, i) => {
    const above = agreement.bands.findIndex(
      (other, j) =>
        j < i && least(other.fit) <= least(row.fit) && least(other.intent) <= least(row.intent),
    );
    if (above >= 0)
      reading.report(
        "problems",
        `bands[${i}]`,
        "expected a row that some lead can reach; whoever meets it already has " +
          `${bandOf(agreement.bands[above]!)} by row ${above + 1}`,
      );
    else if (least(row.fit) > most)
      reading.report(
        "warnings",
        `bands[${i}]`,
        `expected a fit that some lead can have; all points under \`fit:\` are ${most} together`,
      );
  });
}

function bandOf({ band }: Agreement["bands"][number]): string {
  return isReadWord(band) ? `band ${band}` : "a band";
}

/** Decisions name lead types, so each name stands once. */
function twinTypes(types: Agreement["leadTypes"], reading: Reading): void {
  types.forEach((type, i) => {
    if (types.findIndex((other) => other.name === type.name) < i)
      reading.report(
        "problems",
        `leadTypes[${i}]`,
        `expected a lead type name that stands once, found "${type.name}" again`,
      );
  });
}

function reachableTypes(types: Agreement["leadTypes"], logic: Logic, reading: Reading): void {
  types.forEach((type, i) => {
    const path = `leadTypes[${i}]`;
    if (logic.neverTrue(type.when))
      return reading.report(
        "problems",
        path,
        "expected a lead type that some lead can reach; the conditions of " +
          `${quotedName(type.name)} exclude each other`,
      );
    const above = types.slice(0, i).find((other) => logic.implies(type.when, other.when));
    if (above)
      reading.report(
        "problems",
        path,
        "expected a lead type that some lead can reach; every lead of " +
          `${quotedName(type.name)} is already ${quotedName(above.name)}, which stands above it`,
      );
  });
}

function territories(
  tree: readonly Territory[],
  chain: readonly Condition[],
  covered: boolean,
  fallback: string,
  logic: Logic,
  reading: Reading,
): void {
  const rests = tree.filter((one) => !one.when);
  if (rests.length > 1)
    reading.report(
      "problems",
      rests[1]!.at,
      `expected one territory without \`when:\` among its siblings, found ` +
        `${quotedName(rests[0]!.name)} and ${quotedName(rests[1]!.name)}`,
    );
  if (rests.length === 0 && covered) {
    reading.report(
      "warnings",
      tree[0]?.at ?? "routing",
      `no territory here takes the rest of the leads (one without \`when:\`); they go to the ` +
        `queue ${quotedName(fallback)}`,
    );
  }
  for (const [i, one] of tree.entries()) {
    if (one.when && logic.neverTrue(both(chain, one.when)))
      reading.report(
        "problems",
        one.at,
        `expected a territory that some lead can reach; ${quotedName(one.name)} excludes itself ` +
          "or what it lies in",
      );
    for (const other of tree.slice(0, i)) {
      const overlap =
        one.when && other.when && logic.bothPossible(both(chain, one.when), other.when);
      if (overlap)
        reading.report(
          "warnings",
          one.at,
          `${quotedName(one.name)} and ${quotedName(other.name)} ` +
            `overlap${overlap.example ? ` (${overlap.example})` : ""}; such leads go to the one ` +
            `with the deeper match, or else to ${quotedName(other.name)}, which stands first`,
        );
    }
    if (one.within.length > 0)
      territories(
        one.within,
        one.when ? [...chain, one.when] : chain,
        one.pool === undefined,
        fallback,
        logic,
        reading,
      );
  }
}

function both(chain: readonly Condition[], when: Condition): Condition {
  return chain.length === 0 ? when : { kind: "all", of: [...chain, when], at: when.at };
}

/** Rules elsewhere that can never hold are likely mistakes, but leave the agreement usable. */
function neverTrue(agreement: Readable, logic: Logic, reading: Reading): void {
  const others = [
    ...(agreement.suppress ?? []),
    ...(agreement.checklist ?? []),
    ...(agreement.fit ?? []),
    ...(agreement.routing?.segments ?? []),
    ...(agreement.accounts ? [agreement.accounts] : []),
    ...(agreement.exploration?.when ? [{ when: agreement.exploration.when }] : []),
  ];
  for (const rule of others) {
    if (logic.neverTrue(rule.when))
      reading.report("warnings", rule.when.at, "no lead can meet these conditions together");
  }
}

/** Who is closed is so for one of these reasons. */
function closedReasons(
  { reasons }: Agreement["answers"],
  { returnClosed }: Agreement["renurture"],
  reading: Reading,
): void {
  const rejections = Object.entries(reasons);
  const disqualifying = rejections.flatMap(([name, { then }]) =>
    then === "disqualify" && isReadWord(name) ? [name] : [],
  );
  const known = ["lost", "won", "retired", ...disqualifying];
  // Of these it is not known what they lead to.
  const unread = rejections.flatMap(([name, { then }]) => (isReadWord(then) ? [] : [name]));
  for (const reason of Object.keys(returnClosed).filter(isReadWord)) {
    if (![...known, ...unread].includes(reason))
      reading.report(
        "problems",
        joinPath("renurture.returnClosed", reason),
        `expected a closed reason (${known.join(", ")}), found "${reason}"`,
      );
  }
}

function statusBeforeOutreach(agreement: Readable, order: Order, reading: Reading): void {
  const rows = [
    ...(agreement.leadTypes ?? []).map((type, i) => ({ ...type, path: `leadTypes[${i}]` })),
    ...(agreement.accounts ? [{ ...agreement.accounts, path: "accounts" }] : []),
  ];
  for (const row of rows) {
    const found = order(row);
    if (found === "shorter")
      reading.report(
        "problems",
        joinPath(row.path, "status"),
        "expected a status target no shorter than the outreach target",
      );
    else if (found === "earlier")
      reading.report(
        "problems",
        joinPath(row.path, "status"),
        "expected a status target that ends after the outreach target; by the agreement's " +
          `hours "${printTarget(row.status)}" ends before "${printTarget(row.outreach)}" for ` +
          "most leads",
      );
  }
}

/**
 * Whether a status target ends before its outreach target: because it is shorter, or by the hours
 * for most leads.
 */
type Order = (
  row: Readonly<Record<"status" | "outreach", Target>>,
) => "right" | "shorter" | "earlier";

function orderOfTargets(agreement: Readable): Order {
  const hours = possibleHours(agreement);
  return (row) => {
    if (shorter(row.status, row.outreach)) return "shorter";
    const isEarlier =
      row.status.kind !== row.outreach.kind &&
      [row.status, row.outreach].every(isReadTarget) &&
      hours.length > 0 &&
      hours.every((one) => endsEarlier(one, row));
    return isEarlier ? "earlier" : "right";
  };
}

interface Hours {
  readonly hours: CalendarDef;
  readonly elapsedRoll: ElapsedRoll;
}

/** What follows in each of more calendars is not looked for: each takes its time. */
const mostCalendars = 20;

/**
 * The hours and the rule by which deadlines are worked out; where `clocks` could not be read, the
 * calendars and some of the rules that may be meant. None where nothing can be said of all of them.
 */
function possibleHours({ calendars, clocks }: Readable): readonly Hours[] {
  if (!calendars) return [];
  const isCalendarRead = clocks !== undefined && isReadWord(clocks.calendar);
  const roll = clocks?.elapsedRoll;
  const rolls: readonly ElapsedRoll[] =
    roll && !(roll.kind === "next-open" && Number.isNaN(roll.graceMs)) ? [roll] : anyRoll;
  const meant = isCalendarRead
    ? [agreementHours({ calendars, clocks })]
    : [...new Map(Object.values(calendars).map((one) => [JSON.stringify(one), one])).values()];
  if (meant.length > mostCalendars) return [];
  return meant.flatMap((hours) => rolls.map((elapsedRoll) => ({ hours, elapsedRoll })));
}

const anyRoll: readonly ElapsedRoll[] = [
  { kind: "none" },
  { kind: "next-open", graceMs: 0 },
  { kind: "next-open", graceMs: 4 * 3_600_000 },
];

function isReadTarget(target: Target): boolean {
  return !("ms" in target && Number.isNaN(target.ms));
}

/** Two weeks of every hour, without the holidays that most calendars have. */
const sampled = Array.from({ length: 14 * 24 }, (_, n) => Date.UTC(2026, 1, 9) + n * 3_600_000);

/** Whether for most leads that come within hours the status is due before the first outreach. */
function endsEarlier(
  { hours, elapsedRoll }: Hours,
  { status, outreach }: { readonly status: Target; readonly outreach: Target },
): boolean {
  const calendar = compileApplied({ hours, minus: [], from: "agreement" }, sampled[0] ?? 0);
  const due = (target: Target, at: Instant) => dueOrNever(target, at, calendar, elapsedRoll);
  const open = sampled.filter((at) => isOpen(calendar, at));
  const early = open.filter((at) => due(status, at) < due(outreach, at));
  return early.length * 2 > open.length;
}

/** A deadline beyond the years that are worked out is later than any other. */
function dueOrNever(
  target: Target,
  at: Instant,
  calendar: Calendar,
  elapsedRoll: ElapsedRoll,
): Instant {
  try {
    return dueAt(target, at, calendar, { elapsedRoll });
  } catch (error) {
    if (error instanceof NoOpenTime) return Infinity;
    throw error;
  }
}

/** Only targets of one kind can be compared without a calendar. */
function shorter(a: Target, b: Target): boolean {
  if ("ms" in a && "ms" in b) return a.kind === b.kind && a.ms < b.ms;
  return a.kind === "business-days" && b.kind === "business-days" && a.days < b.days;
}
