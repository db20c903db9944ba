import { createRoute, z } from "@hono/zod-openapi";
import type { TaskKind } from "../handoff/process/situation.ts";
import { endOfDay } from "../handoff/time/calendar.ts";
import { askedOf, whyOfTask } from "../messages/asked.ts";
import { queueOf } from "../store/views/queue.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { problemResponses } from "./http/errors.ts";
import { dueFields, dueView, readerZone } from "./http/due.ts";
import {
  cursorTime,
  defaultLimit,
  fromCursor,
  pageOf,
  pageQuery,
  toCursor,
} from "./http/paging.ts";
import { taskAsker } from "./http/reach.ts";

const entrySchema = z
  .object({
    kind: z.enum(["lead", "task"]),
    id: z.string(),
    url: z.string().nullable(),
    what: z.string().openapi({ description: "the lead's next step, or the kind of task" }),
    asked: z.string().openapi({ description: "what to do, as a sentence" }),
    why: z.string().nullable().openapi({
      description: "why the lead was handed to sales, or why the task is there",
    }),
    lead: z.string().nullable(),
    name: z.string().nullable(),
    company: z.string().nullable(),
    phone: z.string().nullable(),
    stage: z.string().nullable(),
    waitingOn: z.string().nullable(),
    owner: z.string().nullable(),
    ownerName: z.string().nullable(),
    leadType: z.string().nullable(),
    priority: z.number().int().nullable(),
    ...dueFields,
  })
  .openapi("QueueEntry");

/** A due time in a cursor: as Postgres writes it. */
export const placeCursor = z.tuple([
  z.union([z.literal("infinity"), cursorTime]),
  z.string().max(60),
]);

const read = createRoute({
  method: "get",
  path: "/queue",
  tags: ["tasks"],
  summary: "What waits for me, the earliest due first",
  description:
    "A rep's own leads and tasks; for a manager also the team's leads that are overdue or due today " +
    "(in the manager's zone). What waits with a task is in the list once, as the task.",
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: pageOf(entrySchema) } },
    },
    ...problemResponses,
  },
});

export function queueRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(read, async (c) => {
    const query = c.req.valid("query");
    const limit = query.limit ?? defaultLimit;
    const after = fromCursor(query.cursor, placeCursor);
    const now = c.var.receivedAt;
    const [asked, zone] = await Promise.all([taskAsker(deps.pool, c), readerZone(deps, c)]);
    const found = await queueOf(
      deps.pool,
      { ...asked, repId: c.var.caller.repId },
      {
        after: after && { due: after[0], id: after[1] },
        limit: limit + 1,
        // What breaks today is a manager's to see before; an office looks at what is late.
        until: c.var.scope === "team" ? endOfDay(zone, now) : now,
      },
    );
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const items = page.map((row) => {
      const task = row.kind === "task" ? (row.what as TaskKind) : null;
      return {
        kind: row.kind,
        id: row.id,
        url: row.lead_id && `${deps.publicUrl}/leads/${row.lead_id}`,
        what: row.what,
        asked: askedOf({ waitingOn: row.waiting_on, task }),
        why: row.detail === null ? row.because : whyOfTask(row.detail),
        lead: row.lead_id,
        name: row.name,
        company: row.company,
        phone: row.phone,
        stage: row.stage,
        waitingOn: row.waiting_on,
        owner: row.owner_id,
        ownerName: row.owner_name,
        leadType: row.lead_type,
        priority: row.priority,
        ...dueView(row.due_at, row.zone ?? zone, now),
      };
    });
    return c.json(
      { items, next: found.length > limit && last ? toCursor([last.place, last.id]) : null },
      200,
    );
  });
  return app;
}
