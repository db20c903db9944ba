import { rateOf } from "../../handoff/reviews/figures.ts";
import { daysBetween, everyDimension, n } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { count, days, defineReport, group, leads, rate, textColumn, type Fold } from "./report.ts";

const hasReturned = "left_to = 'mql'";
const isThere = "left_at is null";

const entries: Fold = {
  name: "renurture",
  of: "pool entries",
  from: `(select h.*, coalesce(case when outcome like 'rejected: %'
    then substr(outcome, length('rejected: ') + 1) else outcome end, because) as reason from h) h`,
  by: ["reason"],
  sums: {
    entered: "count(*)::int",
    there: n(isThere),
    returned: n(hasReturned),
    retired: n("left_to = 'disqualified'"),
    accepted_again: n("again"),
  },
  percentiles: {
    to_return: [0.5, `case when ${hasReturned} then ${daysBetween("mql_at", "left_at")} end`],
    // Half of them are younger than the median as half came after it: so it needs no asOf.
    since: [0.5, `case when ${isThere} then date_part('epoch', mql_at) end`],
  },
  leads: { leads: isThere },
};

export const renurtureReport = defineReport({
  name: "renurture",
  question: "Does what goes to the re-nurture pool come back, and is it accepted then?",
  period: "what happened in it",
  dimensions: everyDimension,
  readers: "both teams",
  metrics: [
    {
      name: "Re-nurture pool as an active segment",
      article: "pipeline",
      section: "re-nurture criteria",
      column: "returned",
    },
    {
      name: "Acceptance in a later cycle",
      article: "pipeline",
      section: "re-nurture criteria",
      column: "acceptedAgain",
    },
  ],
  columns: {
    group,
    reason: textColumn("why the handoff ended in the pool"),
    entered: count("handoffs that went to the pool in the period"),
    stillThere: count("of these, in the pool then"),
    returned: rate("began another cycle by then / entered"),
    retired: count("of these, retired or suppressed by then"),
    acceptedAgain: rate("accepted in the next cycle / returned"),
    medianToReturn: days("median days from the pool to the next cycle"),
    medianAge: days("median days in the pool of those that are still there"),
    leads,
  },
  picture: {
    kind: "panels",
    of: ["reason"],
    panels: [
      { title: "entered", count: "entered" },
      { title: "came back", rate: "returned" },
      { title: "accepted again", rate: "acceptedAgain" },
    ],
  },
  paragraph: {
    shares: [
      { of: "leads that went to the pool", did: "came back", rate: "returned" },
      { of: "leads that came back", did: "were accepted", rate: "acceptedAgain" },
    ],
    each: "reason",
  },
  folds: [entries],
  async rows(ask) {
    const found = await foldedCohort<{
      g: string | null;
      reason: string;
      entered: number;
      there: number;
      returned: number;
      retired: number;
      accepted_again: number;
      to_return: number | null;
      since: number | null;
      leads: string[] | null;
    }>(ask, entries);
    found.sort((a, b) => byGroup(a.g, b.g) || b.entered - a.entered || byGroup(a.reason, b.reason));
    return found.map((row) => ({
      group: row.g,
      reason: row.reason,
      entered: row.entered,
      stillThere: row.there,
      returned: rateOf(row.returned, row.entered),
      retired: row.retired,
      acceptedAgain: rateOf(row.accepted_again, row.returned),
      medianToReturn: row.to_return,
      medianAge: row.since === null ? null : (ask.asOf / 1_000 - row.since) / 86_400,
      leads: row.leads ?? [],
    }));
  },
});
