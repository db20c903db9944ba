import { createRoute, z } from "@hono/zod-openapi";
import { queueOf } from "../store/queue.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { problemResponses } from "./errors.ts";
import { inWords, iso } from "./format.ts";
import { cursorTime, defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./paging.ts";
import { taskAsker } from "./reach.ts";

const entrySchema = z
  .object({
    kind: z.enum(["lead", "task"]),
    id: z.string(),
    url: z.string().nullable(),
    what: z.string(),
    lead: z.string().nullable(),
    name: z.string().nullable(),
    stage: z.string().nullable(),
    waitingOn: z.string().nullable(),
    owner: z.string().nullable(),
    leadType: z.string().nullable(),
    priority: z.number().int().nullable(),
    due: z.string().nullable(),
    dueInWords: z.string(),
    overdue: z.boolean(),
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
    const asker = { ...(await taskAsker(deps.pool, c)), repId: c.var.caller.repId };
    const found = await queueOf(deps.pool, asker, {
      after: after && { due: after[0], id: after[1] },
      limit: limit + 1,
      now,
    });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const items = page.map((row) => {
      const due = row.due_at?.getTime() ?? null;
      return {
        kind: row.kind,
        id: row.id,
        url: row.lead_id && `${deps.publicUrl}/leads/${row.lead_id}`,
        what: row.what,
        lead: row.lead_id,
        name: row.name,
        stage: row.stage,
        waitingOn: row.waiting_on,
        owner: row.owner_id,
        leadType: row.lead_type,
        priority: row.priority,
        due: iso(due),
        dueInWords: inWords(due, now),
        overdue: due !== null && due < now,
      };
    });
    return c.json(
      { items, next: found.length > limit && last ? toCursor([last.place, last.id]) : null },
      200,
    );
  });
  return app;
}
