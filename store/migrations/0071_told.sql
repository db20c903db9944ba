-- When each milestone was told, beside when it happened: a report for a past day says what was known then. Null beside an
-- instant: told when it happened.
alter table handoff
  add column mql_told_at            timestamptz,
  add column offered_told_at        timestamptz,
  add column first_outreach_told_at timestamptz,
  add column connected_told_at      timestamptz,
  add column meeting_told_at        timestamptz,
  add column sal_told_at            timestamptz,
  add column sql_told_at            timestamptz,
  add column opportunity_told_at    timestamptz,
  add column won_told_at            timestamptz,
  add column lost_told_at           timestamptz,
  add column rejected_told_at       timestamptz,
  add column closed_told_at         timestamptz;
alter table outreach add column told_at timestamptz;
alter table answer
  add column told_at      timestamptz,
  add column reason_group text,                  -- of the reason, as the agreement of the handoff has it
  add column open_ms      bigint;                -- open hours of the rep from the offer to the answer, pauses left out

-- A milestone was told with the first decision that set it to this instant; where no decision is kept, when it happened.
create function told_by_decision(of_kind text, of_subject text, of_cycle integer, milestone text, happened timestamptz)
returns timestamptz language sql stable as $$
  select case when happened is not null then coalesce((
    select min(d.at) from decision d, jsonb_array_elements(d.changes) c
    where d.subject_kind = of_kind and d.subject_id = of_subject and d.cycle = of_cycle
      and jsonb_typeof(d.changes) = 'array' and c ->> 'do' = 'set-handoff'
      and (c -> 'set' ->> milestone)::numeric = round(extract(epoch from happened) * 1000)), happened) end
$$;
update handoff h set
  mql_told_at            = h.mql_at,
  offered_told_at        = h.offered_at,
  first_outreach_told_at = told_by_decision(subject_kind, subject_id, cycle, 'firstOutreachAt', first_outreach_at),
  connected_told_at      = told_by_decision(subject_kind, subject_id, cycle, 'connectedAt', connected_at),
  meeting_told_at        = told_by_decision(subject_kind, subject_id, cycle, 'meetingAt', meeting_at),
  sal_told_at            = told_by_decision(subject_kind, subject_id, cycle, 'salAt', sal_at),
  sql_told_at            = told_by_decision(subject_kind, subject_id, cycle, 'sqlAt', sql_at),
  opportunity_told_at    = told_by_decision(subject_kind, subject_id, cycle, 'opportunityAt', opportunity_at),
  rejected_told_at       = told_by_decision(subject_kind, subject_id, cycle, 'rejectedAt', rejected_at),
  won_told_at            = h.won_at,
  lost_told_at           = h.lost_at,
  closed_told_at         = h.closed_at;
drop function told_by_decision;

-- A row with the id of an action was told with the decision about that action.
update outreach o set told_at = coalesce((select d.at from decision d where d.action_id = o.id), o.received_at);
update answer a set told_at = coalesce((select d.at from decision d where d.action_id = a.id), a.received_at),
  reason_group = case when a.kind = 'reject' then (select h.rejection_group from handoff h
    where h.id = a.handoff_id and h.rejection_reason = a.reason) end;
create index answer_given on answer (received_at) where kind in ('accept', 'reject');
