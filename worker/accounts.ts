import type { Logger } from "pino";
import type { Instant } from "../handoff/time/calendar.ts";
import { lookAtAccounts } from "../store/accounts/look.ts";
import { lastAccountRecount, recountAccounts } from "../store/accounts/recount.ts";
import type { Agreements } from "../store/process/agreements.ts";
import type { Pool } from "../store/postgres/db.ts";

export interface AccountsDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly clock: () => Instant;
  readonly log: Pick<Logger, "error">;
}

/** So many steps a round; what is left waits for the next one. */
const mostSteps = 200;
const recountEveryMs = 24 * 3_600_000;

/**
 * Judges the accounts of which there is news or whose time has come, and once a day compares all
 * with a count of everything.
 */
export async function keepAccounts(deps: AccountsDeps): Promise<void> {
  const { pool, clock, log } = deps;
  for (let step = 0; step < mostSteps && (await lookAtAccounts(deps, clock())).isMore; step += 1);
  const last = await lastAccountRecount(pool);
  if (last && clock() - last.at.getTime() < recountEveryMs) return;
  const { differences } = await recountAccounts(deps, clock());
  if (differences.length > 0)
    log.error(
      { differences: differences.length, detail: differences.slice(0, 20) },
      "accounts were not as their engagements say; made anew",
    );
}
