import { createRoute, z } from "@hono/zod-openapi";
import { normalizeFact } from "../handoff/lead.ts";
import { isClosed, stages, waits, type WaitingOn } from "../handoff/stage.ts";
import type { FactValue } from "../handoff/facts.ts";
import { audit } from "../store/audit.ts";
import { inTransaction } from "../store/db.ts";
import { leadHistory } from "../store/history.ts";
import { mergeFacts } from "../store/intake.ts";
import { aboutLead, tell } from "../store/outbox.ts";
import { listLeads } from "../store/leads.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./errors.ts";
import { iso, textIn } from "./format.ts";
import { leadPage, leadSchema, listedLead, listedLeadSchema } from "./lead-view.ts";
import { cursorTime, defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./paging.ts";
import { leadHere, reachHere } from "./reach.ts";

const everyWait = [...new Set(Object.values(waits).flat())] as [WaitingOn, ...WaitingOn[]];
const idParam = z.object({ id: z.string().openapi({ description: "ld_…" }) });

const list = createRoute({
  method: "get",
  path: "/leads",
  tags: ["leads"],
  summary: "Leads, newest first",
  request: {
    query: z.strictObject({
      ...pageQuery,
      stage: z.enum(stages).optional(),
      waitingOn: z.enum(everyWait).optional(),
      owner: textIn(60).optional().openapi({ description: "a rep's id, or `none`" }),
      overdue: z
        .enum(["true", "false"])
        .transform((word) => word === "true")
        .optional(),
      q: textIn(200)
        .optional()
        .openapi({
          description:
            "an id, a CRM id, the beginning of an e-mail address, another known name, or an account's domain",
        }),
    }),
  },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: pageOf(listedLeadSchema) } },
    },
    ...problemResponses,
  },
});

const read = createRoute({
  method: "get",
  path: "/leads/{id}",
  tags: ["leads"],
  summary: "One lead: where it stands, whose it is, what runs, what happens next",
  request: { params: idParam },
  responses: {
    200: { description: "The lead", content: { "application/json": { schema: leadSchema } } },
    ...problemResponses,
  },
});

const entrySchema = z
  .object({
    at: z.string(),
    kind: z.enum([
      "engagement",
      "transition",
      "decision",
      "assignment",
      "clock",
      "action",
      "effect",
      "task",
    ]),
    id: z.string(),
    cycle: z.number().int().nullable(),
    what: z.string(),
    detail: z.record(z.string(), z.unknown()),
  })
  .openapi("HistoryEntry");

const history = createRoute({
  method: "get",
  path: "/leads/{id}/history",
  tags: ["leads"],
  summary: "Everything that happened to the lead, in order",
  request: { params: idParam, query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: pageOf(entrySchema) } },
    },
    ...problemResponses,
  },
});

const patch = createRoute({
  method: "patch",
  path: "/leads/{id}",
  tags: ["leads"],
  summary: "Correct facts; a fact gets another value, it is never taken away",
  request: {
    params: idParam,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z
            .strictObject({
              facts: z
                .record(z.string().max(100), z.unknown())
                .refine((facts) => Object.keys(facts).length > 0, {
                  error: "expected at least one fact",
                }),
            })
            .openapi("FactsCorrected"),
        },
      },
    },
  },
  responses: {
    200: {
      description: "Which facts have another value now",
      content: {
        "application/json": { schema: z.object({ id: z.string(), changed: z.array(z.string()) }) },
      },
    },
    ...problemResponses,
  },
});

/** Reading leads and correcting their facts. */
export function leadRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(list, async (c) => {
    const query = c.req.valid("query");
    const limit = query.limit ?? defaultLimit;
    const after = fromCursor(query.cursor, z.tuple([z.string()]))?.[0];
    const found = await listLeads(deps.pool, query, await reachHere(deps.pool, c), {
      after,
      limit: limit + 1,
      now: c.var.receivedAt,
    });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return c.json(
      {
        items: page.map((row) => listedLead(row, deps, c.var.receivedAt)),
        next: found.length > limit && last ? toCursor([last.id]) : null,
      },
      200,
    );
  });

  app.openapi(read, async (c) => {
    const lead = await leadHere(deps.pool, c, c.req.valid("param").id);
    return c.json(await leadPage(deps, lead, c.var.caller, c.var.receivedAt), 200);
  });

  app.openapi(history, async (c) => {
    const lead = await leadHere(deps.pool, c, c.req.valid("param").id);
    const query = c.req.valid("query");
    const limit = query.limit ?? defaultLimit;
    const place = fromCursor(
      query.cursor,
      z.tuple([cursorTime, z.int().min(0).max(99), z.string()]),
    );
    const found = await leadHistory(deps.pool, lead.id, {
      after: place && { at: place[0], n: place[1], id: place[2] },
      limit: limit + 1,
    });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const items = page.map(({ at, kind, id, cycle, what, detail }) => ({
      at: iso(at),
      kind,
      id,
      cycle,
      what,
      detail,
    }));
    return c.json(
      {
        items,
        next: found.length > limit && last ? toCursor([last.place, last.n, last.id]) : null,
      },
      200,
    );
  });

  app.openapi(patch, async (c) => {
    const lead = await leadHere(deps.pool, c, c.req.valid("param").id);
    if (!lead.is_theirs)
      throw new Problem("not-yours", {
        detail: "the lead has gone to somebody else",
        state: { id: lead.id, stage: lead.stage, waitingOn: lead.waiting_on, owner: lead.owner_id },
      });
    if (lead.erased_at !== null || lead.merged_into !== null) {
      throw new Problem("not-possible-now", {
        detail:
          lead.erased_at === null
            ? "the lead was merged into another one"
            : "the person was erased",
        state: { id: lead.id, stage: lead.stage, waitingOn: lead.waiting_on, owner: lead.owner_id },
      });
    }
    const facts = await readFacts(deps, c.req.valid("json").facts);
    const now = c.var.receivedAt;
    const dated = Object.fromEntries(
      Object.entries(facts).map(([path, value]) => [
        path,
        { value, from: "person" as const, at: new Date(now).toISOString() },
      ]),
    );
    const changed = await inTransaction(deps.pool, async (tx) => {
      const merged = await mergeFacts(tx, lead.id, dated, now);
      if (merged.changed.length === 0) return merged.changed;
      if (!isClosed(lead.stage))
        await tell(tx, aboutLead(lead.id, "signal", "factsChanged", { id: lead.id }, 1), now);
      await audit(
        tx,
        {
          actor: c.var.caller.repId ?? c.var.caller.tokenId,
          what: "lead.facts-corrected",
          subject: lead.id,
          detail: { fields: merged.changed },
        },
        now,
      );
      return merged.changed;
    });
    return c.json({ id: lead.id, changed: [...changed] }, 200);
  });

  return app;
}

/** The corrected facts as typed values; throws a 422 that names the fact. */
async function readFacts(
  deps: ApiDeps,
  raw: Readonly<Record<string, unknown>>,
): Promise<Record<string, FactValue>> {
  const active = await deps.agreements.active(deps.pool);
  if (!active) throw new Problem("unavailable", { detail: "no agreement is active yet" });
  const facts: Record<string, FactValue> = {};
  for (const [path, given] of Object.entries(raw)) {
    const fact = normalizeFact(path, given, active.agreement);
    if ("problem" in fact)
      throw new Problem("invalid", { field: `facts.${path}`, detail: fact.problem });
    if ("missing" in fact)
      throw new Problem("invalid", {
        field: `facts.${path}`,
        detail: "expected a value; this word stands for a missing fact",
      });
    facts[path] = fact.value;
  }
  return facts;
}
