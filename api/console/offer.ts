import { createHash } from "node:crypto";
import type { Context } from "hono";
import type { ActionName } from "../../handoff/stage.ts";
import { readOffer, type OfferLink } from "../../messages/offer-link.ts";
import { whatHappened } from "../../messages/since.ts";
import { when } from "../../messages/when.ts";
import { whom } from "../../messages/words.ts";
import { signingKey } from "../../store/access/signing-key.ts";
import { mailContext } from "../../store/effects/mail-facts.ts";
import { personForMail } from "../../store/effects/mail-recipients.ts";
import { offerState, type OfferState } from "../../store/views/offer.ts";
import { performAction, saidOf } from "../actions.ts";
import { possibleNow } from "../action-routes.ts";
import { newRoutes, type AppDeps, type AppEnv, type Caller, type Routes } from "../deps.ts";
import { asProblem, Problem } from "../http/errors.ts";
import { pageAlone, type PagePart } from "./frame.ts";
import { askAgainBody, offerBody, sayingBody, type OfferView } from "./offer-page.ts";

/** What a mail's link may do. The API's routes do the rest. */
const here: readonly ActionName[] = ["accept", "logOutreach", "reject"];

/**
 * GET and POST /console/offer/{token}: the page that mails lead to, for one person, one offer and a
 * time. Who holds the link is who the mail was written to. To open it changes nothing: programs
 * that look at mail open every link.
 */
export function offerRoutes(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get("/console/offer/:token", async (c) => {
    const found = await offerHere(deps, c);
    return found instanceof Response ? found : show(deps, c, found, { status: 200, problem: null });
  });
  routes.post("/console/offer/:token", async (c) => {
    // Browsers say where a form came from. Ours stands on this page.
    const site = c.req.header("sec-fetch-site");
    if (site !== undefined && site !== "same-origin")
      return say(c, 403, "Not done", "This came from another page. Open the link of the mail.");
    const fields = Object.fromEntries(new URLSearchParams(await c.req.text()));
    try {
      const found = await offerHere(deps, c);
      if (found instanceof Response) return found;
      if (deps.mailLinks === "view")
        return say(c, 403, "Not done", "Links in mails only show here. Answer in the CRM.");
      return await act(deps, c, found, fields);
    } catch (error) {
      if (asProblem(error)?.code !== "unavailable") throw error;
      return pageAlone(c, 503, { title: "Not known yet", body: askAgainBody(fields) });
    }
  });
  return routes;
}

interface Found {
  readonly link: OfferLink;
  readonly caller: Caller;
  readonly state: OfferState;
  readonly isOver: boolean;
}

/** The offer behind the link, or the page that says why there is none. */
async function offerHere(deps: AppDeps, c: Context<AppEnv>): Promise<Found | Response> {
  const { pool, mailLinks = "act" } = deps;
  const token = c.req.param("token") ?? "";
  const link =
    mailLinks === "off" || token.length > 500
      ? null
      : readOffer(await signingKey(pool, c.var.receivedAt), token);
  const state = link && (await offerState(pool, link));
  if (!link || !state)
    return say(
      c,
      404,
      "No such link",
      "The link is not one of Baton's, or a part of it is missing.",
    );
  if (!state.isActive)
    return say(c, 200, "This link has ended", "It was written to somebody who has left.");
  const caller: Caller = {
    tokenId: `link-${createHash("sha256").update(token).digest("hex").slice(0, 24)}`,
    role: "rep",
    repId: link.repId,
    via: "mail",
  };
  return { link, state, caller, isOver: !state.isTheirs || c.var.receivedAt >= link.until };
}

