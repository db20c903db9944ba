import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { ClockEvent } from "../../handoff/clocks/clock.ts";
import type { HandoffClock } from "../../handoff/clocks/escalation.ts";
import type { VersionSince } from "../../handoff/clocks/account.ts";
import { calendarDefinitions } from "./calendars.ts";
import { rows, sql, type Db } from "../postgres/db.ts";

/** A clock as it is kept, and whose it is: of the whole handoff, or of one offer. */
export interface KeptClock extends HandoffClock {
  /** 0 for clocks of the lead. */
  readonly round: number;
  readonly repId: string | null;
  /** What the person is called; null: nobody's, or not on the roster. */
  readonly repName: string | null;
}

/**
 * The lead clocks of a handoff and the rep clocks of one round, or of every round, with their
 * events, ready to be judged, and the calendars they run on.
 */
export async function clocksOf(
  db: Db,
  handoffId: string,
  round: number | "every",
): Promise<{ clocks: KeptClock[]; calendars: Record<string, AppliedCalendar> }> {
  const only = round === "every" ? null : round;
  const found = await rows<{
    id: string;
    kind: "outreach" | "status";
    scope: "lead" | "rep";
    round: number;
    rep_id: string | null;
    rep_name: string | null;
    warned: number;
    rung: number;
    breached_at: Date | null;
    events: { kind: string; at: string; detail: Record<string, unknown> }[];
  }>(
    db,
    sql`
    select c.id, c.kind, c.scope, c.round, c.rep_id, c.warned, c.rung, c.breached_at,
      (select r.name from rep r where r.id = c.rep_id) as rep_name,
      (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail', e.detail)
        order by e.n) from clock_event e where e.clock_id = c.id) as events
    from clock c where c.handoff_id = ${handoffId}
      and (${only}::int is null or c.round in (0, ${only}::int))
    order by c.kind, c.scope desc, c.round`,
  );
  const clocks = found.map((row): KeptClock => ({
    id: row.id,
    kind: row.kind,
    scope: row.scope,
    round: row.round,
    repId: row.rep_id,
    repName: row.rep_name,
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

/**
 * By which versions the clocks of a handoff have run, and since when: the one that it began under,
 * and those that were activated with clocks re-judged. In order of time.
 */
export async function versionsOfClocks(
  db: Db,
  handoffId: string,
): Promise<readonly VersionSince[]> {
  const found = await rows<{ agreementId: string; since: Date }>(
    db,
    sql`
    select agreement_id as "agreementId", mql_at as since from handoff where id = ${handoffId}
    union all
    select d.input ->> 'agreementId', d.at from handoff h join decision d
      on d.subject_kind = h.subject_kind and d.subject_id = h.subject_id and d.cycle = h.cycle
        and d.kind = 'rejudged'
      where h.id = ${handoffId} and h.terms is not null
    order by since`,
  );
  return found.map(({ agreementId, since }) => ({ agreementId, since: since.getTime() }));
}
