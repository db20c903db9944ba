import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { audit } from "../store/postgres/audit.ts";
import { inTransaction } from "../store/postgres/db.ts";
import type { Role } from "../store/access/tokens.ts";
import { enqueue, leadSignal } from "../store/postgres/outbox.ts";
import type { TaskKind } from "../store/process/human-tasks.ts";
import { endFlag } from "../store/accounts/flags.ts";
import { keepApart, mergeLeads } from "../store/process/merge.ts";
import { again } from "../store/process/take.ts";
import {
  finishTask,
  listTasks,
  peopleShown,
  seeTask,
  type PersonShown,
  type TaskAsker,
  type TaskRow,
} from "../store/views/tasks.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Asker, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { inWords, iso, textIn } from "./http/format.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./http/paging.ts";
import { placeCursor } from "./queue.ts";
import { taskAsker } from "./http/reach.ts";

/**
 * How each kind of task ends. `null`: a person says so here. Otherwise the lead's process ends it
 * when that was done.
 */
const endsBy: Readonly<Record<TaskKind, string | null>> = {
  "fix-data": "PATCH /leads/{id}",
  contested: "POST /leads/{id}/contest-decision",
  fallback: "POST /leads/{id}/reassign",
  escalated: "POST /leads/{id}/reassign",
  "nurture-review": "POST /leads/{id}/review-decision",
  "renurture-review": "POST /leads/{id}/review-decision",
  stalled: null,
  "hand-raise": null,
  conflict: "POST /tasks/{id}/conflict-decision",
  "account-engaged": null,
  "crm-drift": null,
  "dead-letter": null,
};

/** The same of this task: what is done to a lead is done to an account under its own address. */
function endOf(task: Pick<TaskRow, "kind" | "subject_kind">): string | null {
  return endsBy[task.kind]?.replace("/leads/", `/${task.subject_kind}s/`) ?? null;
}

const personSchema = z
  .object({
    lead: z.string(),
    url: z.string(),
    name: z.string().nullable(),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    title: z.string().nullable(),
    company: z.string().nullable(),
    source: z.string().nullable(),
    stage: z.string(),
    owner: z.string().nullable(),
    arrivedAt: z.string(),
    engagements: z.number().int(),
  })
  .openapi("PersonOfConflict");

const taskSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    subject: z.object({
      kind: z.enum(["lead", "account"]),
      id: z.string(),
      url: z.string().nullable(),
    }),
    name: z.string().nullable().openapi({ description: "of the lead's person" }),
    email: z.string().nullable().openapi({ description: "of the lead's person" }),
    company: z.string().nullable().openapi({ description: "the lead's, or the account itself" }),
    handoff: z.string().nullable(),
    agreement: z.string().nullable().openapi({
      description: "the version by which it came to be: its handoff's, else of the last decision",
    }),
    role: z.string(),
    assignee: z.string().nullable(),
    assigneeName: z.string().nullable(),
    since: z.string(),
    due: z.string().nullable(),
    dueInWords: z.string(),
    state: z.enum(["open", "done", "withdrawn"]),
    endsBy: z
      .string()
      .nullable()
      .openapi({
        description:
          "the request that ends it; null: POST /tasks/{id}/done, which also ends a task about " +
          "data that a rep rejected",
      }),
    detail: z.record(z.string(), z.unknown()),
    note: z
      .string()
      .nullable()
      .openapi({ description: "what the rep wrote with the rejection that the task is about" }),
    people: z.array(personSchema).optional().openapi({
      description:
        "of a conflict: those who may be one person, side by side, for whoever may see every lead",
    }),
    doneAt: z.string().nullable(),
    doneBy: z.string().nullable(),
    doneHow: z.string().nullable(),
  })
  .openapi("Task");

const listQuery = z.strictObject({
  ...pageQuery,
  kind: z.enum(Object.keys(endsBy) as [TaskKind, ...TaskKind[]]).optional(),
  state: z
    .enum(["open", "done", "withdrawn"])
    .optional()
    .openapi({ description: "open when absent" }),
  lead: z.string().max(60).optional(),
});
const listSchema = pageOf(taskSchema);

const list = createRoute({
  method: "get",
  path: "/tasks",
  tags: ["tasks"],
  summary: "Tasks, the earliest due first",
  request: {
    query: listQuery,
  },
  responses: {
    200: { description: "A page", content: { "application/json": { schema: listSchema } } },
    ...problemResponses,
  },
});

export const doneBody = z.strictObject({
  how: textIn(500).openapi({ description: "what was done about it" }),
});

