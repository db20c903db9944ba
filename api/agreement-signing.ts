import { createRoute, z } from "@hono/zod-openapi";
import { agreementChanges } from "../handoff/governance/agreement-changes.ts";
import {
  saySignatures,
  signaturesNeeded,
  type SignaturesNeeded,
} from "../handoff/governance/signers.ts";
import { signingParties } from "../handoff/reviews/review.ts";
import {
  activateSigned,
  versionPlan,
  proposeVersion,
  versionSignatures,
  signVersion,
  type NotNow,
} from "../store/governance/signed-versions.ts";
import { storedVersion, type StoredVersion } from "../store/process/agreements.ts";
import { inTransaction, type Db } from "../store/postgres/db.ts";
import { versionBody } from "./agreement.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { judgedByDraft, triedDraft, trialShown } from "./draft-trial.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { iso } from "./http/format.ts";
import { signatureRefused } from "./review-signing.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { outsideDeadline } from "./http/timeout.ts";
import { activeAgreement } from "./intake.ts";
import { inOnePlace } from "./threads/threads.ts";

const tags = ["agreement"];
const params = z.object({ id: z.string().openapi({ description: "ag_…" }) });
const instant = z.string().openapi({ format: "date-time" });

const planSchema = z
  .object({
    against: z.string().openapi({ description: "the version that was active" }),
    madeAt: instant,
    changes: z.array(z.object({ about: z.string(), change: z.string() })),
    trial: triedDraft.omit({ missingPools: true, warnings: true }),
    missingPools: z.array(z.string()).openapi({ description: "that the roster lacks" }),
  })
  .openapi("AgreementPlan");

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
      z.object({ party: z.enum(signingParties), signedBy: z.string(), signedAt: instant }),
    ),
    plan: planSchema.nullable().openapi({ description: "null: published without signatures" }),
  })
  .openapi("AgreementStanding");

const answers = {
  200: { description: "The version", content: { "application/json": { schema: standingSchema } } },
  ...problemResponses,
};

const propose = createRoute({
  method: "post",
  path: "/agreement/versions/propose",
  tags,
  summary: "Propose a version for both parties to sign, with what it would change",
  description:
    "Nothing changes yet. The plan is worked out now and kept: the changes rule by rule against " +
    "the active version, and how today's open leads would be judged. The same content that waits " +
    "for signatures already is the same version; an edit is a new one.",
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

const plan = createRoute({
  method: "get",
  path: "/agreement/versions/{id}/plan",
  tags,
  summary: "What a proposed version would change, and who has signed it",
  request: { params },
  responses: answers,
});

const sign = createRoute({
  method: "post",
  path: "/agreement/versions/{id}/sign",
  tags,
  summary: "Sign a proposed version for the party that one leads",
  description:
    "For a token of the role `leader`, which names its party. `contentHash` says what was read. " +
    "Two people sign: nobody signs for both. Signing again is the same signature.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({ contentHash: z.string().regex(/^[0-9a-f]{64}$/) }),
        },
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
    "Open handoffs keep the version that they began under. 409 when it is not signed, or when " +
    "another version became active since it was proposed: propose it again, for its plan says " +
    "nothing of that one.",
  request: {
    params,
    body: { required: true, content: { "application/json": { schema: z.strictObject({}) } } },
  },
  responses: answers,
});

/** Versions that both parties sign before they count. */
export function agreementSigningRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(propose, async (c) => {
    const { content, note } = c.req.valid("json");
    const { caller, receivedAt: now } = c.var;
    const active = await activeAgreement(deps, deps.pool);
    const trial = await outsideDeadline(c.req.raw, () =>
      inOnePlace(caller.tokenId, (run) =>
        judgedByDraft(deps, {
          run,
          text: content,
          active: active.agreement,
          now,
          field: "content",
        }),
      ),
    );
    const { draft, missingPools } = trial;
    const made = {
      against: active.id,
      changes: agreementChanges(active.agreement, draft),
      trial: trial.trial,
      missingPools,
    };
    const answer = await inTransaction(deps.pool, async (tx) => {
      const needed = signaturesNeeded(active.agreement, draft);
      const by = { by: caller.repId ?? caller.tokenId, note: note ?? null, needed };
      const { id, isNew } = await proposeVersion(tx, content, made, by, now);
      const response = await standing(deps, tx, await known(tx, id));
      await keepAnswer(tx, c, { status: isNew ? 201 : 200, response });
      return { isNew, response };
    });
    return answer.isNew ? c.json(answer.response, 201) : c.json(answer.response, 200);
  });

  app.openapi(plan, async (c) =>
    c.json(await standing(deps, deps.pool, await known(deps.pool, c.req.valid("param").id)), 200),
  );

  app.openapi(sign, async (c) => {
    const { id } = await known(deps.pool, c.req.valid("param").id);
    const { contentHash: hash } = c.req.valid("json");
    const { caller, receivedAt: now } = c.var;
    const { party, tokenId, repId } = caller;
    if (!party) throw new Problem("forbidden", { detail: "only who leads a party signs" });
    return c.json(
      await inTransaction(deps.pool, async (tx) => {
        const needed = await neededFor(deps, tx, await known(tx, id));
        const signer = { party, tokenId, repId, hash, needed };
        const signed = await signVersion(tx, id, signer, now);
        if ("why" in signed) throw new Problem(...refusalOf(signed));
        const response = await standing(deps, tx, await known(tx, id));
        await keepAnswer(tx, c, { status: 200, response });
        return response;
      }),
      200,
    );
  });

  app.openapi(activate, async (c) => {
    const { id } = await known(deps.pool, c.req.valid("param").id);
    const { caller, receivedAt: now } = c.var;
    return c.json(
      await inTransaction(deps.pool, async (tx) => {
        const needed = await neededFor(deps, tx, await known(tx, id));
        const by = { by: caller.repId ?? caller.tokenId, needed };
        const done = await activateSigned(tx, id, by, now);
        if ("why" in done) throw new Problem(...refusalOf(done));
        const response = await standing(deps, tx, await known(tx, id));
        await keepAnswer(tx, c, { status: 200, response });
        return response;
      }),
      200,
    );
  });

  return app;
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
  const made = await versionPlan(db, id);
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
    plan: made
      ? {
          against: made.against,
          madeAt: iso(made.madeAt),
          changes: made.changes.map((one) => ({ ...one })),
          trial: trialShown(made.trial),
          missingPools: [...made.missingPools],
        }
      : null,
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

function refusalOf(not: NotNow): ConstructorParameters<typeof Problem> {
  switch (not.why) {
    case "state":
      return ["conflict", { detail: `the version is ${not.state}`, more: { state: not.state } }];
    case "stale":
      return [
        "conflict",
        {
          detail:
            `${not.active ?? "no version"} is active now, and the plan compares with another ` +
            "one; propose it again",
          more: { active: not.active },
        },
      ];
    case "other-content":
      return ["conflict", { detail: "expected the hash of this version's content" }];
    case "needs-signatures":
      return [
        "conflict",
        {
          detail: `it needs ${saySignatures(not.needed)}: POST /agreement/versions/{id}/sign`,
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
