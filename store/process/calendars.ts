import { createHash } from "node:crypto";
import type { AppliedCalendar } from "../../handoff/time/applied-calendar.ts";
import { compileYears } from "../../handoff/time/applied-calendar.ts";
import type { Calendar, Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, send, sql, type Db } from "../postgres/db.ts";

/**
 * The id under which this calendar is kept, `cal_` and a hash of its content; kept now if it is
 * new. Clocks name it, so that a verdict can be checked against the hours that held then, whatever
 * the roster says today.
 */
export async function calendarVersion(
  db: Db,
  applied: AppliedCalendar,
  now: Instant,
): Promise<string> {
  const id = calendarId(applied);
  await keepCalendar(db, id, applied, now);
  return id;
}

/**
 * The id of a calendar by its content. Kept by its text, because the same few come again and again.
 */
export function calendarId(applied: AppliedCalendar): string {
  const text = JSON.stringify(applied);
  const known = ids.get(text);
  if (known !== undefined) return known;
  const id = `cal_${createHash("sha256").update(canonical(applied)).digest("hex").slice(0, 32)}`;
  if (ids.size >= 500) ids.clear();
  ids.set(text, id);
  return id;
}

/** Keeps a calendar under its id, unless a committed transaction of this process has done so. */
export async function keepCalendar(
  db: Db,
  id: string,
  applied: AppliedCalendar,
  now: Instant,
): Promise<void> {
  if (definitions.has(id)) return;
  await send(
    db,
    sql`
    insert into calendar_version (id, definition, tz_version, created_at)
    values (${id}, ${JSON.stringify(applied)}, ${process.versions.tz ?? "unknown"},
      ${new Date(now)}) on conflict (id) do nothing`,
  );
}

/** The transaction that kept these calendars is committed. */
export function rememberKept(calendars: Readonly<Record<string, AppliedCalendar>>): void {
  if (definitions.size >= 500) definitions.clear();
  for (const [id, applied] of Object.entries(calendars)) definitions.set(id, applied);
}

/** Another database has calendars of its own: whoever opens one in the same process says so. */
export function forgetKept(): void {
  definitions.clear();
}

/**
 * The open time of a kept calendar, from five years before it was first used to ten years after.
 * Throws when there is none, for ids come from our own rows.
 */
export async function calendarOf(db: Db, id: string): Promise<Calendar> {
  const known = kept.get(id);
  if (known) return known;
  const row = await firstRow<{ definition: AppliedCalendar; created_at: Date }>(
    db,
    sql`select definition, created_at from calendar_version where id = ${id}`,
  );
  if (!row) throw new Error(`there is no calendar version ${id}`);
  const year = row.created_at.getUTCFullYear();
  const calendar = compileYears(row.definition, { from: year - 5, to: year + 10 });
  if (kept.size >= 500) kept.clear();
  kept.set(id, calendar);
  return calendar;
}

/** The definitions of kept calendars, by id; an id that was never kept is not in the answer. */
export async function calendarDefinitions(
  db: Db,
  ids: readonly string[],
): Promise<Record<string, AppliedCalendar>> {
  const unknown = ids.filter((id) => !definitions.has(id));
  const found =
    unknown.length === 0
      ? []
      : await rows<{ id: string; definition: AppliedCalendar }>(
          db,
          sql`select id, definition from calendar_version where id = any(${unknown})`,
        );
  const known = new Map(
    ids.flatMap((id) => {
      const definition = definitions.get(id);
      return definition ? [[id, definition] as const] : [];
    }),
  );
  if (definitions.size >= 500) definitions.clear();
  for (const { id, definition } of found) {
    known.set(id, definition);
    definitions.set(id, definition);
  }
  return Object.fromEntries(
    ids.flatMap((id) => {
      const definition = known.get(id);
      return definition ? [[id, definition]] : [];
    }),
  );
}

// Immutable by id, which is the hash of the content: neither goes stale.
const kept = new Map<string, Calendar>();
const definitions = new Map<string, AppliedCalendar>();
const ids = new Map<string, string>();

/** JSON with sorted keys: the same hours written in another order are the same calendar. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
