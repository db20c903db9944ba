-- A conflict of identities is settled by a person: one person (the two are merged) or two people (never asked again).
alter table lead_conflict
  add column settled_by  text,
  add column settled_how text check (settled_how in ('one-person', 'two-people'));

-- One more kind of task, beside whatever kinds there are by now.
do $$
declare
  kinds text;
begin
  select pg_get_constraintdef(oid) into kinds from pg_constraint
    where conrelid = 'task'::regclass and conname = 'task_kind_check';
  alter table task drop constraint task_kind_check;
  execute 'alter table task add constraint task_kind_check '
    || replace(kinds, 'ARRAY[', 'ARRAY[''conflict''::text, ');
end $$;

-- An engagement's id is its sender's and names it only together with the person: two people with one id are two engagements.
alter table engagement drop constraint engagement_pkey;
alter table engagement alter column message_id set not null;
create unique index engagement_of_lead on engagement (lead_id, message_id) where lead_id is not null;
create unique index engagement_of_visitor on engagement (anonymous_id, message_id) where lead_id is null;
