import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { readFact } from "../spellings/fact.ts";
import { isClosed, stages, waits, type WaitingOn } from "../handoff/stage.ts";
import type { Agreement } from "../handoff/agreement.ts";
import { derivedProblem, maySet, whoMaySet } from "../handoff/facts/fact-rights.ts";
import type { FactValue } from "../handoff/facts/facts.ts";
import { audit } from "../store/postgres/audit.ts";
import { inTransaction } from "../store/postgres/db.ts";
import { survivorIdOf } from "../store/process/merge.ts";
import { actorNames } from "../store/access/actors.ts";
import { peopleIn } from "../words/people.ts";
import { leadHistory } from "../store/views/history.ts";
import { auditMoves, saveFacts, PlacementRefused } from "../store/intake/intake.ts";
import { leadSignal, enqueue } from "../store/postgres/outbox.ts";
import { leadsByDue } from "../store/views/leads-by-due.ts";
import { listLeads, type ListedLead } from "../store/views/leads.ts";
import type { Role } from "../store/access/tokens.ts";
import { rolesOf, tellerOfRole } from "./http/authorisation.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Asker, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";
import { instantIn, iso, textIn } from "./http/format.ts";
import { activeAgreement } from "./intake.ts";
import { leadView, leadSchema, listedLead, listedLeadSchema } from "./lead-view.ts";
import {
  cursorTime,
  defaultLimit,
  fromCursor,
  pageOf,
  pageQuery,
  toCursor,
} from "./http/paging.ts";
import { leadHere, reachHere } from "./http/reach.ts";

const everyWait = [...new Set(Object.values(waits).flat())] as [WaitingOn, ...WaitingOn[]];
const idParam = z.object({ id: z.string().openapi({ description: "ld_…" }) });

export const listQuery = z.strictObject({
  ...pageQuery,
  stage: z.enum(stages).optional(),
  waitingOn: z.enum(everyWait).optional(),
  owner: textIn(60).optional().openapi({ description: "a rep's id, or `none`" }),
  overdue: z
    .enum(["true", "false"])
    .transform((word) => word === "true")
    .optional(),
  dueBefore: instantIn
    .transform((text) => Date.parse(text))
    .optional()
    .openapi({ type: "string", format: "date-time", description: "due before this instant" }),
  sort: z
    .enum(["newest", "due"])
    .optional()
    .openapi({ description: "newest when absent; a cursor goes on in its own order" }),
  q: textIn(200)
    .optional()
    .openapi({
      description:
        "an id, a CRM id, the beginning of an e-mail address, another name of the person as a " +
        "whole (an earlier address, an id elsewhere), or an account's domain. Names of people " +
        "and companies are not searched. Of addresses with one beginning the first thousand " +
        "are found.",
    }),
  ids: z
    .string()
    .regex(/^ld_[0-9a-z]{1,40}(?:,ld_[0-9a-z]{1,40}){0,99}$/, {
      error: "expected at most 100 ids of leads with commas between them",
    })
    .transform((text) => text.split(","))
    .optional()
    .openapi({ type: "string", description: "these alone, as a report names them: ld_1,ld_2" }),
});

const listedSchema = pageOf(listedLeadSchema);

const list = createRoute({
  method: "get",
  path: "/leads",
  tags: ["leads"],
  summary: "Leads, newest first, or with `sort=due` those with a deadline, the earliest first",
  request: { query: listQuery },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: listedSchema } },
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

const historyQuery = z.strictObject({
  ...pageQuery,
  order: z
    .enum(["oldest", "newest"])
    .optional()
    .openapi({ description: "what comes first; the oldest when absent" }),
});
const historySchema = pageOf(entrySchema).extend({
  people: z.record(z.string(), z.string()).openapi({
    description: "the names of those on the roster whom the page names by id",
  }),
});

const history = createRoute({
  method: "get",
  path: "/leads/{id}/history",
  tags: ["leads"],
  summary: "Everything that happened to the lead, in order",
  request: { params: idParam, query: historyQuery },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: historySchema } },
    },
    ...problemResponses,
  },
});

const correction = z
  .strictObject({
    facts: z
      .record(z.string().max(100), z.unknown())
      .refine((facts) => Object.keys(facts).length > 0, {
        error: "expected at least one fact",
      }),
  })
  .openapi("FactsCorrected");

