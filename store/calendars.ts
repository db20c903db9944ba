import { createHash } from "node:crypto";
import type { AppliedCalendar } from "../handoff/applied-calendar.ts";
import { compileYears } from "../handoff/applied-calendar.ts";
import type { Calendar, Instant } from "../handoff/calendar.ts";
import { firstRow, rows, send, sql, type Db } from "./db.ts";

/**
 * The id under which this calendar is kept, `cal_` and a hash of its content; kept now if it is new. Clocks name it, so
 * that a verdict can be checked against the hours that held then, whatever the roster says today.
 */
export async function calendarVersion(
  db: Db,
  applied: AppliedCalendar,
  now: Instant,
): Promise<string> {
  const id = `cal_${createHash("sha256").update(canonical(applied)).digest("hex").slice(0, 32)}`;
  await send(
    db,
    sql`
    insert into calendar_version (id, definition, tz_version, created_at)
    values (${id}, ${JSON.stringify(applied)}, ${process.versions.tz ?? "unknown"}, ${new Date(now)}) on conflict (id) do nothing`,
  );
  return id;
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

/** JSON with sorted keys: the same hours written in another order are the same calendar. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
