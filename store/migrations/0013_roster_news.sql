-- A token can end by itself.
alter table token add column expires_at timestamptz;
create index token_by_rep on token (rep_id) where rep_id is not null;

-- A change of the roster is told to the leads concerned: those of a pool, and those with a task of a person.
create index handoff_open_by_pool on handoff (pool) where state = 'open';
create index task_by_assignee on task (assignee_id) where state = 'open' and assignee_id is not null;
