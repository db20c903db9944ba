import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { presenceAt } from "../handoff/routing/presence.ts";
import { agreementHours, repHours } from "../handoff/time/applied-calendar.ts";
import type { Caps } from "../handoff/routing/roster.ts";
import type { CalendarDef, Instant } from "../handoff/time/calendar.ts";
import { dateOfDay, dayOfDate, localDateOf, startOfDay } from "../handoff/time/local-time.ts";
import { inTransaction, type Tx } from "../store/postgres/db.ts";
import { audit } from "../store/postgres/audit.ts";
import { lockRoster, putPools, putReps } from "../store/routing/roster-edit.ts";
import { listAbsences, listPools, listReps } from "../store/routing/roster.ts";
import { rosterPeople, rosterPools, type RosterPersonShown } from "../store/views/roster-weeks.ts";
import { hoursLine } from "../words/hours.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Asker, type Routes } from "./deps.ts";
import { scopeOf } from "./http/authorisation.ts";
import { readerZone } from "./http/due.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { instantIn, iso, textIn } from "./http/format.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { defaultLimit, fromCursor, pageQuery, toCursor } from "./http/paging.ts";
import { reachHere } from "./http/reach.ts";
import { absencesInReach, actorOf, setAbsences } from "./roster.ts";
import { cap, countTo, poolId, repId } from "./roster-bodies.ts";

const instant = z.string().openapi({ format: "date-time" });
const day = z.string().openapi({ format: "date" });
const named = z.object({ id: z.string(), name: z.string() });

/** So many days are shown, from today. */
const shownDays = 28;

const awaySchema = z.object({
  from: instant,
  to: instant,
  firstDay: day.openapi({ description: "in the zone of the person's hours" }),
  lastDay: day,
  reason: z.string().nullable().openapi({ description: "null: not for the caller" }),
  deputy: named.nullable(),
});
const personSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role: z.string(),
    manager: named.nullable(),
    deputy: named.nullable(),
    zone: z.string(),
    hours: z.string().openapi({ description: "in words" }),
    works: z.boolean().openapi({ description: "at this moment" }),
    opens: instant.nullable().openapi({ description: "when they work next; null: never" }),
    awayUntil: instant.nullable(),
    pools: z.array(z.object({ id: z.string(), weight: z.number().int() })),
    caps: z.object({
      open: z.number().int().nullable(),
      perDay: z.number().int().nullable(),
      perHour: z.number().int().nullable(),
    }),
    absences: z.array(awaySchema),
    absencesYours: z.boolean().openapi({ description: "the caller may change their absences" }),
  })
  .openapi("RosterPerson");
const weeksSchema = z
  .object({
    at: instant,
    zone: z.string(),
    days: z.array(day).openapi({ description: "four weeks from today, in `zone`" }),
    pools: z.array(
      z.object({
        id: z.string(),
        hours: z.string(),
        members: z.array(z.object({ id: z.string(), name: z.string(), weight: z.number().int() })),
        others: z.number().int().openapi({ description: "members out of the caller's reach" }),
      }),
    ),
    people: z.array(personSchema),
    next: z.string().nullable(),
  })
  .openapi("RosterWeeks");

export const weeksQuery = z.strictObject({
  ...pageQuery,
  pool: poolId.optional(),
  rep: repId.optional(),
});

const readRoute = createRoute({
  method: "get",
  path: "/roster/weeks",
  tags: ["roster"],
  summary: "Who takes leads, and who is away in the next four weeks",
  description:
    "Active people within reach by name, and the pools in which they take leads with their weights. " +
    "Why somebody is away is told to whoever may change it.",
  request: { query: weeksQuery },
  responses: {
    200: { description: "A page", content: { "application/json": { schema: weeksSchema } } },
    ...problemResponses,
  },
});

/** A bare date that exists. */
const dayIn = z
  .string()
  .refine((text) => dayOfDate(text) !== null, { error: "expected a day such as 2026-12-24" })
  .openapi({ format: "date", example: "2026-12-24" });

export const awayBody = z
  .strictObject({
    rep: repId,
    firstDay: dayIn,
    lastDay: dayIn.openapi({ description: "the last one that is away" }),
    reason: textIn(200),
    deputyId: repId.optional().openapi({ description: "who stands in; absent: the rep's deputy" }),
  })
  .openapi("AbsenceAdded");
