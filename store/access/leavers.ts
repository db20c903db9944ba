import type { Instant } from "../../handoff/time/calendar.ts";
import { audit } from "../postgres/audit.ts";
import type { Db } from "../postgres/db.ts";

/** Puts on record which tokens and sessions ended because their people left. */
export async function auditLeavers(
  db: Db,
  actor: string,
  ended: { readonly revoked: readonly string[]; readonly ended: readonly string[] },
  now: Instant,
): Promise<void> {
  const detail = { because: "its person has left" };
  for (const subject of ended.revoked)
    await audit(db, { actor, what: "token.revoked", subject, detail }, now);
  for (const subject of ended.ended)
    await audit(db, { actor, what: "session.ended", subject, detail }, now);
}
