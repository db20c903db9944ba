-- Reports count moves, opportunities and answers by the week in which they came, and keep these weeks as those of handoffs
-- (docs/decisions/0116-weeks-of-what-happened.md).
-- older code may serve from 0075 on

-- Weeks in which something changed of what is kept beside handoffs, by what it is about; it is not read until the week was
-- counted again. Rows without a key, as in stale_week.
create table stale_part (
  about  text not null check (about in ('leads handed off','stays','pool entries','disqualifications','opportunities','answers')),
  week   date not null
);
create function parts_of_move(stage text) returns text[] language sql immutable parallel safe
  return case when stage in ('mql','sal','sql') then array['stays'] when stage = 'renurture' then array['stays','pool entries']
    when stage = 'disqualified' then array['disqualifications'] else array[]::text[] end;

-- A move is another one when the next one comes: it marks the weeks of both.
create or replace function follow_moves(subjects text[]) returns void language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  with followed as (
    update transition t set next_at = f.next_at, left_at = f.left_at, left_to = f.left_to
      from moves_followed(subjects) f
      where t.subject_kind = f.subject_kind and t.subject_id = f.subject_id and t.cycle = f.cycle and t.step = f.step
        and t.to_stage = f.to_stage
        and (t.next_at, t.left_at, t.left_to) is distinct from (f.next_at, f.left_at, f.left_to)
      returning t.subject_kind, t.to_stage, t.at)
  insert into stale_part (about, week) select distinct about, week_of(at)
    from followed, unnest(parts_of_move(to_stage)) about where subject_kind = 'lead';
end $$;
create or replace function follow_written_moves() returns trigger language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare between_others text[];
begin
  if tg_op = 'DELETE' then
    insert into stale_part (about, week) select distinct about, week_of(at)
      from touched, unnest(parts_of_move(to_stage)) about where subject_kind = 'lead';
    perform follow_moves(array(select distinct subject_id from touched));
    return null;
  end if;
  select array_agg(distinct m.subject_id) into between_others from touched m
    where exists (select from transition x where x.subject_kind = m.subject_kind and x.subject_id = m.subject_id
      and x.at >= m.at and (x.at, x.cycle, x.step) >= (m.at, m.cycle, m.step)
      and (x.cycle, x.step, x.to_stage) <> (m.cycle, m.step, m.to_stage));
  with followed as (
    update transition t set next_at = coalesce(t.next_at, m.at),
        left_at = case when t.left_at is null and t.to_stage = m.from_stage then m.at else t.left_at end,
        left_to = case when t.left_at is null and t.to_stage = m.from_stage then m.to_stage else t.left_to end
      from touched m
      where t.subject_kind = m.subject_kind and t.subject_id = m.subject_id and t.at <= m.at
        and (t.at, t.cycle, t.step) < (m.at, m.cycle, m.step)
        and (t.next_at is null or (t.left_at is null and t.to_stage = m.from_stage))
        and m.subject_kind in ('lead', 'account')
        and (between_others is null or m.subject_id <> all(between_others))
      returning t.subject_kind, t.to_stage, t.at)
  insert into stale_part (about, week) select about, week_of(at) from (
      select subject_kind, to_stage, at from followed union all select subject_kind, to_stage, at from touched) moves,
    unnest(parts_of_move(to_stage)) about where subject_kind = 'lead';
  if between_others is not null then
    perform follow_moves(between_others);
  end if;
  return null;
end $$;
create or replace function follow_changed_move() returns trigger language plpgsql as $$
begin
  insert into stale_part (about, week) select about, week_of(old.at) from unnest(parts_of_move(old.to_stage)) about
    union select about, week_of(new.at) from unnest(parts_of_move(new.to_stage)) about;
  perform follow_moves(array[old.subject_id, new.subject_id]);
  return null;
end $$;
create function stale_reason_of_move() returns trigger language plpgsql as $$
begin
  insert into stale_part (about, week) select about, week_of(new.at) from unnest(parts_of_move(new.to_stage)) about;
  return null;
end $$;
create trigger transition_because after update of because on transition for each row
  when (old.because is distinct from new.because) execute function stale_reason_of_move();

create function stale_opportunity() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into stale_part (about, week) values ('opportunities', week_of(old.created_at));
  end if;
  if tg_op <> 'DELETE' then
    insert into stale_part (about, week) values ('opportunities', week_of(new.created_at));
  end if;
  return null;
end $$;
create trigger opportunity_stale after insert or update of created_at, handoff_id or delete on opportunity
  for each row execute function stale_opportunity();
create function stale_opportunity_stage() returns trigger language plpgsql as $$
begin
  insert into stale_part (about, week) select 'opportunities', week_of(o.created_at) from opportunity o
    where (tg_op <> 'INSERT' and o.id = old.opportunity_id) or (tg_op <> 'DELETE' and o.id = new.opportunity_id);
  return null;
end $$;
create trigger opportunity_stage_stale after insert or update or delete on opportunity_stage
  for each row execute function stale_opportunity_stage();

-- Whatever else is written about answers unsettles their handoff.
create function stale_former_answer() returns trigger language plpgsql as $$
begin
  insert into stale_part (about, week) values ('answers', week_of(old.received_at));
  return null;
end $$;
create trigger answer_gone after delete on answer for each row execute function stale_former_answer();
create trigger answer_told_otherwise after update of received_at, handoff_id, kind on answer for each row
  when ((old.received_at, old.handoff_id, old.kind) is distinct from (new.received_at, new.handoff_id, new.kind))
  execute function stale_former_answer();

-- A handoff that is gone, or is another lead's, leaves the weeks of what hung on it.
create or replace function stale_former_week() returns trigger language plpgsql as $$
begin
  insert into stale_week values (week_of(old.mql_at));
  insert into stale_part (about, week)
    select 'leads handed off', week_of(l.arrived_at) from lead l where l.id = old.subject_id
    union select about, week_of(t.at) from transition t, unnest(parts_of_move(t.to_stage)) about
      where t.subject_kind = old.subject_kind and t.subject_id = old.subject_id
    union select 'opportunities', week_of(o.created_at) from opportunity o where o.handoff_id = old.id
    union select 'answers', week_of(a.received_at) from answer a where a.handoff_id = old.id;
  return null;
end $$;
drop trigger handoff_moved on handoff;
create trigger handoff_moved after update of mql_at, subject_kind, subject_id, cycle on handoff for each row
  when ((old.mql_at, old.subject_kind, old.subject_id, old.cycle)
    is distinct from (new.mql_at, new.subject_kind, new.subject_id, new.cycle))
  execute function stale_former_week();
create or replace function stale_arrival() returns trigger language plpgsql as $$
begin
  insert into stale_part (about, week) values ('leads handed off', week_of(old.arrived_at));
  if tg_op = 'UPDATE' then
    insert into stale_part (about, week) values ('leads handed off', week_of(new.arrived_at));
  end if;
  return null;
end $$;