export const withdrawBody = z
  .strictObject({ rep: repId, from: instantIn, to: instantIn })
  .openapi("AbsenceWithdrawn");
const awayAnswer = z.object({ rep: z.string(), from: instant, to: instant });

const addRoute = createRoute({
  method: "post",
  path: "/roster/absences",
  tags: ["roster"],
  summary: "Add one absence: whole days in the zone of the person's hours",
  request: { body: { required: true, content: { "application/json": { schema: awayBody } } } },
  responses: {
    200: { description: "It is kept", content: { "application/json": { schema: awayAnswer } } },
    ...problemResponses,
  },
});
const withdrawRoute = createRoute({
  method: "post",
  path: "/roster/absences/withdraw",
  tags: ["roster"],
  summary: "Take back one absence that is not over",
  request: { body: { required: true, content: { "application/json": { schema: withdrawBody } } } },
  responses: {
    200: { description: "It is gone", content: { "application/json": { schema: awayAnswer } } },
    ...problemResponses,
  },
});

const weight = countTo(1_000);
export const weightsBody = z
  .strictObject({
    weights: z
      .record(repId, weight)
      .openapi({ description: "of members; others stay as they are" }),
  })
  .openapi("PoolWeights");
const weightsRoute = createRoute({
  method: "patch",
  path: "/roster/pools/{id}",
  tags: ["roster"],
  summary: "Change weights of a pool's members",
  request: {
    params: z.object({ id: z.string() }),
    body: { required: true, content: { "application/json": { schema: weightsBody } } },
  },
  responses: {
    200: {
      description: "The pool's weights as they stand",
      content: {
        "application/json": {
          schema: z.object({ id: z.string(), members: z.record(z.string(), z.number().int()) }),
        },
      },
    },
    ...problemResponses,
  },
});

export const capsBody = z
  .strictObject({
    caps: z.strictObject({
      open: cap.nullable(),
      perDay: cap.nullable(),
      perHour: cap.nullable(),
    }),
  })
  .openapi("RepCaps");
const capsRoute = createRoute({
  method: "patch",
  path: "/roster/reps/{id}",
  tags: ["roster"],
  summary: "Change how many leads somebody is given at most",
  description: "A cap that is absent stays as it is; null is no limit.",
  request: {
    params: z.object({ id: z.string().openapi({ description: "rp_…" }) }),
    body: { required: true, content: { "application/json": { schema: capsBody } } },
  },
  responses: {
    200: {
      description: "The caps as they stand",
      content: {
        "application/json": { schema: z.object({ id: z.string(), caps: personSchema.shape.caps }) },
      },
    },
    ...problemResponses,
  },
});

/** The roster as people look at it, and its everyday changes one by one. */
export function rosterWeeksRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(readRoute, async (c) => c.json(await readWeeks(deps, c, c.req.valid("query")), 200));
  app.openapi(addRoute, async (c) => c.json(await addAbsence(deps, c, c.req.valid("json")), 200));
  app.openapi(withdrawRoute, async (c) =>
    c.json(await withdrawAbsence(deps, c, c.req.valid("json")), 200),
  );
  app.openapi(weightsRoute, async (c) =>
    c.json(await changeWeights(deps, c, c.req.valid("param").id, c.req.valid("json")), 200),
  );
  app.openapi(capsRoute, async (c) =>
    c.json(await changeCaps(deps, c, c.req.valid("param").id, c.req.valid("json")), 200),
  );
  return app;
}

/** The people and pools within reach, and four weeks of absences. */
export async function readWeeks(
  deps: ApiDeps,
  c: Asker,
  query: z.output<typeof weeksQuery>,
): Promise<z.output<typeof weeksSchema>> {
  const now = c.var.receivedAt;
  const limit = query.limit ?? defaultLimit;
  const after = fromCursor(query.cursor, z.tuple([z.string().max(300), z.string().max(70)]));
  const [reach, active, zone] = await Promise.all([
    reachHere(deps.pool, c),
    deps.agreements.active(deps.pool),
    readerZone(deps, c),
  ]);
  const base = active === null ? null : agreementHours(active.agreement);
  const today = dayOfDate(localDateOf(zone, now)) ?? 0;
  const until = startOfDay(zone, today + shownDays);
  const [found, pools, mine] = await Promise.all([
    rosterPeople(
      deps.pool,
      reach,
      { now, until, pool: query.pool, rep: query.rep },
      { after, limit: limit + 1 },
    ),
    rosterPools(deps.pool, reach),
    changeable(deps, c),
  ]);
  const last = found[limit - 1];
  return {
    at: iso(now),
    zone,
    days: Array.from({ length: shownDays }, (_, n) => dateOfDay(today + n)),
    pools: pools.map(({ hours, ...one }) => ({
      ...one,
      members: one.members.map((member) => ({ ...member })),
      hours: hours === null ? "the agreement's hours" : hoursLine(hours, now),
    })),
    people: found.slice(0, limit).map((one) => personShown(one, base, now, mine(one.id))),
    next: found.length > limit && last ? toCursor([last.name, last.id]) : null,
  };
}

