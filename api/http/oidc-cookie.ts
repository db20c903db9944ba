import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { ApiDeps, AppEnv } from "../deps.ts";
import type { OidcBegun } from "../oidc.ts";
import { cookieName } from "./session.ts";

/** What a sign-in was begun with, and where it was to lead. */
export interface KeptBegun extends OidcBegun {
  readonly to: string;
}

/** So long somebody may take at the provider. */
const keptSeconds = 600;
type Place = Pick<ApiDeps, "publicUrl">;

/** Has the browser keep what a sign-in was begun with. */
export function keepBegun(c: Context<AppEnv>, place: Place, begun: KeptBegun): void {
  put(c, place, Buffer.from(JSON.stringify(begun)).toString("base64url"), keptSeconds);
}

/** Has the browser forget it. */
export function dropBegun(c: Context<AppEnv>, place: Place): void {
  put(c, place, "", 0);
}

/** What the browser kept; undefined when it is nothing of ours. */
export function takeBegun(c: Context<AppEnv>, place: Place): KeptBegun | undefined {
  const text = getCookie(c, nameOfCookie(place));
  if (text === undefined || text.length > 4_000) return undefined;
  try {
    const given = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as KeptBegun;
    const { state, nonce, verifier, to } = given;
    const isOurs = [state, nonce, verifier].every(
      (one) => typeof one === "string" && /^[\w-]{20,200}$/.test(one),
    );
    return isOurs && typeof to === "string" ? { state, nonce, verifier, to } : undefined;
  } catch {
    return undefined;
  }
}

function put(c: Context<AppEnv>, place: Place, value: string, maxAge: number): void {
  setCookie(c, nameOfCookie(place), value, {
    path: "/",
    httpOnly: true,
    secure: new URL(place.publicUrl).protocol === "https:",
    sameSite: "Lax",
    maxAge,
  });
}

function nameOfCookie({ publicUrl }: Place): string {
  return `${cookieName(publicUrl)}-oidc`;
}
