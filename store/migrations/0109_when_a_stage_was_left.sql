-- Of each move when the next one came, and when its stage was left and for which: what reports on stages would look up for
-- each move (docs/decisions/0099-settled-handoffs.md).
-- older code may serve from 0075 on

alter table transition
  add column next_at  timestamptz,               -- the lead's next move; null: none yet
  add column left_at  timestamptz,               -- the next that says it comes from this stage
  add column left_to  text;

-- A move that only learns of the next one is not counted again.
drop trigger transition_changed on transition;
drop trigger transition_was on transition;
create function tally_changed_transition_again() returns trigger language plpgsql as $$
begin
  perform tally_again(least(old.at, new.at));
  return null;
end $$;
create trigger transition_changed after update on transition for each row
  when ((old.subject_kind, old.subject_id, old.cycle, old.step, old.from_stage, old.to_stage, old.at) is distinct from
    (new.subject_kind, new.subject_id, new.cycle, new.step, new.from_stage, new.to_stage, new.at))
  execute function tally_changed_transition_again();

-- How the moves of these subjects follow on one another, by their rows.
create function moves_followed(subjects text[]) returns table (subject_kind text, subject_id text, cycle integer,
  step integer, to_stage text, next_at timestamptz, left_at timestamptz, left_to text) language sql stable as $$
  select t.subject_kind, t.subject_id, t.cycle, t.step, t.to_stage, n.at, l.at, l.to_stage from transition t
    left join lateral (select x.at from transition x where x.subject_kind = t.subject_kind
      and x.subject_id = t.subject_id and x.at >= t.at and (x.at, x.cycle, x.step) > (t.at, t.cycle, t.step)
      order by x.at, x.cycle, x.step limit 1) n on true
    left join lateral (select x.at, x.to_stage from transition x where x.subject_kind = t.subject_kind
      and x.subject_id = t.subject_id and x.at >= t.at and (x.at, x.cycle, x.step) > (t.at, t.cycle, t.step)
      and x.from_stage = t.to_stage order by x.at, x.cycle, x.step, x.to_stage limit 1) l on true
  where t.subject_kind in ('lead', 'account') and t.subject_id = any(subjects)
$$;
-- Planned once a connection, by key: planning takes longer than the work.
create function follow_moves(subjects text[]) returns void language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  update transition t set next_at = f.next_at, left_at = f.left_at, left_to = f.left_to
    from moves_followed(subjects) f
    where t.subject_kind = f.subject_kind and t.subject_id = f.subject_id and t.cycle = f.cycle and t.step = f.step
      and t.to_stage = f.to_stage
      and (t.next_at, t.left_at, t.left_to) is distinct from (f.next_at, f.left_at, f.left_to);
end $$;
create function follow_written_moves() returns trigger language plpgsql as $$
begin
  perform follow_moves(array(select distinct subject_id from touched));
  return null;
end $$;
create function follow_changed_move() returns trigger language plpgsql as $$
begin
  perform follow_moves(array[old.subject_id, new.subject_id]);
  return null;
end $$;

-- Those that there are; no trigger fires yet.
alter table transition disable trigger user;
select follow_moves(array(select distinct subject_id from transition));
alter table transition enable trigger user;

create trigger transition_follows after insert on transition
  referencing new table as touched for each statement execute function follow_written_moves();
create trigger transition_was_followed after delete on transition
  referencing old table as touched for each statement execute function follow_written_moves();
create trigger transition_follows_another after update on transition for each row
  when ((old.subject_kind, old.subject_id, old.cycle, old.step, old.from_stage, old.to_stage, old.at) is distinct from
    (new.subject_kind, new.subject_id, new.cycle, new.step, new.from_stage, new.to_stage, new.at))
  execute function follow_changed_move();