/** Whose absences the caller may change; nobody's where the role may not at all. */
async function changeable(deps: ApiDeps, c: Asker): Promise<(id: string) => boolean> {
  const may = scopeOf("POST /roster/absences", c.var.caller.role);
  return may === undefined ? () => false : absencesInReach(deps.pool, c);
}

function personShown(
  one: RosterPersonShown,
  base: CalendarDef | null,
  now: Instant,
  isYours: boolean,
): z.output<typeof personSchema> {
  const { id, name, role, manager, deputy, pools, caps } = one;
  const applied = hoursOf(one, base);
  const { zone, opensAt, absentTo } = presenceAt(applied, now);
  return {
    id,
    name,
    role,
    manager,
    deputy,
    zone,
    hours: hoursLine(applied.hours, now),
    works: opensAt !== null && opensAt <= now,
    opens: iso(opensAt),
    awayUntil: iso(absentTo),
    pools: pools.map((pool) => ({ ...pool })),
    caps: capsShown(caps),
    absences: one.absences.map(({ from, to, reason, deputy: standsIn }) => ({
      from: iso(from),
      to: iso(to),
      firstDay: localDateOf(zone, from),
      lastDay: localDateOf(zone, to - 1),
      reason: isYours ? reason : null,
      deputy: standsIn,
    })),
    absencesYours: isYours,
  };
}

function hoursOf(
  { hours, absences, poolHours }: Pick<RosterPersonShown, "hours" | "absences" | "poolHours">,
  base: CalendarDef | null,
) {
  const pool = poolHours === null ? null : { hours: poolHours };
  return repHours({ hours, absences }, pool, base ?? { zone: "UTC", week: {} });
}

function capsShown(caps: Caps): z.output<typeof personSchema>["caps"] {
  const { open = null, perDay = null, perHour = null } = caps;
  return { open, perDay, perHour };
}

/** Adds an absence of whole days. */
export async function addAbsence(
  deps: ApiDeps,
  c: Context<AppEnv>,
  body: z.output<typeof awayBody>,
): Promise<z.output<typeof awayAnswer>> {
  const { rep, firstDay, lastDay, reason, deputyId } = body;
  const now = c.var.receivedAt;
  const [first, last] = [dayOfDate(firstDay) ?? 0, dayOfDate(lastDay) ?? 0];
  if (last < first)
    throw new Problem("invalid", {
      field: "lastDay",
      detail: "expected a day not before the first",
    });
  const zone = await zoneOf(deps, c, rep);
  const [from, to] = [startOfDay(zone, first), startOfDay(zone, last + 1)];
  if (to <= now)
    throw new Problem("invalid", { field: "lastDay", detail: "expected a day that is not over" });
  return changeAbsences(deps, c, rep, ({ kept }) => ({
    list: [
      ...kept.filter((one) => one.from !== iso(from) || one.to !== iso(to)),
      { from: iso(from), to: iso(to), reason, ...(deputyId === undefined ? {} : { deputyId }) },
    ],
    answer: { rep, from: iso(from), to: iso(to) },
  }));
}

/** Takes back an absence that is not over. */
export async function withdrawAbsence(
  deps: ApiDeps,
  c: Context<AppEnv>,
  body: z.output<typeof withdrawBody>,
): Promise<z.output<typeof awayAnswer>> {
  const { rep } = body;
  const [from, to] = [iso(Date.parse(body.from)), iso(Date.parse(body.to))];
  return changeAbsences(deps, c, rep, ({ kept }) => {
    const list = kept.filter((one) => one.from !== from || one.to !== to);
    if (list.length === kept.length)
      throw new Problem("conflict", {
        detail: "this absence is over, or was changed or taken back by somebody else",
      });
    return { list, answer: { rep, from, to } };
  });
}

