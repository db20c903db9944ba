import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { createHash } from "node:crypto";
import { drawnOf } from "../messages/reviews/packet-words.ts";
import { packetPage, pageStyles } from "../messages/reviews/page.ts";
import {
  decisionSchema,
  lineView,
  packetOf,
  readsAboutPeople,
  reviewSchema,
  shown,
  wholeReviewSchema,
} from "./review-view.ts";
import { reviewKinds } from "../handoff/reviews/review.ts";
import type { ReviewDecision } from "../handoff/answers/pool-review.ts";
import {
  figuresOf,
  linesOf,
  listReviews,
  reviewById,
  reviewLines,
  undecidedOf,
  type ReviewLine,
  type ReviewRow,
} from "../store/reviews/reviews.ts";
import { ownersOf } from "../store/reviews/resolutions.ts";
import { actorNames } from "../store/access/actors.ts";
import { peopleIn, rowsWithNames, withNames, type People } from "../words/people.ts";
import { figuresFor, forReader, reviewView, type ReviewView } from "../store/reviews/view.ts";
import { performAction, doneSchema } from "./actions.ts";
import {
  newRoutes,
  type ApiDeps,
  type AppDeps,
  type AppEnv,
  type Asker,
  type Routes,
} from "./deps.ts";
import { asProblem, notFound, Problem, problemResponses, type ProblemCode } from "./http/errors.ts";
import { textIn } from "./http/format.ts";
import { pictureAnswer } from "./http/picture.ts";
import {
  cursorTime,
  defaultLimit,
  fromCursor,
  pageOf,
  pageQuery,
  toCursor,
} from "./http/paging.ts";

const resultSchema = z
  .object({
    lead: z.string(),
    status: z.number().int(),
    done: doneSchema.optional(),
    problem: z
      .object({ code: z.string(), detail: z.string(), state: z.unknown().optional() })
      .optional(),
  })
  .openapi("ReviewResult");

export const params = z.object({ id: z.string().openapi({ description: "rv_…" }) });
const tags = ["reviews"];

export const reviewsQuery = z.strictObject({
  ...pageQuery,
  kind: z.enum(reviewKinds).optional(),
  state: z.enum(["open", "closed"]).optional(),
});
const reviewsSchema = pageOf(reviewSchema);

const list = createRoute({
  method: "get",
  path: "/reviews",
  tags,
  summary: "Reviews, the latest first",
  request: { query: reviewsQuery },
  responses: {
    200: { description: "A page", content: { "application/json": { schema: reviewsSchema } } },
    ...problemResponses,
  },
});

const reviewQuery = z.strictObject({
  ...pageQuery,
  waits: z
    .enum(["true"])
    .optional()
    .openapi({ description: "only leads on which a person has to decide" }),
});

const read = createRoute({
  method: "get",
  path: "/reviews/{id}",
  tags,
  summary: "A review: its packet, resolutions and signatures, and the leads of the re-nurture pool",
  description:
    "With `.html` behind the id it is a page to be read and printed: `GET /reviews/rv_….html`. " +
    "Figures about single people are left out for whoever may not read them.",
  request: {
    params,
    query: reviewQuery,
  },
  responses: {
    200: {
      description: "The review with a page of its leads",
      content: {
        "application/json": { schema: wholeReviewSchema },
        "text/html": { schema: z.string() },
      },
    },
    ...problemResponses,
  },
});

const decidedSchema = z.object({ results: z.array(resultSchema), undecided: z.number().int() });

const decide = createRoute({
  method: "post",
  path: "/reviews/{id}/decisions",
  tags,
  summary: "Decide about leads of a review: keep, return or retire",
  description:
    "Each decision is that lead's own action, carried out and answered for itself. 503 when " +
    "some have no answer yet: the same Idempotency-Key gives all answers later and repeats " +
    "nothing.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({
            decisions: z
              .array(
                z.strictObject({
                  leadId: z.string().max(60),
                  decision: decisionSchema,
                  note: textIn(4_000).optional(),
                }),
              )
              .min(1)
              .max(50),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: "An answer for each lead, in the order asked",
      content: {
        "application/json": {
          schema: decidedSchema,
        },
      },
    },
    ...problemResponses,
  },
});

