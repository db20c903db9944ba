import type { Agreement } from "../handoff/agreement.ts";
import type { Rep } from "../handoff/routing/roster.ts";
import {
  appliedCalendar,
  agreementHours,
  compileApplied,
} from "../handoff/time/applied-calendar.ts";
import {
  formatLocal,
  isOpen,
  localDateOf,
  nextOpen,
  type CalendarDef,
  type DayName,
  type Instant,
} from "../handoff/time/calendar.ts";

/** Whose hours a lead's clocks run on. */
export interface HoursTold {
  readonly agreement: Pick<Agreement, "calendars" | "clocks">;
  readonly rep: (Pick<Rep, "hours" | "absences"> & { readonly id: string }) | null;
  readonly pool: { readonly id: string; readonly hours: CalendarDef | null } | null;
  readonly now: Instant;
}

/** The zone of the hours on which the lead's clocks run. */
export function zoneOfHours({ rep, pool, agreement }: HoursTold): string {
  return appliedCalendar(agreement, rep, pool).hours.zone;
}

/** The hours of rep and pool with their zones, and whether the clocks run at this moment. */
export function explainHours(told: HoursTold): string[] {
  const { agreement, rep, pool, now } = told;
  const lines = [
    ...(rep ? [`  ${rep.id}: ${rep.hours ? hoursLine(rep.hours, now) : "those of the pool"}`] : []),
    ...(rep?.absences ?? [])
      .filter(({ to }) => to > now)
      .slice(0, 3)
      .map(({ from, to }) => {
        const zone = zoneOfHours(told);
        return `  ${rep?.id} is away ${formatLocal(zone, from)} to ${formatLocal(zone, to)}`;
      }),
    ...(pool
      ? [`  pool ${pool.id}: ${pool.hours ? hoursLine(pool.hours, now) : "those of the agreement"}`]
      : []),
    ...(appliedCalendar(agreement, rep, pool).from === "agreement"
      ? [`  the agreement: ${hoursLine(agreementHours(agreement), now)}`]
      : []),
  ];
  return ["Hours:", ...lines, `  ${openNow(told)}`];
}

function openNow(told: HoursTold): string {
  const { agreement, rep, pool, now } = told;
  const calendar = compileApplied(appliedCalendar(agreement, rep, pool), now);
  if (isOpen(calendar, now)) return "Now it is within hours: clocks run.";
  const opens = nextOpen(calendar, now);
  return opens === null
    ? "Now it is outside hours, and no opening is known."
    : `Now it is outside hours: clocks stand still until ${formatLocal(zoneOfHours(told), opens)}.`;
}

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const satisfies DayName[];
const shownExceptions = 5;

/** `mon-fri 09:00-17:00 (America/New_York); 2026-11-26 closed` */
export function hoursLine({ zone, week, exceptions }: CalendarDef, now: Instant): string {
  const runs: { from: DayName; to: DayName; shifts: string }[] = [];
  for (const day of days) {
    const shifts = (week[day] ?? []).join(" and ");
    const last = runs.at(-1);
    if (last && last.shifts === shifts) last.to = day;
    else runs.push({ from: day, to: day, shifts });
  }
  const regular = runs
    .filter(({ shifts }) => shifts !== "")
    .map(({ from, to, shifts }) => `${from === to ? from : `${from}-${to}`} ${shifts}`);
  const today = localDateOf(zone, now);
  const others = Object.entries(exceptions ?? {})
    .filter(([date]) => date >= today)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, shownExceptions)
    .map(([date, shifts]) => `; ${date} ${shifts.length === 0 ? "closed" : shifts.join(" and ")}`);
  return `${regular.join(", ") || "never"} (${zone})${others.join("")}`;
}
