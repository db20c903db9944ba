import { createRoute, z } from "@hono/zod-openapi";
import { viewOf } from "../handoff/clocks/escalation.ts";
import type { TaskKind } from "../handoff/process/situation.ts";
import { compileApplied } from "../handoff/time/applied-calendar.ts";
import {
  businessTimeBetween,
  endOfDay,
  isOpen as isOpenAt,
  nextOpen,
  type Instant,
} from "../handoff/time/calendar.ts";
import { askedOf, whyOfTask } from "../messages/asked.ts";
import { clocksOf } from "../store/process/clocks.ts";
import { heldAhead } from "../store/views/ahead.ts";
import { inQueue, mostCountedInQueue, queueOf, type QueueEntry } from "../store/views/queue.ts";
import { newRoutes, type ApiDeps, type Asker, type Caller, type Routes } from "./deps.ts";
import { problemResponses } from "./http/errors.ts";
import { dueFields, dueView, readerZone } from "./http/due.ts";
import { iso, isoDuration } from "./http/format.ts";
import {
  cursorTime,
  defaultLimit,
  fromCursor,
  pageOf,
  pageQuery,
  toCursor,
} from "./http/paging.ts";
import { leadHere, taskAsker } from "./http/reach.ts";
import { actionsSchema, actionsShown, seenSchema } from "./lead-actions.ts";
import { standsUnder } from "./lead-view.ts";

const standsSchema = z
  .object({
    why: z.enum(["paused", "outside-hours"]),
    reason: z.string().nullable().openapi({ description: "of a pause" }),
    until: z.string().nullable().openapi({ format: "date-time" }),
    left: z.string().openapi({ format: "duration", description: "on the clock, when it runs on" }),
  })
  .nullable()
  .openapi({ description: "why the clock stands still at this moment; null while it runs" });

const entrySchema = z
  .object({
    kind: z.enum(["lead", "account", "task"]),
    id: z.string(),
    url: z.string().nullable(),
    what: z.string().openapi({ description: "the lead's next step, or the kind of task" }),
    asked: z.string().openapi({ description: "what to do, as a sentence" }),
    why: z.string().nullable().openapi({
      description: "why the lead was handed to sales, or why the task is there",
    }),
    lead: z.string().nullable(),
    account: z.string().nullable().openapi({
      description: "of an account that is handed off, or that a task is about",
    }),
    name: z.string().nullable(),
    email: z.string().nullable(),
    company: z.string().nullable(),
    title: z.string().nullable(),
    phone: z.string().nullable(),
    band: z.string().nullable(),
    stage: z.string().nullable(),
    waitingOn: z.string().nullable(),
    owner: z.string().nullable(),
    ownerName: z.string().nullable(),
    leadType: z.string().nullable(),
    priority: z.number().int().nullable(),
    agreement: standsUnder,
    ...dueFields,
    stands: standsSchema,
    actions: actionsSchema,
    seen: seenSchema.nullable(),
  })
  .openapi("QueueEntry");

const queueSchema = pageOf(entrySchema)
  .extend({
    at: z.string().openapi({ format: "date-time" }),
    zone: z.string().openapi({ description: "of the reader" }),
    ahead: z
      .object({ held: z.number().int(), until: z.string().nullable() })
      .nullable()
      .openapi({ description: "of an empty queue: leads on hold that may come here, and when" }),
  })
  .openapi("Queue");
type QueueView = z.output<typeof queueSchema>;

/** A due time in a cursor: as Postgres writes it. */
export const placeCursor = z.tuple([
  z.union([z.literal("infinity"), cursorTime]),
  z.string().max(60),
]);

const queueQuery = z.strictObject(pageQuery);

const read = createRoute({
  method: "get",
  path: "/queue",
  tags: ["tasks"],
  summary: "What waits for me, the earliest due first",
  description:
    "A rep's own leads, accounts and tasks; for a manager also the team's leads that are overdue or due today " +
    "(in the manager's zone). What waits with a task is in the list once, as the task.",
  request: { query: queueQuery },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: queueSchema } },
    },
    ...problemResponses,
  },
});

const placeSchema = z
  .object({
    n: z
      .number()
      .int()
      .nullable()
      .openapi({ description: "its number; null: it is not among those that are counted" }),
    of: z
      .number()
      .int()
      .openapi({ description: `leads; of ${mostCountedInQueue} entries` }),
    orMore: z.boolean(),
    previous: z.string().nullable().openapi({ description: "the lead before it" }),
    next: z.string().nullable().openapi({
      description: "the lead after it; where it is not in the queue, the first",
    }),
  })
  .openapi("PlaceInQueue");

const readPlace = createRoute({
  method: "get",
  path: "/queue/{id}",
  tags: ["tasks"],
  summary: "Where a lead is in my queue, and which leads are beside it",
  request: { params: z.object({ id: z.string() }) },
  responses: {
    200: { description: "The place", content: { "application/json": { schema: placeSchema } } },
    ...problemResponses,
  },
});

export function queueRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(read, async (c) => c.json(await readQueue(deps, c, c.req.valid("query")), 200));
  app.openapi(readPlace, async (c) =>
    c.json(await readPlaceInQueue(deps, c, c.req.valid("param").id), 200),
  );
  return app;
}

