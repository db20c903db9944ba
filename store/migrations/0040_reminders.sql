-- A task says when it is asked for again, and how often it was.
alter table task add column remind_at timestamptz;
alter table task add column reminded smallint not null default 0;
create index task_by_reminder on task (remind_at) where state = 'open' and remind_at is not null;
