import { createRoute, z } from "@hono/zod-openapi";
import { endOfDay } from "../handoff/time/calendar.ts";
import { askedOf, whyOfTask } from "../messages/asked.ts";
import {
  boardCountLimit,
  boardCounts,
  boardLists,
  boardRows,
  type BoardList,
  type BoardRow,
  type BoardTimes,
} from "../store/views/board.ts";
import { newRoutes, type ApiDeps, type Asker, type Caller, type Routes } from "./deps.ts";
import { dueFields, dueView, readerZone } from "./http/due.ts";
import { problemResponses } from "./http/errors.ts";
import { iso } from "./http/format.ts";
import { defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./http/paging.ts";
import { reachHere } from "./http/reach.ts";
import { actionsSchema, actionsShown, seenSchema } from "./lead-actions.ts";
import { standsUnder } from "./lead-view.ts";
import { placeCursor } from "./queue.ts";

const instant = z.string().openapi({ format: "date-time" });

const entrySchema = z
  .object({
    kind: z
      .enum(["lead", "account"])
      .openapi({ description: "account: a flagged account, handed off as a whole" }),
    id: z.string(),
    url: z.string(),
    name: z.string().nullable().openapi({ description: "of the person; null of an account" }),
    email: z.string().nullable().openapi({ description: "of the person; null of an account" }),
    company: z.string().nullable(),
    stage: z.string(),
    waitingOn: z.string(),
    owner: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
    queue: z.string().nullable(),
    leadType: z.string().nullable(),
    priority: z.number().int().nullable(),
    agreement: standsUnder,
    asked: z.string().openapi({ description: "what is asked of whoever has it" }),
    task: z.string().nullable().openapi({ description: "of what waits for a manager" }),
    why: z.string().nullable().openapi({ description: "why that task is there" }),
    ...dueFields,
    until: instant.nullable().openapi({
      description: "of a paused lead the end of the pause, of a held one when it is offered again",
    }),
    next: z
      .object({ step: z.string().nullable(), at: instant.nullable() })
      .openapi({ description: "what happens when nobody does anything" }),
    actions: actionsSchema,
    seen: seenSchema,
  })
  .openapi("BoardEntry");

const listSchema = z
  .object({
    list: z.enum(boardLists),
    count: z.number().int(),
    orMore: z.boolean().openapi({ description: `more than ${boardCountLimit} entries` }),
    items: z.array(entrySchema),
    next: z
      .string()
      .nullable()
      .openapi({ description: "`cursor` for GET /board/{list}; null: there are no more" }),
  })
  .openapi("BoardList");

const boardSchema = z
  .object({ at: instant, zone: z.string(), lists: z.array(listSchema) })
  .openapi("Board");

const meaning =
  "`breached`: the deadline has passed. `hour`: due within the hour. `today`: due later today, " +
  "in the " +
  "reader's zone. `paused`: the clock stands still. `manager`: waits for a manager, or lies in the " +
  "fallback queue. `held`: on hold until somebody is in hours and has room. A lead is in one list, " +
  "and so is an account whose own handoff is open.";

const boardQuery = z.strictObject({ limit: pageQuery.limit });

const read = createRoute({
  method: "get",
  path: "/board",
  tags: ["tasks"],
  summary: "The team's open leads and accounts by clock: what breaks next",
  description: meaning,
  request: { query: boardQuery },
  responses: {
    200: {
      description: "Counts, and the first entries of each list",
      content: {
        "application/json": {
          schema: boardSchema,
        },
      },
    },
    ...problemResponses,
  },
});

const listQuery = z.strictObject(pageQuery);
const entriesSchema = pageOf(entrySchema);

const readList = createRoute({
  method: "get",
  path: "/board/{list}",
  tags: ["tasks"],
  summary: "One list of the board, what breaks first before the rest",
  description: meaning,
  request: {
    params: z.object({ list: z.enum(boardLists) }),
    query: listQuery,
  },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: entriesSchema } },
    },
    ...problemResponses,
  },
});

