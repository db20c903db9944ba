-- What reports ask of a handoff's clocks, outreaches, answers and offers, kept on its row once a week has passed, so that a
-- question about years reads handoffs and not all that hangs on them (docs/decisions/0099-settled-handoffs.md).
-- older code may serve from 0075 on

alter table handoff
  add column settled_at      timestamptz,        -- the columns below hold as of any later time; null: count from the rows
  add column tried           integer,            -- outreaches
  add column hours_to_log    double precision[], -- of each, until it was told
  add column offers          integer,            -- assignments to a person
  add column is_fallback     boolean,            -- lay in the fallback queue
  add column is_routed       boolean,            -- assigned by anybody but a manager
  add column own_missed      integer,            -- deadlines missed by who has it
  add column own_contested   integer,            -- rejections of who has it that were contested
  add column own_overturned  integer,            -- and overturned
  add column rated_fit       smallint,           -- the latest fit rating
  add column heard_timeline  text,               -- the latest
  add column heard_signals   text[],             -- buying signals, each once
  add column outreach_clock  text,               -- the lead's clock: met, missed, cancelled or open; null: none
  add column outreach_due_at timestamptz,
  add column outreach_used_ms bigint,
  add column late_at         timestamptz,        -- since when the outreach was overdue with its clock never stopped in time
  add column status_clock    text,
  add column status_due_at   timestamptz,
  add column status_used_ms  bigint;

-- What is left to be settled, the oldest first.
create index handoff_to_settle on handoff (mql_at) where settled_at is null and subject_kind = 'lead';

-- Whatever is written about a settled handoff makes it be counted from the rows, until it is settled again. Whoever settles
-- holds the handoff's row; the lock makes each wait for the other, so that neither misses what the other writes.
create function unsettle_handoffs() returns trigger language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare ids text[] := array(select distinct handoff_id from touched);
begin
  perform from handoff where id = any(ids) order by id for key share;
  update handoff set settled_at = null where id = any(ids) and settled_at is not null;
  return null;
end $$;
create function unsettle_former_handoff() returns trigger language plpgsql as $$
begin
  perform from handoff where id = old.handoff_id for key share;
  update handoff set settled_at = null where id = old.handoff_id and settled_at is not null;
  return null;
end $$;
create function unsettle_changed_handoff() returns trigger language plpgsql as $$
begin
  new.settled_at := null;
  return new;
end $$;
create trigger handoff_changed before update on handoff for each row
  when (old.settled_at is not null and old.rep_id is distinct from new.rep_id)
  execute function unsettle_changed_handoff();

create trigger outreach_written after insert on outreach
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger outreach_changed after update on outreach
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger outreach_moved after update of handoff_id on outreach for each row
  when (old.handoff_id is distinct from new.handoff_id) execute function unsettle_former_handoff();
create trigger outreach_removed after delete on outreach
  referencing old table as touched for each statement execute function unsettle_handoffs();

create trigger clock_written after insert on clock
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger clock_changed after update on clock
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger clock_moved after update of handoff_id on clock for each row
  when (old.handoff_id is distinct from new.handoff_id) execute function unsettle_former_handoff();
create trigger clock_removed after delete on clock
  referencing old table as touched for each statement execute function unsettle_handoffs();

create trigger answer_written after insert on answer
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger answer_changed after update on answer
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger answer_moved after update of handoff_id on answer for each row
  when (old.handoff_id is distinct from new.handoff_id) execute function unsettle_former_handoff();
create trigger answer_removed after delete on answer
  referencing old table as touched for each statement execute function unsettle_handoffs();

create trigger assignment_written after insert on assignment
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger assignment_changed after update on assignment
  referencing new table as touched for each statement execute function unsettle_handoffs();
create trigger assignment_moved after update of handoff_id on assignment for each row
  when (old.handoff_id is distinct from new.handoff_id) execute function unsettle_former_handoff();
create trigger assignment_removed after delete on assignment
  referencing old table as touched for each statement execute function unsettle_handoffs();