/** The offer's page as it stands now; of one that is over, what happened. */
async function show(
  deps: AppDeps,
  c: Context<AppEnv>,
  { link, state, caller, isOver }: Found,
  {
    status,
    problem,
    given = {},
  }: {
    readonly status: 200 | 409 | 422;
    readonly problem: string | null;
    readonly given?: Readonly<Record<string, string>>;
  },
): Promise<Response> {
  const { pool, agreements } = deps;
  const subject = { kind: "lead" as const, id: link.leadId };
  const [reader, context] = await Promise.all([
    personForMail(pool, link.repId),
    mailContext(
      pool,
      { subject, handoffId: state.handoffId },
      { what: "reassigned-away", repId: link.repId, because: "" },
    ),
  ]);
  const zone = reader?.zone ?? context.zone ?? "UTC";
  const names = {
    ...context.names,
    page: null,
    reader: { name: reader?.name ?? null, meantFor: null, zone },
  };
  if (isOver) {
    const title = whom(names);
    const body = sayingBody(
      title,
      ...(problem === null ? [] : [problem]),
      state.isTheirs
        ? `This link was good until ${when(link.until, zone)}. The lead is still with you: ` +
            "answer in the CRM, or by the latest mail about it."
        : whatHappened(sinceOf(state), zone),
    );
    return pageAlone(c, status, { title, body });
  }
  const agreement =
    state.agreementId === null ? null : await agreements.version(pool, state.agreementId);
  const view: OfferView = {
    names,
    stage: state.stage,
    dueAt: state.dueAt?.getTime() ?? null,
    now: c.var.receivedAt,
    attempts: state.attempts,
    acceptedAt: state.answer?.kind === "accept" ? state.answer.at.getTime() : null,
    possible:
      deps.mailLinks === "view"
        ? []
        : possibleNow(state, caller).filter((name) => here.includes(name)),
    reasons: agreement?.agreement.answers.reasons ?? {},
    given,
  };
  return pageAlone(c, status, { title: whom(names), body: offerBody(view, problem) });
}

function sinceOf(state: OfferState) {
  const { answer, ended, owner, repId } = state;
  return {
    ...state,
    owner: owner?.name ?? null,
    isOwner: owner?.id === repId,
    ended: ended && { ...ended, at: ended.at.getTime() },
    answer: answer && { ...answer, at: answer.at.getTime() },
  };
}

/** One of the page's buttons: an action like any other, for what the page showed. */
async function act(
  deps: AppDeps,
  c: Context<AppEnv>,
  found: Found,
  fields: Readonly<Record<string, string>>,
): Promise<Response> {
  const { link, caller } = found;
  const name = here.find((one) => one === fields["action"]);
  const key = /^[\da-f]{32}$/.exec(fields["key"] ?? "")?.[0];
  if (name === undefined || key === undefined)
    return show(deps, c, found, {
      status: 422,
      problem: "The form was not complete. Choose again.",
    });
  c.set("caller", caller);
  c.set("scope", "own");
  try {
    const said = saidOf(name, bodyOf(name, link, fields));
    const over = found.isOver
      ? new Problem("already-answered", { detail: "this link has ended" })
      : undefined;
    await performAction(deps, c, name, link.leadId, said, key, over);
    // To open the page again, or to go back, sends nothing again.
    return c.redirect(c.req.path, 303);
  } catch (error) {
    const problem = asProblem(error);
    if (!problem || (problem.status !== 409 && problem.status !== 422 && problem.status !== 404))
      throw error;
    const now = await offerHere(deps, c);
    if (now instanceof Response) return now;
    const why = problem.status === 404 ? "The lead is not with you." : problem.parts.detail;
    return show(deps, c, now, {
      status: problem.status === 422 ? 422 : 409,
      problem: `Not done: ${why}${why.endsWith(".") ? "" : "."}`,
      given: problem.status === 422 ? fields : {},
    });
  }
}

/** The form as the body of its action. An attempt was made whatever stage the page showed. */
function bodyOf(
  name: ActionName,
  { cycle, round }: OfferLink,
  fields: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const given = (field: string) => {
    const value = fields[field]?.trim();
    return value === undefined || value === "" ? {} : { [field]: value };
  };
  const seen = { cycle, round };
  switch (name) {
    case "logOutreach":
      return { ...given("channel"), ...given("outcome"), seen };
    case "reject":
      return {
        ...given("reason"),
        ...given("revisitOn"),
        ...given("note"),
        seen: { ...seen, ...given("stage") },
      };
    default:
      return { seen: { ...seen, ...given("stage") } };
  }
}

function say(
  c: Context<AppEnv>,
  status: 200 | 403 | 404,
  title: string,
  sentence: string,
): Promise<Response> {
  const body: PagePart = sayingBody(title, sentence);
  return pageAlone(c, status, { title, body });
}