/** Entries of each list that the board shows unless told otherwise. */
const shown = 10;

/** What a manager sees of the team's clocks before they break. */
export function boardRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(read, async (c) => c.json(await readBoard(deps, c, c.req.valid("query")), 200));

  app.openapi(readList, async (c) =>
    c.json(await readBoardList(deps, c, c.req.valid("param").list, c.req.valid("query")), 200),
  );

  return app;
}

/** How many entries each list holds, and the first of each. */
export async function readBoard(
  deps: ApiDeps,
  c: Asker,
  query: z.output<typeof boardQuery>,
): Promise<z.output<typeof boardSchema>> {
  const limit = query.limit ?? shown;
  const { reach, times, zone } = await boardOf(deps, c);
  const [counts, found] = await Promise.all([
    boardCounts(deps.keyed, reach, times),
    boardRows(deps.keyed, boardLists, reach, times, { limit: limit + 1 }),
  ]);
  const lists = boardLists.map((list: BoardList) => {
    const { items, next } = pageShown(
      found.filter((row) => row.list === list),
      limit,
    );
    const count = counts.get(list) ?? 0;
    return {
      list,
      count: Math.min(count, boardCountLimit),
      orMore: count > boardCountLimit,
      items: items.map((row) => entryOf(deps, c.var.caller, row, zone, times.now)),
      next,
    };
  });
  return { at: iso(times.now), zone, lists };
}

/** A page of one list, what breaks first before the rest. */
export async function readBoardList(
  deps: ApiDeps,
  c: Asker,
  list: BoardList,
  { limit = defaultLimit, cursor }: z.output<typeof listQuery>,
): Promise<z.output<typeof entriesSchema>> {
  const after = fromCursor(cursor, placeCursor);
  const { reach, times, zone } = await boardOf(deps, c);
  const found = await boardRows(deps.keyed, [list], reach, times, {
    after: after && { place: after[0], id: after[1] },
    limit: limit + 1,
  });
  const { items, next } = pageShown(found, limit);
  return { items: items.map((row) => entryOf(deps, c.var.caller, row, zone, times.now)), next };
}

/** Whose leads and accounts, at which moment, in which zone. */
async function boardOf(deps: ApiDeps, c: Asker) {
  const now = c.var.receivedAt;
  const [reach, zone] = await Promise.all([reachHere(deps.keyed, c), readerZone(deps, c)]);
  const times: BoardTimes = { now, dayEnd: Math.max(endOfDay(zone, now), now) };
  return { reach, times, zone };
}

function pageShown(rows: readonly BoardRow[], limit: number) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last ? toCursor([last.place, last.id]) : null };
}

function entryOf(
  deps: Pick<ApiDeps, "publicUrl">,
  caller: Caller,
  row: BoardRow,
  zone: string,
  now: number,
): z.output<typeof entrySchema> {
  const isPaused = row.list === "paused";
  const url = `${deps.publicUrl}/${row.kind}s/${row.id}`;
  const task = row.list === "manager" ? row.task : null;
  return {
    kind: row.kind,
    id: row.id,
    url,
    name: row.name,
    email: row.email,
    company: row.company,
    stage: row.stage,
    waitingOn: row.waiting_on,
    owner: row.owner_id === null ? null : { id: row.owner_id, name: row.owner_name },
    queue: row.queue,
    leadType: row.lead_type,
    priority: row.priority,
    agreement: row.agreement_id,
    asked: askedOf({ waitingOn: row.waiting_on, task }),
    task,
    why: task === null || row.task_detail === null ? null : whyOfTask(row.task_detail),
    ...dueView(row.due_at, row.zone ?? zone, now),
    until: isPaused ? iso(row.paused_until) : iso(row.held_until),
    next: { step: row.next_step, at: iso(row.next_at) },
    actions: actionsShown(
      { url, stage: row.stage, waitingOn: row.waiting_on, of: row.kind },
      caller,
    ),
    seen: { stage: row.stage, cycle: row.cycle, round: row.round ?? 0 },
  };
}
