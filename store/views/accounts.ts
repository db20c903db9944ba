import type { Stage } from "../../handoff/stage.ts";
import { rows, firstRow, fragment, sql, type Db } from "../postgres/db.ts";
import { rowsAsGiven } from "../postgres/planned.ts";
import type { StoredFact } from "../process/subject.ts";
import { emailOfLead, nameOfLead } from "./names.ts";
import { reachValues, type Reach } from "./reach.ts";

/** What a list shows of an account. */
export interface ListedAccount {
  readonly id: string;
  readonly domain: string | null;
  readonly name: string | null;
  /** As it is told, or the flag's where that is better. */
  readonly tier: number | null;
  readonly flag_id: string | null;
  readonly flagged_at: Date | null;
  /** As it was judged last; null: nobody has engaged there. */
  readonly contacts: number | null;
  readonly engaged: boolean | null;
}

export interface AccountFilter {
  readonly flagged?: boolean | undefined;
  readonly tier?: number | undefined;
  /** An id, an id of the CRM, the beginning of a domain or of the name, or an alias. */
  readonly q?: string | undefined;
  readonly ids?: readonly string[] | undefined;
}

/** Of one beginning so many accounts are looked at. */
const mostFound = 1_000;

/** So many people, handoffs, flags and names of an account are shown. */
const mostShown = 100;

/**
 * Accounts within reach that are no part of another one, the newest first. For people: those of the
 * latest hundred leads that each of them has, and those about which they have a task.
 */
