import type { Agreement, RulePath } from "../../handoff/agreement.ts";
import { isImmature, rateOf, type Rate } from "../../handoff/reviews/figures.ts";
import { liesBelow, namedRates, shortRate } from "../../handoff/reviews/paragraph.ts";
import {
  placesByKey,
  ruleKey,
  ruleName,
  rulesOf,
  type Rule,
  type RuleKind,
} from "../../handoff/reviews/rules.ts";
import { counted, enumerated } from "../../handoff/reviews/words.ts";
import { everyDimension, n, secondsToDecide } from "./cohort.ts";
import { ageOf, byGroup, foldedCohort } from "./fold.ts";
import { leadDimensions } from "./filters.ts";
import { ofLeads } from "./leads.ts";
import { said, sentences, youngSentence, type Telling } from "./paragraph.ts";
import {
  count,
  defineReport,
  flag,
  group,
  numberColumn,
  rate,
  textColumn,
  type ReportAsk,
  type Fold,
} from "./report.ts";

/** Few different sets of rules hold for many handoffs, so they are counted by set first. */
const sets: Fold = {
  name: "criteria",
  by: ["agreement_id", "held", "lead_type", "band"],
  sums: {
    handoffs: "count(*)::int",
    offered: n("offered_at is not null"),
    sal: n("offered_at is not null and sal_at is not null"),
    sql: n("offered_at is not null and sql_at is not null"),
    opportunity: n("offered_at is not null and opportunity_at is not null"),
  },
};
const ages: Fold = {
  name: "criteria, age",
  sums: {},
  percentiles: { nine_of_ten: [0.9, secondsToDecide] },
  isAged: true,
};

export const criteriaReport = defineReport({
  name: "criteria",
  question: "What did every rule of the agreement let through, and how did that do?",
  period: "handoffs that began in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Quarterly MQL criteria review",
      article: "pipeline",
      section: "continuous improvement",
      column: "qualifiedRate",
    },
  ],
  columns: {
    group,
    kind: textColumn(
      "required field, suppression, condition, checklist, fit points, band or lead type",
    ),
    rule: textColumn(
      "its name: where it stands in the agreement; for points, which have no name, what they are for",
    ),
    letThrough: count(
      "handoffs under versions with this rule for which it held when they began; for a " +
        "required field and a suppression those that passed it, which are all",
    ),
    stopped: numberColumn(
      "leads that a suppression ended, or that waited for a required field, in the period; " +
        "empty for other rules, and where the question is about what leads do not record",
    ),
    acceptanceRate: rate("handed off with it and accepted (SAL) / handed off with it"),
    qualifiedRate: rate("handed off with it and qualified (SQL) / handed off with it"),
    opportunityRate: rate("handed off with it and became an opportunity / handed off with it"),
    qualifiedOtherwise: rate(
      "qualified (SQL) / handed off, of handoffs under versions with this rule for which it " +
        "did not hold",
    ),
    isCompared: flag("there are handoffs for which it held, and others for which it did not"),
    isWorse: flag("qualifies less than the handoffs without it: the intervals lie apart"),
    isImmature: flag("the cohort is younger than what nine of ten decided handoffs took"),
  },
  picture: {
    kind: "panels",
    of: ["rule"],
    panels: [
      { title: "handoffs let through", count: "letThrough" },
      { title: "accepted (SAL)", rate: "acceptanceRate" },
      { title: "qualified (SQL)", rate: "qualifiedRate" },
      { title: "SQL without it", rate: "qualifiedOtherwise" },
    ],
    drawnWhere: "isCompared",
    notes: { isWorse: "worse than without it" },
  },
  paragraph: { tell: (told) => sentences(worseSentence(told), youngSentence(told.rows)) },
  folds: [sets, ages],
  async rows(ask) {
    const counted = await foldedCohort<OfSet>(ask, sets);
    const versions = await versionsOf(ask, counted);
    const found = await heldCounts(ask, counted, versions);
    const stopped = await stoppedLeads(ask);
    const groups = [...new Set(found.map(({ g }) => g))];
    if (groups.length === 0 && ask.groupBy === null) groups.push(null);
    const rules = allRules(versions);
    return groups.flatMap((g) => {
      const here = found.filter((row) => row.g === g);
      const all = here.find(({ agreement_id: id }) => id === null);
      const young = isImmature(all?.youngest ?? null, all?.nine_of_ten ?? null);
      return rules.map((one) =>
        lineOf(one, g, {
          under: here.filter(({ agreement_id: id }) => hasRule(versions.get(id ?? ""), one)),
          stopped: stopped?.get(JSON.stringify([g, one.key])) ?? (stopped === null ? null : 0),
          isYoung: young,
        }),
      );
    });
  },
});

interface Tally {
  readonly handoffs: number;
  readonly offered: number;
  readonly sal: number;
  readonly sql: number;
  readonly opportunity: number;
}

