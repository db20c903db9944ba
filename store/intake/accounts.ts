import type { Instant } from "../../handoff/time/calendar.ts";
import type { FactSource } from "../../handoff/facts/facts.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import type { DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";

/** An account as intake reads and changes it. */
export interface AccountState {
  readonly id: string;
  readonly domain: string | null;
  facts: DatedFacts;
}

/**
 * The accounts of these registrable domains (made when there is none) and of these ids, locked
 * until the transaction ends, by domain and by id. Locked in the order of ids, after leads, so that
 * no two transactions wait for each other.
 */
export async function claimAccounts(
  tx: Tx,
  wanted: { readonly domains: readonly string[]; readonly ids: readonly string[] },
  from: FactSource,
  now: Instant,
): Promise<{ byDomain: Map<string, AccountState>; byId: Map<string, AccountState> }> {
  const domains = [...new Set(wanted.domains)].sort();
  if (domains.length > 0) {
    const wantedRows = domains.map((domain) => ({
      id: newId("ac", now),
      domain,
      facts: { "account.domain": { value: domain, from, at: isoOf(now) } },
    }));
    await send(
      tx,
      sql`
      insert into account (id, domain, facts, created_at)
      select id, domain, facts, ${new Date(now)}
        from jsonb_to_recordset(${JSON.stringify(wantedRows)}::jsonb) as
        t(id text, domain text, facts jsonb)
      order by domain on conflict (domain) do nothing`,
    );
  }
  const found =
    domains.length + wanted.ids.length === 0
      ? []
      : await rows<AccountState>(
          tx,
          sql`
    select id, domain, facts from account where domain = any(${domains}::text[])
      or id = any(${wanted.ids}::text[])
    order by id for no key update`,
        );
  return {
    byDomain: new Map(
      found.flatMap((account) => (account.domain === null ? [] : [[account.domain, account]])),
    ),
    byId: new Map(found.map((account) => [account.id, account])),
  };
}

export async function saveAccounts(tx: Tx, accounts: readonly AccountState[]): Promise<void> {
  if (accounts.length === 0) return;
  await send(
    tx,
    sql`
    update account set facts = t.facts
    from
      jsonb_to_recordset(${JSON.stringify(accounts.map(({ id, facts }) => ({ id, facts })))}::jsonb)
        as t(id text, facts jsonb)
    where account.id = t.id`,
  );
}