const done = createRoute({
  method: "post",
  path: "/tasks/{id}/done",
  tags: ["tasks"],
  summary: "End a task that no other request ends",
  description:
    "For whom the task is: its assignee and their managers, else the people of its role; " +
    "`sales-ops` also by revops, `marketing-ops` also by marketing. An operator ends any.",
  request: {
    params: z.object({ id: z.string() }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: doneBody,
        },
      },
    },
  },
  responses: {
    200: { description: "The task", content: { "application/json": { schema: taskSchema } } },
    ...problemResponses,
  },
});

export const conflictBody = z
  .strictObject({
    decision: z.enum(["one-person", "two-people"]),
    other: z
      .string()
      .max(60)
      .optional()
      .openapi({ description: "which of `detail.others`, when there are several" }),
    keep: z.string().max(60).optional().openapi({
      description: "the lead that goes on, where neither is further than the other",
    }),
  })
  .openapi("ConflictDecision");
const settledSchema = z.object({
  decision: z.enum(["one-person", "two-people"]),
  survivor: z
    .string()
    .nullable()
    .openapi({ description: "the lead that goes on as both; null: they stay two" }),
  task: taskSchema,
});

const decide = createRoute({
  method: "post",
  path: "/tasks/{id}/conflict-decision",
  tags: ["tasks"],
  summary: "Say whether two leads are one person",
  description:
    "`one-person` merges them: the further stage goes on with its owner, and everything known " +
    "of the other is part of it. `two-people` leaves both as they are, and it is not asked " +
    "again.",
  request: {
    params: z.object({ id: z.string() }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: conflictBody,
        },
      },
    },
  },
  responses: {
    200: {
      description: "Settled",
      content: {
        "application/json": {
          schema: settledSchema,
        },
      },
    },
    ...problemResponses,
  },
});

/** What waits for a person. */
export function taskRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(list, async (c) => c.json(await readTasks(deps, c, c.req.valid("query")), 200));
  app.openapi(done, async (c) =>
    c.json(await endTask(deps, c, c.req.valid("param").id, c.req.valid("json").how), 200),
  );
  app.openapi(decide, async (c) =>
    c.json(await settleTask(deps, c, c.req.valid("param").id, c.req.valid("json")), 200),
  );
  return app;
}

/** A page of the tasks that the caller answers for. */
export async function readTasks(
  deps: ApiDeps,
  c: Asker,
  query: z.output<typeof listQuery>,
): Promise<z.output<typeof listSchema>> {
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
  const people = await peopleOf(deps, c, page);
  return {
    items: page.map((row) => shown(row, deps, c.var.receivedAt, people)),
    next: found.length > limit && last ? toCursor([last.place, last.id]) : null,
  };
}

/** Ends a task that no other request ends. */
export async function endTask(
  deps: ApiDeps,
  c: Context<AppEnv>,
  id: string,
  how: string,
): Promise<z.output<typeof taskSchema>> {
  const { caller, receivedAt: now } = c.var;
  return inTransaction(deps.pool, async (tx) => {
    const asker = await taskAsker(tx, c);
    const seen = await seeTask(tx, id, asker);
    if (!seen) throw notFound({ kind: "task", id });
    const otherwise = endOf(seen);
    // Whoever says that rejected data is right has decided: the lead goes on with it.
    const isRejection = seen.kind === "fix-data" && seen.detail["reason"] !== undefined;
    if (otherwise !== null && !isRejection)
      throw new Problem("conflict", {
        detail: `a task of the kind ${seen.kind} ends by itself after ${otherwise}`,
        more: { endsBy: otherwise },
      });
    const by = caller.repId ?? caller.tokenId;
    if (!mayEnd(seen, asker, caller.role))
      throw new Problem("forbidden", {
        detail:
          `this task is ended by ${seen.assignee_id ?? `the role ${seen.role}`}, or by an ` +
          "operator",
        more: { role: seen.role, assignee: seen.assignee_id },
      });
    if (!(await finishTask(tx, id, { by, how }, now)))
      throw new Problem("conflict", { detail: "the task is not open any more" });
    if (seen.kind === "account-engaged") await endFlag(tx, seen.subject_id, { how, by }, now);
    if (isRejection && seen.subject_kind === "lead") {
      const news = leadSignal(seen.subject_id, "signal", "factsChanged", { id }, 1);
      await enqueue(tx, news, now);
    }
    await audit(
      tx,
      { actor: by, what: "task.done", subject: id, detail: { kind: seen.kind } },
      now,
    );
    const response = shown((await seeTask(tx, id, asker)) ?? seen, deps, now);
    await keepAnswer(tx, c, { status: 200, response });
    return response;
  });
}

