import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { auditLeavers } from "../store/access/leavers.ts";
import { audit } from "../store/postgres/audit.ts";
import { inTransaction, type Db, type Tx } from "../store/postgres/db.ts";
import { putAbsences, putPools, putReps } from "../store/routing/roster-edit.ts";
import {
  listAbsences,
  listPools,
  listReps,
  unknownReps,
  type AbsenceRecord,
  type RepRecord,
} from "../store/routing/roster.ts";
import {
  publishRoster,
  rosterWith,
  standingRoster,
  takenSentence,
} from "../agreement/publish-roster.ts";
import { movedByRoster } from "../store/governance/moved-by-roster.ts";
import type { ParsedRoster, RosterFile } from "../agreement/roster.ts";
import {
  newRoutes,
  type ApiDeps,
  type AppEnv,
  type Asker,
  type Caller,
  type Routes,
} from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";
import { isYaml } from "./http/body.ts";
import { iso } from "./http/format.ts";
import { reachHere } from "./http/reach.ts";
import { outsideDeadline } from "./http/timeout.ts";
import {
  rosterBodies,
  type absenceBody,
  type repBody,
  type RosterBodies,
  type RosterPartName,
} from "./roster-bodies.ts";
import { inThread } from "./threads/threads.ts";

const { reps, pools, absences } = rosterBodies;

function routesOf<S extends z.ZodType>(what: string, path: string, schema: S, changes: string) {
  const content = { "application/json": { schema } };
  return {
    get: createRoute({
      method: "get",
      path,
      tags: ["roster"],
      summary: what,
      responses: { 200: { description: what, content }, ...problemResponses },
    }),
    put: createRoute({
      method: "put",
      path,
      tags: ["roster"],
      summary: `Change: ${what}`,
      description: changes,
      request: { body: { required: true, content } },
      responses: {
        200: { description: `${what}, as they stand now`, content },
        ...problemResponses,
      },
    }),
  };
}

const ofReps = routesOf(
  "people of the roster",
  "/roster/reps",
  reps,
  "Creates or changes those listed; others stay. Nobody is removed: who leaves becomes inactive.",
);
const ofPools = routesOf(
  "pools and their members",
  "/roster/pools",
  pools,
  "Creates or changes the pools listed; the members of each become exactly those given.",
);
const ofAbsences = routesOf(
  "absences by rep",
  "/roster/absences",
  absences,
  "Replaces the absences of the reps named that are not over yet; an empty list removes them.",
);

const documentJson = {
  "application/json": { schema: z.record(z.string(), z.unknown()) },
  "application/yaml": { schema: z.string() },
};
const readFileForm = createRoute({
  method: "get",
  path: "/roster",
  tags: ["roster"],
  summary: "The whole roster in the form of its file",
  description:
    "As YAML when `Accept` asks for application/yaml, else as JSON. Put back it is the same.",
  responses: { 200: { description: "The roster", content: documentJson }, ...problemResponses },
});
const putFileForm = createRoute({
  method: "put",
  path: "/roster",
  tags: ["roster"],
  summary: "Put a roster file",
  description:
    "YAML or JSON in the form of agreement/roster.yaml. Refused as a whole with every mistake " +
    "and its line (`problems`). Who is not in it stays as before: nobody is removed.",
  request: { body: { required: true, content: documentJson } },
  responses: {
    200: {
      description: "What followed",
      content: {
        "application/json": {
          schema: z.object({
            changed: z.boolean(),
            told: z.number().int().openapi({ description: "leads that were told" }),
            released: z.number().int().openapi({ description: "leads on hold that were offered" }),
            untouched: z.array(z.string()).openapi({ description: "not in the file" }),
          }),
        },
      },
    },
    ...problemResponses,
  },
});

