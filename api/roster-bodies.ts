import { z } from "@hono/zod-openapi";
import { checkCalendar, type CalendarDef } from "../handoff/time/calendar.ts";
import { isPlaceZone, isZone, placeZoneExpected } from "../handoff/time/local-time.ts";
import { checkEmail } from "../handoff/facts/email.ts";
import { isAsciiEmail } from "../spellings/email.ts";
import { languageCode } from "../spellings/language.ts";
import { notAsDescribed } from "./http/errors.ts";
import { instantIn, textIn } from "./http/format.ts";
import type { JsonLimits } from "./http/json.ts";

/** What the roster routes take and give: the same shapes in both directions. */

export const repId = z
  .string()
  .regex(/^rp_[0-9A-Za-z_-]{1,60}$/, { error: "expected a rep id such as rp_americas_1" });
// The agreement names pools, so whatever it may call one is a pool's id here.
export const poolId = z.string().regex(/^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,78}[\p{L}\p{N}])?$/u, {
  error: "expected a pool name such as dach-sdr",
});
const shifts = z.array(z.string().max(11)).max(96);

const hours = z
  .strictObject({
    zone: z.string().max(64).openapi({ example: "Europe/Berlin" }),
    week: z
      .partialRecord(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), shifts)
      .openapi({ example: { mon: ["09:00-17:00"] } }),
    exceptions: z
      .record(z.string().max(10), shifts)
      .optional()
      .openapi({ example: { "2026-12-25": [] } }),
  })
  .superRefine((given, context) => {
    if (isZone(given.zone) && !isPlaceZone(given.zone))
      context.addIssue({
        code: "custom",
        path: ["zone"],
        message: `${placeZoneExpected}; found "${given.zone}"`,
      });
    for (const { path, expected } of checkCalendar(given as CalendarDef))
      context.addIssue({ code: "custom", path, message: expected });
  })
  .transform((given) => given as CalendarDef)
  .openapi("Hours");

/** The schema of a number that people set, from 0 to `most`; said so where it is none. */
export function countTo(most: number) {
  const error = `expected a whole number from 0 to ${most}`;
  return z.int({ error }).min(0, { error }).max(most, { error });
}

export const cap = countTo(100_000).optional();
const words = z.array(textIn(60)).max(100).default([]);

export const repBody = z
  .strictObject({
    id: repId,
    name: textIn(200),
    email: z
      .string()
      .trim()
      .max(254)
      .refine((text) => checkEmail(text).ok && isAsciiEmail(text), {
        error: "expected one e-mail address of ASCII characters, as mail servers take it",
      }),
    role: z.enum(["rep", "manager", "marketing", "sales-ops"]).default("rep"),
    managerId: repId.nullable().default(null),
    deputyId: repId.nullable().default(null).openapi({
      description: "who stands in during absences and after leaving",
    }),
    active: z.boolean().default(true).openapi({ description: "false: has left, takes no leads" }),
    hours: hours.nullable().default(null).openapi({ description: "null: works the pool's hours" }),
    languages: z
      .array(
        textIn(60)
          .refine((word) => languageCode(word) !== undefined, {
            error: "expected a language by its name or ISO 639 code",
          })
          .transform((word) => languageCode(word) ?? word),
      )
      .max(100)
      .default([]),
    products: words,
    motions: words,
    caps: z
      .strictObject({ open: cap, perDay: cap, perHour: cap })
      .default({})
      .transform(withoutAbsent),
    crmId: textIn(200).nullable().default(null),
  })
  .openapi("Rep");

export const poolBody = z
  .strictObject({
    id: poolId,
    hours: hours.nullable().default(null).openapi({ description: "null: the agreement's hours" }),
    members: z.record(repId, countTo(1000)).openapi({
      description: "rep id to weight; these are all the members",
      example: { rp_dach_1: 2, rp_dach_2: 1 },
    }),
  })
  .openapi("Pool");

export const absenceBody = z
  .strictObject({
    from: instantIn,
    to: instantIn,
    reason: textIn(200),
    deputyId: repId.optional().openapi({ description: "who stands in; absent: the rep's deputy" }),
  })
  .refine(({ from, to }) => Date.parse(to) > Date.parse(from), {
    error: "expected a time after `from`",
    path: ["to"],
  })
  .openapi("Absence");

/** The bodies of the roster's routes, by the part of the roster that they are. */
export const rosterBodies = {
  reps: z.strictObject({ reps: z.array(repBody).max(2_000) }),
  pools: z.strictObject({ pools: z.array(poolBody).max(500) }),
  absences: z.strictObject({ absences: z.record(repId, z.array(absenceBody).max(200)) }),
};

export type RosterBodies = {
  readonly [K in keyof typeof rosterBodies]: z.output<(typeof rosterBodies)[K]>;
};
export type RosterPartName = keyof RosterBodies;

/** As many people as the schemas allow, each with hours and some days that differ. */
export const bodyLimits: JsonLimits = { names: 200_000, values: 400_000 };

/** A body as its schema says; throws a `Problem` that names the first field that is not. */
export function readRosterJson(part: RosterPartName, given: unknown): RosterBodies[RosterPartName] {
  const read = rosterBodies[part].safeParse(given);
  if (!read.success) throw notAsDescribed(read.error, "json");
  return read.data;
}

/** `undefined` is not the same as absent for the rules. */
function withoutAbsent(caps: {
  open?: number | undefined;
  perDay?: number | undefined;
  perHour?: number | undefined;
}): { open?: number; perDay?: number; perHour?: number } {
  return Object.fromEntries(Object.entries(caps).filter(([, limit]) => limit !== undefined));
}