interface Found extends Tally {
  readonly g: string | null;
  /** Null: of all versions, which alone tell how old the cohort is. */
  readonly agreement_id: string | null;
  /** By its key. Null: of all handoffs whose rules are recorded. */
  readonly rule: string | null;
  /** Of all handoffs, whether their rules are recorded or not. */
  readonly is_every: boolean;
  readonly youngest: number | null;
  readonly nine_of_ten: number | null;
}

interface OfSet extends Tally {
  readonly g: string | null;
  readonly agreement_id: string;
  readonly held: readonly string[] | null;
  readonly lead_type: string | null;
  readonly band: string | null;
}

/** By version and rule: the handoffs for which it held, and beside them all of the version. */
async function heldCounts(
  ask: ReportAsk,
  counted: readonly OfSet[],
  versions: Versions,
): Promise<Found[]> {
  const age = await foldedCohort<Pick<Found, "g" | "youngest" | "nine_of_ten">>(ask, ages);
  const ageOfGroup = new Map(age.map((row) => [row.g, row]));
  const found = new Map<string, Found>();
  for (const { g, agreement_id, held, lead_type, band, ...tally } of counted) {
    const add = (version: string | null, rule: string | null, is_every: boolean) => {
      const key = JSON.stringify([g, version, rule, is_every]);
      const before = found.get(key);
      found.set(key, {
        g,
        agreement_id: version,
        rule,
        is_every,
        handoffs: (before?.handoffs ?? 0) + tally.handoffs,
        offered: (before?.offered ?? 0) + tally.offered,
        sal: (before?.sal ?? 0) + tally.sal,
        sql: (before?.sql ?? 0) + tally.sql,
        opportunity: (before?.opportunity ?? 0) + tally.opportunity,
        youngest: ageOf(ask, ageOfGroup.get(g)?.youngest),
        nine_of_ten: ageOfGroup.get(g)?.nine_of_ten ?? null,
      });
    };
    add(null, null, true);
    add(agreement_id, null, true);
    if (held !== null) add(agreement_id, null, false);
    for (const rule of keysOf(versions.get(agreement_id), held ?? []))
      add(agreement_id, rule, false);
    if (lead_type !== null) add(agreement_id, `leadTypes: ${lead_type}`, false);
    if (band !== null) add(agreement_id, `band: ${band}`, false);
  }
  return [...found.values()].sort((a, b) => byGroup(a.g, b.g));
}

/** The rules that stand at these places of a version, by key, each once. */
function keysOf(version: Version | undefined, places: readonly RulePath[]): ReadonlySet<string> {
  return new Set(
    [...(version?.places ?? [])].flatMap(([key, own]) =>
      own.some((at) => places.includes(at)) ? [key] : [],
    ),
  );
}

interface Version {
  readonly agreement: Agreement;
  readonly places: ReadonlyMap<string, readonly RulePath[]>;
}
type Versions = ReadonlyMap<string, Version>;

/**
 * The active version, for its rules are listed too and in its words, and those under which the
 * handoffs were judged.
 */
async function versionsOf(ask: ReportAsk, counted: readonly OfSet[]): Promise<Versions> {
  const versions = new Map<string, Version>();
  const add = (id: string, agreement: Agreement) =>
    versions.set(id, { agreement, places: placesByKey(agreement) });
  const active = await ask.agreements.active(ask.db);
  if (active && ask.filters.agreement === undefined) add(active.id, active.agreement);
  // Of each version once, one behind the other: a report takes one connection.
  for (const id of new Set(counted.map(({ agreement_id }) => agreement_id)))
    if (!versions.has(id)) add(id, (await ask.agreements.version(ask.db, id)).agreement);
  return versions;
}

/** What lets leads through comes before what keeps them out. */
const kindOrder: readonly RuleKind[] = [
  "lead type",
  "band",
  "condition",
  "checklist",
  "fit points",
  "suppression",
  "required field",
];

interface Named extends Pick<Rule, "kind"> {
  readonly key: string;
  readonly name: string;
}

/** The rules of several versions, each once. */
function allRules(versions: Versions): readonly Named[] {
  const byKey = new Map<string, Named>();
  for (const { agreement } of versions.values())
    for (const rule of rulesOf(agreement)) {
      const key = ruleKey(rule);
      if (!byKey.has(key))
        byKey.set(key, { kind: rule.kind, key, name: ruleName(rule, agreement) });
    }
  return kindOrder.flatMap((kind) => [...byKey.values()].filter((one) => one.kind === kind));
}

const hasRule = (version: Version | undefined, { key }: Named): boolean =>
  version?.places.has(key) === true;

interface LineParts {
  /** What was counted under the versions that have the rule. */
  readonly under: readonly Found[];
  readonly stopped: number | null;
  readonly isYoung: boolean;
}

