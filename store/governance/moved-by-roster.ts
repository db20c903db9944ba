import { hoursRules } from "../../handoff/clocks/terms.ts";
import { movedByHours } from "../../handoff/governance/planning.ts";
import type { Roster } from "../../handoff/routing/roster.ts";
import { appliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Db } from "../postgres/db.ts";
import type { Agreements } from "../process/agreements.ts";
import { calendarId } from "../process/calendars.ts";
import { tallyMoved, type MovedDeadlines } from "./moved-deadlines.ts";
import { openHandoffs, openHandoffIds } from "./plan-data.ts";

/** Deadlines that other hours would move, without a word to anybody. */
export type MovedByRoster = Omit<MovedDeadlines, "moved">;

const page = 500;

/**
 * The deadlines of open handoffs that move when the roster is this one: by the event that follows
 * when people's hours change. Who would lose the lead, because of an absence or for good, is not
 * looked at: then the next owner's clocks begin.
 */
export async function movedByRoster(
  db: Db,
  agreements: Agreements,
  { reps, pools }: Roster,
  now: Instant,
): Promise<MovedByRoster> {
  const tally = tallyMoved();
  for (let after = ""; ;) {
    const ids = await openHandoffIds(db, after, page);
    after = ids.at(-1) ?? "";
    if (after === "") break;
    for (const open of await openHandoffs(db, ids)) {
      const { agreement } = await agreements.version(db, open.agreementId);
      const rep = open.repId === null ? null : (reps[open.repId] ?? null);
      const pool = open.pool === null ? null : (pools[open.pool] ?? null);
      const applied = appliedCalendar(hoursRules(agreement, open), rep, pool);
      const hours = { id: calendarId(applied), applied };
      tally.add(open.of, movedByHours(agreement, open, hours, now));
    }
  }
  const { handoffs, earlier, later, list } = tally.found;
  return { handoffs, earlier, later, list };
}