/** Merges the two leads of a conflict, or keeps them apart. */
export async function settleTask(
  deps: ApiDeps,
  c: Context<AppEnv>,
  id: string,
  { decision, other, keep }: z.output<typeof conflictBody>,
): Promise<z.output<typeof settledSchema>> {
  const { caller, receivedAt: now } = c.var;
  const by = caller.repId ?? caller.tokenId;
  return again(() =>
    inTransaction(deps.pool, async (tx) => {
      const asker = await taskAsker(tx, c);
      const seen = await seeTask(tx, id, asker);
      if (!seen) throw notFound({ kind: "task", id });
      if (seen.kind !== "conflict") throw notFound();
      if (seen.state !== "open")
        throw new Problem("conflict", { detail: "the task is not open any more" });
      const pair = [seen.subject_id, otherOf(seen, other)] as const;
      if (keep !== undefined && !pair.includes(keep))
        throw new Problem("invalid", {
          field: "keep",
          detail: `expected one of: ${pair.join(", ")}`,
        });
      const goesOn =
        decision === "one-person"
          ? await mergeLeads(
              tx,
              deps.agreements,
              { leads: pair, wished: keep ?? null, by, crm: null },
              now,
            )
          : null;
      if (decision === "one-person" && goesOn === null)
        throw new Problem("conflict", {
          detail: "one of the two is not there any more, or they are one lead already",
        });
      if (decision === "two-people") await keepApart(tx, pair, by, now);
      const task = shown((await seeTask(tx, id, asker)) ?? seen, deps, now);
      const response = { decision, survivor: goesOn?.survivorId ?? null, task };
      await keepAnswer(tx, c, { status: 200, response });
      return response;
    }),
  );
}

/** Roles of the offices' tokens, and the roles of tasks that they answer for. */
const answersFor: Readonly<Partial<Record<Role, readonly string[]>>> = {
  revops: ["revops", "sales-ops"],
  marketing: ["marketing", "marketing-ops"],
};

/**
 * A task is ended by whom it is for: its assignee and their managers, else the people of its role.
 * An operator ends any.
 */
function mayEnd(task: TaskRow, { reach, roles }: TaskAsker, role: Role): boolean {
  if (role === "operator") return true;
  const mine = reach.kind === "all" ? [] : reach.repIds;
  if (task.assignee_id !== null && mine.includes(task.assignee_id)) return true;
  if (answersFor[role]?.includes(task.role)) return true;
  return task.assignee_id === null && (roles.includes(task.role) || mine.includes(task.role));
}

/** With whom the lead of the task may be one person; throws unless that is clear. */
function otherOf({ detail }: TaskRow, said: string | undefined): string {
  const others = Array.isArray(detail["others"]) ? detail["others"].map(String) : [];
  const other = said ?? (others.length === 1 ? others[0] : undefined);
  if (other === undefined || !others.includes(other))
    throw new Problem("invalid", {
      field: "other",
      detail: `expected one of: ${others.join(", ")}`,
    });
  return other;
}

/** The people of the page's conflicts, for an asker who may see every lead. */
async function peopleOf(
  deps: Pick<ApiDeps, "pool">,
  c: Asker,
  page: readonly TaskRow[],
): Promise<ReadonlyMap<string, PersonShown>> {
  if (c.var.scope !== "all") return new Map();
  const conflicts = page.filter(({ kind }) => kind === "conflict");
  return peopleShown(deps.pool, conflicts.flatMap(leadsOf));
}

function leadsOf({ subject_id, detail }: TaskRow): string[] {
  const others = Array.isArray(detail["others"]) ? detail["others"].map(String) : [];
  return [subject_id, ...others];
}

function shown(
  row: TaskRow,
  deps: Pick<ApiDeps, "publicUrl">,
  now: number,
  known: ReadonlyMap<string, PersonShown> = new Map(),
): z.output<typeof taskSchema> {
  const isLead = row.subject_kind === "lead";
  const people = row.kind === "conflict" ? leadsOf(row).flatMap((id) => known.get(id) ?? []) : [];
  return {
    id: row.id,
    kind: row.kind,
    subject: {
      kind: row.subject_kind,
      id: row.subject_id,
      url: `${deps.publicUrl}/${isLead ? "leads" : "accounts"}/${row.subject_id}`,
    },
    name: row.about?.name ?? null,
    email: row.about?.email ?? null,
    company: row.about?.company ?? null,
    handoff: row.handoff_id,
    agreement: row.agreement_id,
    role: row.role,
    assignee: row.assignee_id,
    assigneeName: row.assignee_name,
    since: iso(row.since),
    due: iso(row.due_at),
    dueInWords: inWords(row.due_at?.getTime() ?? null, now),
    state: row.state,
    endsBy: endOf(row),
    detail: row.detail,
    note: row.note,
    ...(people.length === 0
      ? {}
      : {
          people: people.map(({ id, arrived_at, ...person }) => ({
            lead: id,
            url: `${deps.publicUrl}/leads/${id}`,
            ...person,
            arrivedAt: iso(arrived_at),
          })),
        }),
    doneAt: iso(row.done_at),
    doneBy: row.done_by,
    doneHow: row.done_how,
  };
}
