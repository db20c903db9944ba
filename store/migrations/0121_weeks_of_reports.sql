-- What reports count of the handoffs that began in a week, kept once all of them are settled, so that a question about years
-- adds weeks up (docs/decisions/0105-weeks-of-reports.md).
-- older code may serve from 0075 on

create table rolled_week (
  report    text not null,                       -- with the version of what it counts
  week      date not null,                       -- the Monday, in UTC
  whole_at  timestamptz,                         -- from then on nothing that is counted depends on asOf; null: no handoff began
  primary key (report, week)
);
create table report_week (
  id        bigint generated always as identity primary key,
  report    text not null,
  week      date not null,
  line      jsonb not null,                      -- by what the report's lines differ
  what      text not null,                       -- '': the counts; else which numbers are ranked
  counts    jsonb,
  n         integer,
  marks     double precision[],                  -- every so-manieth of them
  ranked    bytea,                               -- all, the smallest first, eight bytes each as Postgres sends them
  unique (report, week, line, what),
  foreign key (report, week) references rolled_week on delete cascade
);
-- Read by parts: of what is compressed all would have to be read.
alter table report_week alter column ranked set storage external;

-- Weeks in which something changed that is kept; it is not read until the week was counted again. Rows without a key, so that
-- nobody who writes waits for another.
create table stale_week (week date not null);

create function week_of(at timestamptz) returns date language sql immutable parallel safe
  return date_trunc('week', at at time zone 'UTC')::date;

-- Whatever changes of a settled handoff makes it unsettled: reports keep its milestones as well.
create function unsettle_whatever_changed() returns trigger language plpgsql as $$
begin
  new.settled_at := null;
  return new;
end $$;
create trigger handoff_unsettled before update on handoff for each row
  when (old.settled_at is not null and new.settled_at is not null and old.* is distinct from new.*)
  execute function unsettle_whatever_changed();
create function stale_former_week() returns trigger language plpgsql as $$
begin
  insert into stale_week select week_of(old.mql_at)
    union select week_of(l.arrived_at) from lead l where l.id = old.subject_id;
  return null;
end $$;
create trigger handoff_moved after update of mql_at, subject_id on handoff for each row
  when (old.mql_at is distinct from new.mql_at or old.subject_id is distinct from new.subject_id)
  execute function stale_former_week();
create trigger handoff_removed after delete on handoff for each row execute function stale_former_week();
create function stale_arrival() returns trigger language plpgsql as $$
begin
  insert into stale_week values (week_of(old.arrived_at));
  if tg_op = 'UPDATE' then
    insert into stale_week values (week_of(new.arrived_at));
  end if;
  return null;
end $$;
create trigger lead_arrival_moved after update of arrived_at on lead for each row
  when (old.arrived_at is distinct from new.arrived_at) execute function stale_arrival();
create trigger lead_gone after delete on lead for each row execute function stale_arrival();