const previewFileForm = createRoute({
  method: "post",
  path: "/roster/preview",
  tags: ["roster"],
  summary: "Which deadlines a roster file would move; writes nothing",
  description:
    "The body is that of `PUT /roster`. Other hours, coverage and absences move the deadlines of " +
    "clocks that run, of leads and accounts; used time stays used. Who would lose one is not " +
    "looked at.",
  request: { body: { required: true, content: documentJson } },
  responses: {
    200: {
      description: "Deadlines that would move, the first 500 by name",
      content: {
        "application/json": {
          schema: z.object({
            handoffs: z.number().int().openapi({ description: "open ones, looked at" }),
            earlier: z.number().int(),
            later: z.number().int(),
            list: z.array(
              z.object({
                lead: z.string().optional(),
                account: z.string().optional().openapi({ description: "where it is one's" }),
                clock: z.enum(["outreach", "status"]),
                scope: z.enum(["lead", "rep"]),
                from: z.string().nullable().openapi({ format: "date-time" }),
                to: z.string().nullable().openapi({ format: "date-time" }),
              }),
            ),
          }),
        },
      },
    },
    ...problemResponses,
  },
});

/**
 * The roster changes daily and needs no signature (docs/agreement.md, "What is not in the file");
 * every change is in the audit trail.
 */
export function rosterRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(readFileForm, async (c) => {
    const roster = await standingRoster(deps.pool);
    const as = isYaml(c.req.header("accept")) ? "yaml" : "json";
    const text = await outsideDeadline(c.req.raw, () =>
      inThread(
        c.var.caller.tokenId,
        "writeRoster",
        { roster, now: c.var.receivedAt, as },
        { what: "the roster", field: "accept", seconds: readSeconds },
      ),
    );
    return c.body(text, 200, { "content-type": `application/${as}` });
  });
  // Described but not validated by the library: the file's own reader names lines.
  app.openAPIRegistry.registerPath(putFileForm);
  app.put("/roster", async (c) => {
    const parsed = await rosterSent(c);
    const done = await outsideDeadline(c.req.raw, () =>
      inTransaction(deps.pool, (tx) =>
        publishRoster(tx, parsed, actorOf(c.var.caller), c.var.receivedAt),
      ),
    );
    if (!("taken" in done)) {
      const { changed, told, released, untouched } = done;
      return c.json({ changed, told, released, untouched: [...untouched] }, 200);
    }
    throw new Problem("invalid", {
      field: `people.${done.taken[0]?.repId}.crmId`,
      detail: done.taken.map(takenSentence).join("; "),
    });
  });

  app.openAPIRegistry.registerPath(previewFileForm);
  app.post("/roster/preview", async (c) => {
    const file = await rosterSent(c);
    const moved = await outsideDeadline(c.req.raw, async () =>
      movedByRoster(
        deps.pool,
        deps.agreements,
        await rosterWith(deps.pool, file),
        c.var.receivedAt,
      ),
    );
    const list = moved.list.map(({ from, to, ...one }) => ({
      ...one,
      from: from === null ? null : iso(from),
      to: to === null ? null : iso(to),
    }));
    return c.json({ ...moved, list }, 200);
  });

  app.openapi(ofReps.get, async (c) => c.json({ reps: await repsShown(deps.pool) }, 200));
  app.openAPIRegistry.registerPath(ofReps.put);
  app.put("/roster/reps", async (c) => {
    const given = (await bodySent(c, "reps")).reps;
    await outsideDeadline(c.req.raw, () =>
      inTransaction(deps.pool, async (tx) => {
        await refuseWrongReps(tx, given);
        const edited = await putReps(tx, given, c.var.receivedAt);
        await audit(
          tx,
          {
            actor: actorOf(c.var.caller),
            what: "roster.reps",
            detail: { reps: given.map((one) => one.id) },
          },
          c.var.receivedAt,
        );
        await auditLeavers(tx, actorOf(c.var.caller), edited, c.var.receivedAt);
      }),
    );
    return c.json({ reps: await repsShown(deps.pool) }, 200);
  });

  app.openapi(ofPools.get, async (c) => c.json({ pools: await listPools(deps.pool) }, 200));
  app.openAPIRegistry.registerPath(ofPools.put);
  app.put("/roster/pools", async (c) => {
    const given = (await bodySent(c, "pools")).pools;
    await outsideDeadline(c.req.raw, () =>
      inTransaction(deps.pool, async (tx) => {
        refuseTwice(
          "pools",
          given.map((one) => one.id),
        );
        const [unknown] = await unknownReps(
          tx,
          given.flatMap((one) => Object.keys(one.members)),
        );
        const at = given.findIndex((one) => unknown !== undefined && unknown in one.members);
        if (unknown !== undefined)
          throw new Problem("invalid", {
            field: `pools.${at}.members.${unknown}`,
            detail: "there is no such rep; put the rep first",
          });
        await putPools(tx, given, c.var.receivedAt);
        await audit(
          tx,
          {
            actor: actorOf(c.var.caller),
            what: "roster.pools",
            detail: { pools: given.map((one) => one.id) },
          },
          c.var.receivedAt,
        );
      }),
    );
    return c.json({ pools: await listPools(deps.pool) }, 200);
  });

  app.openapi(ofAbsences.get, async (c) => c.json({ absences: await absencesSeen(deps, c) }, 200));
  app.openAPIRegistry.registerPath(ofAbsences.put);
  app.put("/roster/absences", async (c) => {
    const given = (await bodySent(c, "absences")).absences;
    await outsideDeadline(c.req.raw, () =>
      inTransaction(deps.pool, (tx) => setAbsences(tx, c, given)),
    );
    return c.json({ absences: await absencesSeen(deps, c) }, 200);
  });

  return app;
}

