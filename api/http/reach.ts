import type { Db } from "../../store/postgres/db.ts";
import { roleOnRoster } from "../../store/routing/roster.ts";
import { seeAccount, type SeenAccount } from "../../store/views/accounts.ts";
import {
  currentHandoff,
  seeLead,
  type HandoffView,
  type SeenLead,
} from "../../store/views/leads.ts";
import { hearsOf, reachOf, type Reach } from "../../store/views/reach.ts";
import type { TaskAsker } from "../../store/views/tasks.ts";
import type { Asker } from "../deps.ts";
import { notFound } from "./errors.ts";
import { sharedWhileAsked } from "./shared.ts";

/** How far the caller reaches on this route. */
export function reachHere(db: Db, c: Asker): Promise<Reach> {
  const { scope, caller } = c.var;
  const ask = () => reachOf(db, scope, caller.repId);
  return scope === "team" ? sharedWhileAsked(db, c, "the team", ask) : ask();
}

/** Of whose changes the caller hears on this route; null: of everybody's. */
export async function heardHere(db: Db, c: Asker): Promise<ReadonlySet<string> | null> {
  return hearsOf(db, await reachHere(db, c));
}

/** The lead of the address when the caller may see it; missing and forbidden throw the same 404. */
export async function leadHere(db: Db, c: Asker, leadId: string): Promise<SeenLead> {
  if (!/^ld_[0-9a-z]{1,40}$/.test(leadId)) throw notFound();
  const lead = await sharedWhileAsked(db, c, `${c.var.scope} ${leadId}`, async () =>
    seeLead(db, leadId, await reachHere(db, c)),
  );
  if (!lead) throw notFound({ kind: "lead", id: leadId });
  return lead;
}

/** The open handoff of a lead of the caller's, or its last one. */
export function handoffHere(
  db: Db,
  c: Asker,
  lead: Pick<SeenLead, "id" | "handoff_id">,
): Promise<HandoffView | undefined> {
  return sharedWhileAsked(db, c, `handoff of ${lead.id}`, () => currentHandoff(db, lead));
}

/** How the id of an account is written. */
export const accountIdPattern = /^ac_[0-9a-z]{1,40}$/;

/** The id of an account in an address; throws a 404 for what is none. */
export function accountIdIn(id: string): string {
  if (!accountIdPattern.test(id)) throw notFound();
  return id;
}

/** The same for an account. */
export async function accountHere(db: Db, c: Asker, accountId: string): Promise<SeenAccount> {
  const account = await seeAccount(db, accountIdIn(accountId), await reachHere(db, c));
  if (!account) throw notFound({ kind: "account", id: accountId });
  return account;
}

/** Whose tasks the caller answers for: the token's role and the one in the roster. */
export async function taskAsker(db: Db, c: Asker): Promise<TaskAsker> {
  const { role, repId } = c.var.caller;
  const rep = repId === null ? undefined : await roleOnRoster(db, repId);
  return { reach: await reachHere(db, c), roles: [...new Set([role, ...(rep ? [rep] : [])])] };
}
