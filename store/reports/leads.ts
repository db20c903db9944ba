import { rows as select } from "../postgres/db.ts";
import { filterSql, leadDimensions } from "./filters.ts";
import type { ReportAsk } from "./report.ts";

/**
 * Runs a statement about rows of `lead l`; it is given the filters, each beginning with `and`, and
 * the group. $1 is `from`, $2 `to`, $3 `asOf`.
 */
export async function ofLeads<T extends object>(
  ask: ReportAsk,
  statement: (where: string, group: string, values: unknown[]) => string,
): Promise<T[]> {
  const values: unknown[] = [new Date(ask.from), new Date(ask.to), new Date(ask.asOf)];
  const where = filterSql(ask.filters, leadDimensions, values);
  const group =
    ask.groupBy === null
      ? "null::text"
      : leadDimensions[ask.groupBy as keyof typeof leadDimensions];
  return select<T>(ask.db, { text: statement(where, group, values), values });
}
