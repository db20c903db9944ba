import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { audit } from "../store/audit.ts";
import { inTransaction, type Db, type Tx } from "../store/db.ts";
import {
  listAbsences,
  listPools,
  listReps,
  putAbsences,
  putPools,
  putReps,
  unknownReps,
  type AbsenceRecord,
  type RepRecord,
} from "../store/roster.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Caller, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./errors.ts";
import { iso } from "./format.ts";
import { reachHere } from "./reach.ts";
import { absenceBody, poolBody, repBody, repId } from "./roster-bodies.ts";

const reps = z.strictObject({ reps: z.array(repBody).max(2_000) });
const pools = z.strictObject({ pools: z.array(poolBody).max(500) });
const absences = z.strictObject({ absences: z.record(repId, z.array(absenceBody).max(200)) });

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

/** The roster changes daily and needs no signature (agreement.md, "Versions"); every change is in the audit trail. */
export function rosterRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(ofReps.get, async (c) => c.json({ reps: await repsShown(deps.pool) }, 200));
  app.openapi(ofReps.put, async (c) => {
    const given = c.req.valid("json").reps;
    await inTransaction(deps.pool, async (tx) => {
      await refuseWrongReps(tx, given);
      await putReps(tx, given, c.var.receivedAt);
      await audit(
        tx,
        {
          actor: actorOf(c.var.caller),
          what: "roster.reps",
          detail: { reps: given.map((one) => one.id) },
        },
        c.var.receivedAt,
      );
    });
    return c.json({ reps: await repsShown(deps.pool) }, 200);
  });

  app.openapi(ofPools.get, async (c) => c.json({ pools: await listPools(deps.pool) }, 200));
  app.openapi(ofPools.put, async (c) => {
    const given = c.req.valid("json").pools;
    await inTransaction(deps.pool, async (tx) => {
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
    });
    return c.json({ pools: await listPools(deps.pool) }, 200);
  });

  app.openapi(ofAbsences.get, async (c) => c.json({ absences: await absencesSeen(deps, c) }, 200));
  app.openapi(ofAbsences.put, async (c) => {
    const given = c.req.valid("json").absences;
    await inTransaction(deps.pool, async (tx) => {
      const mine = await absencesInReach(tx, c);
      const unknown = await unknownReps(tx, Object.keys(given));
      const hidden = Object.keys(given).find((id) => !mine(id) || unknown.includes(id));
      // Missing and out of reach look the same.
      if (hidden !== undefined)
        throw new Problem("invalid", {
          field: `absences.${hidden}`,
          detail: "there is no such rep, or you may not change their absences",
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
    });
    return c.json({ absences: await absencesSeen(deps, c) }, 200);
  });

  return app;
}

/** Whether the caller sees and sets a rep's absences: all, the team's and one's own, or one's own. */
async function absencesInReach(db: Db, c: Context<AppEnv>): Promise<(id: string) => boolean> {
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
      list.map(({ from, to, reason }) => ({ from: iso(from), to: iso(to), reason })),
    ]),
  );
}

async function repsShown(db: Db): Promise<z.infer<typeof repBody>[]> {
  return (await listReps(db)).map((one) => ({
    ...one,
    languages: [...one.languages],
    products: [...one.products],
    motions: [...one.motions],
  }));
}

function absenceOf({ from, to, reason }: z.infer<typeof absenceBody>): AbsenceRecord {
  return { from: Date.parse(from), to: Date.parse(to), reason };
}

/** What the database would refuse with words of its own. */
async function refuseWrongReps(tx: Tx, given: readonly RepRecord[]): Promise<void> {
  refuseTwice(
    "reps",
    given.map((one) => one.id),
  );
  const before = await listReps(tx);
  const known = new Set([...before, ...given].map((one) => one.id));
  const named = new Map(
    before
      .filter((one) => !given.some((other) => other.id === one.id))
      .flatMap((one) => (one.crmId === null ? [] : [[one.crmId, one.id]])),
  );
  for (const [i, one] of given.entries()) {
    if (one.managerId !== null && !known.has(one.managerId))
      throw new Problem("invalid", {
        field: `reps.${i}.managerId`,
        detail: "there is no such rep; list the manager too",
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
  const twice = ids.findIndex((id, i) => ids.indexOf(id) < i);
  if (twice >= 0)
    throw new Problem("invalid", {
      field: `${field}.${twice}.id`,
      detail: "this id stands twice in the list",
    });
}

function actorOf(caller: Caller): string {
  return caller.repId ?? caller.tokenId;
}
