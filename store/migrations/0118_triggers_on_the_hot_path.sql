-- What the triggers of 0062, 0108 and 0109 promise, for less: the usual write finds out by one look-up that there is nothing
-- to do (docs/decisions/0104-cheap-triggers.md).
-- older code may serve from 0075 on

-- Nothing is asked of other tables unless a day that was counted is concerned.
create or replace function tally_transitions_again() returns trigger language plpgsql as $$
begin
  if exists (select from touched join tallied on touched.at < tallied.until) then
    perform tally_again((select min(at) from touched));
  end if;
  return null;
end $$;
create or replace function tally_arrivals_again() returns trigger language plpgsql as $$
begin
  if exists (select from touched join tallied on touched.arrived_at < tallied.until) then
    perform tally_again((select min(arrived_at) from touched));
  end if;
  return null;
end $$;

-- Lock and look in one statement: whoever had to wait for the settling sees what it has written.
create or replace function unsettle_handoffs() returns trigger language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare settled text[];
begin
  -- A filter, for a condition would be looked at before the lock.
  select array_agg(h.id) filter (where h.settled_at is not null) into settled from (
    select id, settled_at from handoff where id = any(array(select handoff_id from touched))
      order by id for key share) h;
  if settled is not null then
    update handoff set settled_at = null where id = any(settled);
  end if;
  return null;
end $$;
-- Of a row that was added, its foreign key has taken that lock already: keys are checked before triggers whose names begin
-- with a small letter. The look is a statement of its own, behind the lock.
create function unsettle_handoff_of_new() returns trigger language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  if exists (select from handoff where id = new.handoff_id and settled_at is not null) then
    update handoff set settled_at = null where id = new.handoff_id;
  end if;
  return null;
end $$;
create or replace trigger outreach_written after insert on outreach
  for each row execute function unsettle_handoff_of_new();
create or replace trigger clock_written after insert on clock
  for each row execute function unsettle_handoff_of_new();
create or replace trigger answer_written after insert on answer
  for each row execute function unsettle_handoff_of_new();
create or replace trigger assignment_written after insert on assignment
  for each row execute function unsettle_handoff_of_new();

-- A move that comes last, as nearly all do, tells the moves that had none after them, and those of its stage that was not
-- left. What comes in between has all moves of its subject followed anew.
create or replace function follow_written_moves() returns trigger language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare between_others text[];
begin
  if tg_op = 'DELETE' then
    perform follow_moves(array(select distinct subject_id from touched));
    return null;
  end if;
  select array_agg(distinct m.subject_id) into between_others from touched m
    where exists (select from transition x where x.subject_kind = m.subject_kind and x.subject_id = m.subject_id
      and x.at >= m.at and (x.at, x.cycle, x.step) >= (m.at, m.cycle, m.step)
      and (x.cycle, x.step, x.to_stage) <> (m.cycle, m.step, m.to_stage));
  update transition t set next_at = coalesce(t.next_at, m.at),
      left_at = case when t.left_at is null and t.to_stage = m.from_stage then m.at else t.left_at end,
      left_to = case when t.left_at is null and t.to_stage = m.from_stage then m.to_stage else t.left_to end
    from touched m
    where t.subject_kind = m.subject_kind and t.subject_id = m.subject_id and t.at <= m.at
      and (t.at, t.cycle, t.step) < (m.at, m.cycle, m.step)
      and (t.next_at is null or (t.left_at is null and t.to_stage = m.from_stage))
      and m.subject_kind in ('lead', 'account')
      and (between_others is null or m.subject_id <> all(between_others));
  if between_others is not null then
    perform follow_moves(between_others);
  end if;
  return null;
end $$;
