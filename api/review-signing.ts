import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { localDateOf } from "../handoff/time/calendar.ts";
import { inTransaction, type Tx } from "../store/postgres/db.ts";
import {
  addResolution,
  carryOn,
  closeResolution,
  isActivePerson,
  lockResolution,
  ownerRoles,
} from "../store/reviews/resolutions.ts";
import { figuresOf, lockReview, reviewById } from "../store/reviews/reviews.ts";
import {
  signReview,
  type NotSigned,
  type SignatureRefusal,
  type Signer,
} from "../store/reviews/signatures.ts";
import { resolutionById } from "../store/reviews/view.ts";
import { rulesOfProposal, withRuleWords } from "../words/rules.ts";
import { newRoutes, type ApiDeps, type AppDeps, type AppEnv, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { dayIn, textIn } from "./http/format.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { mustBeFresh } from "./http/session.ts";
import { resolutionSchema, resolutionShown, reviewSchema, shown } from "./review-view.ts";
import { params, reviewHere } from "./reviews.ts";

const tags = ["reviews"];

const sign = createRoute({
  method: "post",
  path: "/reviews/{id}/sign",
  tags,
  summary: "Sign a review for the party that one leads",
  description:
    "For a token of the role `leader`, which names its party and its person. Two people sign: nobody signs " +
    "for both. Signing again is the same signature. Leads of the pool that are undecided, and " +
    "proposals, keep nobody from signing.",
  request: {
    params,
    body: { required: true, content: { "application/json": { schema: z.strictObject({}) } } },
  },
  responses: {
    200: {
      description: "The review with its signatures",
      content: { "application/json": { schema: reviewSchema } },
    },
    ...problemResponses,
  },
});

export const resolutionBody = z
  .strictObject({
    text: textIn(1_000).optional().openapi({ description: "the proposal's title when absent" }),
    owner: z
      .string()
      .max(60)
      .openapi({ description: `a person of the roster, or one of ${ownerRoles.join(", ")}` }),
    dueOn: dayIn,
    proposal: z
      .string()
      .max(300)
      .optional()
      .openapi({ description: "of this review's packet, as `kind/about`" }),
  })
  .openapi("NewResolution");
const closeBody = z
  .strictObject({ state: z.enum(["done", "dropped"]), note: textIn(1_000).optional() })
  .openapi("ClosedResolution");

const resolve = createRoute({
  method: "post",
  path: "/reviews/{id}/resolutions",
  tags,
  summary: "Write down what a review resolved: what, who, by when",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: resolutionBody,
        },
      },
    },
  },
  responses: {
    201: {
      description: "The resolution",
      content: { "application/json": { schema: resolutionSchema } },
    },
    ...problemResponses,
  },
});

const close = createRoute({
  method: "post",
  path: "/resolutions/{id}/close",
  tags,
  summary: "Say that a resolution is done, or will not be done",
  request: {
    params: z.object({ id: z.string().openapi({ description: "rs_…" }) }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: closeBody,
        },
      },
    },
  },
  responses: {
    200: {
      description: "The resolution",
      content: { "application/json": { schema: resolutionSchema } },
    },
    ...problemResponses,
  },
});

const carryBody = z
  .strictObject({
    dueOn: dayIn.openapi({ description: "today or later, and after the day that it has" }),
  })
  .openapi("CarriedResolution");

const carry = createRoute({
  method: "post",
  path: "/resolutions/{id}/carry-on",
  tags,
  summary: "Carry an open resolution on to a later day",
  description: "It is not overdue any more, and its reminders begin anew with that day.",
  request: {
    params: z.object({ id: z.string().openapi({ description: "rs_…" }) }),
    body: { required: true, content: { "application/json": { schema: carryBody } } },
  },
  responses: {
    200: {
      description: "The resolution",
      content: { "application/json": { schema: resolutionSchema } },
    },
    ...problemResponses,
  },
});

/** What a review ends with: resolutions, and the signatures of both parties. */
export function reviewSigningRoutes(deps: AppDeps): Routes {
  const app = newRoutes();

  app.openapi(sign, async (c) => c.json(await signHere(deps, c, c.req.valid("param").id), 200));
  app.openapi(resolve, async (c) =>
    c.json(await resolveHere(deps, c, c.req.valid("param").id, c.req.valid("json")), 201),
  );
  app.openapi(close, async (c) =>
    c.json(await closeHere(deps, c, c.req.valid("param").id, c.req.valid("json")), 200),
  );
  app.openapi(carry, async (c) =>
    c.json(await carryHere(deps, c, c.req.valid("param").id, c.req.valid("json")), 200),
  );

  return app;
}

/** Signs a review for the party that the caller leads. */
export async function signHere(
  deps: ApiDeps,
  c: Context<AppEnv>,
  reviewId: string,
): Promise<z.output<typeof reviewSchema>> {
  const { id } = await reviewHere(deps, reviewId);
  const now = c.var.receivedAt;
  const signer = signerOf(c);
  await inTransaction(deps.pool, async (tx) => {
    const signed = await signReview(tx, id, signer, now);
    if ("why" in signed) throw new Problem(...refusalOf(signed));
  });
  const review = await reviewById(deps.pool, id);
  const [view] = await shown(deps, review ? [review] : [], now);
  if (!view) throw notFound();
  return view;
}

