import type { Agreement, Condition, Territory } from "../handoff/agreement.ts";
import { appliedCalendar, compileApplied } from "../handoff/time/applied-calendar.ts";
import { isOpen } from "../handoff/time/calendar.ts";
import { dueAt, printTarget, type Target } from "../handoff/time/deadline.ts";
import type { Logic } from "./logic.ts";
import type { Reading } from "./place.ts";
import { deepestCondition } from "./conditions.ts";
import { logicOf } from "./logic.ts";
import { checkAccounts } from "./account-checks.ts";
import { joinPath } from "./source.ts";

/**
 * What only the whole agreement shows: names in a circle or unused, rules that can never apply,
 * territories that overlap or leave a gap (docs/agreement.md, "Names and limits"). Errors and
 * warnings go to the reading with their lines. Of an agreement that could not be read as a whole,
 * the sections that could be are checked, so that one mistake does not hide another.
 */
export function checkWhole(agreement: Readable, reading: Reading): void {
  if (circles(agreement, reading)) return; // nothing below would come to an end
  if (isWhole(agreement)) {
    tooDeep(agreement, reading);
    // A condition that could not be read may use any name.
    if (reading.problems.length === 0) unusedNames(agreement, reading);
  }
  const { fit, bands, leadTypes: types, routing, answers, renurture, signals, fields } = agreement;
  if (fit) scoresInFit({ ...agreement, fit }, reading);
  if (fit && bands) bandRows({ fit, bands }, reading);
  statusBeforeOutreach(agreement, reading);
  if (answers && renurture) closedReasons(answers, renurture, reading);
  if (!signals || !fields) return; // of these, proofs are made
  const logic = logicOf({ ...agreement, signals, fields, bands: bands ?? anyBand });
  if (routing) territories(routing.territories, [], true, routing.fallback, logic, reading);
  neverTrue(agreement, logic, reading);
  if (!types) return;
  reachableTypes(types, logic, reading);
  const { accounts } = agreement;
  if (accounts) checkAccounts({ ...agreement, leadTypes: types, signals, accounts }, reading);
  checkExploration({ ...agreement, leadTypes: types }, logic, reading);
}

const anyBand = (["A", "B", "C", "D"] as const).map((band) => ({ band }));

/** What could be read of an agreement. */
type Readable = Partial<Agreement> & Pick<Agreement, "named">;

function isWhole(agreement: Readable): agreement is Agreement {
  const { accounts, suppress, checklist, fit, leadTypes: types, routing, answers } = agreement;
  return [accounts, suppress, checklist, fit, types, routing, answers].every(
    (section) => section !== undefined,
  );
}

function checkExploration(
  { exploration, leadTypes: types }: Pick<Agreement, "exploration" | "leadTypes">,
  logic: Logic,
  reading: Reading,
): void {
  if (exploration === undefined) return;
  if (!types.some(({ name }) => name === exploration.leadType))
    reading.report(
      "problems",
      "exploration.leadType",
      `expected a lead type (${types.map(({ name }) => name).join(", ")}), found ` +
        `"${exploration.leadType}"`,
    );
  const { when } = exploration;
  if (when === undefined) return;
  const taken = types.find((type) => logic.implies(when, type.when));
  if (taken)
    reading.report(
      "warnings",
      "exploration.when",
      `nobody is explored: whoever meets these conditions is handed off as "${taken.name}"`,
    );
}

