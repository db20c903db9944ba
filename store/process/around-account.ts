import { decisive } from "../../handoff/stage.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { firstRow, sql, type Tx } from "../postgres/db.ts";
import {
  activityAround,
  agreementAround,
  clocksAround,
  mostEngagements,
  namedBy,
  offersAround,
  outOfPoolAround,
  personsAbove,
  poolAround,
  recentAround,
  revisitAround,
  tasksAround,
  twoDaysTo,
  type Around,
  type LookAround,
} from "./around.ts";

/**
 * All around the process row of an account, in one statement. What its people did counts without
 * their names or ids: a person who is erased leaves nothing in decisions about the company.
 */
export async function readAroundAccount(
  tx: Tx,
  { id }: Subject,
  { now, action }: LookAround,
): Promise<Around | undefined> {
  const named = namedBy(action);
  const by = action?.by ?? null;
  const at = new Date(now);
  const [from, to] = twoDaysTo({ now, ...(action === undefined ? {} : { action }) });
  return firstRow<Around>(
    tx,
    sql`
    with p as (select * from process where subject_kind = 'account' and subject_id = ${id}),
    h as (select handoff.* from handoff join p on handoff.id = p.handoff_id),
    t as (
      select * from task where subject_kind = 'account' and subject_id = ${id}
        and state = 'open'),
    f as (
      select * from account_flag where account_id = ${id}
        order by ended_at is null desc, raised_at desc, id desc limit 1)
    select '{}'::jsonb as facts, a.facts as account_facts, null as source, null as campaign,
      coalesce((select raised_at from f), p.stage_since) as arrived_at, null as erased_at,
      a.merged_into as merge_into,
      ${agreementAround},
      (select row_to_json(h) from h) as handoff,
      ${revisitAround},
      (select lead_type from handoff last where last.subject_kind = 'account'
        and last.subject_id = ${id} order by cycle desc limit 1) as last_lead_type,
      (select count(*)::int from lead l join opportunity o on o.lead_id = l.id
        where l.account_id = ${id} and o.won_at is null and o.lost_at is null) as pipeline,
      exists (select from f where f.ended_at is null) as is_flagged,
      null as account_handoff,
      (select contacts from f where f.ended_at is null) as flag_contacts,
      (select json_agg(json_build_object('id', 'e' || e.n, 'type', e.type, 'topic', e.topic,
          'at', e.occurred_at) order by e.n desc)
        from (select g.type, g.topic, g.occurred_at,
            row_number() over (order by g.occurred_at desc, g.message_id desc) as n
          from lead l join engagement g on g.lead_id = l.id
          where l.account_id = ${id} and l.erased_at is null
          order by g.occurred_at desc, g.message_id desc limit ${mostEngagements}) e)
        as engagements,
      0 as others,
      ${clocksAround},
      ${tasksAround},
      ${offersAround},
      ${outOfPoolAround},
      exists (select from h join rep gone on gone.id = h.rep_id
        where h.pool is not null and (not gone.active
          or not exists (select from pool_member own where own.pool_id = h.pool
            and own.rep_id = gone.id)
          or exists (select from absence b where b.rep_id = gone.id and b.from_at <= ${at}
            and b.to_at > ${at}))) as is_rep_gone,
      (with recursive above as (
          select r.* from rep r where r.id =
            any(array[p.owner_id, (select rep_id from h)] || ${named}::text[]
              || (select coalesce(array_agg(t.assignee_id), '{}') from t))
          union select r.* from rep r join above on r.id = above.manager_id
            or r.id = above.deputy_id or r.id in (select b.deputy_id from absence b
              where b.rep_id = above.id and b.to_at > ${at}))
        ${personsAbove}) as people,
      ${poolAround},
      (select max(x.settled_at) from action x
        where x.account_id = ${id}
          and x.settled_at >= coalesce((select mql_at from h), p.stage_since)
          and x.name = any(${decisive}::text[]) and x.result ->> 'done' = 'true') as answered_at,
      ${activityAround},
      (select max(since) from task where subject_kind = 'account' and subject_id = ${id}
        and kind = 'stalled' and handoff_id is not distinct from p.handoff_id
        and (p.handoff_id is not null or since >= p.stage_since)) as stalled_at,
      (select json_agg(received_at) from answer where by_id = ${by}::text
        and kind is not distinct from 'reject' and received_at > ${from}
        and received_at <= ${to}) as recent_rejections,
      (select json_build_object('id', o.id, 'createdAt', o.created_at)
        from h join lead l on l.account_id = ${id} join opportunity o on o.lead_id = l.id
        where o.lost_at is null and o.created_at >= h.mql_at
        order by o.created_at, o.id limit 1) as opportunity,
      null as own_opportunity, null as hand_raised_at,
      exists (select from effect where subject_kind = 'account' and subject_id = ${id}
        and state = 'open') as has_open_effects,
      ${recentAround}
    from p join account a on a.id = p.subject_id`,
  );
}