interface KeptAway {
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly deputyId?: string;
}

/** Replaces the absences of one person by what `change` makes of those that stand. */
async function changeAbsences(
  deps: ApiDeps,
  c: Context<AppEnv>,
  rep: string,
  change: (standing: { readonly kept: readonly KeptAway[] }) => {
    readonly list: readonly KeptAway[];
    readonly answer: z.output<typeof awayAnswer>;
  },
): Promise<z.output<typeof awayAnswer>> {
  return inTransaction(deps.pool, async (tx) => {
    await lockRoster(tx);
    if (!(await absencesInReach(tx, c))(rep)) throw noSuchRep(rep);
    const kept = ((await listAbsences(tx))[rep] ?? [])
      .filter((one) => one.to > c.var.receivedAt)
      .map(({ from, to, reason, deputyId }) => ({
        from: iso(from),
        to: iso(to),
        reason,
        ...(deputyId == null ? {} : { deputyId }),
      }));
    const { list, answer } = change({ kept });
    await setAbsences(tx, c, { [rep]: list.map((one) => ({ ...one })) });
    await keepAnswer(tx, c, { status: 200, response: answer });
    return answer;
  });
}

/** In whose zone the person's days are; throws where the caller may not change their absences. */
async function zoneOf(deps: ApiDeps, c: Context<AppEnv>, rep: string): Promise<string> {
  const mine = await absencesInReach(deps.pool, c);
  const now = c.var.receivedAt;
  const [found] = mine(rep)
    ? await rosterPeople(deps.pool, { kind: "all" }, { now, until: now, rep }, { limit: 1 })
    : [];
  if (found === undefined) throw noSuchRep(rep);
  const active = await deps.agreements.active(deps.pool);
  return hoursOf(found, active === null ? null : agreementHours(active.agreement)).hours.zone;
}

/** Missing and out of reach look the same. */
function noSuchRep(rep: string): Problem {
  return new Problem("invalid", {
    field: "rep",
    detail: "there is no such rep, or you may not change their absences",
    sought: { kind: "rep", id: rep },
  });
}

/** Changes weights of members of a pool. */
export async function changeWeights(
  deps: ApiDeps,
  c: Context<AppEnv>,
  id: string,
  { weights }: z.output<typeof weightsBody>,
): Promise<{ id: string; members: Record<string, number> }> {
  return inTransaction(deps.pool, async (tx) => {
    await lockRoster(tx);
    const pool = (await listPools(tx)).find((one) => one.id === id);
    if (!pool) throw notFound();
    const stranger = Object.keys(weights).find((rep) => !Object.hasOwn(pool.members, rep));
    if (stranger !== undefined)
      throw new Problem("invalid", {
        field: `weights.${stranger}`,
        detail: "this person is no member of the pool",
      });
    const members = { ...pool.members, ...weights };
    await putPools(tx, [{ ...pool, members }], c.var.receivedAt);
    await noted(tx, c, "roster.pools", { pools: [id] });
    return { id, members };
  });
}

/** Changes the caps of one person. */
export async function changeCaps(
  deps: ApiDeps,
  c: Context<AppEnv>,
  id: string,
  { caps }: z.output<typeof capsBody>,
): Promise<{ id: string; caps: z.output<typeof personSchema>["caps"] }> {
  return inTransaction(deps.pool, async (tx) => {
    await lockRoster(tx);
    const rep = (await listReps(tx)).find((one) => one.id === id);
    if (!rep) throw notFound();
    const changed = Object.fromEntries(
      (["open", "perDay", "perHour"] as const).flatMap((name) => {
        const said = caps[name];
        const value = said === undefined ? rep.caps[name] : (said ?? undefined);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
    await putReps(tx, [{ ...rep, caps: changed }], c.var.receivedAt);
    await noted(tx, c, "roster.reps", { reps: [id] });
    return { id, caps: capsShown(changed) };
  });
}

function noted(tx: Tx, c: Context<AppEnv>, what: string, detail: object): Promise<void> {
  return audit(tx, { actor: actorOf(c.var.caller), what, detail: { ...detail } }, c.var.receivedAt);
}