/** Where a lead that the caller may see is in their queue. */
export async function readPlaceInQueue(
  deps: ApiDeps,
  c: Asker,
  leadId: string,
): Promise<z.output<typeof placeSchema>> {
  const [lead, asked, zone] = await Promise.all([
    leadHere(deps.keyed, c, leadId),
    taskAsker(deps.keyed, c),
    readerZone(deps, c),
  ]);
  const asker = { ...asked, repId: c.var.caller.repId };
  return inQueue(deps.keyed, asker, lead.id, seenUntil(c, zone));
}

/** What breaks today is a manager's to see before; an office looks at what is late. */
function seenUntil({ var: { scope, receivedAt } }: Asker, zone: string): Instant {
  return scope === "team" ? endOfDay(zone, receivedAt) : receivedAt;
}

/** What waits for the caller, the earliest due first: a page of it. */
export async function readQueue(
  deps: ApiDeps,
  c: Asker,
  query: z.output<typeof queueQuery>,
): Promise<QueueView> {
  const limit = query.limit ?? defaultLimit;
  const after = fromCursor(query.cursor, placeCursor);
  const now = c.var.receivedAt;
  const [asked, zone] = await Promise.all([taskAsker(deps.keyed, c), readerZone(deps, c)]);
  const found = await queueOf(
    deps.keyed,
    { ...asked, repId: c.var.caller.repId },
    {
      after: after && { due: after[0], id: after[1] },
      limit: limit + 1,
      until: seenUntil(c, zone),
    },
  );
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const isEmpty = page.length === 0 && after === undefined;
  const [pauses, held] = await Promise.all([
    pausesOf(deps, page, now),
    isEmpty ? heldAhead(deps.pool, asked.reach) : null,
  ]);
  return {
    at: iso(now),
    zone,
    items: page.map((row) =>
      entryOf(deps, row, {
        caller: c.var.caller,
        zone,
        now,
        stands: pauses.get(row.id) ?? standsOutside(row, now),
      }),
    ),
    next: found.length > limit && last ? toCursor([last.place, last.id]) : null,
    ahead: held === null || held.count === 0 ? null : { held: held.count, until: iso(held.until) },
  };
}

interface Around {
  readonly caller: Caller;
  readonly zone: string;
  readonly now: Instant;
  readonly stands: z.output<typeof standsSchema>;
}

function entryOf(
  { publicUrl }: Pick<ApiDeps, "publicUrl">,
  row: QueueEntry,
  { caller, zone, now, stands }: Around,
): z.output<typeof entrySchema> {
  const task = row.kind === "task" ? (row.what as TaskKind) : null;
  const { stage, waiting_on: waitingOn } = row;
  const of = row.account_id === null ? "lead" : "account";
  const subjectId = row.account_id ?? row.lead_id;
  const url = subjectId && `${publicUrl}/${of}s/${subjectId}`;
  const isOpen = url !== null && stage !== null && waitingOn !== null;
  return {
    kind: row.kind,
    id: row.id,
    url,
    what: row.what,
    asked: askedOf({ waitingOn, task }),
    why: row.detail === null ? row.because : whyOfTask(row.detail),
    lead: row.lead_id,
    account: row.account_id,
    name: row.name,
    email: row.email,
    company: row.company,
    title: row.title,
    phone: row.phone,
    band: row.band,
    stage,
    waitingOn,
    owner: row.owner_id,
    ownerName: row.owner_name,
    leadType: row.lead_type,
    priority: row.priority,
    agreement: row.version_id,
    ...dueView(row.due_at, row.hours?.hours.zone ?? zone, now),
    stands,
    actions: isOpen ? actionsShown({ url, stage, waitingOn, of }, caller) : [],
    seen: isOpen && row.cycle !== null ? { stage, cycle: row.cycle, round: row.round ?? 0 } : null,
  };
}

/** The pauses of the page's leads, by the entry's id: few, so each is read by itself. */
async function pausesOf(
  deps: ApiDeps,
  page: readonly QueueEntry[],
  now: Instant,
): Promise<ReadonlyMap<string, z.output<typeof standsSchema>>> {
  const pauses = new Map<string, z.output<typeof standsSchema>>();
  for (const { id, kind, due_at, paused_until, handoff_id, round, agreement_id } of page) {
    if (kind === "task" || due_at !== null || paused_until === null) continue;
    if (handoff_id === null || agreement_id === null) continue;
    const { clocks, calendars } = await clocksOf(deps.keyed, handoff_id, round ?? 0);
    const { agreement } = await deps.agreements.version(deps.keyed, agreement_id);
    const views = clocks.map((clock) => viewOf(agreement, { clocks, calendars, now }, clock));
    const paused = views
      .filter(({ pauseReason }) => pauseReason !== null)
      .toSorted((a, b) => a.leftMs - b.leftMs)[0];
    if (!paused) continue;
    pauses.set(id, {
      why: "paused",
      reason: paused.pauseReason,
      until: iso(paused_until),
      left: isoDuration(paused.leftMs),
    });
  }
  return pauses;
}

/** A clock of business time stands still outside of its hours. */
function standsOutside(row: QueueEntry, now: Instant): z.output<typeof standsSchema> {
  const { due_at, hours, target } = row;
  const due = due_at?.getTime() ?? 0;
  if (row.kind === "task" || hours === null || target?.kind !== "business" || due <= now)
    return null;
  const calendar = compileApplied(hours, now);
  if (isOpenAt(calendar, now)) return null;
  return {
    why: "outside-hours",
    reason: null,
    until: iso(nextOpen(calendar, now)),
    left: isoDuration(businessTimeBetween(calendar, now, due)),
  };
}
