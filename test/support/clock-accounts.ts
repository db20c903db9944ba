import { agreementOf } from "../../agreement/stored.ts";
import { clockAccounts } from "../../handoff/clocks/account.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, sql, type Pool } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { clocksOf } from "../../store/process/clocks.ts";

/**
 * Adds up what each clock counted, interval by interval, since it began or began again. Gives how
 * many clocks there are, and a sentence for each whose sum is not what it says was used.
 */
export async function sumsOfClocks(
  pool: Pool,
  now: Instant,
): Promise<{ checked: number; differences: string[] }> {
  const agreements = createAgreements(agreementOf);
  const handoffs = await rows<{ id: string; agreement_id: string }>(
    pool,
    sql`select id, agreement_id from handoff order by id`,
  );
  const differences: string[] = [];
  let checked = 0;
  for (const { id, agreement_id } of handoffs) {
    const { clocks, calendars } = await clocksOf(pool, id, "every");
    const { agreement } = await agreements.version(pool, agreement_id);
    for (const { clock, account } of clockAccounts(agreement, { clocks, calendars, now })) {
      let sum = 0;
      for (const row of account.ledger) {
        if (row.kind === "restarted") sum = 0;
        if (row.kind === "counted") sum += row.to - row.from;
      }
      checked += 1;
      if (sum !== account.view.usedMs)
        differences.push(`${clock.id}: counted ${sum} ms, used ${account.view.usedMs} ms`);
    }
  }
  return { checked, differences };
}
