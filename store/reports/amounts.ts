import { ofCohort } from "./cohort.ts";
import { knownSql } from "./known.ts";
import type { Money, ReportAsk } from "./report.ts";

interface Amounts {
  readonly pipeline: Money | null;
  readonly won: Money | null;
}

/**
 * The amounts of the cohort's opportunities by currency, as each stood at `asOf`: a deal of two
 * currencies is none of one, so they are never added up. `by`: columns of `h`.
 */
function amounts(ask: ReportAsk, by: string): string {
  return `select ${by}, jsonb_agg(jsonb_build_object('currency', currency, 'amountMinor', amount)
      order by currency) as pipeline,
    jsonb_agg(jsonb_build_object('currency', currency, 'amountMinor', won) order by currency)
      filter (where won is not null) as won
    from (select ${by}, last.currency, sum(last.amount_minor)::bigint as amount,
        (sum(last.amount_minor) filter (where last.stage = 'won'))::bigint as won
      from h join opportunity o on o.handoff_id = h.id
      join lateral (select s.stage, s.amount_minor, s.currency from opportunity_stage s
        where s.opportunity_id = o.id and ${knownSql(ask, "s.happened_at", "s.told_at")}
        order by s.happened_at desc, s.told_at desc limit 1) last on last.amount_minor is not null
      group by ${by}, last.currency) sums
    group by ${by}`;
}

/** The amounts by line; a line without any is missing. */
export function amountsOf<T extends object>(ask: ReportAsk, by: string): Promise<(T & Amounts)[]> {
  return ofCohort(ask, amounts(ask, by));
}
