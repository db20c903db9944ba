import type { Instant } from "../../handoff/time/calendar.ts";
import { addAccountAliases, type AccountAlias } from "../intake/accounts.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, send, sql, type Tx } from "../postgres/db.ts";

export type NamedAccount =
  | { readonly done: "named" }
  | { readonly done: "no-account" }
  | { readonly done: "merged"; readonly into: string }
  | { readonly done: "taken"; readonly by: string };

/** Gives an account another name, because a person said so; a repeat changes nothing. */
export async function nameAccount(
  tx: Tx,
  { kind, value, accountId, by }: AccountAlias & { readonly by: string },
  now: Instant,
): Promise<NamedAccount> {
  // Whoever makes or names an account by an id of the CRM waits here (`crmIdsKnown`).
  if (kind === "crm")
    await send(
      tx,
      sql`select pg_advisory_xact_lock(hashtextextended(${`crm-account/${value}`}::text, 0))`,
    );
  const account = await firstRow<{ merged_into: string | null }>(
    tx,
    sql`select merged_into from account where id = ${accountId} for no key update`,
  );
  if (!account) return { done: "no-account" };
  if (account.merged_into !== null) return { done: "merged", into: account.merged_into };
  await addAccountAliases(tx, [{ kind, value, accountId, by }], now);
  const holder = await firstRow<{ id: string; is_new: boolean }>(
    tx,
    sql`
    select coalesce(a.merged_into, a.id) as id,
      exists (select from account_alias n where n.kind = ${kind} and n.value = ${value}
        and n.since = ${new Date(now)} and n.by_id = ${by}) as is_new
    from account a where a.id = coalesce(
      (select o.id from account o where o.id <> ${accountId} and (
        (${kind} = 'domain' and o.domain = ${value}) or (${kind} = 'crm' and (o.crm_id = ${value}
          or o.id in (select our_id from crm_link where kind = 'account' and crm_id = ${value}))))
        limit 1),
      (select account_id from account_alias where kind = ${kind} and value = ${value}))`,
  );
  if (holder && holder.id !== accountId) {
    await send(
      tx,
      sql`
      delete from account_alias where kind = ${kind} and value = ${value}
        and account_id = ${accountId}`,
    );
    return { done: "taken", by: holder.id };
  }
  if (holder?.is_new)
    await audit(
      tx,
      { actor: by, what: "account.named", subject: accountId, detail: { kind } },
      now,
    );
  return { done: "named" };
}