/** Writes down what a review resolved. */
export function resolveHere(
  deps: ApiDeps,
  c: Context<AppEnv>,
  reviewId: string,
  { text, owner, dueOn, proposal }: z.output<typeof resolutionBody>,
): Promise<z.output<typeof resolutionSchema>> {
  const { caller, receivedAt: now } = c.var;
  return inTransaction(deps.pool, async (tx) => {
    const { id } = await reviewHere(deps, reviewId);
    const review = await lockReview(tx, id);
    if (review.state === "closed")
      throw new Problem("conflict", { detail: "the review is closed; the next one resolves it" });
    if (dueOn < localDateOf(review.packet.zone, now))
      throw new Problem("invalid", { field: "dueOn", detail: "expected today or later" });
    await checkOwner(tx, owner);
    const title = proposal === undefined ? undefined : await titleOf(tx, id, proposal);
    const words = text ?? title;
    if (words === undefined)
      throw new Problem("invalid", { field: "text", detail: "expected text, or a proposal" });
    const wish = { text: words, owner, dueOn, proposal: proposal ?? null };
    return answer(tx, c, 201, await addResolution(tx, review, wish, caller, now));
  });
}

/** Says how a resolution ended. */
export function closeHere(
  deps: ApiDeps,
  c: Context<AppEnv>,
  id: string,
  { state, note }: z.output<typeof closeBody>,
): Promise<z.output<typeof resolutionSchema>> {
  const { caller, receivedAt: now } = c.var;
  return inTransaction(deps.pool, async (tx) => {
    const known = await lockedHere(tx, id);
    if (known.state !== "open" && known.state !== state)
      throw new Problem("already-answered", { detail: `it is closed already: ${known.state}` });
    if (known.state === "open")
      await closeResolution(tx, id, { state, note: note ?? null }, caller, now);
    return answer(tx, c, 200, id);
  });
}

/** Carries an open resolution on to a later day. */
export function carryHere(
  deps: ApiDeps,
  c: Context<AppEnv>,
  id: string,
  { dueOn }: z.output<typeof carryBody>,
): Promise<z.output<typeof resolutionSchema>> {
  const { caller, receivedAt: now } = c.var;
  return inTransaction(deps.pool, async (tx) => {
    const known = await lockedHere(tx, id);
    if (known.state !== "open")
      throw new Problem("already-answered", { detail: `it is closed already: ${known.state}` });
    if (dueOn < localDateOf(known.zone, now))
      throw new Problem("invalid", { field: "dueOn", detail: "expected today or later" });
    if (dueOn <= known.dueOn)
      throw new Problem("invalid", {
        field: "dueOn",
        detail: `expected a later day than ${known.dueOn}, which it has`,
      });
    await carryOn(tx, { ...known, id }, dueOn, caller, now);
    return answer(tx, c, 200, id);
  });
}

/** The resolution of the address, locked; missing ones throw 404. */
async function lockedHere(tx: Tx, id: string) {
  const known = /^rs_[0-9a-z]{1,40}$/.test(id) ? await lockResolution(tx, id) : undefined;
  if (!known) throw notFound();
  return known;
}

async function answer(
  tx: Tx,
  c: Context<AppEnv>,
  status: number,
  id: string,
): Promise<z.output<typeof resolutionSchema>> {
  const view = await resolutionById(tx, id, c.var.receivedAt);
  if (!view) throw notFound();
  const response = resolutionShown(view);
  await keepAnswer(tx, c, { status, response });
  return response;
}

function refusalOf(not: NotSigned): ConstructorParameters<typeof Problem> {
  if (not.why === "closed") return ["conflict", { detail: "the review is closed" }];
  return signatureRefused(not);
}

/**
 * Who signs by this request. 403 for whoever leads no party, names no person of the roster, or
 * signed in too long ago: two tokens that name nobody may be one person's.
 */
export function signerOf(c: Context<AppEnv>): Signer {
  const { party, tokenId, repId } = c.var.caller;
  if (!party) throw new Problem("forbidden", { detail: "only who leads a party signs" });
  if (repId === null)
    throw new Problem("forbidden", {
      detail:
        "a signature is a person's, and this token or login names none: make one that does " +
        `(\`baton token create --role leader --party ${party} --rep rp_… --label …\`, in the ` +
        `console \`baton sign-in rp_… --party ${party}\`)`,
    });
  mustBeFresh(c);
  return { party, tokenId, repId };
}

/** What is said to who may not sign, whatever it is that is signed. */
export function signatureRefused(not: SignatureRefusal): ConstructorParameters<typeof Problem> {
  switch (not.why) {
    case "signed-by-another":
      return ["already-answered", { detail: `the party has signed: ${not.by}` }];
    case "signed-for-the-other-party":
      return ["conflict", { detail: "expected another person: nobody signs for both parties" }];
    default:
      return not satisfies never;
  }
}

async function checkOwner(tx: Tx, owner: string): Promise<void> {
  const isKnown = owner.startsWith("rp_")
    ? await isActivePerson(tx, owner)
    : ownerRoles.some((role) => role === owner);
  if (!isKnown)
    throw new Problem("invalid", {
      field: "owner",
      detail: `expected somebody active of the roster, or one of ${ownerRoles.join(", ")}`,
    });
}

/** The title of a proposal of the review's packet. */
async function titleOf(tx: Tx, reviewId: string, proposal: string): Promise<string> {
  const figures = await figuresOf(tx, reviewId);
  const found = figures?.packet.proposals.find(
    ({ kind, about }) => `${kind}/${about}` === proposal,
  );
  if (!found)
    throw new Problem("invalid", { field: "proposal", detail: "expected one of the packet" });
  return withRuleWords(found.title, rulesOfProposal(found));
}
