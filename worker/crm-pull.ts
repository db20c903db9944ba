import type { Logger } from "pino";
import { connectionOf, type CrmPort } from "../crm/crm.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import { changePayload } from "../store/inbox/crm-change.ts";
import { readCursor, saveCursor } from "../store/effects/crm-links.ts";
import { inTransaction, type Pool } from "../store/postgres/db.ts";
import { receive } from "../store/inbox/inbox.ts";
import { allOwnWork, type OwnWork } from "./current-version.ts";
import { every } from "./every.ts";
import type { Part } from "./parts.ts";

/**
 * Asks the CRM what changed since last time and puts it into the inbox, at most `limit` changes:
 * webhooks that got lost are made up for, and what came already is recognised by its event id.
 * Gives how many were new and whether more waits. Throws the CRM's errors; the cursor moves only
 * with what was stored.
 */
export async function pullChanges(
  deps: { pool: Pool; crm: CrmPort; clock: () => Instant },
  limit: number,
): Promise<{ fresh: number; more: boolean }> {
  const { pool, crm, clock } = deps;
  const before = await readCursor(pool, crm.name);
  const { changes, cursor, more } = await crm.changesSince(before, limit);
  const fresh = await inTransaction(pool, async (tx) => {
    let count = 0;
    for (const change of changes) {
      if (
        await receive(
          tx,
          { source: connectionOf(crm), eventId: change.id, payload: changePayload(change) },
          clock(),
        )
      )
        count += 1;
    }
    if (cursor !== null && cursor !== before) await saveCursor(tx, crm.name, cursor, clock());
    return count;
  });
  return { fresh, more };
}

const everyMs = 60_000;
const atATime = 500;

/**
 * Once a minute asks the CRM for what its webhooks did not bring. While it does not answer, that is
 * said once.
 */
export function startCatchUp(deps: {
  pool: Pool;
  crm: CrmPort;
  clock: () => Instant;
  log: Pick<Logger, "warn">;
  ownWork?: Pick<OwnWork, "isCurrent">;
}): Part {
  const { isCurrent } = deps.ownWork ?? allOwnWork;
  const catchUp = async (): Promise<void> => {
    while (isCurrent() && (await pullChanges(deps, atATime)).more);
  };
  return every(everyMs, catchUp, (error) =>
    deps.log.warn(
      { crm: deps.crm.name, error: error instanceof Error ? error.name : "unknown" },
      "the CRM could not be asked for changes; it is tried again",
    ),
  );
}
