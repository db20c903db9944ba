import { randomBytes } from "node:crypto";
import { ensureLogin, type LoginWish } from "../store/access/logins.ts";
import { makeLink } from "../store/access/sign-in-links.ts";
import type { Pool } from "../store/postgres/db.ts";

/** What a person has open who looks at the console. */
export interface ConsoleWorld {
  readonly url: string;
  readonly pool: Pool;
  /** The cookie of a new session. */
  cookieOf(wish: LoginWish): Promise<{ readonly name: string; readonly value: string }>;
}

/** Who has the open offers that the tasks are done on, as their processes left them. */
export interface OfferOfBench {
  readonly lead: string;
  readonly rep: string;
}

/** Signs people in by a link, as they do it, each time to a session of its own. */
export function cookiesOf({
  pool,
  url,
}: Pick<ConsoleWorld, "pool" | "url">): ConsoleWorld["cookieOf"] {
  return async (wish) => {
    const now = Date.now();
    const login = await ensureLogin(pool, wish, now);
    const answer = await fetch(
      `${url}/console/in/${await makeLink(pool, login.id, "printed", now)}`,
      {
        method: "POST",
        redirect: "manual",
        headers: { origin: url, "content-type": "application/x-www-form-urlencoded" },
        body: `key=${randomBytes(16).toString("hex")}`,
      },
    );
    const [, name, value] = /^([^=]+)=([^;]+)/.exec(answer.headers.get("set-cookie") ?? "") ?? [];
    if (name === undefined || value === undefined)
      throw new Error(`signing in was answered with ${answer.status} and no cookie`);
    return { name, value };
  };
}