const correctedSchema = z.object({
  id: z.string().openapi({ description: "the lead that has them: the survivor of a merge" }),
  changed: z.array(z.string()),
  conflictsWith: z.array(z.string()).openapi({
    description:
      "the lead whose address was given: it keeps it, and a task of the kind " +
      "`conflict` asks whether they are one person",
  }),
  notUnderstood: z
    .array(z.object({ field: z.string(), message: z.string() }))
    .openapi({ description: "facts that are kept as they came, and what was expected" }),
});

const patch = createRoute({
  method: "patch",
  path: "/leads/{id}",
  tags: ["leads"],
  summary: "Correct facts; a fact gets another value, it is never taken away",
  description:
    "Facts of the person are for whoever has the lead; facts of the company, its owner, " +
    "suppressions and the company itself for operator, revops and marketing. A 403 names the " +
    "fact and, in `maySet`, the roles that may. docs/facts.md has the whole table.",
  request: {
    params: idParam,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: correction,
        },
      },
    },
  },
  responses: {
    200: {
      description: "Which facts have another value now",
      content: {
        "application/json": {
          schema: correctedSchema,
        },
      },
    },
    ...problemResponses,
  },
});

/** Reading leads and correcting their facts. */
export function leadRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(list, async (c) => c.json(await readLeads(deps, c, c.req.valid("query")), 200));
  app.openapi(read, async (c) => c.json(await readLead(deps, c, c.req.valid("param").id), 200));
  app.openapi(history, async (c) =>
    c.json(await readHistory(deps, c, c.req.valid("param").id, c.req.valid("query")), 200),
  );
  app.openapi(patch, async (c) =>
    c.json(await correctFacts(deps, c, c.req.valid("param").id, c.req.valid("json").facts), 200),
  );
  return app;
}

/** A page of the leads within reach. */
export async function readLeads(
  deps: ApiDeps,
  c: Asker,
  { sort, cursor, ...query }: z.output<typeof listQuery>,
): Promise<z.output<typeof listedSchema>> {
  const limit = query.limit ?? defaultLimit;
  const reach = await reachHere(deps.pool, c);
  const now = c.var.receivedAt;
  const shown = async (page: readonly ListedLead[], next: readonly string[] | null) => {
    const items = page.slice(0, limit);
    const owners = await actorNames(
      deps.pool,
      items.flatMap((row) => row.owner_id ?? []),
    );
    return {
      items: items.map((row) => listedLead(row, deps, owners, now)),
      next: page.length > limit && next ? toCursor(next) : null,
    };
  };
  if (sort === "due") {
    const place = fromCursor(cursor, z.tuple([cursorTime, z.string().max(60)]));
    const after = place && { due: place[0], id: place[1] };
    const found = await leadsByDue(deps.pool, query, reach, { after, limit: limit + 1, now });
    const last = found[limit - 1];
    return shown(found, last ? [last.place, last.id] : null);
  }
  const after = fromCursor(cursor, z.tuple([z.string()]))?.[0];
  const found = await listLeads(deps.pool, query, reach, { after, limit: limit + 1, now });
  const last = found[limit - 1];
  return shown(found, last ? [last.id] : null);
}

/** The lead of the address, when the caller may see it. */
export async function readLead(
  deps: ApiDeps,
  c: Asker,
  leadId: string,
): Promise<z.output<typeof leadSchema>> {
  const lead = await leadHere(deps.keyed, c, leadId);
  return leadView(deps, lead, c);
}

