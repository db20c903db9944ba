import { rows as select } from "../postgres/db.ts";
import { filterSql, leadDimensions } from "./filters.ts";
import { knownSql } from "./known.ts";
import type { ReportAsk } from "./report.ts";

/** A lead arrives when it is told of, but for one of a history: that was told with its handoffs. */
const isHeardOf = `and (not l.imported or coalesce((select not bool_or(h.imported)
    or bool_or(${knownSql({ knowledge: "then" }, "h.mql_at", "h.mql_told_at")})
  from handoff h where h.subject_kind = 'lead' and h.subject_id = l.id), true))`;

/**
 * Runs a statement about rows of `lead l`; it is given the conditions, each beginning with `and`, and
 * the group. $1 is `from`, $2 `to`, $3 `asOf`.
 */
export async function ofLeads<T extends object>(
  ask: ReportAsk,
  statement: (where: string, group: string, values: unknown[]) => string,
): Promise<T[]> {
  const values: unknown[] = [new Date(ask.from), new Date(ask.to), new Date(ask.asOf)];
  const filters = filterSql(ask.filters, leadDimensions, values);
  const where = ask.knowledge === "then" ? `${filters} ${isHeardOf}` : filters;
  const group =
    ask.groupBy === null
      ? "null::text"
      : leadDimensions[ask.groupBy as keyof typeof leadDimensions];
  return select<T>(ask.db, { text: statement(where, group, values), values });
}
