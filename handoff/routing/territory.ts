import type { Agreement, Condition, Territory } from "../agreement.ts";
import type { Known, Scores, TraceLine } from "../qualify/condition.ts";
import { evaluator } from "../qualify/condition.ts";
import { tierRules } from "../accounts/tier.ts";
import { truths } from "../qualify/compiled.ts";
import { happenedBy } from "../qualify/engagements.ts";
import { scoresOf, scoresOn } from "../qualify/score.ts";

/**
 * One pool to look in, in the order of docs/routing.md: tier, segment, territory, then the territories
 * around it.
 */
export interface TerritoryStep {
  readonly pool: string;
  readonly via: "tier" | "segment" | "territory" | "parent";
  /** The language that the territory asks for; a language known of the lead goes before it. */
  readonly language: string | null;
  /**
   * Pools of the territories beside it, looked in first while this one sleeps, if the agreement
   * follows the sun.
   */
  readonly siblings: readonly string[];
}

/** Where a lead belongs by the agreement's routing rules. */
export interface TerritoryPlace {
  readonly territory: string | null;
  readonly segment: string | null;
  readonly steps: readonly TerritoryStep[];
  readonly trace: readonly TraceLine[];
}

/** Whether a condition is true. */
type Ask = (condition: Condition) => boolean;

/**
 * Finds segment and territory of a lead. A segment is the first whose condition holds. The
 * territory is the most specific one that holds: the deepest of the tree, the first in the file
 * among equals; one without a condition takes what those beside it left. A condition that is
 * unknown does not hold, and the trace says which fact was missing.
 */
export function placeOf(agreement: Agreement, { known, scores }: Evidence): TerritoryPlace {
  const trace: TraceLine[] = [];
  const judge = evaluator(known, agreement, scores);
  const place = placedBy(agreement, known.tier, (condition) => {
    const judged = judge(condition);
    trace.push(...judged.trace);
    return judged.result === true;
  });
  return { ...place, trace };
}

/** The pool that is looked in first, without the trace; null where there is none. */
export function firstPoolOf(agreement: Agreement, known: Known): string | null {
  const ground = { ...known, happened: happenedBy(known.engagements, known.now) };
  const scores = asksOf(agreement).scored ? { scores: scoresOn(agreement, ground) } : {};
  const ask = truths(agreement, { ...ground, ...scores });
  const { steps } = placedBy(agreement, known.tier, (condition) => ask(condition) === true);
  return steps[0]?.pool ?? null;
}

function placedBy(
  agreement: Agreement,
  tier: number | undefined,
  ask: Ask,
): Omit<TerritoryPlace, "trace"> {
  const { routing } = agreement;
  const segment = routing.segments.find((one) => ask(one.when));
  const path = deepest(routing.territories, ask);
  const pool = tierRules(agreement, tier)?.pool;
  const steps = [
    ...(pool === undefined ? [] : [{ pool, via: "tier" as const, language: null, siblings: [] }]),
    ...(segment
      ? [{ pool: segment.pool, via: "segment" as const, language: null, siblings: [] }]
      : []),
    ...territorySteps(routing.territories, path),
  ];
  const first = steps.filter((step, i) => steps.findIndex((one) => one.pool === step.pool) === i);
  return { territory: path.at(-1)?.name ?? null, segment: segment?.name ?? null, steps: first };
}

/** The path from the root to the most specific territory that holds; empty when none does. */
function deepest(siblings: readonly Territory[], ask: Ask): Territory[] {
  const holding = siblings.filter((one) => one.when !== undefined && ask(one.when));
  const matching = holding.length > 0 ? holding : siblings.filter((one) => one.when === undefined);
  const paths = matching.map((one) => [one, ...deepest(one.within, ask)]);
  return paths.reduce((best, path) => (path.length > best.length ? path : best), []);
}

/**
 * The leaf's pool, then those of the territories around it. A territory without a pool uses its
 * parent's.
 */
function territorySteps(roots: readonly Territory[], path: readonly Territory[]): TerritoryStep[] {
  const language = path.findLast((one) => one.language !== undefined)?.language ?? null;
  const steps = path.flatMap((territory, depth): Omit<TerritoryStep, "via">[] => {
    if (territory.pool === undefined) return [];
    const beside = depth === 0 ? roots : path[depth - 1]!.within;
    const siblings = beside.flatMap((one) =>
      one.pool === undefined || one.pool === territory.pool ? [] : [one.pool],
    );
    return [{ pool: territory.pool, language, siblings: [...new Set(siblings)] }];
  });
  return steps.reverse().map((step, i) => ({ ...step, via: i === 0 ? "territory" : "parent" }));
}

/** What the routing rules look at, and nothing else of the lead: it is stored with the decision. */
export interface Evidence {
  readonly known: Known;
  /** Only when a rule asks for score or band. */
  readonly scores?: Scores;
}

/** Reduces what is known of a lead to what the agreement's routing rules ask about. */
export function routingEvidence(agreement: Agreement, known: Known): Evidence {
  const { fields, engagements, scored } = asksOf(agreement);
  return {
    known: {
      facts: Object.fromEntries(Object.entries(known.facts).filter(([field]) => fields.has(field))),
      engagements: engagements ? known.engagements : [],
      now: known.now,
      ...(known.engaged === undefined ? {} : { engaged: known.engaged }),
      ...(tierRules(agreement, known.tier)?.pool === undefined ? {} : { tier: known.tier }),
    },
    ...(scored ? { scores: scoresOf(agreement, known) } : {}),
  };
}

interface Asks {
  readonly fields: ReadonlySet<string>;
  readonly engagements: boolean;
  readonly scored: boolean;
}

/** What the routing rules of an agreement ask about; an agreement does not change. */
function asksOf(agreement: Agreement): Asks {
  const known = asksKept.get(agreement);
  if (known) return known;
  const parts = routingConditions(agreement).flatMap((condition) => partsOf(agreement, condition));
  const asks: Asks = {
    fields: new Set(parts.flatMap((part) => (part.kind === "fact" ? [part.field] : []))),
    engagements: parts.some(
      (part) =>
        part.kind === "signal" ||
        part.kind === "meaningful" ||
        (part.kind === "derived" && part.of.startsWith("engagement.")),
    ),
    scored: parts.some((part) => part.kind === "derived" && !part.of.startsWith("engagement.")),
  };
  asksKept.set(agreement, asks);
  return asks;
}

const asksKept = new WeakMap<Agreement, Asks>();

function routingConditions(agreement: Agreement): Condition[] {
  const ofTree = (territories: readonly Territory[]): Condition[] =>
    territories.flatMap((one) => [...(one.when ? [one.when] : []), ...ofTree(one.within)]);
  return [
    ...agreement.routing.segments.map((one) => one.when),
    ...ofTree(agreement.routing.territories),
  ];
}

/** A condition and all its parts, names unfolded once each. */
function partsOf(
  agreement: Agreement,
  condition: Condition,
  seen = new Set<string>(),
): Condition[] {
  switch (condition.kind) {
    case "all":
    case "any":
    case "none":
      return [condition, ...condition.of.flatMap((part) => partsOf(agreement, part, seen))];
    case "named": {
      const definition = seen.has(condition.name) ? undefined : agreement.named[condition.name];
      seen.add(condition.name);
      return definition ? [condition, ...partsOf(agreement, definition, seen)] : [condition];
    }
    default:
      return [condition];
  }
}