/** A page of what happened to the lead, in order. */
export async function readHistory(
  deps: ApiDeps,
  c: Asker,
  leadId: string,
  query: z.output<typeof historyQuery>,
): Promise<z.output<typeof historySchema>> {
  const lead = await leadHere(deps.keyed, c, leadId);
  const limit = query.limit ?? defaultLimit;
  const place = fromCursor(query.cursor, z.tuple([cursorTime, z.int().min(0).max(99), z.string()]));
  const found = await leadHistory(deps.keyed, lead.id, {
    after: place && { at: place[0], n: place[1], id: place[2] },
    limit: limit + 1,
    isNewestFirst: query.order === "newest",
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
  return {
    items,
    people: await actorNames(deps.keyed, peopleIn(items)),
    next: found.length > limit && last ? toCursor([last.place, last.n, last.id]) : null,
  };
}

/** Gives facts of the lead another value, as far as the caller's word counts for each. */
export async function correctFacts(
  deps: ApiDeps,
  c: Context<AppEnv>,
  leadId: string,
  given: Readonly<Record<string, unknown>>,
): Promise<z.output<typeof correctedSchema>> {
  const named = await leadHere(deps.pool, c, leadId);
  // What is told of a merged-away lead is told of the survivor.
  const lead =
    named.merged_into === null
      ? named
      : await leadHere(deps.pool, c, await survivorIdOf(deps.pool, named.id));
  if (!lead.is_theirs)
    throw new Problem("not-yours", {
      detail: "the lead has gone to somebody else",
      state: { id: lead.id, stage: lead.stage, waitingOn: lead.waiting_on, owner: lead.owner_id },
    });
  if (lead.erased_at !== null) {
    throw new Problem("not-possible-now", {
      detail: "the person was erased",
      state: { id: lead.id, stage: lead.stage, waitingOn: lead.waiting_on, owner: lead.owner_id },
    });
  }
  const { agreement } = await activeAgreement(deps, deps.pool);
  const { role, repId, tokenId } = c.var.caller;
  const { facts, notUnderstood } = readFacts(given, agreement, role);
  const now = c.var.receivedAt;
  const dated = Object.fromEntries(
    Object.entries(facts).map(([path, value]) => [
      path,
      { value, from: "person" as const, at: new Date(now).toISOString() },
    ]),
  );
  const actor = repId ?? tokenId;
  const mayPlace = maySet(tellerOfRole[role], "account.domain", "", agreement);
  const { changed, conflictsWith } = await inTransaction(deps.pool, async (tx) => {
    const merged = await saveFacts(tx, lead.id, dated, now, { agreement, mayPlace, by: actor });
    // A conflict changes nothing of the facts, and is news: the unique-match gate fails.
    if (merged.changed.length === 0 && merged.conflictsWith.length === 0) return merged;
    if (!isClosed(lead.stage))
      await enqueue(tx, leadSignal(lead.id, "signal", "factsChanged", { id: lead.id }, 1), now);
    const detail = { fields: merged.changed };
    await audit(tx, { actor, what: "lead.facts-corrected", subject: lead.id, detail }, now);
    if (merged.moved) await auditMoves(tx, [{ ...merged.moved, by: actor }], now);
    return merged;
  }).catch((error: unknown) => {
    if (!(error instanceof PlacementRefused)) throw error;
    throw notYoursToSet("lead.email", "account.domain", "", agreement);
  });
  return { id: lead.id, changed: [...changed], conflictsWith: [...conflictsWith], notUnderstood };
}

/**
 * The corrected facts as typed values. Throws a 422 that names the fact, or a 403 that also says
 * who may set it.
 */
function readFacts(
  raw: Readonly<Record<string, unknown>>,
  agreement: Agreement,
  role: Role,
): { facts: Record<string, FactValue>; notUnderstood: { field: string; message: string }[] } {
  const facts: Record<string, FactValue> = {};
  const notUnderstood: { field: string; message: string }[] = [];
  for (const [path, given] of Object.entries(raw)) {
    const field = `facts.${path}`;
    const derived = derivedProblem(path);
    if (derived !== null) {
      throw new Problem("invalid", { field, detail: derived, more: { maySet: [] } });
    }
    const fact = readFact(path, given, agreement, raw);
    if ("problem" in fact) throw new Problem("invalid", { field, detail: fact.problem });
    if ("missing" in fact) {
      const detail = "expected a value; this word stands for a missing fact";
      throw new Problem("invalid", { field, detail });
    }
    if (!maySet(tellerOfRole[role], path, fact.value, agreement)) {
      throw notYoursToSet(path, path, fact.value, agreement);
    }
    facts[path] = fact.value;
    if (fact.notUnderstood !== undefined)
      notUnderstood.push({ field, message: fact.notUnderstood });
  }
  return { facts, notUnderstood };
}

/** The refusal of `path`, because setting `fact` is for others. */
function notYoursToSet(
  path: string,
  fact: string,
  value: FactValue,
  agreement: Agreement,
): Problem {
  // A tracker fills in what is not known; it is nobody to ask for a correction.
  const may = rolesOf(whoMaySet(fact, value, agreement).filter((teller) => teller !== "tracking"));
  const what = path === fact ? fact : `this address would put the lead at a company, and ${fact}`;
  const detail = `${what} is set by: ${may.join(", ")}`;
  return new Problem("forbidden", { field: `facts.${path}`, detail, more: { maySet: may } });
}
