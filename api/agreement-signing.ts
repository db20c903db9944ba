import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import {
  saySignatures,
  signaturesNeeded,
  type SignaturesNeeded,
} from "../handoff/governance/signers.ts";
import { signingParties } from "../handoff/reviews/review.ts";
import {
  activateSigned,
  proposeVersion,
  versionSignatures,
  signVersion,
  type NotNow,
} from "../store/governance/signed-versions.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import { treatments, type Treatment } from "../handoff/governance/treatment.ts";
import { activationOf } from "../store/governance/activations.ts";
import { beginPlan, cancelPlan, madePlan, planningOf } from "../store/governance/plans.ts";
import { storedVersion, type StoredVersion } from "../store/process/agreements.ts";
import { inTransaction, type Db } from "../store/postgres/db.ts";
import { notAnAgreement, versionBody } from "./agreement.ts";
import { newRoutes, type ApiDeps, type AppDeps, type AppEnv, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { iso, textIn } from "./http/format.ts";
import { signatureRefused, signerOf } from "./review-signing.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { outsideDeadline } from "./http/timeout.ts";
import { activeAgreement } from "./intake.ts";
import { planSchema, planShown, planningSchema } from "./agreement-plan.ts";
import { inThread } from "./threads/threads.ts";

const tags = ["agreement"];
const params = z.object({ id: z.string().openapi({ description: "ag_…" }) });
const hash = z.string().regex(/^[0-9a-f]{64}$/, { error: "expected the hash that the plan shows" });
const instant = z.string().openapi({ format: "date-time" });

const nothingMore = {
  required: true,
  content: { "application/json": { schema: z.strictObject({}) } },
};

const standingSchema = z
  .object({
    id: z.string(),
    number: z.number().int(),
    state: z.enum(["draft", "proposed", "signed", "active", "retired"]),
    contentHash: z.string(),
    signaturesNeeded: z
      .number()
      .int()
      .openapi({ description: "two, one or none, as `signedBy` says" }),
    signatures: z.array(
      z.object({
        party: z.enum(signingParties),
        signedBy: z.string(),
        name: z
          .string()
          .nullable()
          .openapi({ description: "of a person of the roster, else of the token or login" }),
        signedAt: instant,
      }),
    ),
    activation: z
      .object({
        openHandoffs: z.enum(treatments),
        looked: z.number().int().openapi({ description: "open handoffs looked at so far" }),
        state: z.enum(["going on", "over", "superseded"]),
      })
      .nullable()
      .openapi({ description: "null: never activated, or published" }),
    planning: planningSchema
      .nullable()
      .openapi({ description: "how the making of its plan stands; null: nobody asked for one" }),
    plan: planSchema.nullable().openapi({ description: "null: none was made" }),
  })
  .openapi("AgreementStanding");

const made = { description: "The version" };
const answers = {
  200: { ...made, content: { "application/json": { schema: standingSchema } } },
  ...problemResponses,
};

const propose = createRoute({
  method: "post",
  path: "/agreement/versions/propose",
  tags,
  summary: "Propose a version for its parties to sign; its plan is begun",
  description:
    "Nothing changes yet. `planning` says how far the plan is; `GET " +
    "/agreement/versions/{id}/plan` has it. The same content that waits for signatures already is " +
    "the same version; an edit is a new one.",
  request: {
    body: versionBody,
  },
  responses: {
    201: {
      description: "The version waits for two signatures",
      content: { "application/json": { schema: standingSchema } },
    },
    ...answers,
  },
});

const rollback = createRoute({
  method: "post",
  path: "/agreement/versions/{id}/rollback",
  tags,
  summary: "Propose the content of a version that was active before",
  description:
    "As a new version, through the same plan and signatures: history is never rewritten. 409 for " +
    "a version that was never active, or is.",
  request: {
    params,
    body: {
      required: true,
      content: { "application/json": { schema: z.strictObject({ note: textIn(500).optional() }) } },
    },
  },
  responses: {
    201: {
      description: "The new version waits for signatures",
      content: { "application/json": { schema: standingSchema } },
    },
    ...answers,
  },
});

const plan = createRoute({
  method: "get",
  path: "/agreement/versions/{id}/plan",
  tags,
  summary: "What a proposed version would change, and who has signed it",
  request: { params },
  responses: answers,
});

const begin = createRoute({
  method: "post",
  path: "/agreement/versions/{id}/plan",
  tags,
  summary: "Make the plan of a proposed version, anew where it is out of date",
  description:
    "It is made beside everything else and may take half a minute; ask `GET " +
    "/agreement/versions/{id}/plan` how far it is. A plan that stands is not made again. " +
    "Signatures on an earlier plan count no longer once a new one is made.",
  request: { params, body: nothingMore },
  responses: {
    202: {
      description: "It is being made",
      content: { "application/json": { schema: standingSchema } },
    },
    ...answers,
  },
});

const cancel = createRoute({
  method: "post",
  path: "/agreement/versions/{id}/plan/cancel",
  tags,
  summary: "Stop making the plan of a version; one that was made before stays",
  request: { params, body: nothingMore },
  responses: answers,
});

export const signBody = z.strictObject({ contentHash: hash, planHash: hash });

const sign = createRoute({
  method: "post",
  path: "/agreement/versions/{id}/sign",
  tags,
  summary: "Sign a proposed version for the party that one leads",
  description:
    "For a token of the role `leader`, which names its party and its person. `contentHash` and `planHash` say " +
    "what was read. " +
    "Two people sign: nobody signs for both. Signing again is the same signature.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": { schema: signBody },
      },
    },
  },
  responses: answers,
});