/** Reviews: what was found, and what people decide about the re-nurture pool. */
export function reviewRoutes(deps: AppDeps): Routes {
  const app = newRoutes();

  app.openapi(list, async (c) => c.json(await readReviews(deps, c, c.req.valid("query")), 200));

  app.openapi(read, async (c) => {
    const { id } = c.req.valid("param");
    if (id.endsWith(".html")) {
      const view = await packetHere(deps, c, id.replace(/\.html$/, ""));
      return page(c, reviewWithNames(view, await actorNames(deps.pool, peopleIn(view))));
    }
    return c.json(await readReview(deps, c, id, c.req.valid("query")), 200);
  });

  app.openapi(decide, async (c) => {
    const { decisions } = c.req.valid("json");
    const key = c.req.header("idempotency-key");
    return c.json(await decideLines(deps, c, c.req.valid("param").id, decisions, key), 200);
  });

  return app;
}

/** A page of reviews as they stand, the latest first. */
export async function readReviews(
  deps: ApiDeps,
  c: Context<AppEnv>,
  { kind, state, cursor, limit = defaultLimit }: z.output<typeof reviewsQuery>,
): Promise<z.output<typeof reviewsSchema>> {
  const after = fromCursor(cursor, z.tuple([cursorTime, z.string().max(60)]));
  const found = await listReviews(
    deps.pool,
    { kind, state },
    { after: after && { openedAt: after[0], id: after[1] }, limit: limit + 1 },
  );
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    items: await shown(deps, page, c.var.receivedAt),
    next: found.length > limit && last ? toCursor([last.place, last.id]) : null,
  };
}

/** A review with what the caller may see of its packet. */
async function packetHere(deps: ApiDeps, c: Asker, id: string): Promise<ReviewView> {
  const { caller, receivedAt: now } = c.var;
  const view = await reviewView(deps.pool, await reviewHere(deps, id), now);
  return forReader(view, readsAboutPeople(caller.role));
}

/** People are called by their names in what a packet says; it is kept with their ids. */
function reviewWithNames(view: ReviewView, people: People): ReviewView {
  const named = (text: string) => withNames(text, people);
  const resolved = (list: ReviewView["resolutions"]) =>
    list.map((one) => ({ ...one, text: named(one.text) }));
  const { figures } = view;
  return {
    ...view,
    carried: resolved(view.carried),
    resolutions: resolved(view.resolutions),
    figures: figures && {
      ...figures,
      packet: {
        ...figures.packet,
        proposals: figures.packet.proposals.map((one) => ({
          ...one,
          title: named(one.title),
          because: named(one.because),
          wouldHaveChanged: named(one.wouldHaveChanged),
        })),
        sections: figures.packet.sections.map((one) => ({
          ...one,
          paragraph: named(one.paragraph),
          rows: rowsWithNames(one.rows, people),
        })),
      },
    },
  };
}

/** A review with its packet and a page of the pool's leads. */
export async function readReview(
  deps: ApiDeps,
  c: Asker,
  id: string,
  { waits, cursor, limit = defaultLimit }: z.output<typeof reviewQuery>,
): Promise<z.output<typeof wholeReviewSchema>> {
  const review = await reviewHere(deps, id);
  const whole = await packetHere(deps, c, id);
  const after = fromCursor(cursor, z.tuple([z.string().max(60)]))?.[0] ?? "";
  const found = await reviewLines(deps.pool, review.id, {
    after,
    limit: limit + 1,
    open: waits === "true",
  });
  const shownLines = found.slice(0, limit);
  const last = shownLines.at(-1);
  const lines = {
    items: shownLines.map((line) => lineView(line, deps.publicUrl)),
    next: found.length > limit && last ? toCursor([last.subject_id]) : null,
  };
  const [view] = await shown(deps, [review], c.var.receivedAt);
  if (!view) throw notFound();
  const packet = packetOf(whole);
  return {
    ...view,
    ...packet,
    owners: [...(await ownersOf(deps.pool))],
    people: await actorNames(deps.pool, peopleIn(packet)),
    lines,
  };
}

/** The picture of a section of the packet, by its place among those that the caller sees. */
export async function readPacketPicture(
  deps: ApiDeps,
  c: Context<AppEnv>,
  id: string,
  place: number,
): Promise<Response> {
  const figures = await figuresOf(deps.pool, (await reviewHere(deps, id)).id);
  const read = figures && figuresFor(figures, readsAboutPeople(c.var.caller.role));
  const section = read?.packet.sections[place];
  const people = await actorNames(deps.pool, peopleIn(section?.rows));
  const drawn =
    section === undefined
      ? null
      : drawnOf({ ...section, rows: rowsWithNames(section.rows, people) });
  if (section === undefined || drawn === null) throw notFound();
  return pictureAnswer(c, drawn, section.report);
}

