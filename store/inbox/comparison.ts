import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, sql, type Db, type Pool } from "../postgres/db.ts";

/** What one page of a comparison found. */
export interface ComparedPage {
  /** The comparison begins with it; one that was under way is given up. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly compared: number;
  /** Leads, and accounts, by id. */
  readonly withoutProcess: {
    readonly leads: readonly string[];
    readonly accounts: readonly string[];
  };
}

/** Adds a page to the comparison under way; the last page makes it the one that reports show. */
export async function noteCompared(pool: Pool, page: ComparedPage, now: Instant): Promise<void> {
  const { isFirst, isLast, compared, withoutProcess } = page;
  const leads = [...withoutProcess.leads];
  const accounts = [...withoutProcess.accounts];
  await inTransaction(pool, async (tx) => {
    await tx.query(sql`
      insert into process_comparison as c (state, at, compared, without_process, leads,
        accounts_without_process, accounts)
      values ('under-way', ${new Date(now)}, ${compared}, ${leads.length}::int,
        (${leads}::text[])[1:100], ${accounts.length}::int, (${accounts}::text[])[1:100])
      on conflict (state) do update set
        at = case when ${isFirst}::boolean then excluded.at else c.at end,
        compared = excluded.compared + case when ${isFirst}::boolean then 0 else c.compared end,
        without_process = excluded.without_process
          + case when ${isFirst}::boolean then 0 else c.without_process end,
        leads = case when ${isFirst}::boolean then excluded.leads
          else (c.leads || excluded.leads)[1:100] end,
        accounts_without_process = excluded.accounts_without_process
          + case when ${isFirst}::boolean then 0 else c.accounts_without_process end,
        accounts = case when ${isFirst}::boolean then excluded.accounts
          else (c.accounts || excluded.accounts)[1:100] end`);
    if (!isLast) return;
    await tx.query(sql`delete from process_comparison where state = 'done'`);
    await tx.query(sql`
      update process_comparison set state = 'done' where state = 'under-way'`);
  });
}

/** The last whole comparison; undefined before the first one. */
export function lastComparison(db: Db): Promise<
  | {
      readonly at: Date;
      readonly compared: number;
      readonly withoutProcess: number;
      readonly leads: readonly string[];
      readonly accountsWithoutProcess: number;
      readonly accounts: readonly string[];
    }
  | undefined
> {
  return firstRow(
    db,
    sql`
    select at, compared, without_process as "withoutProcess", leads,
      accounts_without_process as "accountsWithoutProcess", accounts from process_comparison
    where state = 'done'`,
  );
}
