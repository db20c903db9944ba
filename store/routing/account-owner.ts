import type { Instant } from "../../handoff/time/calendar.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { firstRow, send, sql, type Tx } from "../postgres/db.ts";

/**
 * Who has the account of a subject: its owner by the CRM (named by our id or the CRM's), else who
 * works on a colleague. Of several the one who is there goes first, then an accepted lead before an
 * offer, and the earlier one. The CRM's owner is named even while away, so that the record says why
 * the lead went elsewhere. Until the transaction ends no colleague is routed beside this one.
 */
export async function accountOwner(
  tx: Tx,
  subject: Subject,
  crmOwner: unknown,
  now: Instant,
): Promise<string | null> {
  await lockAccountOf(tx, subject);
  const told = typeof crmOwner === "string" ? crmOwner : null;
  const at = new Date(now);
  const rep = await firstRow<{ id: string }>(
    tx,
    sql`
    with colleague as (
      select c.id from lead l join lead c on c.account_id = l.account_id and c.id <> l.id
      where ${subject.kind} = 'lead' and l.id = ${subject.id}),
    works as (
      select h.rep_id as id, case when h.sal_at is null then 2 else 1 end as rank, h.mql_at as since
        from colleague c join handoff h on h.subject_kind = 'lead' and h.subject_id = c.id
        where h.state = 'open' and h.rep_id is not null
      union all
      select p.owner_id, 1, p.stage_since
        from colleague c join process p on p.subject_kind = 'lead' and p.subject_id = c.id
        where p.stage = 'opportunity' and p.owner_id is not null
          and exists (select from opportunity o where o.lead_id = c.id and o.won_at is null
            and o.lost_at is null)
      union all
      select id, 0, to_timestamp(0) from rep where id = ${told} or crm_id = ${told})
    select w.id from works w join rep r on r.id = w.id
    where w.rank = 0 or r.active
    order by r.active and not exists (select from absence a where a.rep_id = r.id
        and a.from_at <= ${at} and a.to_at > ${at}) desc,
      w.rank, w.id is not distinct from ${told} desc, w.since, w.id
    limit 1`,
  );
  return rep?.id ?? null;
}

/**
 * Two colleagues routed at one moment would not see each other: the second waits for the first. A
 * statement of its own, so that what follows is read from behind the lock.
 */
async function lockAccountOf(tx: Tx, { kind, id }: Subject): Promise<void> {
  if (kind !== "lead") return;
  await send(
    tx,
    sql`
    select pg_advisory_xact_lock(hashtextextended('route-account/' || account_id, 0)) from lead
      where id = ${id} and account_id is not null`,
  );
}
