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
const tags = ["built-in CRM"];

/** A route that lists records of the built-in CRM by page. */
const listOf = <P extends string, T extends z.ZodType, Q extends z.ZodRawShape>(
  path: P,
  summary: string,
  record: T,
  by: Q,
) =>
  createRoute({
    method: "get",
    path,
    tags,
    summary,
    request: { query: z.strictObject({ ...pageQuery, ...by }) },
    responses: json(pageOf(record), "A page"),
  });

/** A route that gives one record of the built-in CRM. */
const oneOf = <P extends string, T extends z.ZodType>(path: P, noun: string, record: T) =>
  createRoute({
    method: "get",
    path,
    tags,
    summary: `One ${noun}`,
    request: { params: z.object({ id: z.string().max(60) }) },
    responses: json(record, `The ${noun}`),
  });

const leads = listOf("/house/leads", "Leads", houseLeadSchema, {
  status: word,
  owner: word,
  q: word,
});
const lead = oneOf("/house/leads/{id}", "lead", houseLeadSchema);
const accounts = listOf("/house/accounts", "Accounts", houseAccountSchema, {});
const account = oneOf("/house/accounts/{id}", "account", houseAccountSchema);
const tasks = listOf("/house/tasks", "Tasks", houseTaskSchema, {
  lead: word,
  owner: word,
  state: z.enum(["open", "done"]).optional(),
});
const task = oneOf("/house/tasks/{id}", "task", houseTaskSchema);
const notes = listOf("/house/notes", "Notes", houseNoteSchema, { lead: word, account: word });
const opportunities = listOf("/house/opportunities", "Opportunities", houseOpportunitySchema, {
  lead: word,
  stage: z.enum(["open", "won", "lost"]).optional(),
});
const opportunity = oneOf("/house/opportunities/{id}", "opportunity", houseOpportunitySchema);

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
    const { lead: leadId, account: accountId, ...page } = c.req.valid("query");
    return c.json(
      await paged(
        page,
        (asked) => houseNotes(pool, { ...asked, leadId, accountId }),
        houseNoteView,
      ),
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
