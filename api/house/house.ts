import { createRoute, z } from "@hono/zod-openapi";
import {
  houseAccount,
  houseAccounts,
  houseLead,
  houseLeads,
  houseNotes,
  houseOpportunities,
  houseOpportunity,
  houseTask,
  houseTasks,
} from "../../store/house/rows.ts";
import { newRoutes, type ApiDeps, type Routes } from "../deps.ts";
import { notFound, problemResponses } from "../http/errors.ts";
import { houseUserRoutes } from "./user.ts";
import {
  houseAccountSchema,
  houseAccountView,
  houseLeadSchema,
  houseLeadView,
  houseNoteSchema,
  houseNoteView,
  houseOpportunitySchema,
  houseOpportunityView,
  houseTaskSchema,
  houseTaskView,
} from "./view.ts";
import { defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "../http/paging.ts";

const word = z.string().max(200).optional();
const json = <T extends z.ZodType>(schema: T, description: string) => ({
  200: { description, content: { "application/json": { schema } } },
  ...problemResponses,
});
const one = { params: z.object({ id: z.string().max(60) }) };
const tags = ["built-in CRM"];

const leads = createRoute({
  method: "get",
  path: "/house/leads",
  tags,
  summary: "Leads",
  request: { query: z.strictObject({ ...pageQuery, status: word, owner: word, q: word }) },
  responses: json(pageOf(houseLeadSchema), "A page"),
});
const lead = createRoute({
  method: "get",
  path: "/house/leads/{id}",
  tags,
  summary: "One lead",
  request: one,
  responses: json(houseLeadSchema, "The lead"),
});
const accounts = createRoute({
  method: "get",
  path: "/house/accounts",
  tags,
  summary: "Accounts",
  request: { query: z.strictObject(pageQuery) },
  responses: json(pageOf(houseAccountSchema), "A page"),
});
const account = createRoute({
  method: "get",
  path: "/house/accounts/{id}",
  tags,
  summary: "One account",
  request: one,
  responses: json(houseAccountSchema, "The account"),
});
const tasks = createRoute({
  method: "get",
  path: "/house/tasks",
  tags,
  summary: "Tasks",
  request: {
    query: z.strictObject({
      ...pageQuery,
      lead: word,
      owner: word,
      state: z.enum(["open", "done"]).optional(),
    }),
  },
  responses: json(pageOf(houseTaskSchema), "A page"),
});
const task = createRoute({
  method: "get",
  path: "/house/tasks/{id}",
  tags,
  summary: "One task",
  request: one,
  responses: json(houseTaskSchema, "The task"),
});
const notes = createRoute({
  method: "get",
  path: "/house/notes",
  tags,
  summary: "Notes",
  request: { query: z.strictObject({ ...pageQuery, lead: word }) },
  responses: json(pageOf(houseNoteSchema), "A page"),
});
const opportunities = createRoute({
  method: "get",
  path: "/house/opportunities",
  tags,
  summary: "Opportunities",
  request: {
    query: z.strictObject({
      ...pageQuery,
      lead: word,
      stage: z.enum(["open", "won", "lost"]).optional(),
    }),
  },
  responses: json(pageOf(houseOpportunitySchema), "A page"),
});
const opportunity = createRoute({
  method: "get",
  path: "/house/opportunities/{id}",
  tags,
  summary: "One opportunity",
  request: one,
  responses: json(houseOpportunitySchema, "The opportunity"),
});

/** The built-in CRM's own API: what its users see. What they do is in house-user.ts. */
export function houseRoutes(deps: ApiDeps): Routes {
  const { pool } = deps;
  const routes = newRoutes();
  routes.openapi(leads, async (c) => {
    const { owner, status, q, ...page } = c.req.valid("query");
    return c.json(
      await paged(
        page,
        (asked) => houseLeads(pool, { ...asked, status, ownerId: owner, q }),
        houseLeadView,
      ),
      200,
    );
  });
  routes.openapi(lead, async (c) => {
    const found = await houseLead(pool, c.req.valid("param").id);
    if (!found || found.deletedAt !== null || found.mergedInto !== null) throw notFound();
    return c.json(houseLeadView(found), 200);
  });
  routes.openapi(accounts, async (c) =>
    c.json(
      await paged(c.req.valid("query"), (asked) => houseAccounts(pool, asked), houseAccountView),
      200,
    ),
  );
  routes.openapi(account, async (c) =>
    c.json(houseAccountView(there(await houseAccount(pool, c.req.valid("param").id))), 200),
  );
  routes.openapi(tasks, async (c) => {
    const { lead: leadId, owner, state, ...page } = c.req.valid("query");
    return c.json(
      await paged(
        page,
        (asked) => houseTasks(pool, { ...asked, leadId, ownerId: owner, state }),
        houseTaskView,
      ),
      200,
    );
  });
  routes.openapi(task, async (c) =>
    c.json(houseTaskView(there(await houseTask(pool, c.req.valid("param").id))), 200),
  );
  routes.openapi(notes, async (c) => {
    const { lead: leadId, ...page } = c.req.valid("query");
    return c.json(
      await paged(page, (asked) => houseNotes(pool, { ...asked, leadId }), houseNoteView),
      200,
    );
  });
  routes.openapi(opportunities, async (c) => {
    const { lead: leadId, stage, ...page } = c.req.valid("query");
    return c.json(
      await paged(
        page,
        (asked) => houseOpportunities(pool, { ...asked, leadId, stage }),
        houseOpportunityView,
      ),
      200,
    );
  });
  routes.openapi(opportunity, async (c) =>
    c.json(houseOpportunityView(there(await houseOpportunity(pool, c.req.valid("param").id))), 200),
  );
  routes.route("/", houseUserRoutes(deps));
  return routes;
}

/** A page in order of id; one more is asked for, to know whether there is another page. */
async function paged<T extends { readonly id: string }, V>(
  query: { limit?: number | undefined; cursor?: string | undefined },
  read: (asked: { after?: string | undefined; limit: number }) => Promise<T[]>,
  view: (record: T) => V,
): Promise<{ items: V[]; next: string | null }> {
  const limit = query.limit ?? defaultLimit;
  const found = await read({
    after: fromCursor(query.cursor, z.tuple([z.string()]))?.[0],
    limit: limit + 1,
  });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map(view), next: found.length > limit && last ? toCursor([last.id]) : null };
}

function there<T>(record: T | undefined): T {
  if (record === undefined) throw notFound();
  return record;
}
