import type { Instant } from "../../handoff/time/calendar.ts";
import type { FactSource } from "../../handoff/facts/facts.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import type { DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { rows, send, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";

/** An account as intake reads and changes it. */
export interface AccountState {
  readonly id: string;
  readonly domain: string | null;
  facts: DatedFacts;
}

/** Accounts by the names that were asked for; several names may lead to one. */
export interface ClaimedAccounts {
  readonly byDomain: ReadonlyMap<string, AccountState>;
  readonly byCrmId: ReadonlyMap<string, AccountState>;
  readonly byId: ReadonlyMap<string, AccountState>;
}

/** Names of accounts; domains as they are registered. */
export interface AccountNames {
  readonly domains: readonly string[];
  readonly crmIds: readonly string[];
  readonly ids: readonly string[];
}

/**
 * The accounts of these domains (made when there is none), of these ids of the CRM and of these
 * ids, locked until the transaction ends. A name may be an alias; one of an account that was merged
 * leads to the one that it is part of. Locked in the order of ids, after leads, so that no two
 * transactions wait for each other.
 */
export async function claimAccounts(
  tx: Tx,
  wanted: AccountNames,
  from: FactSource,
  now: Instant,
): Promise<ClaimedAccounts> {
  const crmIds = [...new Set(wanted.crmIds)];
  const domains = [...new Set(wanted.domains)].sort();
  const ids = [...new Set(wanted.ids)];
  if (domains.length + crmIds.length + ids.length === 0)
    return { byDomain: new Map(), byCrmId: new Map(), byId: new Map() };
  const names = { domains, crmIds, ids };
  let named = await accountsNamed(tx, names);
  const known = new Set(named.flatMap(({ kind, value }) => (kind === "domain" ? [value] : [])));
  const fresh = domains.filter((domain) => !known.has(domain));
  if (fresh.length > 0) {
    await makeAccounts(tx, fresh, from, now);
    named = await accountsNamed(tx, names);
  }
  for (let tries = 1; tries <= mostMerges; tries += 1) {
    const locked = await rows<AccountState & { merged_into: string | null }>(
      tx,
      sql`
      select id, domain, facts, merged_into from account
        where id = any(${[...new Set(named.map(({ account_id }) => account_id))]}::text[])
      order by id for no key update`,
    );
    // Merged while this transaction waited for the lock: its names lead elsewhere now.
    if (locked.some(({ merged_into }) => merged_into !== null)) {
      named = await accountsNamed(tx, names);
      continue;
    }
    const states = new Map(
      locked.map(({ id, domain, facts }): [string, AccountState] => [id, { id, domain, facts }]),
    );
    const of = (kind: string) =>
      new Map(
        named.flatMap(({ kind: is, value, account_id }): [string, AccountState][] => {
          const state = states.get(account_id);
          return is === kind && state ? [[value, state]] : [];
        }),
      );
    return { byDomain: of("domain"), byCrmId: of("crm"), byId: of("id") };
  }
  throw new Error("accounts are merged faster than they can be locked");
}

/** So many merges in a row may come before a lock. */
const mostMerges = 10;

async function makeAccounts(
  tx: Tx,
  domains: readonly string[],
  from: FactSource,
  now: Instant,
): Promise<void> {
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

/** Which account each name leads to; an alias comes before a domain of an account's own. */
async function accountsNamed(
  db: Db,
  { domains, crmIds, ids }: AccountNames,
): Promise<{ kind: "domain" | "crm" | "id"; value: string; account_id: string }[]> {
  return rows(
    db,
    sql`
    with named as (
      select 1 as rank, kind, value, account_id from account_alias
        where kind = 'domain' and value = any(${domains}::text[])
      union all select 1, kind, value, account_id from account_alias
        where kind = 'crm' and value = any(${crmIds}::text[])
      union all select 2, 'domain', domain, id from account
        where domain = any(${domains}::text[])
      union all select 2, 'crm', crm_id, id from account where crm_id = any(${crmIds}::text[])
      union all select 3, 'crm', crm_id, our_id from crm_link
        where kind = 'account' and crm_id = any(${crmIds}::text[])
      union all select 1, 'id', id, id from account where id = any(${ids}::text[]))
    select distinct on (n.kind, n.value) n.kind, n.value, coalesce(a.merged_into, a.id) as account_id
    from named n join account a on a.id = n.account_id order by n.kind, n.value, n.rank`,
  );
}

/**
 * Which of these ids of the CRM name an account, until the transaction ends: whoever asks for one
 * that nobody knows is the only one who may give it to an account.
 */
export async function crmIdsKnown(tx: Tx, crmIds: readonly string[]): Promise<ReadonlySet<string>> {
  const asked = [...new Set(crmIds)].sort();
  if (asked.length === 0) return new Set();
  for (const id of asked)
    await send(
      tx,
      sql`select pg_advisory_xact_lock(hashtextextended(${`crm-account/${id}`}::text, 0))`,
    );
  const named = await accountsNamed(tx, { domains: [], crmIds: asked, ids: [] });
  return new Set(named.map(({ value }) => value));
}

/** An account of which only the CRM's id is known. */
export async function makeCrmAccount(tx: Tx, crmId: string, now: Instant): Promise<AccountState> {
  const state: AccountState = { id: newId("ac", now), domain: null, facts: {} };
  await send(
    tx,
    sql`
    insert into account (id, crm_id, facts, created_at)
      values (${state.id}, ${crmId}, '{}', ${new Date(now)})`,
  );
  return state;
}

/** Another name of an account. */
export interface AccountAlias {
  readonly kind: "domain" | "crm";
  readonly value: string;
  readonly accountId: string;
  /** Who said so; null: it came with a lead. */
  readonly by: string | null;
}

/** Remembers names of accounts. One that is an account's already stays there. */
export async function addAccountAliases(
  tx: Tx,
  aliases: readonly AccountAlias[],
  now: Instant,
): Promise<void> {
  if (aliases.length === 0) return;
  await send(
    tx,
    sql`
    insert into account_alias (kind, value, account_id, since, by_id)
    select kind, value, "accountId", ${new Date(now)}, "by"
    from jsonb_to_recordset(${JSON.stringify(aliases)}::jsonb)
      as t(kind text, value text, "accountId" text, "by" text)
    order by kind, value on conflict do nothing`,
  );
}

/** Writes the facts of accounts that were claimed. */
export async function saveAccounts(tx: Tx, accounts: readonly AccountState[]): Promise<void> {
  if (accounts.length === 0) return;
  // By id as well: a record set looks to the planner as if it were large.
  await send(
    tx,
    sql`
    update account set facts = t.facts
    from
      jsonb_to_recordset(${JSON.stringify(accounts.map(({ id, facts }) => ({ id, facts })))}::jsonb)
        as t(id text, facts jsonb)
    where account.id = t.id and account.id = any(${accounts.map(({ id }) => id)}::text[])`,
  );
}
