-- The CRM's own name for where an open opportunity stands (Discovery, Proposal), beside open, won and lost. Null: the CRM names
-- none, or it was not told yet.
-- older code may serve from 0075 on
alter table house_opportunity add column deal_stage text;
alter table opportunity add column deal_stage text;
alter table opportunity_stage add column deal_stage text;

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