/** Two thousand people as YAML take seconds; in a thread they are nobody else's. */
const readSeconds = 30;

function fileSent(c: Context<AppEnv>): Promise<ParsedRoster> {
  return outsideDeadline(c.req.raw, async () =>
    inThread(c.var.caller.tokenId, "readRosterFile", await c.req.text(), {
      what: "a roster",
      field: "body",
      seconds: readSeconds,
    }),
  );
}

/** The roster of a file; a 422 that names the first mistake, and all of them. */
async function rosterSent(c: Context<AppEnv>): Promise<RosterFile> {
  const parsed = await fileSent(c);
  if (parsed.ok) return parsed.roster;
  const { problems } = parsed;
  const first = problems[0];
  throw new Problem("invalid", {
    field: first?.path === undefined || first.path === "" ? "body" : first.path,
    detail: first ? `line ${first.line}: ${first.message}` : "this is not a roster",
    more: { problems },
  });
}

/** The body of the request, as its schema says. */
async function bodySent<K extends RosterPartName>(
  c: Context<AppEnv>,
  part: K,
): Promise<RosterBodies[K]> {
  const read = await outsideDeadline(c.req.raw, async () =>
    inThread(
      c.var.caller.tokenId,
      "readRosterPart",
      { part, text: await c.req.text() },
      { what: "a part of the roster", field: "body", seconds: readSeconds },
    ),
  );
  if ("problem" in read) throw new Problem(read.problem.code, read.problem.parts);
  return read.body as RosterBodies[K];
}

/** Sets the absences of people within the caller's reach; throws a 422 for anybody else's. */
export async function setAbsences(
  tx: Tx,
  c: Context<AppEnv>,
  given: RosterBodies["absences"]["absences"],
): Promise<void> {
  const mine = await absencesInReach(tx, c);
  const unknown = await unknownReps(tx, Object.keys(given));
  const hidden = Object.keys(given).find((id) => !mine(id) || unknown.includes(id));
  // Missing and out of reach look the same.
  if (hidden !== undefined)
    throw new Problem("invalid", {
      field: `absences.${hidden}`,
      detail: "there is no such rep, or you may not change their absences",
      sought: { kind: "rep", id: hidden },
    });
  const deputies = Object.entries(given).flatMap(([id, list]) =>
    list.map(({ deputyId }, i) => ({
      deputyId,
      own: id,
      field: `absences.${id}.${i}.deputyId`,
    })),
  );
  const strangers = await unknownReps(
    tx,
    deputies.flatMap(({ deputyId }) => (deputyId === undefined ? [] : [deputyId])),
  );
  const wrong = deputies.find(
    ({ deputyId, own }) =>
      deputyId !== undefined && (deputyId === own || strangers.includes(deputyId)),
  );
  if (wrong)
    throw new Problem("invalid", {
      field: wrong.field,
      detail: "expected another rep of the roster, who stands in",
    });
  await putAbsences(
    tx,
    Object.fromEntries(Object.entries(given).map(([id, list]) => [id, list.map(absenceOf)])),
    c.var.receivedAt,
  );
  await audit(
    tx,
    {
      actor: actorOf(c.var.caller),
      what: "roster.absences",
      detail: { reps: Object.keys(given) },
    },
    c.var.receivedAt,
  );
}