const activate = createRoute({
  method: "post",
  path: "/agreement/versions/{id}/activate",
  tags,
  summary: "Make a signed version the active one",
  description:
    "`openHandoffs`: `keep` has open handoffs go on by the version that they began under; " +
    "`re-judge clocks` has their running clocks go on by the targets and hours of this one, used " +
    "time stays used (`activation` says how far that is). 409 when it is not signed, or when " +
    "another version became active since it was proposed: propose it again, for its plan says " +
    "nothing of that one.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({ openHandoffs: z.enum(treatments).default("keep") }),
        },
      },
    },
  },
  responses: answers,
});

/** Versions that both parties sign before they count. */
export function agreementSigningRoutes(deps: AppDeps): Routes {
  const app = newRoutes();
  const idOf = (c: { req: { valid(of: "param"): { id: string } } }) => c.req.valid("param").id;

  app.openapi(propose, async (c) => {
    const { content, note } = c.req.valid("json");
    const { isNew, response } = await proposeHere(deps, c, content, note);
    return isNew ? c.json(response, 201) : c.json(response, 200);
  });
  app.openapi(rollback, async (c) => {
    const { isNew, response } = await rollBackHere(deps, c, idOf(c), c.req.valid("json").note);
    return isNew ? c.json(response, 201) : c.json(response, 200);
  });
  app.openapi(plan, async (c) => c.json(await readStanding(deps, idOf(c)), 200));
  app.openapi(begin, async (c) => {
    const response = await beginPlanHere(deps, c, idOf(c));
    return response.planning?.state === "making" ? c.json(response, 202) : c.json(response, 200);
  });
  app.openapi(cancel, async (c) => c.json(await cancelPlanHere(deps, c, idOf(c)), 200));
  app.openapi(sign, async (c) =>
    c.json(await signVersionHere(deps, c, idOf(c), c.req.valid("json")), 200),
  );
  app.openapi(activate, async (c) =>
    c.json(await activateHere(deps, c, idOf(c), c.req.valid("json").openHandoffs), 200),
  );
  return app;
}

type Standing = z.output<typeof standingSchema>;

/** What a version would change, how its plan stands, and who has signed it. */
export async function readStanding(deps: ApiDeps, id: string): Promise<Standing> {
  return standing(deps, deps.pool, await known(deps.pool, id));
}

