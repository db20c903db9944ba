import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { batched } from "../../store/postgres/batch.ts";
import { findSessions, type Session } from "../../store/access/sessions.ts";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { Problem } from "./errors.ts";

/**
 * The name of the cookie that holds a session's secret. Cookies do not know ports, so that of http
 * names it; `__Host-` makes a browser refuse one that another host or a page without TLS sets.
 */
export function cookieName(publicUrl: string): string {
  const { protocol, port } = new URL(publicUrl);
  return protocol === "https:" ? "__Host-baton" : `baton-${port || "80"}`;
}

/** Gives the browser a session's secret; mails lead here from elsewhere, so `Lax`. */
export function setSession(
  c: Context<AppEnv>,
  { publicUrl }: Pick<ApiDeps, "publicUrl">,
  { secret, endsAt }: { readonly secret: string; readonly endsAt: number },
): void {
  setCookie(c, cookieName(publicUrl), secret, {
    ...kept(publicUrl),
    maxAge: Math.max(0, Math.floor((endsAt - c.var.receivedAt) / 1000)),
  });
}

/** Has the browser forget its session. */
export function dropSession(c: Context<AppEnv>, { publicUrl }: Pick<ApiDeps, "publicUrl">): void {
  setCookie(c, cookieName(publicUrl), "", { ...kept(publicUrl), maxAge: 0 });
}

function kept(publicUrl: string) {
  return {
    path: "/",
    httpOnly: true,
    secure: new URL(publicUrl).protocol === "https:",
    sameSite: "Lax",
  } as const;
}

/**
 * Finds the session of a request by its cookie; the caller is then the login, so that keys of
 * repeated requests outlive a session. Requests that arrive together share one statement.
 */
export function sessionFinder({
  keyed,
  clock,
  publicUrl,
}: Pick<ApiDeps, "keyed" | "clock" | "publicUrl">) {
  const find = batched(
    32,
    (secrets: readonly string[]) => findSessions(keyed, secrets, clock()),
    Number.POSITIVE_INFINITY,
  );
  return async (c: Context<AppEnv>): Promise<boolean> => {
    const secret = secretHere(c, publicUrl);
    const session = secret === undefined ? undefined : await find(secret);
    if (!session) return false;
    const { loginId, role, repId, party } = session;
    c.set("session", session);
    c.set("caller", { tokenId: loginId, role, repId, party, via: "console" });
    return true;
  };
}

/** The live session of this browser on a page that anybody may open. */
export async function sessionHere(
  { keyed, publicUrl }: Pick<ApiDeps, "keyed" | "publicUrl">,
  c: Context<AppEnv>,
): Promise<Session | undefined> {
  const secret = secretHere(c, publicUrl);
  return secret === undefined
    ? undefined
    : (await findSessions(keyed, [secret], c.var.receivedAt))[0];
}

/** A signature is given by who signed in so lately. */
const freshMs = 12 * 3_600_000;

/** Whether the caller may sign as they are signed in; a token is as good as it was. */
export function isFresh(c: Context<AppEnv>): boolean {
  const session = c.get("session");
  return session === undefined || c.var.receivedAt - session.startedAt < freshMs;
}

/** Throws a 403 for a session that is too old to sign with. */
export function mustBeFresh(c: Context<AppEnv>): void {
  if (isFresh(c)) return;
  throw new Problem("forbidden", {
    field: "session",
    detail: "to sign, sign in again: this was more than 12 hours ago",
  });
}

/** What the cookie holds, when it is of the form of a secret. */
function secretHere(c: Context<AppEnv>, publicUrl: string): string | undefined {
  const secret = getCookie(c, cookieName(publicUrl));
  return secret !== undefined && /^[\w-]{43}$/.test(secret) ? secret : undefined;
}
