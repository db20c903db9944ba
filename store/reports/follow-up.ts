import { rateOf } from "../../handoff/reviews/figures.ts";
import { ofEverySubject, n } from "./cohort.ts";
import { byGroup, foldedCohort, meanOf } from "./fold.ts";
import { count, defineReport, group, hours, numberColumn, rate, type Fold } from "./report.ts";

const attempts: Fold = {
  name: "follow-up",
  where: "not imported",
  by: ["agreement_id", "tried"],
  sums: {
    offered: n("offered_at is not null"),
    unreached: n(
      "sal_at is not null and connected_at is null and meeting_at is null and sql_at is null",
    ),
  },
};
const logging: Fold = {
  name: "follow-up, logging",
  from: "h, unnest(h.hours_to_log) as hours",
  sums: {},
  percentiles: { to_log: [0.5, "hours"], to_log90: [0.9, "hours"] },
};

export const followUpReport = defineReport({
  name: "follow-up",
  question: "Is the work on handed-off leads done and logged?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "Follow-up activity completion",
      article: "criteria",
      section: "Pipeline velocity and stage aging",
      column: "completion",
    },
    {
      name: "Activity logging rate",
      article: "criteria",
      section: "Data quality metrics that affect reporting",
      column: "loggingRate",
    },
    {
      name: "CRM update timeliness",
      article: "criteria",
      section: "SLA compliance as a handoff quality metric",
      column: "medianToLog",
    },
    {
      name: "Required number of outreach attempts",
      article: "pipeline",
      section: "re-nurture criteria",
      column: "meanAttempts",
    },
  ],
  columns: {
    group,
    handedOff: count(
      "handoffs that were put before a rep; imported ones left out, as attempts of them are " +
        "not recorded",
    ),
    loggingRate: rate("handoffs with an outreach logged / handed off"),
    completion: rate(
      "required attempts logged / required, over accepted leads nobody has reached; more than " +
        "required count as required",
    ),
    meanAttempts: numberColumn("mean attempts logged by handoff that was handed off"),
    medianToLog: hours("median hours from an outreach to when it was told"),
    p90ToLog: hours("nine of ten outreaches were told within so many hours"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "outreach logged", rate: "loggingRate" },
      { title: "attempts made", rate: "completion" },
      { title: "outreach to record", median: "medianToLog", p90: "p90ToLog" },
    ],
  },
  paragraph: {
    shares: [
      { of: "leads handed off", did: "had an outreach logged", rate: "loggingRate" },
      { of: "required attempts", did: "were logged", rate: "completion" },
    ],
  },
  folds: [attempts, logging],
  async rows(ask) {
    const found = await foldedCohort<Attempts>(ask, attempts);
    const required = new Map<string, number>();
    // Of each version once, one behind the other: a report takes one connection.
    for (const id of new Set(found.map(({ agreement_id }) => agreement_id)))
      required.set(id, (await ask.agreements.version(ask.db, id)).agreement.working.attempts);
    const late = await foldedCohort<{
      g: string | null;
      to_log: number | null;
      to_log90: number | null;
    }>(ask, logging);
    return [...new Set(found.map(({ g }) => g))].sort(byGroup).map((g) => {
      const here = found.filter((row) => row.g === g);
      const sum = (of: (row: Attempts) => number) => here.reduce((all, row) => all + of(row), 0);
      const needed = ({ agreement_id }: Attempts) => required.get(agreement_id) ?? 0;
      const offered = sum((row) => row.offered);
      const logged = late.find((row) => row.g === g);
      return {
        group: g,
        handedOff: offered,
        loggingRate: rateOf(
          sum((row) => (row.tried > 0 ? row.offered : 0)),
          offered,
        ),
        completion: rateOf(
          sum((row) => row.unreached * Math.min(row.tried, needed(row))),
          sum((row) => row.unreached * needed(row)),
        ),
        meanAttempts: meanOf(
          sum((row) => row.offered * row.tried),
          offered,
        ),
        medianToLog: logged?.to_log ?? null,
        p90ToLog: logged?.to_log90 ?? null,
      };
    });
  },
});

/** Handoffs of one version with so many outreaches. */
interface Attempts {
  readonly g: string | null;
  readonly agreement_id: string;
  readonly tried: number;
  readonly offered: number;
  readonly unreached: number;
}
