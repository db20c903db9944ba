import { z } from "@hono/zod-openapi";
import { formatLocal, type Instant } from "../../handoff/time/calendar.ts";
import { zoneOfPerson } from "../../store/views/board.ts";
import type { ApiDeps, Asker } from "../deps.ts";
import { inWords, iso } from "./format.ts";
import { sharedWhileAsked } from "./shared.ts";

/** Until when: the instant, the same on a wall clock of a named zone, and how far that is. */
export const dueFields = {
  due: z.string().nullable().openapi({ format: "date-time" }),
  dueLocal: z
    .string()
    .nullable()
    .openapi({ description: "the same in `zone`", example: "2026-11-23 10:00 America/New_York" }),
  zone: z.string().openapi({
    description: "of the hours on which the clock runs, else of the reader, else of the agreement",
  }),
  dueInWords: z.string(),
  overdue: z.boolean(),
};

export interface DueView {
  readonly due: string | null;
  readonly dueLocal: string | null;
  readonly zone: string;
  readonly dueInWords: string;
  readonly overdue: boolean;
}

export function dueView(at: Date | null, zone: string, now: Instant): DueView {
  const due = at?.getTime() ?? null;
  return {
    due: iso(due),
    dueLocal: due === null ? null : formatLocal(zone, due),
    zone,
    dueInWords: inWords(due, now),
    overdue: due !== null && due < now,
  };
}

/** In whose zone the caller reads times: their own by the roster, else the agreement's first. */
export function readerZone(deps: ApiDeps, c: Asker): Promise<string> {
  const { repId } = c.var.caller;
  return sharedWhileAsked(deps.keyed, c, "their zone", async () => {
    const own = repId === null ? null : await zoneOfPerson(deps.keyed, repId);
    if (own !== null) return own;
    const active = await deps.agreements.active(deps.keyed);
    return Object.values(active?.agreement.calendars ?? {})[0]?.zone ?? "UTC";
  });
}
