import type { AppliedCalendar } from "../handoff/applied-calendar.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { ClockEvent } from "../handoff/clock.ts";
import type { ClockState } from "../handoff/escalation.ts";
import type { Target } from "../handoff/target.ts";
import { rows, sql, type Db, type Tx } from "./db.ts";

const tz = process.versions.tz ?? "unknown";

/** The lead clocks of a handoff and the rep clocks of one round, with their events, ready to be judged, and the calendars they run on. */
export async function clocksOf(db: Db, handoffId: string, round: number): Promise<{ clocks: ClockState[]; calendars: Record<string, AppliedCalendar> }> {
  const found = await rows<{ id: string; kind: "outreach" | "status"; scope: "lead" | "rep"; warned: number; rung: number; breached_at: Date | null; events: { kind: string; at: string; detail: Record<string, unknown> }[] }>(db, sql`
    select c.id, c.kind, c.scope, c.warned, c.rung, c.breached_at,
      (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail', e.detail) order by e.n) from clock_event e where e.clock_id = c.id) as events
    from clock c where c.handoff_id = ${handoffId} and c.round in (0, ${round}) order by c.kind, c.scope desc`);
  const clocks = found.map((row): ClockState => ({
    id: row.id, kind: row.kind, scope: row.scope, warned: row.warned, rung: row.rung, breached: row.breached_at !== null,
    events: row.events.map((event) => ({ ...event.detail, kind: event.kind, at: Date.parse(event.at) }) as unknown as ClockEvent),
  }));
  const ids = [...new Set(clocks.flatMap((clock) => clock.events.flatMap((event) => ("calendar" in event ? [event.calendar] : []))))];
  const defs = ids.length === 0 ? [] : await rows<{ id: string; definition: AppliedCalendar }>(db, sql`select id, definition from calendar_version where id = any(${ids})`);
  return { clocks, calendars: Object.fromEntries(defs.map((def) => [def.id, def.definition])) };
}

/** Starts a clock; its first event carries target and calendar. */
export async function startClock(tx: Tx, clock: { handoffId: string; kind: "outreach" | "status"; scope: "lead" | "rep"; round: number; repId: string | null; target: Target; calendarId: string; at: Instant }): Promise<void> {
  const id = clock.scope === "lead" ? `${clock.handoffId}/${clock.kind}/lead` : `${clock.handoffId}/${clock.kind}/rep/${clock.round}`;
  await tx.query(sql`
    insert into clock (id, handoff_id, kind, scope, round, rep_id, target, calendar_id, started_at, state)
    values (${id}, ${clock.handoffId}, ${clock.kind}, ${clock.scope}, ${clock.round}, ${clock.repId}, ${clock.target}, ${clock.calendarId}, ${new Date(clock.at)}, 'running')`);
  await appendEvent(tx, id, { kind: "start", at: clock.at, target: clock.target, calendar: clock.calendarId });
}

/** Appends an event; clock events are never changed or removed. Times never run backwards within one clock. */
export async function appendEvent(tx: Tx, clockId: string, event: ClockEvent): Promise<void> {
  const { kind, at, ...detail } = event;
  await tx.query(sql`
    insert into clock_event (clock_id, n, kind, at, detail, tz_version)
    select ${clockId}, coalesce(max(n), 0) + 1, ${kind}, greatest(${new Date(at)}::timestamptz, max(at)), ${detail}, ${tz} from clock_event where clock_id = ${clockId}`);
}

/** Writes what a clock shows now into its row, for lists and figures. */
export async function saveClock(tx: Tx, clockId: string, shown: { state: "running" | "paused" | "met" | "breached" | "cancelled"; dueAt: Instant | null; endedAt: Instant | null; breachedAt: Instant | null; usedMs: number; warned: number; rung: number; repId: string | null; calendarId: string; startedAt: Instant }): Promise<void> {
  const instant = (at: Instant | null) => (at === null ? null : new Date(at));
  await tx.query(sql`
    update clock set state = ${shown.state}, due_at = ${instant(shown.dueAt)}, ended_at = ${instant(shown.endedAt)}, breached_at = ${instant(shown.breachedAt)},
      used_ms = ${Math.round(shown.usedMs)}, warned = ${shown.warned}, rung = ${shown.rung}, rep_id = ${shown.repId}, calendar_id = ${shown.calendarId}, started_at = ${new Date(shown.startedAt)}
    where id = ${clockId}`);
}
