-- A kept answer is given again with the headers that its route set, such as Location.
alter table idempotency_key add column headers jsonb not null default '{}';