function lineOf(
  { kind, key, name }: Named,
  g: string | null,
  { under, stopped, isYoung }: LineParts,
) {
  const keepsOut = kind === "suppression" || kind === "required field";
  const isOnHandoff = kind === "lead type" || kind === "band";
  const sum = (rows: readonly Found[], of: keyof Tally) =>
    rows.reduce((all, row) => all + row[of], 0);
  // Lead type and band are known of every handoff that was judged; the others where recorded.
  const everything = under.filter(({ rule, is_every }) => rule === null && is_every);
  const recorded = isOnHandoff
    ? everything
    : under.filter(({ rule, is_every }) => rule === null && !is_every);
  const held = keepsOut ? everything : under.filter(({ rule }) => rule === key);
  const [offered, sql] = [sum(held, "offered"), sum(held, "sql")];
  const qualifiedRate = rateOf(sql, offered);
  const qualifiedOtherwise = keepsOut
    ? rateOf(0, 0)
    : rateOf(sum(recorded, "sql") - sql, sum(recorded, "offered") - offered);
  return {
    group: g,
    kind,
    rule: name,
    letThrough: sum(held, "handoffs"),
    stopped: keepsOut ? stopped : null,
    acceptanceRate: rateOf(sum(held, "sal"), offered),
    qualifiedRate,
    opportunityRate: rateOf(sum(held, "opportunity"), offered),
    qualifiedOtherwise,
    isCompared: qualifiedRate.denominator > 0 && qualifiedOtherwise.denominator > 0,
    isWorse:
      !qualifiedRate.isSmall &&
      !qualifiedOtherwise.isSmall &&
      liesBelow(qualifiedRate, qualifiedOtherwise),
    isImmature: isYoung,
  };
}

/**
 * Leads that a suppression ended or that waited for a required field, by group and rule; null where
 * the question asks for something that leads do not record.
 */
async function stoppedLeads(ask: ReportAsk): Promise<Map<string, number> | null> {
  const about = [...Object.keys(ask.filters), ...(ask.groupBy === null ? [] : [ask.groupBy])];
  if (ask.repIds !== null || !about.every((name) => Object.hasOwn(leadDimensions, name)))
    return null;
  const found = await ofLeads<{ g: string | null; rule: string; leads: number }>(
    ask,
    (where, g) => `
    select ${g} as g, rule, count(distinct l.id)::int as leads from lead l join (
      select subject_id, 'suppress: ' || substr(because, length('suppressed: ') + 1) as rule
        from transition where subject_kind = 'lead' and to_stage = 'disqualified'
          and because like 'suppressed: %' and at >= $1 and at < $2 and at <= $3
      union all
      select t.subject_id, 'requiredFields: ' || (one ->> 'field')
        from task t, jsonb_array_elements(coalesce(t.detail -> 'missing', '[]')) as one
        where t.kind = 'fix-data' and t.subject_kind = 'lead' and t.since >= $1 and t.since < $2
          and t.since <= $3) stopped on stopped.subject_id = l.id
    where true${where} group by 1, 2`,
  );
  return new Map(found.map(({ g, rule, leads }) => [JSON.stringify([g, rule]), leads]));
}

type Line = Omit<ReturnType<typeof lineOf>, "kind" | "rule"> & {
  readonly kind: string | null;
  readonly rule: string | null;
};

/** Which rules let through what does worse than the rest, and which nobody came through. */
function worseSentence({ rows, groupBy }: Telling<Line>): string {
  const name = ({ rule, group: of }: Line) =>
    groupBy === null ? said(rule) : `${said(rule)} in ${said(of)}`;
  const positive = rows.filter(({ kind }) => kind !== "suppression" && kind !== "required field");
  const worse = positive.filter(({ isWorse }) => isWorse);
  const better = positive.filter(
    (row) => isLarge(row) && liesBelow(row.qualifiedOtherwise, row.qualifiedRate),
  );
  const unused = positive.filter(({ letThrough }) => letThrough === 0);
  const stopped = rows.filter((row) => (row.stopped ?? 0) > 0);
  if (stopped.length === 0 && unused.length === positive.length) return "";
  return sentences(
    worse.length === 0
      ? positive.some(({ isCompared }) => isCompared)
        ? "No rule lets through what qualifies less than the rest."
        : "No rule can be compared with the rest."
      : `Qualifies less where it holds than where it does not: ${enumerated(
          worse
            .slice(0, 4)
            .map(
              (row) =>
                `${name(row)} (${shortRate(row.qualifiedRate)}; without it ` +
                `${shortRate(row.qualifiedOtherwise)})`,
            ),
        )}.`,
    better.length === 0
      ? ""
      : `More: ${namedRates(
          better.map((row) => ({ name: name(row), rate: row.qualifiedRate })),
          -1,
        )}.`,
    unused.length === 0 ? "" : `Nobody came by ${enumerated(unused.slice(0, 4).map(name))}.`,
    stopped.length === 0
      ? ""
      : `Kept out: ${enumerated(stopped.slice(0, 4).map((row) => `${counted(row.stopped ?? 0, "lead")} by ${name(row)}`))}.`,
  );
}

const isLarge = (row: { readonly qualifiedRate: Rate; readonly qualifiedOtherwise: Rate }) =>
  !row.qualifiedRate.isSmall && !row.qualifiedOtherwise.isSmall;
