import type { Logger } from "pino";
import type { Instant } from "../handoff/time/calendar.ts";
import { lookAtAccounts } from "../store/accounts/look.ts";
import { lastAccountRecount, recountAccounts } from "../store/accounts/recount.ts";
import type { Agreements } from "../store/process/agreements.ts";
import type { Pool } from "../store/postgres/db.ts";
import type { Pace } from "../store/postgres/pace.ts";
import { inSteps, recountEveryMs, upkeepPace } from "./upkeep.ts";

export interface AccountsDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly clock: () => Instant;
  readonly log: Pick<Logger, "error">;
  readonly pace?: Pace;
}

/** So many steps a round; what is left waits for the next one. */
const mostSteps = 200;

/** Judges the accounts of which there is news or whose time has come. */
export async function keepAccounts({ pace = upkeepPace(), ...deps }: AccountsDeps): Promise<void> {
  await inSteps(mostSteps, pace, async () => (await lookAtAccounts(deps, deps.clock())).isMore);
}

/**
 * Once a day compares all accounts with a count of everything. Accounts are flagged meanwhile: it is
 * a round of its own.
 */
export async function proveAccounts({ pace = upkeepPace(), ...deps }: AccountsDeps): Promise<void> {
  const { pool, clock, log } = deps;
  const last = await lastAccountRecount(pool);
  if (last && clock() - last.at.getTime() < recountEveryMs) return;
  const { differences, isRecorded } = await recountAccounts(deps, clock, pace);
  if (isRecorded && differences.length > 0)
    log.error(
      { differences: differences.length, detail: differences.slice(0, 20) },
      "accounts were not as their engagements say; made anew",
    );
}
