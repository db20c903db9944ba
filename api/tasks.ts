import { createRoute, z } from "@hono/zod-openapi";
import { audit } from "../store/audit.ts";
import { inTransaction } from "../store/db.ts";
import type { TaskKind } from "../store/human-tasks.ts";
import { finishTask, listTasks, seeTask, type TaskRow } from "../store/tasks.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./errors.ts";
import { inWords, iso, textIn } from "./format.ts";
import { defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./paging.ts";
import { placeCursor } from "./queue.ts";
import { taskAsker } from "./reach.ts";

/** How each kind of task ends. `null`: a person says so here. Otherwise the lead's process ends it when that was done. */
const endsBy: Readonly<Record<TaskKind, string | null>> = {
  "fix-data": "PATCH /leads/{id}",
  contested: "POST /leads/{id}/contest-decision",
  fallback: "POST /leads/{id}/reassign",
  escalated: "POST /leads/{id}/reassign",
  "nurture-review": "POST /leads/{id}/review-decision",
  "renurture-review": "POST /leads/{id}/review-decision",
  stalled: null,
  "crm-drift": null,
  "dead-letter": null,
};

const taskSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    subject: z.object({
      kind: z.enum(["lead", "account"]),
      id: z.string(),
      url: z.string().nullable(),
    }),
    handoff: z.string().nullable(),
    role: z.string(),
    assignee: z.string().nullable(),
    since: z.string(),
    due: z.string().nullable(),
    dueInWords: z.string(),
    state: z.enum(["open", "done", "withdrawn"]),
    endsBy: z
      .string()
      .nullable()
      .openapi({ description: "the request that ends it; null: POST /tasks/{id}/done" }),
    detail: z.record(z.string(), z.unknown()),
    doneAt: z.string().nullable(),
    doneBy: z.string().nullable(),
    doneHow: z.string().nullable(),
  })
  .openapi("Task");

const list = createRoute({
  method: "get",
  path: "/tasks",
  tags: ["tasks"],
  summary: "Tasks, the earliest due first",
  request: {
    query: z.strictObject({
      ...pageQuery,
      kind: z.enum(Object.keys(endsBy) as [TaskKind, ...TaskKind[]]).optional(),
      state: z
        .enum(["open", "done", "withdrawn"])
        .optional()
        .openapi({ description: "open when absent" }),
      lead: z.string().max(60).optional(),
    }),
  },
  responses: {
    200: { description: "A page", content: { "application/json": { schema: pageOf(taskSchema) } } },
    ...problemResponses,
  },
});

const done = createRoute({
  method: "post",
  path: "/tasks/{id}/done",
  tags: ["tasks"],
  summary: "End a task that no other request ends",
  request: {
    params: z.object({ id: z.string() }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({
            how: textIn(500).openapi({ description: "what was done about it" }),
          }),
        },
      },
    },
  },
  responses: {
    200: { description: "The task", content: { "application/json": { schema: taskSchema } } },
    ...problemResponses,
  },
});

/** What waits for a person. */
export function taskRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(list, async (c) => {
    const query = c.req.valid("query");
    const limit = query.limit ?? defaultLimit;
    const after = fromCursor(query.cursor, placeCursor);
    const found = await listTasks(
      deps.pool,
      await taskAsker(deps.pool, c),
      { kind: query.kind, state: query.state ?? "open", lead: query.lead },
      { after: after && { due: after[0], id: after[1] }, limit: limit + 1 },
    );
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return c.json(
      {
        items: page.map((row) => shown(row, deps, c.var.receivedAt)),
        next: found.length > limit && last ? toCursor([last.place, last.id]) : null,
      },
      200,
    );
  });

  app.openapi(done, async (c) => {
    const { id } = c.req.valid("param");
    const { caller, receivedAt: now } = c.var;
    const task = await inTransaction(deps.pool, async (tx) => {
      const asker = await taskAsker(tx, c);
      const seen = await seeTask(tx, id, asker);
      if (!seen) throw notFound();
      const otherwise = endsBy[seen.kind];
      if (otherwise !== null)
        throw new Problem("conflict", {
          detail: `a task of the kind ${seen.kind} ends by itself after ${otherwise}`,
          more: { endsBy: otherwise },
        });
      const by = caller.repId ?? caller.tokenId;
      if (!(await finishTask(tx, id, { by, how: c.req.valid("json").how }, now)))
        throw new Problem("conflict", { detail: "the task is not open any more" });
      await audit(
        tx,
        { actor: by, what: "task.done", subject: id, detail: { kind: seen.kind } },
        now,
      );
      return (await seeTask(tx, id, asker)) ?? seen;
    });
    return c.json(shown(task, deps, now), 200);
  });

  return app;
}

function shown(
  row: TaskRow,
  deps: Pick<ApiDeps, "publicUrl">,
  now: number,
): z.output<typeof taskSchema> {
  const isLead = row.subject_kind === "lead";
  return {
    id: row.id,
    kind: row.kind,
    subject: {
      kind: row.subject_kind,
      id: row.subject_id,
      url: isLead ? `${deps.publicUrl}/leads/${row.subject_id}` : null,
    },
    handoff: row.handoff_id,
    role: row.role,
    assignee: row.assignee_id,
    since: iso(row.since),
    due: iso(row.due_at),
    dueInWords: inWords(row.due_at?.getTime() ?? null, now),
    state: row.state,
    endsBy: endsBy[row.kind],
    detail: row.detail,
    doneAt: iso(row.done_at),
    doneBy: row.done_by,
    doneHow: row.done_how,
  };
}
