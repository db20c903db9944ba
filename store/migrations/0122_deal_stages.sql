-- The CRM's own name for where an open opportunity stands (Discovery, Proposal), beside open, won and lost. Null: the CRM names
-- none, or it was not told yet.
-- older code may serve from 0075 on
alter table house_opportunity add column deal_stage text;
alter table opportunity add column deal_stage text;
alter table opportunity_stage add column deal_stage text;

-- One that was opened with an amount, or heard of as it was closed, had two states at that instant; the one without is no state.
delete from opportunity_stage s where s.stage = 'open' and s.amount_minor is null and exists (
  select from opportunity_stage k where k.opportunity_id = s.opportunity_id and k.happened_at = s.happened_at
    and k.told_at = s.told_at and (k.stage <> 'open' or k.amount_minor is not null));

-- What is told twice is one row; to come to another deal stage with the same amount is news.
do $$
declare old_key text := (select conname from pg_constraint where conrelid = 'opportunity_stage'::regclass and contype = 'u');
begin
  execute format('alter table opportunity_stage drop constraint %I', old_key);
end $$;
alter table opportunity_stage
  add unique nulls not distinct (opportunity_id, happened_at, stage, deal_stage, amount_minor, currency);
-- Reports look up what happened in their period.
create index opportunity_stage_happened on opportunity_stage (happened_at);
