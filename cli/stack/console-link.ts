import type { Instant } from "../../handoff/time/calendar.ts";
import { signInPage } from "../../messages/sign-in.ts";
import { ensureLogin, type Login, type LoginWish } from "../../store/access/logins.ts";
import { makeLink } from "../../store/access/sign-in-links.ts";
import { audit } from "../../store/postgres/audit.ts";
import { inTransaction, type Pool } from "../../store/postgres/db.ts";
import type { Settings } from "../env.ts";

/** Makes a link that signs somebody in to the console once, soon. */
export async function printedLink(
  pool: Pool,
  publicUrl: string,
  wish: LoginWish,
  now: Instant,
): Promise<{ readonly url: string; readonly login: Login }> {
  return inTransaction(pool, async (tx) => {
    const login = await ensureLogin(tx, wish, now);
    const secret = await makeLink(tx, login.id, "printed", now);
    const detail = { role: login.role, way: "printed" };
    await audit(tx, { actor: "cli", what: "sign-in-link.made", subject: login.id, detail }, now);
    return { url: signInPage(publicUrl, secret, ""), login };
  });
}

/** The line with which a start ends: how its operator gets into the console. */
export async function consoleLine(
  pool: Pool,
  { publicUrl }: Pick<Settings, "publicUrl">,
): Promise<string> {
  const { url } = await printedLink(pool, publicUrl, { role: "operator" }, Date.now());
  return `Console: ${url}`;
}