/**
 * Whether the caller sees and sets a rep's absences: all, the team's and one's own, or one's own.
 */
export async function absencesInReach(db: Db, c: Asker): Promise<(id: string) => boolean> {
  const reach = await reachHere(db, c);
  return (id) => reach.kind === "all" || reach.repIds.includes(id);
}

async function absencesSeen(
  deps: ApiDeps,
  c: Context<AppEnv>,
): Promise<z.infer<typeof absences>["absences"]> {
  const mine = await absencesInReach(deps.pool, c);
  const seen = Object.entries(await listAbsences(deps.pool)).filter(([id]) => mine(id));
  return Object.fromEntries(
    seen.map(([id, list]) => [
      id,
      list.map(({ from, to, reason, deputyId }) => ({
        from: iso(from),
        to: iso(to),
        reason,
        ...(deputyId == null ? {} : { deputyId }),
      })),
    ]),
  );
}

async function repsShown(db: Db): Promise<z.infer<typeof repBody>[]> {
  return (await listReps(db)).map((one) => ({
    ...one,
    deputyId: one.deputyId ?? null,
    languages: [...one.languages],
    products: [...one.products],
    motions: [...one.motions],
  }));
}

function absenceOf(one: z.infer<typeof absenceBody>): AbsenceRecord {
  const { from, to, reason, deputyId = null } = one;
  return { from: Date.parse(from), to: Date.parse(to), reason, deputyId };
}

/** What the database would refuse with words of its own. */
async function refuseWrongReps(tx: Tx, given: readonly RepRecord[]): Promise<void> {
  refuseTwice(
    "reps",
    given.map((one) => one.id),
  );
  const before = await listReps(tx);
  const known = new Set([...before, ...given].map((one) => one.id));
  const listed = new Set(given.map((one) => one.id));
  const named = new Map(
    before
      .filter((one) => !listed.has(one.id))
      .flatMap((one) => (one.crmId === null ? [] : [[one.crmId, one.id]])),
  );
  for (const [i, one] of given.entries()) {
    if (one.managerId !== null && !known.has(one.managerId))
      throw new Problem("invalid", {
        field: `reps.${i}.managerId`,
        detail: "there is no such rep; list the manager too",
      });
    const deputyId = one.deputyId ?? null;
    if (deputyId !== null && (deputyId === one.id || !known.has(deputyId)))
      throw new Problem("invalid", {
        field: `reps.${i}.deputyId`,
        detail:
          deputyId === one.id
            ? "nobody is their own deputy"
            : "there is no such rep; list the deputy too",
      });
    if (one.managerId === one.id)
      throw new Problem("invalid", {
        field: `reps.${i}.managerId`,
        detail: "nobody is their own manager",
      });
    if (one.crmId === null) continue;
    if (named.has(one.crmId))
      throw new Problem("invalid", {
        field: `reps.${i}.crmId`,
        detail: `this CRM id belongs to ${named.get(one.crmId)}`,
      });
    named.set(one.crmId, one.id);
  }
}

function refuseTwice(field: string, ids: readonly string[]): void {
  const first = new Map<string, number>();
  for (const [i, id] of ids.entries()) if (!first.has(id)) first.set(id, i);
  const twice = ids.findIndex((id, i) => first.get(id) !== i);
  if (twice >= 0)
    throw new Problem("invalid", {
      field: `${field}.${twice}.id`,
      detail: "this id stands twice in the list",
    });
}

export function actorOf(caller: Caller): string {
  return caller.repId ?? caller.tokenId;
}
