import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { ClockEvent } from "../../handoff/clocks/clock.ts";
import { rows, sql, type Pool } from "../../store/postgres/db.ts";
import { SlowOracle, type Verdict } from "./slow-oracle.ts";

interface ClockRow {
  readonly id: string;
  readonly handoff_id: string;
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  readonly round: number;
  readonly state: string;
  readonly due_at: Date | null;
  readonly ended_at: Date | null;
  readonly breached_at: Date | null;
  readonly events: ClockEvent[];
}

/**
 * A wake comes two seconds after a deadline and takes a moment; what ends in between was neither
 * judged late nor in time by a timer.
 */
const journeyMs = 20_000;

/**
 * Compares what is on record about every clock, outreach and answer with the oracle's verdict.
 * Gives how many were judged and a sentence for each difference.
 */
export async function slowVerdicts(
  pool: Pool,
  window: { from: Instant; to: Instant },
): Promise<{ judged: number; differences: string[] }> {
  const clocks = (
    await rows<
      Omit<ClockRow, "events"> & { events: { kind: string; at: string; detail: object }[] }
    >(
      pool,
      sql`
    select c.id, c.handoff_id, c.kind, c.scope, c.round, c.state, c.due_at, c.ended_at,
      c.breached_at,
      (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail', e.detail)
        order by e.n) from clock_event e where e.clock_id = c.id) as events
    from clock c order by c.id`,
    )
  ).map((row): ClockRow => ({
    ...row,
    events: row.events.map(
      ({ kind, at, detail }) => ({ ...detail, kind, at: Date.parse(at) }) as unknown as ClockEvent,
    ),
  }));
  const stored = await rows<{ id: string; definition: AppliedCalendar }>(
    pool,
    sql`select id, definition from calendar_version`,
  );
  const calendars = Object.fromEntries(stored.map((row) => [row.id, row.definition]));
  const day = 86_400_000;
  const oracle = new SlowOracle({ from: window.from - 14 * day, to: window.to + 14 * day });

  const verdicts = new Map<string, Verdict & { readonly at: Instant }>();
  const differences: string[] = [];
  for (const clock of clocks) {
    const at = (clock.ended_at ?? new Date(window.to)).getTime();
    const beside = clocks.find(
      (other) =>
        other.handoff_id === clock.handoff_id &&
        other.scope === clock.scope &&
        other.round === clock.round &&
        other.kind === "outreach",
    );
    const outreachDueAt =
      clock.kind === "status" && beside
        ? oracle.judge(beside.events, calendars, at, null).dueAt
        : null;
    const verdict = oracle.judge(clock.events, calendars, at, outreachDueAt);
    verdicts.set(clock.id, { ...verdict, at });
    const wrong = against(clock, verdict, at);
    if (wrong)
      differences.push(
        `${clock.id}: ${wrong}; ${JSON.stringify(clock.events.map((event) => ({ ...event, at: new Date(event.at).toISOString() })))}`,
      );
  }
  // The agreement of the quarter says: an answer belongs to the status clock.
  const answers = await rows<{
    id: string;
    handoff_id: string;
    round: number | null;
    on_time: boolean | null;
    received_at: Date;
  }>(
    pool,
    sql`
    select id, handoff_id, round, on_time, received_at from answer
      where kind in ('accept', 'reject')
    union all select id, handoff_id, null, on_time, received_at from outreach`,
  );
  for (const answer of answers) {
    const stopped = clocks.filter(
      (clock) =>
        clock.handoff_id === answer.handoff_id &&
        clock.scope === "rep" &&
        (answer.round === null
          ? clock.kind === "outreach"
          : clock.kind === "status" && clock.round === answer.round) &&
        clock.events.some(
          (event) => event.kind === "stop" && event.at === answer.received_at.getTime(),
        ) &&
        clock.ended_at?.getTime() === answer.received_at.getTime(),
    );
    const inTime =
      stopped.length === 0 ? null : stopped.every((clock) => !isLate(verdicts.get(clock.id)!));
    if (inTime !== answer.on_time)
      differences.push(
        `answer ${answer.id} of ${answer.handoff_id}: on record ${answer.on_time}, walked ${inTime}`,
      );
  }
  return { judged: clocks.length + answers.length, differences };
}

function isLate({ lateAfter, at }: Verdict & { readonly at: Instant }): boolean {
  return lateAfter !== null && at > lateAfter;
}

/** What is wrong with the row; null when it agrees. */
function against(clock: ClockRow, { dueAt, lateAfter }: Verdict, at: Instant): string | null {
  const iso = (ms: Instant | null) => (ms === null ? "never" : new Date(ms).toISOString());
  const late = lateAfter !== null && at > lateAfter;
  const breachedAt = clock.breached_at?.getTime() ?? null;
  const end = clock.events.at(-1);
  if ((clock.ended_at !== null) !== (end?.kind === "stop" || end?.kind === "cancel"))
    return `ended ${clock.ended_at?.toISOString() ?? "never"}, but its last event is ${end?.kind}`;
  if (clock.ended_at !== null && end?.at !== at)
    return `ended ${iso(at)}, but its last event is of ${iso(end?.at ?? null)}`;
  if (breachedAt !== null && breachedAt !== lateAfter)
    return `breached ${iso(breachedAt)}, walked ${iso(lateAfter)}`;
  if (end?.kind === "stop") {
    if (clock.state !== (late ? "breached" : "met"))
      return `${clock.state} at ${iso(at)}, walked: late after ${iso(lateAfter)}`;
    return late === (breachedAt !== null)
      ? null
      : `breached ${iso(breachedAt)}, walked ${iso(lateAfter)}`;
  }
  // Nobody answered: the breach is on record once the process has looked.
  if (late && breachedAt === null && at > lateAfter + journeyMs)
    return `${clock.state} at ${iso(at)} without a breach, walked: late after ${iso(lateAfter)}`;
  if (clock.ended_at === null && clock.due_at !== null && clock.due_at.getTime() !== dueAt)
    return `due ${clock.due_at.toISOString()}, walked ${iso(dueAt)}`;
  return null;
}
