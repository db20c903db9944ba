import { appliedCalendar } from "../handoff/applied-calendar.ts";
import { formatLocal, type Instant } from "../handoff/calendar.ts";
import {
  journeyMs,
  judgeClocks,
  type ClocksInput,
  type ClocksJudged,
} from "../handoff/escalation.ts";
import { leadTypeOf } from "../handoff/qualify.ts";
import { calendarVersion } from "../store/calendars.ts";
import {
  appendEvent,
  appendToOpen,
  clocksOf,
  saveClocks,
  startClocks,
  type NewClock,
  type ShownClock,
} from "../store/clocks.ts";
import { sql } from "../store/db.ts";
import { hoursOnRoster } from "../store/roster.ts";
import { setState } from "../store/subject.ts";
import type { Case } from "./case.ts";

const kinds = ["outreach", "status"] as const;

/**
 * The handoff now lies with a rep, or waits for one: the lead clocks run from MQL on the hours that apply (they never
 * restart), the rep clocks start anew with every offer (clocks.md, "Two clocks per kind").
 */
export async function runClocks(
  c: Case,
  on: { repId: string | null; pool: string | null },
): Promise<void> {
  const h = c.handoff;
  const type = h && leadTypeOf(c.agreement, h.lead_type);
  if (!h || !type) return;
  const [{ rep, pool }, known] = await Promise.all([
    hoursOnRoster(c.tx, on.repId, on.pool),
    c.tx.query<{ id: string; ended_at: Date | null; calendar_id: string }>(
      sql`select id, ended_at, calendar_id from clock where handoff_id = ${h.id} and scope = 'lead'`,
    ),
  ]);
  const calendarId = await calendarVersion(c.tx, appliedCalendar(c.agreement, rep, pool), c.now);
  const starting: NewClock[] = [];
  for (const kind of kinds) {
    const target = type[kind];
    const lead = known.rows.find((row) => row.id === `${h.id}/${kind}/lead`);
    if (!lead)
      starting.push({
        handoffId: h.id,
        kind,
        scope: "lead",
        round: 0,
        repId: null,
        target,
        calendarId,
        at: h.mql_at.getTime(),
      });
    else if (lead.ended_at === null && lead.calendar_id !== calendarId)
      await appendEvent(c.tx, lead.id, {
        kind: "reassign",
        at: c.now,
        calendar: calendarId,
        restart: false,
      });
    if (on.repId !== null)
      starting.push({
        handoffId: h.id,
        kind,
        scope: "rep",
        round: h.round,
        repId: on.repId,
        target,
        calendarId,
        at: c.now,
      });
  }
  await startClocks(c.tx, starting);
}

/** An event on every open clock of these kinds: both scopes, this round. */
export async function onClocks(
  c: Case,
  which: readonly ("outreach" | "status")[],
  event: { kind: "stop" | "resume"; at: Instant } | { kind: "pause"; at: Instant; reason: string },
): Promise<void> {
  if (c.handoff) await appendToOpen(c.tx, c.handoff.id, c.handoff.round, which, event);
}

export async function clocksInput(c: Case): Promise<ClocksInput> {
  const h = c.handoff;
  const found = h ? await clocksOf(c.tx, h.id, h.round) : { clocks: [], calendars: {} };
  return {
    ...found,
    reassignments: h?.reassignments ?? 0,
    pausedUntil: h?.paused_until?.getTime() ?? null,
    now: c.now,
  };
}

/** Judges the clocks after a change and writes what they show: rows for lists and figures, the lead's deadline. */
export async function showClocks(c: Case): Promise<{ input: ClocksInput; judged: ClocksJudged }> {
  const input = await clocksInput(c);
  const judged = judgeClocks(c.agreement, input);
  const shown: ShownClock[] = [];
  for (const clock of input.clocks) {
    const view = judged.views[clock.id];
    if (!view) continue;
    // The breach of a running rep clock is put on record by the step that announces it; on record before that, nobody would announce it.
    const isSettling = view.open && view.lateAfter !== null && c.now < view.lateAfter + journeyMs;
    const late =
      view.late && !isSettling && (clock.breached || !view.open || clock.scope === "lead");
    const state = view.open
      ? view.state === "paused"
        ? "paused"
        : late
          ? "breached"
          : "running"
      : view.state;
    shown.push({
      id: clock.id,
      state: state === "outside-hours" ? "running" : state,
      dueAt: view.dueAt,
      endedAt: view.stoppedAt,
      breachedAt: late ? (view.lateAfter ?? c.now) : null,
      usedMs: view.usedMs,
      warned: clock.warned,
      rung: clock.rung,
      repId: clock.scope === "rep" ? (c.handoff?.rep_id ?? null) : null,
      calendarId: view.calendar,
      startedAt: view.startedAt,
    });
  }
  await saveClocks(c.tx, shown);
  c.lead.due_at = judged.dueAt === null ? null : new Date(judged.dueAt);
  return { input, judged };
}

/** The lead waits with a rep: what happens next is the next instant of its clocks, or of `also` when that comes first. */
export function waitForRep(
  c: Case,
  waitingOn: "outreach" | "answer" | "attempts" | "meeting" | "opportunity",
  judged: ClocksJudged,
  also: { at: Instant; what: string } | null = null,
): void {
  const overdue = judged.steps.length > 0 ? { at: c.now, what: "its clocks are looked at" } : null;
  const next = [overdue, judged.next, also].reduce(
    (first, one) => (one !== null && (first === null || one.at < first.at) ? one : first),
    null,
  );
  const zone = Object.values(c.agreement.calendars)[0]?.zone ?? "UTC";
  setState(c.lead, {
    waitingOn,
    nextStep:
      next === null ? "the rep's next action" : `${next.what} ${formatLocal(zone, next.at)}`,
    nextAt: next?.at ?? null,
  });
}
