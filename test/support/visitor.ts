import type { Routes } from "../../api/deps.ts";
import { cookieName } from "../../api/http/session.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { ensureLogin, type LoginWish } from "../../store/access/logins.ts";
import { startSession } from "../../store/access/sessions.ts";
import type { Pool } from "../../store/postgres/db.ts";

/** What a browser gets. */
export interface Shown {
  readonly status: number;
  readonly headers: Headers;
  /** The page, or what else came. */
  readonly text: string;
  /** Where the browser is led, as a path of the console; null when it is not. */
  readonly location: string | null;
}

/** Somebody who is signed in to the console, without a browser. */
export interface Visitor {
  readonly loginId: string;
  readonly sessionId: string;
  /** `name=secret`, for a browser or a request of one's own. */
  readonly cookie: { readonly name: string; readonly value: string };
  get(path: string, headers?: Record<string, string>): Promise<Shown>;
  /** Sends a form of the console as a browser does; a key is drawn where none is given. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Record<string, string>,
  ): Promise<Shown>;
}

interface Served {
  readonly app: Pick<Routes, "request">;
  readonly pool: Pool;
  readonly now: Instant;
  /** As the app was made with. */
  readonly publicUrl?: string;
}

/** Signs somebody in to the console of `app` and gives what they can do with their cookie. */
export async function signedIn(
  { app, pool, now, publicUrl = "http://baton.test" }: Served,
  wish: LoginWish,
): Promise<Visitor> {
  const login = await ensureLogin(pool, wish, now);
  const { id, secret } = await startSession(pool, login, "test", now);
  const cookie = { name: cookieName(publicUrl), value: secret };
  const visitor = visiting({ app, publicUrl }, cookie);
  return { loginId: login.id, sessionId: id, cookie, ...visitor };
}

/** The same with a cookie of one's own, or without any. */
export function visiting(
  { app, publicUrl = "http://baton.test" }: Pick<Served, "app" | "publicUrl">,
  cookie?: { readonly name: string; readonly value: string },
): Pick<Visitor, "get" | "post"> {
  const ask = async (
    path: string,
    init: { method?: string; headers: Record<string, string>; body?: string },
  ): Promise<Shown> => {
    const response = await app.request(`${publicUrl}${path}`, {
      ...init,
      headers: {
        ...(cookie === undefined ? {} : { cookie: `${cookie.name}=${cookie.value}` }),
        ...init.headers,
      },
    });
    const location = response.headers.get("location");
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      location: location?.startsWith(publicUrl) ? location.slice(publicUrl.length) : location,
    };
  };
  return {
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, fields, headers = {}) =>
      ask(path, {
        method: "POST",
        headers: {
          origin: new URL(publicUrl).origin,
          "sec-fetch-site": "same-origin",
          "content-type": "application/x-www-form-urlencoded",
          ...headers,
        },
        body: new URLSearchParams({ key: drawnKey(), ...fields }).toString(),
      }),
  };
}

/** A key as a form has it. */
function drawnKey(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
