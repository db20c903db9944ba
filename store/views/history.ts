import { fragment, rows, sql, type Db } from "../postgres/db.ts";
import { restored, type KeptRow } from "../routing/record.ts";
import { versionOfTask } from "./version.ts";

/**
 * One thing that happened to a lead. `n` orders things of one instant: as they are caused, not as
 * they are stored.
 */
export interface HistoryEntry {
  readonly at: Date;
  readonly kind:
    | "engagement"
    | "transition"
    | "decision"
    | "assignment"
    | "clock"
    | "action"
    | "effect"
    | "task";
  readonly id: string;
  readonly cycle: number | null;
  readonly what: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Where a page ends: the next one begins after this. */
export interface HistoryPlace {
  readonly at: string;
  readonly n: number;
  readonly id: string;
}

/**
 * Everything that happened to a lead in order of time, or the newest first: engagements, decisions with what had
 * happened, why, and what the rules found, stage changes, assignments with their candidates, clock
 * events, people's actions and their answers, effects, tasks. Things of one instant come in the
 * order action, decision, transition, assignment, clock, task, effect. What happened to records
 * that were merged into the lead is part of it.
 */
export async function leadHistory(
  db: Db,
  leadId: string,
  page: { after?: HistoryPlace | undefined; limit: number; isNewestFirst?: boolean },
): Promise<(HistoryEntry & { n: number; place: string })[]> {
  const { at = null, n = null, id = null } = page.after ?? {};
  const isBack = page.isNewestFirst ?? false;
  const found = await rows<HistoryEntry & { n: number; place: string }>(
    db,
    sql`
    with recursive whole as (select ${leadId}::text as id
      union select p.subject_id from process p join whole on p.merged_into = whole.id
        where p.subject_kind = 'lead'),
    mine as (select id, subject_id, cycle, agreement_id, terms is not null as is_rejudged
      from handoff where subject_kind = 'lead'
      and subject_id = any(array(select id from whole))),
    entry as (
      select occurred_at as at, 0 as n, 'engagement' as kind, message_id as id, null::int as cycle,
        type as what,
        jsonb_build_object('topic', topic, 'asset', asset, 'receivedAt', received_at) as detail
      from engagement where lead_id = any(array(select id from whole))
      union all
      select received_at, 1, 'action', id, null, name,
        jsonb_build_object('by', by_id, 'role', role, 'via', via, 'body', body, 'settledAt',
          settled_at, 'result', result)
      from action where lead_id = any(array(select id from whole))
      union all
      select at, 1, 'action', case when lead_id = ${leadId} then ''
        else lead_id || '/' end || 'reopen/' || cycle, cycle, 'reopen',
        jsonb_build_object('by', by_id, 'why', why) from reopening
          where lead_id = any(array(select id from whole))
      union all
      select at, 2, 'decision', case when subject_id = ${leadId} then ''
        else subject_id || '/' end || cycle || '/' || step, cycle, kind,
        jsonb_build_object('agreement', agreement_id, 'action', action_id, 'event', input,
          'because', output -> 'because', 'found', output -> 'found', 'answer', answer)
      from decision where subject_kind = 'lead' and subject_id = any(array(select id from whole))
      union all
      select t.at, 3, 'transition', case when t.subject_id = ${leadId} then ''
        else t.subject_id || '/' end || t.cycle || '/' || t.step || '/' || to_stage, t.cycle, to_stage,
        jsonb_build_object('from', from_stage, 'to', to_stage, 'because', because, 'agreement',
          d.agreement_id)
      from transition t left join decision d on d.subject_kind = t.subject_kind
        and d.subject_id = t.subject_id and d.cycle = t.cycle and d.step = t.step
      where t.subject_kind = 'lead' and t.subject_id = any(array(select id from whole))
      union all
      select s.at, 4, 'assignment', s.handoff_id || '/' || s.round, mine.cycle,
        coalesce(s.rep_id, s.queue),
        jsonb_build_object('handoff', s.handoff_id, 'agreement', mine.agreement_id, 'round', s.round, 'rep', s.rep_id, 'queue',
          s.queue, 'pool', s.pool, 'via', s.via, 'candidates', s.candidates, 'endedAt', s.ended_at,
          'endedWhy', s.ended_why,
          'kept', case when s.roster is not null
            then json_build_object('roster', v.content, 'record', s.record) end)
      from assignment s join mine on mine.id = s.handoff_id left join roster_version v
        on v.id = s.roster
      union all
      select e.at, 5, 'clock', e.clock_id || '/' || lpad(e.n::text, 6, '0'), mine.cycle, e.kind,
        jsonb_build_object('clock', c.kind, 'scope', c.scope, 'rep', c.rep_id, 'agreement',
          coalesce(case when mine.is_rejudged then (select d.input ->> 'agreementId'
            from decision d where d.subject_kind = 'lead' and d.subject_id = mine.subject_id
              and d.cycle = mine.cycle and d.kind = 'rejudged' and d.at <= e.at
            order by d.at desc limit 1) end, mine.agreement_id)) || e.detail
      from clock c join mine on mine.id = c.handoff_id join clock_event e on e.clock_id = c.id
      union all
      select since, 6, 'task', id, null, kind,
        jsonb_build_object('role', role, 'assignee', assignee_id, 'dueAt', due_at, 'state', state,
        'doneAt', done_at, 'doneBy', done_by, 'doneHow', done_how, 'detail', detail,
        'agreement', ${fragment(versionOfTask("task"))})
      from task where subject_kind = 'lead' and subject_id = any(array(select id from whole))
      union all
      select created_at, 7, 'effect', lpad(id::text, 12, '0'), null, what,
        jsonb_build_object('key', key, 'kind', kind, 'state', state, 'attempts', attempts, 'doneAt',
        done_at, 'error', error)
      from effect where subject_kind = 'lead' and subject_id = any(array(select id from whole))
    )
    select *, at::text as place from entry
    where ${at}::timestamptz is null or case when ${isBack}::boolean
      then (at, n, id collate "C") < (${at}::timestamptz, ${n}::int, ${id}::text)
      else (at, n, id collate "C") > (${at}::timestamptz, ${n}::int, ${id}::text) end
    order by case when ${isBack}::boolean then at end desc,
      case when ${isBack}::boolean then n end desc,
      case when ${isBack}::boolean then id end collate "C" desc,
      at, n, id collate "C" limit ${page.limit}`,
  );
  return found.map((entry) =>
    entry.kind === "assignment" ? { ...entry, detail: withCandidates(entry.detail) } : entry,
  );
}

/** The candidates of an assignment, also when it keeps them with a version of the roster. */
function withCandidates({ kept, ...detail }: HistoryEntry["detail"]): HistoryEntry["detail"] {
  return kept ? { ...detail, candidates: restored(kept as KeptRow).candidates } : detail;
}
