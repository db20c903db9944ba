import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, everyDimension, n, stalledAfter, stalledDays } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, days, defineReport, group, rate, textColumn, type Fold } from "./report.ts";

const stages = ["mql", "sal", "sql", "opportunity", "renurture"] as const;

/**
 * Of each stage, beside those of the others: to group by the stage Postgres would sort all stays.
 * `changed`: when something was last told of it.
 */
function figuresOf(
  here: readonly (typeof stages)[number][],
  changed: string,
): Pick<Fold, "sums" | "percentiles"> {
  const each = <T>(of: (stage: string, is: string) => Record<string, T>): Record<string, T> =>
    Object.assign({}, ...here.map((stage) => of(stage, `stage = '${stage}'`))) as Record<string, T>;
  return {
    sums: each((stage, is) => ({
      [`${stage}_entered`]: n(is),
      [`${stage}_left`]: n(`${is} and until is not null`),
      [`${stage}_stalled`]: n(
        `${is} and until is null and ${changed} < $3::timestamptz - ${stalledAfter}`,
      ),
    })),
    percentiles: each((stage, is) => {
      const stayed = `case when ${is} then ${daysBetween("mql_at", "until")} end`;
      return {
        [`${stage}_median`]: [0.5, stayed] as const,
        [`${stage}_p90`]: [0.9, stayed] as const,
      };
    }),
  };
}

const stays: Fold = {
  name: "stages",
  of: "stays",
  ...figuresOf(["mql", "sal", "sql", "renurture"], "mql_at"),
};
const deals: Fold = {
  name: "stages, opportunities",
  of: "opportunities",
  from: "(select h.*, 'opportunity' as stage from h) h",
  ...figuresOf(["opportunity"], "coalesce(changed_at, mql_at)"),
};

export const stageTimesReport = defineReport({
  name: "stages",
  question: "Where do leads and opportunities stay too long?",
  period: "what happened in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Stage duration",
      article: "criteria",
      section: "Pipeline velocity and stage aging",
      column: "medianDays",
    },
    {
      name: "Stalled opportunity rate",
      article: "criteria",
      section: "Pipeline velocity and stage aging",
      column: "stalledRate",
    },
  ],
  columns: {
    group,
    stage: textColumn(
      "mql, sal, sql, renurture; opportunity: an opportunity that is open in the CRM",
    ),
    entered: count("times it was entered in the period"),
    left: count("of these, left by then"),
    medianDays: days("median days in it, of those that left"),
    p90Days: days("nine of ten that left stayed at most so long"),
    stalledRate: rate(
      `still there then and longer than ${stalledDays} days without a change / still there`,
    ),
  },
  picture: {
    kind: "panels",
    of: ["stage"],
    panels: [
      { title: "days in it, of those that left", median: "medianDays", p90: "p90Days" },
      { title: "stalled, of those still there", rate: "stalledRate" },
    ],
  },
  paragraph: {
    shares: [
      {
        of: "cases still there",
        did: "were longer than 14 days without a change",
        rate: "stalledRate",
      },
    ],
    split: "stage",
  },
  folds: [stays, deals],
  async rows(ask) {
    const moved = await foldedCohort<Line>(ask, stays);
    const dealt = await foldedCohort<Line>(ask, deals);
    const groups = [...new Set([...moved, ...dealt].map(({ g }) => g))].sort(byGroup);
    return groups.flatMap((g) =>
      stages.flatMap((stage) => {
        const row = (stage === "opportunity" ? dealt : moved).find((one) => one.g === g);
        const of = (what: string) => row?.[`${stage}_${what}`] ?? 0;
        if (of("entered") === 0) return [];
        return {
          group: g,
          stage,
          entered: of("entered"),
          left: of("left"),
          medianDays: row?.[`${stage}_median`] ?? null,
          p90Days: row?.[`${stage}_p90`] ?? null,
          stalledRate: rateOf(of("stalled"), of("entered") - of("left")),
        };
      }),
    );
  },
});

type Line = Readonly<Record<string, number | null>> & { readonly g: string | null };
