import { rows, send, sql, type Tx } from "../postgres/db.ts";

/** The account of a lead or of a handoff of its own, and who has it. */
export interface LeadAccount {
  /** Null for a lead of no company. */
  readonly accountId: string | null;
  /** Reps in the order in which they are asked; who is away is among them. */
  readonly owners: readonly string[];
}

/** The same, with those of them who have it because the account itself is handed off. */
export interface HeldAccount extends LeadAccount {
  readonly holders: readonly string[];
}

/** A company on which many people work: the first of them are asked. */
const mostOwners = 5;

/**
 * Who has the accounts of these leads, or these accounts: whoever has the open handoff of the
 * account itself, or had that of an account that became part of it, the owner by the CRM (named by our id or the CRM's), then who works on a colleague: has one accepted, an opportunity or an offer, in this order and the
 * earlier one first. A pick that its process has not heard of is an offer. Who has a colleague only
 * until a manager gives it to somebody works on nothing. `holders` are those of the open handoff of
 * the account, of one that became part of it, and of leads that belong to that handoff.
 */
export async function accountsOf(
  tx: Tx,
  subjectIds: readonly string[],
): Promise<Map<string, HeldAccount>> {
  if (subjectIds.length === 0) return new Map();
  const found = await rows<HeldAccount & { subjectId: string }>(
    tx,
    sql`
    with named as (
      select l.id, l.account_id, coalesce(l.facts #>> '{account.owner,value}',
        a.facts #>> '{account.owner,value}') as told
      from lead l left join account a on a.id = l.account_id where l.id = any(${subjectIds})
      union all
      select a.id, a.id, a.facts #>> '{account.owner,value}' from account a
        where a.id = any(${subjectIds})),
    asked as (
      select named.*, own.id as own_handoff from named left join handoff own
        on own.subject_kind = 'account' and own.subject_id = named.account_id
          and own.state = 'open'),
    colleague as (
      select asked.id as lead_id, asked.own_handoff, c.id from asked join lead c on c.account_id = asked.account_id
        and c.id <> asked.id),
    works as (
      select c.lead_id, coalesce(h.rep_id, s.rep_id) as id,
          case when h.sal_at is null then 2 else 1 end as rank, h.mql_at as since,
          coalesce(h.account_handoff_id = c.own_handoff, false) as holds
        from colleague c join handoff h on h.subject_kind = 'lead' and h.subject_id = c.id
        left join assignment s on h.rep_id is null and s.handoff_id = h.id
          and s.round = h.round + 1 and s.ended_at is null
        where h.state = 'open' and not exists (select from task t where t.subject_kind = 'lead'
          and t.subject_id = c.id and t.state = 'open' and t.kind = 'escalated'
          and t.assignee_id = h.rep_id)
      union all
      select c.lead_id, p.owner_id, 1, p.stage_since, false
        from colleague c join process p on p.subject_kind = 'lead' and p.subject_id = c.id
        where p.stage = 'opportunity' and exists (select from opportunity o
          where o.lead_id = c.id and o.won_at is null and o.lost_at is null)
      union all
      select asked.id, coalesce(h.rep_id, s.rep_id), -1, h.mql_at, true
        from asked join handoff h on h.id = asked.own_handoff
        left join assignment s on h.rep_id is null and s.handoff_id = h.id
          and s.round = h.round + 1 and s.ended_at is null
        where asked.id <> asked.account_id
          and not exists (select from task t where t.subject_kind = 'account'
            and t.subject_id = asked.account_id and t.state = 'open' and t.kind = 'escalated'
            and t.assignee_id = h.rep_id)
      union all
      select asked.id, h.rep_id, -1, h.mql_at, true
        from asked join account part on part.merged_into = asked.id
        join handoff h on h.subject_kind = 'account' and h.subject_id = part.id
        where h.rep_id is not null
          and (h.state = 'open' or h.outcome = 'merged into ' || asked.id)
      union all
      select asked.id, r.id, 0, to_timestamp(0), false from asked join rep r on r.id = asked.told
      union all
      select asked.id, r.id, 0, to_timestamp(0), false from asked
        join rep r on r.crm_id = asked.told),
    owner as (
      select w.lead_id, w.id, min(w.rank) as rank, min(w.since) as since,
        bool_or(w.holds) as holds
      from works w join rep r on r.id = w.id where w.rank = 0 or r.active
      group by w.lead_id, w.id)
    select asked.id as "subjectId", asked.account_id as "accountId",
      coalesce((array_agg(o.id order by o.rank, o.since, o.id)
        filter (where o.id is not null))[1:${mostOwners}], '{}') as owners,
      coalesce((array_agg(o.id order by o.rank, o.since, o.id)
        filter (where o.holds))[1:${mostOwners}], '{}') as holders
    from asked left join owner o on o.lead_id = asked.id group by asked.id, asked.account_id`,
  );
  return new Map(found.map(({ subjectId, ...account }) => [subjectId, account]));
}

/**
 * Two colleagues routed at one moment would not see each other: the second waits for the first. A
 * statement of its own, so that what follows is read from behind the lock. Held until the
 * transaction ends; nobody may wait for it who holds a pool's lock.
 */
export async function lockAccountOf(tx: Tx, subjectId: string): Promise<void> {
  await send(
    tx,
    sql`
    select pg_advisory_xact_lock(hashtextextended('route-account/' || one.account_id, 0))
      from (select account_id from lead where id = ${subjectId}
        union all select id from account where id = ${subjectId}) one
      where one.account_id is not null`,
  );
}

/** Bounds the locks of one transaction when a whole weekend is released. */
const mostLocks = 500;

/**
 * The same for leads that are released with a pool locked, which must not wait: gives those of an
 * account in which a colleague is just being routed by somebody else. `ours` are accounts whose
 * lock the caller's caller holds.
 */
export async function beingRouted(
  tx: Tx,
  subjectIds: readonly string[],
  ours: ReadonlySet<string>,
): Promise<Set<string>> {
  if (subjectIds.length === 0) return new Set();
  // Without a colleague whom nobody has there is nobody who could be routed meanwhile.
  const busy = await rows<{ id: string }>(
    tx,
    sql`
    with asked as (
      select id, account_id from lead where id = any(${subjectIds}) and account_id is not null
      union all select id, id from account where id = any(${subjectIds})),
    shared as (
      select l.id, l.account_id from asked l
      where l.account_id <> all(${[...ours]})
        and (exists (select from lead c join handoff h on h.subject_kind = 'lead'
            and h.subject_id = c.id and h.state = 'open' and h.rep_id is null
          where c.account_id = l.account_id and c.id <> l.id)
        or (l.id <> l.account_id and exists (select from handoff h where h.subject_kind = 'account'
          and h.subject_id = l.account_id and h.state = 'open' and h.rep_id is null)))),
    numbered as materialized (
      select account_id, row_number() over (order by account_id) as n from shared
        group by account_id),
    tried as materialized (
      select account_id, case when n > ${mostLocks} then false
        else pg_try_advisory_xact_lock(hashtextextended('route-account/' || account_id, 0))
        end as is_ours from numbered)
    select shared.id from shared join tried using (account_id) where not tried.is_ours`,
  );
  return new Set(busy.map(({ id }) => id));
}