/** Every condition of the agreement with the path at which to report it. */
function rules(agreement: Agreement): { path: string; when: Condition }[] {
  const territoryRules = (tree: readonly Territory[]): { path: string; when: Condition }[] =>
    tree.flatMap((one) => [
      ...(one.when ? [{ path: one.at, when: one.when }] : []),
      ...territoryRules(one.within),
    ]);
  return [
    ...agreement.suppress.map((one) => one.when),
    ...agreement.checklist.map((one) => one.when),
    ...agreement.fit.map((one) => one.when),
    ...agreement.leadTypes.map((one) => one.when),
    ...(agreement.exploration?.when ? [agreement.exploration.when] : []),
    ...(agreement.accounts ? [agreement.accounts.when] : []),
    ...agreement.routing.segments.map((one) => one.when),
    ...Object.values(agreement.answers.reasons).flatMap((one) => one.contradictedBy ?? []),
  ]
    .map((when) => ({ path: when.at, when }))
    .concat(territoryRules(agreement.routing.territories));
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

function circles(agreement: Readable, reading: Reading): boolean {
  const state = new Map<string, "open" | "done">();
  let found = false;
  const visit = (name: string): void => {
    const definition = Object.hasOwn(agreement.named, name) ? agreement.named[name] : undefined;
    if (!definition || state.get(name) === "done") return;
    if (state.get(name) === "open") {
      found = true;
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

function tooDeep(agreement: Agreement, reading: Reading): void {
  const known = new Map<string, number>();
  const depthOf = (condition: Condition): number => {
    if (condition.kind === "named") {
      const depth =
        known.get(condition.name) ??
        (Object.hasOwn(agreement.named, condition.name)
          ? depthOf(agreement.named[condition.name]!)
          : 1);
      known.set(condition.name, depth);
      return depth;
    }
    return "of" in condition && typeof condition.of === "object"
      ? 1 + Math.max(...condition.of.map(depthOf))
      : 1;
  };
  for (const { path, when } of rules(agreement)) {
    const depth = depthOf(when);
    if (depth > deepestCondition)
      reading.report(
        "problems",
        path,
        `expected at most ${deepestCondition} conditions inside each other, found ${depth} ` +
          "when names are unfolded",
      );
  }
}

function unusedNames(agreement: Agreement, reading: Reading): void {
  const used = new Set(
    [...rules(agreement).map((rule) => rule.when), ...Object.values(agreement.named)].flatMap(
      namesIn,
    ),
  );
  for (const [name, condition] of Object.entries(agreement.named)) {
    if (name !== "icp" && !used.has(name))
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
function bandRows(agreement: Pick<Agreement, "fit" | "bands">, reading: Reading): void {
  const least = (value: number | undefined) => value ?? -Infinity;
  const most = agreement.fit.reduce((sum, { points }) => sum + Math.max(0, points), 0);
  agreement.bands.forEach((row, i) => {
    const above = agreement.bands.findIndex(
      (other, j) =>
        j < i && least(other.fit) <= least(row.fit) && least(other.intent) <= least(row.intent),
    );
    if (above >= 0)
      reading.report(
        "problems",
        `bands[${i}]`,
        "expected a row that some lead can reach; whoever meets it already has band " +
          `${agreement.bands[above]!.band} by row ${above + 1}`,
      );
    else if (least(row.fit) > most)
      reading.report(
        "warnings",
        `bands[${i}]`,
        `expected a fit that some lead can have; all points under \`fit:\` are ${most} together`,
      );
  });
}

function reachableTypes(types: Agreement["leadTypes"], logic: Logic, reading: Reading): void {
  types.forEach((type, i) => {
    const path = `leadTypes[${i}]`;
    const twin = types.findIndex((other) => other.name === type.name);
    if (twin < i)
      reading.report(
        "problems",
        path,
        `expected a lead type name that stands once, found "${type.name}" again`,
      );
    if (logic.neverTrue(type.when))
      return reading.report(
        "problems",
        path,
        `expected a lead type that some lead can reach; the conditions of "${type.name}" ` +
          "exclude each other",
      );
    const above = types.slice(0, i).find((other) => logic.implies(type.when, other.when));
    if (above)
      reading.report(
        "problems",
        path,
        `expected a lead type that some lead can reach; every lead of "${type.name}" is ` +
          `already "${above.name}", which stands above it`,
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
      `expected one territory without \`when:\` among its siblings, found "${rests[0]!.name}" ` +
        `and "${rests[1]!.name}"`,
    );
  if (rests.length === 0 && covered) {
    reading.report(
      "warnings",
      tree[0]?.at ?? "routing",
      `no territory here takes the rest of the leads (one without \`when:\`); they go to the ` +
        `queue "${fallback}"`,
    );
  }
  for (const [i, one] of tree.entries()) {
    if (one.when && logic.neverTrue(both(chain, one.when)))
      reading.report(
        "problems",
        one.at,
        `expected a territory that some lead can reach; "${one.name}" excludes itself or what ` +
          "it lies in",
      );
    for (const other of tree.slice(0, i)) {
      const overlap =
        one.when && other.when && logic.bothPossible(both(chain, one.when), other.when);
      if (overlap)
        reading.report(
          "warnings",
          one.at,
          `"${one.name}" and "${other.name}" ` +
            `overlap${overlap.example ? ` (${overlap.example})` : ""}; such leads go to the one ` +
            `with the deeper match, or else to "${other.name}", which stands first`,
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
    then === "disqualify" ? [name] : [],
  );
  const known = ["lost", "won", "retired", ...disqualifying];
  for (const reason of Object.keys(returnClosed)) {
    if (!known.includes(reason))
      reading.report(
        "problems",
        joinPath("renurture.returnClosed", reason),
        `expected a closed reason (${known.join(", ")}), found "${reason}"`,
      );
  }
}

function statusBeforeOutreach(agreement: Readable, reading: Reading): void {
  const { calendars, clocks } = agreement;
  const rows = [
    ...(agreement.leadTypes ?? []).map((type, i) => ({ ...type, path: `leadTypes[${i}]` })),
    ...(agreement.accounts ? [{ ...agreement.accounts, path: "accounts" }] : []),
  ];
  for (const row of rows) {
    if (shorter(row.status, row.outreach))
      reading.report(
        "problems",
        joinPath(row.path, "status"),
        "expected a status target no shorter than the outreach target",
      );
    else if (
      calendars &&
      clocks &&
      row.status.kind !== row.outreach.kind &&
      endsEarlier({ calendars, clocks }, row)
    )
      reading.report(
        "problems",
        joinPath(row.path, "status"),
        "expected a status target that ends after the outreach target; by the agreement's " +
          `hours "${printTarget(row.status)}" ends before "${printTarget(row.outreach)}" for ` +
          "most leads",
      );
  }
}

/** Two weeks of every hour, without the holidays that most calendars have. */
const sampled = Array.from({ length: 14 * 24 }, (_, n) => Date.UTC(2026, 1, 9) + n * 3_600_000);

/** Whether for most leads that come within hours the status is due before the first outreach. */
function endsEarlier(
  agreement: Pick<Agreement, "calendars" | "clocks">,
  { status, outreach }: { readonly status: Target; readonly outreach: Target },
): boolean {
  const hours = compileApplied(appliedCalendar(agreement, null, null), sampled[0] ?? 0);
  const rule = { elapsedRoll: agreement.clocks.elapsedRoll };
  const open = sampled.filter((at) => isOpen(hours, at));
  const early = open.filter(
    (at) => dueAt(status, at, hours, rule) < dueAt(outreach, at, hours, rule),
  );
  return early.length * 2 > open.length;
}

/** Only targets of one kind can be compared without a calendar. */
function shorter(a: Target, b: Target): boolean {
  if ("ms" in a && "ms" in b) return a.kind === b.kind && a.ms < b.ms;
  return a.kind === "business-days" && b.kind === "business-days" && a.days < b.days;
}
