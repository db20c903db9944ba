import type { Context } from "hono";
import { ensureLogin, personWithMail, setKeysOff, type Login } from "../store/access/logins.ts";
import {
  endSession,
  sessionsOf,
  startSession,
  type ListedSession,
  type Session,
} from "../store/access/sessions.ts";
import {
  linkedLogin,
  noteSessionOfLink,
  takeLink,
  type LinkedLogin,
} from "../store/access/sign-in-links.ts";
import { wantSignInMail } from "../store/access/sign-in-mails.ts";
import { audit } from "../store/postgres/audit.ts";
import { inTransaction, type Tx } from "../store/postgres/db.ts";
import type { AppDeps, AppEnv } from "./deps.ts";
import { notFound } from "./http/errors.ts";
import { dropSession, sessionHere, setSession } from "./http/session.ts";

/** Whom the link would sign in; undefined when it is none, or is over. Changes nothing. */
export function whoseLink(
  deps: AppDeps,
  c: Context<AppEnv>,
  secret: string,
): Promise<LinkedLogin | undefined> {
  return isSecret(secret)
    ? linkedLogin(deps.pool, secret, c.var.receivedAt)
    : Promise.resolve(undefined);
}

/**
 * Takes the link and signs its holder in with this browser; a session that was there before is
 * over. False when the link is none, or is over.
 */
export async function signInBy(
  deps: AppDeps,
  c: Context<AppEnv>,
  secret: string,
  key: string,
): Promise<boolean> {
  if (!isSecret(secret)) return false;
  const now = c.var.receivedAt;
  const before = await sessionHere(deps, c);
  const started = await inTransaction(deps.pool, async (tx) => {
    const login = await takeLink(tx, secret, key, now);
    if (!login) return undefined;
    if (before) await end(tx, before, "signed in anew", now);
    // The cookie of the first answer may never have arrived.
    const { begun, id: loginId, repId } = login;
    if (begun !== null) await end(tx, { id: begun, loginId, repId }, "signed in anew", now);
    const session = await begin(tx, c, login, login.way);
    await noteSessionOfLink(tx, secret, session.id);
    return session;
  });
  if (!started) return false;
  setSession(c, deps, started);
  return true;
}

/**
 * Signs in whoever the provider vouches for: the person of the roster with that mail address. False
 * when there is none. A session that was there before is over.
 */
export async function signInByMailAddress(
  deps: AppDeps,
  c: Context<AppEnv>,
  email: string,
): Promise<boolean> {
  const now = c.var.receivedAt;
  const before = await sessionHere(deps, c);
  const started = await inTransaction(deps.pool, async (tx) => {
    const person = await personWithMail(tx, email);
    if (!person) return undefined;
    const login = await ensureLogin(tx, person, now);
    if (before) await end(tx, before, "signed in anew", now);
    return begin(tx, c, login, "oidc");
  });
  if (!started) return false;
  setSession(c, deps, started);
  return true;
}

/** Ends the session of this browser. */
export async function signOut(deps: AppDeps, c: Context<AppEnv>): Promise<void> {
  const { session, receivedAt } = c.var;
  if (session) await inTransaction(deps.pool, (tx) => end(tx, session, "signed out", receivedAt));
  dropSession(c, deps);
}

/**
 * Asks for a mail with a link. Whoever asks hears the same whether or not somebody has the address.
 * Throws a 429 when it is asked too often.
 */
export async function askForMail(
  deps: AppDeps,
  c: Context<AppEnv>,
  wish: { readonly email: string; readonly leadsTo: string },
): Promise<void> {
  const email = wish.email.toLowerCase();
  await deps.signInMail(c, email);
  await wantSignInMail(deps.pool, { ...wish, email }, c.var.receivedAt);
}

/** Switches single keys on the caller's pages off, or on again. */
export function switchKeys(deps: AppDeps, c: Context<AppEnv>, off: boolean): Promise<void> {
  return setKeysOff(deps.pool, c.var.caller.tokenId, off);
}

/** Where the caller is signed in, the latest first. */
export function mySessions(deps: AppDeps, c: Context<AppEnv>): Promise<ListedSession[]> {
  return sessionsOf(deps.pool, c.var.caller.tokenId, c.var.receivedAt);
}

/** Ends one of the caller's sessions; a repeat changes nothing. Throws for one of somebody else. */
export async function endMySession(deps: AppDeps, c: Context<AppEnv>, id: string): Promise<void> {
  const { caller, receivedAt } = c.var;
  const mine = await sessionsOf(deps.pool, caller.tokenId, receivedAt);
  if (!mine.some((one) => one.id === id)) throw notFound();
  const { tokenId: loginId, repId } = caller;
  await inTransaction(deps.pool, (tx) =>
    end(tx, { id, loginId, repId }, "ended by its owner", receivedAt),
  );
}

async function begin(
  tx: Tx,
  c: Context<AppEnv>,
  login: Login,
  way: string,
): ReturnType<typeof startSession> {
  const now = c.var.receivedAt;
  const session = await startSession(tx, login, deviceOf(c.req.header("user-agent")), now);
  const detail = { login: login.id, role: login.role, way };
  const actor = login.repId ?? login.id;
  await audit(tx, { actor, what: "session.started", subject: session.id, detail }, now);
  return session;
}

async function end(
  tx: Tx,
  session: Pick<Session, "id" | "loginId" | "repId">,
  because: string,
  now: number,
): Promise<void> {
  if (!(await endSession(tx, session, now))) return;
  const actor = session.repId ?? session.loginId;
  const detail = { because };
  await audit(tx, { actor, what: "session.ended", subject: session.id, detail }, now);
}

/** A secret as it is made; nothing else is looked up. */
function isSecret(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\/|\bOpera\b/, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bChrom(?:e|ium)\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b|\biPad\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

/** "Firefox on Windows": enough for its owner to know it by, and no more than that. */
export function deviceOf(userAgent = ""): string {
  const named = (list: typeof browsers) => list.find(([is]) => is.test(userAgent))?.[1];
  const [browser, system] = [named(browsers), named(systems)];
  if (browser === undefined) return system ?? "a browser";
  return system === undefined ? browser : `${browser} on ${system}`;
}
