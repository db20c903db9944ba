import { createHash } from "node:crypto";
import type { Context } from "hono";
import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { ActionName, Stage } from "../handoff/stage.ts";
import type { MailNames } from "../messages/message.ts";
import { readOffer, type OfferLink } from "../messages/offer-link.ts";
import { whatHappened } from "../messages/since.ts";
import { when } from "../messages/when.ts";
import { madeSigningKey } from "../store/access/signing-key.ts";
import { mailContext } from "../store/effects/mail-facts.ts";
import { personForMail } from "../store/effects/mail-recipients.ts";
import { offerState, type OfferState } from "../store/views/offer.ts";
import { possibleNow } from "./action-routes.ts";
import { performAction, saidOf } from "./actions.ts";
import type { AppDeps, AppEnv, Caller } from "./deps.ts";
import { Problem } from "./http/errors.ts";

/** What a mail's link may do. The API's routes do the rest. */
export const actionsOfLink = ["accept", "logOutreach", "reject"] as const satisfies ActionName[];
export type ActionOfLink = (typeof actionsOfLink)[number];

/** The offer behind a link. Who holds the link is who the mail was written to. */
export interface LinkedOffer {
  readonly link: OfferLink;
  readonly caller: Caller;
  readonly state: OfferState;
  readonly isOver: boolean;
}

/** The offer behind the link of this request, or why there is none. */
export async function linkedOffer(
  { pool, mailLinks = "act" }: AppDeps,
  c: Context<AppEnv>,
  token: string,
): Promise<LinkedOffer | "no-link" | "left"> {
  const key = mailLinks === "off" || token.length > 500 ? null : await madeSigningKey(pool);
  const link = key && readOffer(key, token);
  const state = link && (await offerState(pool, link));
  if (!link || !state) return "no-link";
  if (!state.isActive) return "left";
  const caller: Caller = {
    tokenId: `link-${createHash("sha256").update(token).digest("hex").slice(0, 24)}`,
    role: "rep",
    repId: link.repId,
    via: "mail",
  };
  return { link, state, caller, isOver: !state.isTheirs || c.var.receivedAt >= link.until };
}

/** An offer as its reader sees it: as it stands, or what happened since. */
export type OfferAnswer =
  | ({ readonly isOver: false } & OfferView)
  | { readonly isOver: true; readonly names: MailNames; readonly since: string };

export interface OfferView {
  readonly names: MailNames;
  readonly stage: Stage;
  readonly dueAt: Instant | null;
  readonly now: Instant;
  readonly attempts: number;
  readonly acceptedAt: Instant | null;
  /** What the reader can do here now. */
  readonly possible: readonly ActionName[];
  readonly reasons: Agreement["answers"]["reasons"];
}

/** Reads the offer for the page that shows it. */
export async function readOfferView(
  { pool, agreements, mailLinks }: AppDeps,
  c: Context<AppEnv>,
  { link, state, caller, isOver }: LinkedOffer,
): Promise<OfferAnswer> {
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
    console: null,
    reader: { name: reader?.name ?? null, meantFor: null, isRep: true, zone },
  };
  if (isOver) {
    const since = state.isTheirs
      ? `This link was good until ${when(link.until, zone)}. The lead is still with you: ` +
        "answer in the CRM, or by the latest mail about it."
      : whatHappened(sinceOf(state), zone);
    return { isOver, names, since };
  }
  const agreement =
    state.agreementId === null ? null : await agreements.version(pool, state.agreementId);
  return {
    isOver,
    names,
    stage: state.stage,
    dueAt: state.dueAt?.getTime() ?? null,
    now: c.var.receivedAt,
    attempts: state.attempts,
    acceptedAt: state.answer?.kind === "accept" ? state.answer.at.getTime() : null,
    possible:
      mailLinks === "view" ? [] : possibleNow(state, caller).filter((name) => isOfLink(name)),
    reasons: agreement?.agreement.answers.reasons ?? {},
  };
}

/** Whether the holder of a link can do this by it. */
export function isOfLink(name: string | undefined): name is ActionOfLink {
  return actionsOfLink.some((one) => one === name);
}

/**
 * Carries out an action for the holder of the link, for what its page showed. Sent twice it is one
 * action. Throws the problem that stands in the way.
 */
export async function actByLink(
  deps: AppDeps,
  c: Context<AppEnv>,
  { link, caller, isOver }: LinkedOffer,
  name: ActionOfLink,
  fields: Readonly<Record<string, string>>,
  key: string,
): Promise<void> {
  c.set("caller", caller);
  c.set("scope", "own");
  const said = saidOf(name, bodyOf(name, link, fields));
  const over = isOver
    ? new Problem("already-answered", { detail: "this link has ended" })
    : undefined;
  await performAction(deps, c, name, link.leadId, said, key, over);
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

/** The form as the body of its action. An attempt was made whatever stage the page showed. */
function bodyOf(
  name: ActionOfLink,
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
    case "accept":
      return { seen: { ...seen, ...given("stage") } };
  }
}