/** Proposes a text for its parties to sign; its plan is begun. */
export async function proposeHere(
  deps: AppDeps,
  c: Context<AppEnv>,
  content: string,
  note: string | undefined,
): Promise<Proposed> {
  const { caller, receivedAt: now } = c.var;
  await activeAgreement(deps, deps.pool);
  const parsed = await outsideDeadline(c.req.raw, () =>
    inThread(caller.tokenId, "readAgreement", content, {
      what: "an agreement",
      field: "content",
      seconds: 5,
    }),
  );
  if (!parsed.ok) throw notAnAgreement(parsed.problems);
  return proposed(deps, c, content, note ?? null, now);
}

/** Proposes the content of a version that was active before. */
export async function rollBackHere(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  note: string | undefined,
): Promise<Proposed> {
  const version = await known(deps.pool, id);
  if (version.state !== "retired" || version.activated_at === null)
    throw new Problem("conflict", {
      detail: `the version is ${version.state}; a rollback is to one that was active before`,
      more: { state: version.state },
    });
  const words = note ?? `rollback to version ${version.number}`;
  return proposed(deps, c, version.content, words, c.var.receivedAt);
}

interface Proposed {
  readonly isNew: boolean;
  readonly response: Standing;
}

/** Keeps a text as a proposed version and begins its plan; the answer to that. */
async function proposed(
  deps: AppDeps,
  c: Context<AppEnv>,
  content: string,
  note: string | null,
  now: Instant,
): Promise<Proposed> {
  const { caller } = c.var;
  const { planner } = deps;
  const by = caller.repId ?? caller.tokenId;
  const { run, ...answer } = await inTransaction(deps.pool, async (tx) => {
    const { id, isNew } = await proposeVersion(tx, content, { by, note }, now);
    const begun = planner ? await beginPlan(tx, id, by, now) : { run: null };
    const response = await standing(deps, tx, await known(tx, id));
    await keepAnswer(tx, c, { status: isNew ? 201 : 200, response });
    return { isNew, response, run: "run" in begun ? begun.run : null };
  });
  if (run) planner?.make(run);
  return answer;
}

/** Has the plan of a version made. */
export async function beginPlanHere(
  deps: AppDeps,
  c: Context<AppEnv>,
  version: string,
): Promise<Standing> {
  const { id } = await known(deps.pool, version);
  const { caller, receivedAt: now } = c.var;
  const { planner } = deps;
  if (!planner)
    throw new Problem("unavailable", { detail: "no plans are made here", retryAfter: 60 });
  const answer = await inTransaction(deps.pool, async (tx) => {
    const begun = await beginPlan(tx, id, caller.repId ?? caller.tokenId, now);
    if ("why" in begun) throw new Problem(...refusalOf(id, begun));
    const response = await standing(deps, tx, await known(tx, id));
    const status = response.planning?.state === "making" ? 202 : 200;
    await keepAnswer(tx, c, { status, response });
    return { run: begun.run, response };
  });
  if (answer.run) planner.make(answer.run);
  return answer.response;
}

/** Stops the making of a plan. */
export async function cancelPlanHere(
  deps: ApiDeps,
  c: Context<AppEnv>,
  version: string,
): Promise<Standing> {
  const { id } = await known(deps.pool, version);
  const { caller, receivedAt: now } = c.var;
  return inTransaction(deps.pool, async (tx) => {
    if (!(await cancelPlan(tx, id, caller.repId ?? caller.tokenId, now)))
      throw new Problem("conflict", { detail: "no plan of this version is being made" });
    const response = await standing(deps, tx, await known(tx, id));
    await keepAnswer(tx, c, { status: 200, response });
    return response;
  });
}

/** Signs a version for the party that the caller leads; the hashes say what was read. */
export async function signVersionHere(
  deps: ApiDeps,
  c: Context<AppEnv>,
  version: string,
  { contentHash, planHash }: z.output<typeof signBody>,
): Promise<Standing> {
  const { id } = await known(deps.pool, version);
  const now = c.var.receivedAt;
  const caller = signerOf(c);
  return inTransaction(deps.pool, async (tx) => {
    const needed = await neededFor(deps, tx, await known(tx, id));
    const signer = { ...caller, hash: contentHash, planHash, needed };
    const signed = await signVersion(tx, id, signer, now);
    if ("why" in signed) throw new Problem(...refusalOf(id, signed));
    const response = await standing(deps, tx, await known(tx, id));
    await keepAnswer(tx, c, { status: 200, response });
    return response;
  });
}