export async function listAccounts(
  db: Db,
  filter: AccountFilter,
  reach: Reach,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<ListedAccount[]> {
  const { flagged = null, tier = null, q = null } = filter;
  const chosen = filter.ids === undefined ? null : [...filter.ids];
  const word = q === null ? null : q.toLowerCase();
  const { ids, team } = reachValues(reach);
  return rowsAsGiven<ListedAccount>(
    db,
    sql`
    select a.id, a.domain, a.facts #>> '{account.name,value}' as name,
      least(case when a.facts #>> '{account.tier,value}' ~ '^[0-9]{1,4}$'
        then (a.facts #>> '{account.tier,value}')::int end, f.tier)::int as tier,
      f.id as flag_id, f.raised_at as flagged_at, s.contacts, s.engaged
    from account a
      left join account_flag f on f.account_id = a.id and f.ended_at is null
      left join account_standing s on s.account_id = a.id
    where a.merged_into is null
      and (${page.after ?? null}::text is null or a.id < ${page.after ?? null}::text)
      and (${chosen}::text[] is null or a.id = any(${chosen}::text[]))
      and (${flagged}::boolean is distinct from true or a.id = any(array(
        select account_id from account_flag where ended_at is null)))
      and (${flagged}::boolean is distinct from false or a.id <> all(array(
        select account_id from account_flag where ended_at is null)))
      and (${tier}::int is null or (a.id = any(array(
          select id from account where facts #>> '{account.tier,value}' = ${tier}::text
          union select account_id from account_flag
            where ended_at is null and tier = ${tier}::int))
        and least(case when a.facts #>> '{account.tier,value}' ~ '^[0-9]{1,4}$'
          then (a.facts #>> '{account.tier,value}')::int end, f.tier) = ${tier}::int))
      and (${q}::text is null or a.id = any(array(
        select id from account where id = ${q}::text or crm_id = ${q}::text
        union (select id from account where domain ^@ ${word}::text
          order by domain using ~<~ limit ${mostFound})
        union (select id from account
          where lower(facts #>> '{account.name,value}') ^@ ${word}::text
          order by lower(facts #>> '{account.name,value}') using ~<~ limit ${mostFound})
        union select account_id from account_alias where kind = 'domain' and value = ${word}::text
        union select account_id from account_alias where kind = 'crm' and value = ${q}::text)))
      and (${ids}::text[] is null or a.id = any(array(
        select l.account_id from unnest(${ids}::text[]) as o(id)
          cross join lateral (select subject_id from process where owner_id = o.id
            order by subject_id desc limit ${mostShown}) p
          join lead l on l.id = p.subject_id where l.account_id is not null
        union select p.subject_id from process p where p.subject_kind = 'account'
          and p.owner_id = any(${ids}::text[])
        union select t.subject_id from task t where t.subject_kind = 'account'
          and t.state = 'open'
          and (t.assignee_id = any(${ids}::text[])
            or (${team}::boolean and t.assignee_id is null)))))
    order by a.id desc limit ${page.limit}`,
  );
}

export interface SeenAccount {
  readonly id: string;
  readonly domain: string | null;
  readonly facts: Readonly<Record<string, StoredFact>>;
  readonly merged_into: string | null;
  readonly created_at: Date;
}

/**
 * The account within reach, or undefined: it does not exist, or nobody of theirs works there. Within
 * reach is where the people have or have had a lead, or have a task about.
 */
export async function seeAccount(
  db: Db,
  id: string,
  reach: Reach,
): Promise<SeenAccount | undefined> {
  const { ids, team } = reachValues(reach);
  return firstRow<SeenAccount>(
    db,
    sql`
    select a.id, a.domain, a.facts, a.merged_into, a.created_at from account a
    where a.id = ${id} and (${ids}::text[] is null
      or exists (select from lead l join process p on p.subject_kind = 'lead'
        and p.subject_id = l.id where l.account_id = a.id and p.owner_id = any(${ids}::text[]))
      or exists (select from lead l join handoff h on h.subject_kind = 'lead'
        and h.subject_id = l.id where l.account_id = a.id and h.rep_id = any(${ids}::text[]))
      or exists (select from process p where p.subject_kind = 'account' and p.subject_id = a.id
        and p.owner_id = any(${ids}::text[]))
      or exists (select from handoff h join assignment s on s.handoff_id = h.id
        where h.subject_kind = 'account' and h.subject_id = a.id
          and s.rep_id = any(${ids}::text[]))
      or (${team}::boolean and exists (select from process p
        left join handoff h on h.id = p.handoff_id
        where p.subject_kind = 'account' and p.subject_id = a.id and p.owner_id is null
          and p.stage not in ('opportunity', 'disqualified')
          and (p.waiting_on = 'queue' or exists (select from pool_member m
            where m.pool_id = h.pool and m.rep_id = any(${ids}::text[])))))
      or exists (select from task t where t.subject_kind = 'account' and t.subject_id = a.id
        and t.state = 'open' and (t.assignee_id = any(${ids}::text[])
          or (${team}::boolean and t.assignee_id is null))))`,
  );
}

/** Somebody of an account, those first who engaged last. */
export interface PersonOfAccount {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly title: string | null;
  readonly stage: Stage;
  readonly owner_id: string | null;
  readonly placed_by: string | null;
  readonly last_at: Date | null;
}

/** The people of an account, those first who did something last; merged and erased ones are none. */
export async function peopleOfAccount(db: Db, accountId: string): Promise<PersonOfAccount[]> {
  return rows<PersonOfAccount>(
    db,
    sql`
    with engaged as (
      select lead_id, max(at) as last_at from contact_engagement where account_id = ${accountId}
        group by lead_id order by 2 desc limit ${mostShown}),
    others as (
      select l.id as lead_id, null::timestamptz as last_at from lead l
        where l.account_id = ${accountId} and not exists (select from contact_engagement c
          where c.lead_id = l.id) order by l.id desc limit ${mostShown})
    select l.id, ${fragment(nameOfLead)} as name, ${fragment(emailOfLead)} as email,
      l.facts #>> '{lead.title,value}' as title, p.stage, p.owner_id,
      l.placed ->> 'by' as placed_by, one.last_at
    from (select * from engaged union all select * from others) one
      join lead l on l.id = one.lead_id
      join process p on p.subject_kind = 'lead' and p.subject_id = l.id
    where p.merged_into is null and l.erased_at is null
    order by one.last_at desc nulls last, l.id desc limit ${mostShown}`,
  );
}

/** A handoff of the account, or of one of its leads. */
export interface HandoffOfAccount {
  readonly id: string;
  /** Null: it is the account's own. */
  readonly lead_id: string | null;
  /** The account's own handoff to which a lead's belongs. */
  readonly account_handoff_id: string | null;
  readonly agreement_id: string;
  readonly lead_type: string | null;
  readonly state: "open" | "closed";
  readonly rep_id: string | null;
  readonly mql_at: Date;
  readonly outcome: string | null;
}

/** Handoffs of the account and its leads, the latest first. */
export async function handoffsOfAccount(db: Db, accountId: string): Promise<HandoffOfAccount[]> {
  return rows<HandoffOfAccount>(
    db,
    sql`
    with one as (
      select h.*, l.id as lead_id from lead l
        join handoff h on h.subject_kind = 'lead' and h.subject_id = l.id
        where l.account_id = ${accountId}
      union all
      select h.*, null from handoff h
        where h.subject_kind = 'account' and h.subject_id = ${accountId})
    select id, lead_id, account_handoff_id, agreement_id, lead_type, state, rep_id, mql_at, outcome
    from one order by mql_at desc, id limit ${mostShown}`,
  );
}

/** A flag of an account, open or not. */
export interface FlagOfAccount {
  readonly id: string;
  readonly agreement_id: string;
  readonly tier: number;
  readonly contacts: number;
  readonly raised_at: Date;
  readonly ended_at: Date | null;
  readonly ended_how: string | null;
  readonly ended_by: string | null;
}

/** The flags of an account, the latest first. */
export async function flagsOfAccount(db: Db, accountId: string): Promise<FlagOfAccount[]> {
  return rows<FlagOfAccount>(
    db,
    sql`
    select id, agreement_id, tier, contacts, raised_at, ended_at, ended_how, ended_by
    from account_flag where account_id = ${accountId}
    order by raised_at desc, id desc limit ${mostShown}`,
  );
}

/** Every other name of the account, and the accounts that became part of it. */
export async function namesOfAccount(
  db: Db,
  accountId: string,
): Promise<{ readonly kind: "domain" | "crm" | "account"; readonly name: string }[]> {
  return rows(
    db,
    sql`
    (select kind, value as name from account_alias where account_id = ${accountId}
      order by kind, value limit ${mostShown})
    union all (select 'account', id from account where merged_into = ${accountId}
      order by id limit ${mostShown})
    union all (select 'domain', domain from account where merged_into = ${accountId}
      and domain is not null order by domain limit ${mostShown})`,
  );
}
