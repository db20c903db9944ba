import { agreementOf } from "../../agreement/stored.ts";
import { clockAccounts, versionOfClock } from "../../handoff/clocks/account.ts";
import { printClockLedger } from "../../handoff/clocks/clock.ts";
import type { Pool } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { clocksOf, versionsOfClocks } from "../../store/process/clocks.ts";

/**
 * Every clock of a handoff as lines that can be checked by hand: the deadline in a sentence, and
 * each interval that was counted. `whose` names what was handed off: "the lead".
 */
export async function clocksInLines(
  pool: Pool,
  handoff: { readonly id: string; readonly agreement_id: string },
  whose: string,
): Promise<string[]> {
  const { clocks, calendars } = await clocksOf(pool, handoff.id, "every");
  const { agreement } = await createAgreements(agreementOf).version(pool, handoff.agreement_id);
  const versions = await versionsOfClocks(pool, handoff.id);
  const input = { clocks, calendars, now: Date.now() };
  return clockAccounts(agreement, input).flatMap(({ clock, account }) => {
    const { inWords, ledger } = account;
    const of = clock.repId === null ? whose : `${clock.repId}, offer ${clock.round}`;
    const lines = printClockLedger(ledger).split("\n");
    return [
      `  ${clock.kind} of ${of}, by ${versionOfClock(versions, account)}: ${inWords}`,
      ...lines.map((line) => `    ${line}`),
    ];
  });
}
