-- Counts that are kept, so that conservation and metrics need not count whole tables.
-- Transitions and arrivals until `tallied.until` are in the days below; later ones are counted when asked for.
create table tallied (
  one    boolean primary key default true check (one),
  until  timestamptz not null default '-infinity'
);
insert into tallied default values;

create table stage_day (
  day      date not null,                        -- in UTC
  stage    text not null,
  entered  bigint not null,                      -- moves into the stage
  exited   bigint not null,                      -- moves that say they come from it
  vacated  bigint not null,                      -- moves of leads that stood in it
  primary key (day, stage)
);

create table arrival_day (
  day      date primary key,                     -- in UTC
  arrived  bigint not null
);

-- Leads whose stage was not where their last transition led when this was last looked at.
create table astray (subject_id text primary key);

-- Rows that were written, changed or removed before `until` make their days be counted again.
create function tally_again(since timestamptz) returns void language plpgsql as $$
begin
  if since < (select until from tallied) then
    update tallied set until = least(until, date_trunc('day', since, 'UTC'));
    delete from stage_day where day >= (since at time zone 'UTC')::date;
    delete from arrival_day where day >= (since at time zone 'UTC')::date;
  end if;
end $$;

create function tally_transitions_again() returns trigger language plpgsql as $$
begin
  perform tally_again((select min(at) from touched));
  return null;
end $$;
create trigger transition_written after insert on transition
  referencing new table as touched for each statement execute function tally_transitions_again();
create trigger transition_changed after update on transition
  referencing new table as touched for each statement execute function tally_transitions_again();
create trigger transition_was after update on transition
  referencing old table as touched for each statement execute function tally_transitions_again();
create trigger transition_removed after delete on transition
  referencing old table as touched for each statement execute function tally_transitions_again();

create function tally_arrivals_again() returns trigger language plpgsql as $$
begin
  perform tally_again((select min(arrived_at) from touched));
  return null;
end $$;
create trigger lead_written after insert on lead
  referencing new table as touched for each statement execute function tally_arrivals_again();
create trigger lead_removed after delete on lead
  referencing old table as touched for each statement execute function tally_arrivals_again();
create function tally_moved_arrival_again() returns trigger language plpgsql as $$
begin
  perform tally_again(least(old.arrived_at, new.arrived_at));
  return null;
end $$;
create trigger lead_arrival_changed after update of arrived_at on lead for each row
  when (old.arrived_at is distinct from new.arrived_at) execute function tally_moved_arrival_again();

create function tally_all_again() returns trigger language plpgsql as $$
begin
  update tallied set until = '-infinity';
  delete from stage_day;
  delete from arrival_day;
  return null;
end $$;
create trigger transition_emptied after truncate on transition
  for each statement execute function tally_all_again();
create trigger lead_emptied after truncate on lead
  for each statement execute function tally_all_again();

-- How many leads stand in which stage and wait for what: the counts, and what has changed since they were made.
-- Changes are rows of their own, so that decisions about different leads do not wait for each other.
create table process_count (
  stage       text not null,
  waiting_on  text not null,
  n           bigint not null,
  primary key (stage, waiting_on)
);
create table process_count_change (
  id          bigint generated always as identity primary key,
  stage       text not null,
  waiting_on  text not null,
  n           bigint not null
);
insert into process_count (stage, waiting_on, n)
  select stage, waiting_on, count(*) from process where subject_kind = 'lead' group by stage, waiting_on;

create function count_new_processes() returns trigger language plpgsql as $$
begin
  insert into process_count_change (stage, waiting_on, n)
    select stage, waiting_on, count(*) from written where subject_kind = 'lead' group by stage, waiting_on;
  return null;
end $$;
create function count_removed_processes() returns trigger language plpgsql as $$
begin
  insert into process_count_change (stage, waiting_on, n)
    select stage, waiting_on, -count(*) from removed where subject_kind = 'lead' group by stage, waiting_on;
  return null;
end $$;
create function count_moved_process() returns trigger language plpgsql as $$
begin
  insert into process_count_change (stage, waiting_on, n)
    values (old.stage, old.waiting_on, -1), (new.stage, new.waiting_on, 1);
  return null;
end $$;
create function count_no_processes() returns trigger language plpgsql as $$
begin
  delete from process_count;
  delete from process_count_change;
  return null;
end $$;
create trigger process_written after insert on process
  referencing new table as written for each statement execute function count_new_processes();
create trigger process_removed after delete on process
  referencing old table as removed for each statement execute function count_removed_processes();
create trigger process_moved after update of stage, waiting_on on process for each row
  when (new.subject_kind = 'lead' and (old.stage, old.waiting_on) is distinct from (new.stage, new.waiting_on))
  execute function count_moved_process();
create trigger process_emptied after truncate on process
  for each statement execute function count_no_processes();

-- What the last count of everything found: once a night all of this is counted anew and compared.
create table recount (
  one          boolean primary key default true check (one),
  at           timestamptz not null,             -- when it began
  leads        bigint not null,
  differences  bigint not null,                  -- days, arrivals and counts that were not equal
  detail       jsonb not null default '[]'       -- the first hundred of them: names and numbers, no data of leads
);

-- Visitors who never said who they are, by age.
create index engagement_unnamed on engagement (received_at) where lead_id is null;
create index visitor_by_age on visitor (since);
-- Syncs that are over, by age.
create index effect_sync_ended on effect (done_at)
  where kind = 'sync-crm' and state in ('done', 'withdrawn');
