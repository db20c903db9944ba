import type { AppliedCalendar } from "../handoff/applied-calendar.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { ClockEvent } from "../handoff/clock.ts";
import type { ClockState } from "../handoff/escalation.ts";
import type { Target } from "../handoff/target.ts";
import { calendarDefinitions } from "./calendars.ts";
import { rows, send, sql, type Db, type Tx } from "./db.ts";

const tz = process.versions.tz ?? "unknown";

/** The lead clocks of a handoff and the rep clocks of one round, with their events, ready to be judged, and the calendars they run on. */
export async function clocksOf(
  db: Db,
  handoffId: string,
  round: number,
): Promise<{ clocks: ClockState[]; calendars: Record<string, AppliedCalendar> }> {
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
      (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail', e.detail) order by e.n) from clock_event e where e.clock_id = c.id) as events
    from clock c where c.handoff_id = ${handoffId} and c.round in (0, ${round}) order by c.kind, c.scope desc`,
  );
  const clocks = found.map((row): ClockState => ({
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

export interface NewClock {
  readonly handoffId: string;
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  /** 0 for a lead clock. */
  readonly round: number;
  readonly repId: string | null;
  readonly target: Target;
  readonly calendarId: string;
  readonly at: Instant;
}

/** Starts clocks; the first event of each carries target and calendar. An empty list writes nothing. */
export async function startClocks(tx: Tx, clocks: readonly NewClock[]): Promise<void> {
  if (clocks.length === 0) return;
  const started = clocks.map(({ at, ...clock }) => ({
    ...clock,
    at: new Date(at),
    detail: { target: clock.target, calendar: clock.calendarId },
    id:
      clock.scope === "lead"
        ? `${clock.handoffId}/${clock.kind}/lead`
        : `${clock.handoffId}/${clock.kind}/rep/${clock.round}`,
  }));
  await send(
    tx,
    sql`
    with started as (
      select * from jsonb_to_recordset(${JSON.stringify(started)}::jsonb)
        as s(id text, "handoffId" text, kind text, scope text, round int, "repId" text, target jsonb, "calendarId" text, at timestamptz, detail jsonb)),
    clocks as (
      insert into clock (id, handoff_id, kind, scope, round, rep_id, target, calendar_id, started_at, state)
      select id, "handoffId", kind, scope, round, "repId", target, "calendarId", at, 'running' from started)
    insert into clock_event (clock_id, n, kind, at, detail, tz_version) select id, 1, 'start', at, detail, ${tz}::text from started`,
  );
}

/** Appends one event to each clock of the handoff that still runs, of these kinds, lead clocks and those of this round. */
export async function appendToOpen(
  tx: Tx,
  handoffId: string,
  round: number,
  kinds: readonly string[],
  event: ClockEvent,
): Promise<void> {
  const { kind, at, ...detail } = event;
  await send(
    tx,
    sql`
    insert into clock_event (clock_id, n, kind, at, detail, tz_version)
    select c.id, coalesce(max(e.n), 0) + 1, ${kind}::text, greatest(${new Date(at)}::timestamptz, max(e.at)), ${JSON.stringify(detail)}::jsonb, ${tz}::text
    from clock c left join clock_event e on e.clock_id = c.id
    where c.handoff_id = ${handoffId} and c.round in (0, ${round}) and c.kind = any(${kinds}) and c.ended_at is null group by c.id`,
  );
}

/** Appends an event; clock events are never changed or removed. Times never run backwards within one clock. */
export async function appendEvent(tx: Tx, clockId: string, event: ClockEvent): Promise<void> {
  const { kind, at, ...detail } = event;
  await send(
    tx,
    sql`
    insert into clock_event (clock_id, n, kind, at, detail, tz_version)
    select ${clockId}, coalesce(max(n), 0) + 1, ${kind}, greatest(${new Date(at)}::timestamptz, max(at)), ${detail}, ${tz} from clock_event where clock_id = ${clockId}`,
  );
}

/** What a clock shows now, for lists and figures. */
export interface ShownClock {
  readonly id: string;
  readonly state: "running" | "paused" | "met" | "breached" | "cancelled";
  readonly dueAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly breachedAt: Instant | null;
  readonly usedMs: number;
  readonly warned: number;
  readonly rung: number;
  readonly repId: string | null;
  readonly calendarId: string;
  readonly startedAt: Instant;
}

/** Writes what clocks show into their rows; an empty list writes nothing. */
export async function saveClocks(tx: Tx, clocks: readonly ShownClock[]): Promise<void> {
  if (clocks.length === 0) return;
  const date = (at: Instant | null) => (at === null ? null : new Date(at));
  const shown = clocks.map((one) => ({
    ...one,
    usedMs: Math.round(one.usedMs),
    dueAt: date(one.dueAt),
    endedAt: date(one.endedAt),
    breachedAt: date(one.breachedAt),
    startedAt: date(one.startedAt),
  }));
  await send(
    tx,
    sql`
    update clock set state = s.state, due_at = s."dueAt", ended_at = s."endedAt", breached_at = s."breachedAt", used_ms = s."usedMs", warned = s.warned,
      rung = s.rung, rep_id = s."repId", calendar_id = s."calendarId", started_at = s."startedAt"
    from jsonb_to_recordset(${JSON.stringify(shown)}::jsonb) as s(id text, state text, "dueAt" timestamptz, "endedAt" timestamptz, "breachedAt" timestamptz,
      "usedMs" bigint, warned smallint, rung smallint, "repId" text, "calendarId" text, "startedAt" timestamptz)
    where clock.id = s.id and clock.id = any(${shown.map((one) => one.id)})`,
  ); // by id: a record set looks to the planner as if it were large
}