/** Makes a signed version the active one. */
export async function activateHere(
  deps: ApiDeps,
  c: Context<AppEnv>,
  version: string,
  treatment: Treatment,
): Promise<Standing> {
  const { id } = await known(deps.pool, version);
  const { caller, receivedAt: now } = c.var;
  return inTransaction(deps.pool, async (tx) => {
    const needed = await neededFor(deps, tx, await known(tx, id));
    const by = { by: caller.repId ?? caller.tokenId, needed, treatment };
    const done = await activateSigned(tx, id, by, now);
    if ("why" in done) throw new Problem(...refusalOf(id, done));
    const response = await standing(deps, tx, await known(tx, id));
    await keepAnswer(tx, c, { status: 200, response });
    return response;
  });
}

async function known(db: Db, id: string): Promise<StoredVersion> {
  const version = await storedVersion(db, id);
  if (!version) throw notFound();
  return version;
}

async function standing(
  deps: ApiDeps,
  db: Db,
  version: StoredVersion,
): Promise<z.output<typeof standingSchema>> {
  const { id, number, state, content_hash } = version;
  const planning = await planningOf(db, id);
  const found = await madePlan(db, id);
  const activation = await activationOf(db, id);
  return {
    id,
    number,
    state,
    contentHash: content_hash,
    signaturesNeeded: await neededFor(deps, db, version),
    signatures: (await versionSignatures(db, id)).map((one) => ({
      ...one,
      signedAt: iso(one.signedAt),
    })),
    activation: activation
      ? {
          openHandoffs: activation.treatment,
          looked: activation.looked,
          state: activation.state,
        }
      : null,
    planning: planning ?? null,
    plan: found ? planShown(found) : null,
  };
}

/** Of a version beside the one that is active; of one that was active nobody asks any more. */
async function neededFor(
  { agreements }: ApiDeps,
  db: Db,
  { id, state }: StoredVersion,
): Promise<SignaturesNeeded> {
  const { agreement } = await agreements.version(db, id);
  const active = await agreements.active(db);
  const isOver = state === "active" || state === "retired";
  return signaturesNeeded(isOver ? agreement : (active?.agreement ?? null), agreement);
}

function refusalOf(id: string, not: NotNow): ConstructorParameters<typeof Problem> {
  switch (not.why) {
    case "state":
      return ["conflict", { detail: `the version is ${not.state}`, more: { state: not.state } }];
    case "stale":
      return [
        "conflict",
        {
          detail:
            `${not.active ?? "no version"} is active now, and the plan compares with another ` +
            `one: make it again at POST /agreement/versions/${id}/plan`,
          more: { active: not.active },
        },
      ];
    case "activated":
      return [
        "conflict",
        {
          detail: `it is active already; open handoffs: ${not.treatment}`,
          more: { state: "active", openHandoffs: not.treatment },
        },
      ];
    case "no-plan":
      return [
        "conflict",
        { detail: `it has no plan yet: make one at POST /agreement/versions/${id}/plan` },
      ];
    case "other-plan":
      return [
        "conflict",
        {
          detail: "the plan was made again since it was read: expected the hash of this one",
          more: { planHash: not.hash },
        },
      ];
    case "other-content":
      return ["conflict", { detail: "expected the hash of this version's content" }];
    case "needs-signatures":
      return [
        "conflict",
        {
          detail: `it needs ${saySignatures(not.needed)}: POST /agreement/versions/${id}/sign`,
          more: { state: "proposed", signaturesNeeded: not.needed },
        },
      ];
    case "signed-by-another":
    case "signed-for-the-other-party":
      return signatureRefused(not);
    default:
      return not satisfies never;
  }
}