/** Decides about leads of a review; each is that lead's own action, answered for itself. */
export async function decideLines(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  decisions: readonly Asked[],
  key: string | undefined,
): Promise<z.output<typeof decidedSchema>> {
  const review = await reviewHere(deps, id);
  const twice = decisions.findIndex(
    ({ leadId }, n) => decisions.findIndex((other) => other.leadId === leadId) < n,
  );
  if (twice >= 0)
    throw new Problem("invalid", {
      field: `decisions.${twice}.leadId`,
      detail: "expected: each lead once",
    });
  const results = await decideEach(deps, c, review, decisions, key);
  const open = results.filter(({ status }) => status >= 500).length;
  if (open > 0)
    throw new Problem("unavailable", {
      detail:
        `${open} of ${results.length} decisions have no answer yet; the same Idempotency-Key ` +
        "gives it later",
      more: { results },
    });
  return { results, undecided: (await undecidedOf(deps.pool, [review.id])).get(review.id) ?? 0 };
}

type Asked = {
  leadId: string;
  decision: ReviewDecision;
  note?: string | undefined;
};
type Result = z.output<typeof resultSchema>;

/** So many at once as a worker takes in its stride. */
const atOnce = 10;

async function decideEach(
  deps: AppDeps,
  c: Context<AppEnv>,
  review: ReviewRow,
  decisions: readonly Asked[],
  key: string | undefined,
): Promise<Result[]> {
  const lines = await linesOf(
    deps.pool,
    review.id,
    decisions.map(({ leadId }) => leadId),
  );
  const results: Result[] = [];
  for (let n = 0; n < decisions.length; n += atOnce) {
    results.push(
      ...(await Promise.all(
        decisions
          .slice(n, n + atOnce)
          .map((asked) =>
            decideOne(
              deps,
              c,
              asked,
              refusalOf(review, lines.get(asked.leadId)),
              lines.has(asked.leadId),
              key,
            ),
          ),
      )),
    );
  }
  return results;
}

async function decideOne(
  deps: AppDeps,
  c: Context<AppEnv>,
  { leadId, decision, note }: Asked,
  refusal: Problem | undefined,
  isListed: boolean,
  key: string | undefined,
): Promise<Result> {
  try {
    if (!isListed) throw notFound();
    const done = await performAction(
      deps,
      c,
      "decideReview",
      leadId,
      { body: { decision, ...(note === undefined ? {} : { note }) } },
      // One key covers the request; each lead's action has its share of it.
      key && `${key}\n${leadId}`,
      refusal,
    );
    return { lead: leadId, status: 200, done };
  } catch (error) {
    const problem = asProblem(error);
    if (!problem) throw error;
    deps.noteDenied(c, problem);
    const { detail, state } = problem.parts;
    return {
      lead: leadId,
      status: problem.status,
      problem: { code: problem.code, detail, ...(state === undefined ? {} : { state }) },
    };
  }
}

/**
 * What stands against a new decision; the repeat of one that was taken gets its answer all the
 * same.
 */
function refusalOf(
  review: ReviewRow,
  line: Pick<ReviewLine, "decision"> | undefined,
): Problem | undefined {
  const refuse = (code: ProblemCode, detail: string) => new Problem(code, { detail });
  if (line && line.decision !== null)
    return refuse("already-answered", `it was decided already: ${line.decision}`);
  return review.state === "closed" ? refuse("conflict", "the review is closed") : undefined;
}

/** The review of the address; missing ones throw 404. */
export async function reviewHere(deps: ApiDeps, id: string): Promise<ReviewRow> {
  const review = /^rv_[0-9a-z]{1,40}$/.test(id) ? await reviewById(deps.pool, id) : undefined;
  if (!review) throw notFound();
  return review;
}

/** A page of which nothing runs, and which loads nothing. */
const pagePolicy = [
  "default-src 'none'",
  `style-src ${pageStyles.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`).join(" ")}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

function page(c: Context<AppEnv>, view: ReviewView) {
  c.header("content-security-policy", pagePolicy);
  return c.html(packetPage(view), 200);
}
