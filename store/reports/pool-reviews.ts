import { rateOf } from "../../handoff/reviews/figures.ts";
import { rows as select } from "../postgres/db.ts";
import { count, defineReport, rate, textColumn } from "./report.ts";

export const poolReviewsReport = defineReport({
  name: "pool-reviews",
  question: "Is the re-nurture pool reviewed, and in time?",
  period: "what happened in it",
  dimensions: [],
  readers: "both teams",
  metrics: [
    {
      name: "Review of the re-nurture pool",
      article: "pipeline",
      section: "re-nurture criteria",
      column: "onTimeRate",
    },
  ],
  columns: {
    review: textColumn("kind and period of a review that was opened in the period"),
    asked: count("leads that it asked about"),
    decided: rate("decided by then / asked"),
    onTimeRate: rate("decided before the review was due / asked"),
    kept: count("of these, kept"),
    returned: count("of these, returned"),
    retired: count("of these, retired"),
  },
  // A review in a quarter is one line: nothing to compare.
  picture: null,
  paragraph: {
    shares: [
      { of: "leads asked about", did: "were decided", rate: "decided" },
      { of: "leads asked about", did: "were decided in time", rate: "onTimeRate" },
    ],
    each: "review",
  },
  async rows(ask) {
    const found = await select<{
      review: string;
      asked: number;
      decided: number;
      in_time: number;
      kept: number;
      returned: number;
      retired: number;
    }>(ask.db, {
      values: [new Date(ask.from), new Date(ask.to), new Date(ask.asOf)],
      text: `
      select r.kind || ' ' || r.period as review, count(d.subject_id)::int as asked,
        (count(*) filter (where d.decided_at <= $3))::int as decided,
        (count(*) filter (where d.decided_at <= $3 and d.decided_at <= r.due_at))::int as in_time,
        (count(*) filter (where d.decided_at <= $3 and d.decision = 'keep'))::int as kept,
        (count(*) filter (where d.decided_at <= $3 and d.decision = 'return'))::int as returned,
        (count(*) filter (where d.decided_at <= $3 and d.decision = 'retire'))::int as retired
      from review r left join review_decision d on d.review_id = r.id
      where r.opened_at >= $1 and r.opened_at < $2 and r.opened_at <= $3
      group by r.id order by r.opened_at, r.id`,
    });
    return found.map((row) => ({
      review: row.review,
      asked: row.asked,
      decided: rateOf(row.decided, row.asked),
      onTimeRate: rateOf(row.in_time, row.asked),
      kept: row.kept,
      returned: row.returned,
      retired: row.retired,
    }));
  },
});
