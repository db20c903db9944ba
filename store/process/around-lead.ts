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

/** All around the process row of a lead, in one statement. */
export async function readAroundLead(
  tx: Tx,
  subject: Subject,
  { now, action }: LookAround,
): Promise<Around | undefined> {
  const named = namedBy(action);
  const by = action?.by ?? null;
  const at = new Date(now);
  const [from, to] = twoDaysTo({ now, ...(action === undefined ? {} : { action }) });
  return firstRow<Around>(
    tx,
    sql`
    with p as (
      select * from process where subject_kind = ${subject.kind} and subject_id = ${subject.id}),
    h as (select handoff.* from handoff join p on handoff.id = p.handoff_id),
    t as (
      select * from task where subject_kind = ${subject.kind} and subject_id = ${subject.id}
        and state = 'open')
    select l.facts, a.facts as account_facts, l.source, l.campaign, l.arrived_at, l.erased_at,
      l.merge_into,
      ${agreementAround},
      (select row_to_json(h) from h) as handoff,
      ${revisitAround},
      (select lead_type from handoff last where last.subject_kind = ${subject.kind}
        and last.subject_id = ${subject.id}
        order by cycle desc limit 1) as last_lead_type,
      (select count(*)::int from lead other join opportunity o on o.lead_id = other.id
        where other.account_id = l.account_id and other.id <> l.id and o.won_at is null
          and o.lost_at is null) as pipeline,
      exists (select from account_flag f where f.account_id = l.account_id
        and f.ended_at is null) as is_flagged,
      (select x.id from handoff x where x.subject_kind = 'account' and x.subject_id = l.account_id
        and x.state = 'open') as account_handoff,
      null as flag_contacts,
      (select json_agg(json_build_object('id', e.message_id, 'type', e.type, 'topic', e.topic, 'at',
        e.occurred_at)
          order by e.occurred_at, e.message_id)
        from (select message_id, type, topic, occurred_at from engagement where lead_id = l.id
          order by occurred_at desc, message_id desc limit ${mostEngagements}) e) as engagements,
      (select count(distinct c.other)::int from (
          select other_id as other from lead_conflict where lead_id = l.id and settled_at is null
          union all select lead_id from lead_conflict where other_id = l.id and
            settled_at is null) c
        where (select o.erased_at is null and q.merged_into is null from lead o
          join process q on q.subject_kind = 'lead' and q.subject_id = o.id where o.id = c.other))
            as others,
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
            any(array[p.owner_id, (select rep_id from h), (select w.rep_id from opportunity o
              join handoff w on w.id = o.handoff_id where o.lead_id = l.id and o.won_at is null
                and o.lost_at is null order by o.created_at desc limit 1)] || ${named}::text[]
            || (select coalesce(array_agg(t.assignee_id), '{}') from t))
          union select r.* from rep r join above on r.id = above.manager_id
            or r.id = above.deputy_id or r.id in (select b.deputy_id from absence b
              where b.rep_id = above.id and b.to_at > ${at}))
        ${personsAbove}) as people,
      ${poolAround},
      (select max(x.settled_at) from action x
        where x.lead_id = l.id and x.settled_at >= coalesce((select mql_at from h), p.stage_since)
          and x.name = any(${decisive}::text[])
          and x.result ->> 'done' = 'true'
          and not (x.via = 'crm' and ${action?.via ?? null}::text is not distinct from 'crm')) as
            answered_at,
      ${activityAround},
      (select max(since) from task where subject_kind = ${subject.kind}
        and subject_id = ${subject.id}
        and kind = 'stalled' and handoff_id is not distinct from p.handoff_id
        and (p.handoff_id is not null or since >= p.stage_since)) as stalled_at,
      (select json_agg(received_at) from answer where by_id = ${by}::text
        and kind is not distinct from 'reject' and received_at > ${from}
        and received_at <= ${to}) as recent_rejections,
      (select json_build_object('id', o.id, 'createdAt', o.created_at) from opportunity o
        where o.lead_id = l.id and o.lost_at is null
          and (o.handoff_id is null or o.handoff_id = p.handoff_id)
        order by o.created_at limit 1) as opportunity,
      (select json_build_object('id', o.id, 'ownerId', coalesce(
          case when p.stage = 'opportunity' then p.owner_id end, w.rep_id), 'wonAt', o.won_at,
          'lostAt', o.lost_at)
        from opportunity o left join handoff w on w.id = o.handoff_id where o.lead_id = l.id
        order by o.won_at is null and o.lost_at is null desc,
          coalesce(o.won_at, o.lost_at, o.created_at) desc, o.id limit 1) as own_opportunity,
      (select max(since) from task where subject_kind = ${subject.kind}
        and subject_id = ${subject.id} and kind = 'hand-raise') as hand_raised_at,
      exists (select from effect where subject_kind = ${subject.kind} and subject_id = ${subject.id}
        and state = 'open') as has_open_effects,
      ${recentAround}
    from p join lead l on l.id = p.subject_id left join account a on a.id = l.account_id`,
  );
}
