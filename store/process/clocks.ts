import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { ClockEvent } from "../../handoff/clocks/clock.ts";
import type { HandoffClock } from "../../handoff/clocks/escalation.ts";
import { calendarDefinitions } from "./calendars.ts";
import { rows, sql, type Db } from "../postgres/db.ts";

/**
 * The lead clocks of a handoff and the rep clocks of one round, with their events, ready to be
 * judged, and the calendars they run on.
 */
export async function clocksOf(
  db: Db,
  handoffId: string,
  round: number,
): Promise<{ clocks: HandoffClock[]; calendars: Record<string, AppliedCalendar> }> {
  const found = await rows<{
    id: string;
    kind: "outreach" | "status";
    scope: "lead" | "rep";
    warned: number;
    rung: number;
    breached_at: Date | null;
    events: { kind: string; at: string; detail: Record<string, unknown> }[];
  }>(
    db,
    sql`
    select c.id, c.kind, c.scope, c.warned, c.rung, c.breached_at,
      (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail', e.detail)
        order by e.n) from clock_event e where e.clock_id = c.id) as events
    from clock c where c.handoff_id = ${handoffId} and c.round in (0, ${round})
      order by c.kind, c.scope desc`,
  );
  const clocks = found.map((row): HandoffClock => ({
    id: row.id,
    kind: row.kind,
    scope: row.scope,
    warned: row.warned,
    rung: row.rung,
    breached: row.breached_at !== null,
    events: row.events.map(
      (event) =>
        ({ ...event.detail, kind: event.kind, at: Date.parse(event.at) }) as unknown as ClockEvent,
    ),
  }));
  const ids = [
    ...new Set(
      clocks.flatMap((clock) =>
        clock.events.flatMap((event) => ("calendar" in event ? [event.calendar] : [])),
      ),
    ),
  ];
  return { clocks, calendars: await calendarDefinitions(db, ids) };
}
