-- An open task knows whose its lead is and when that one's clock runs out, so that queues and lists of people read what they
-- show, however many tasks are open (docs/decisions/0101-tasks-know-their-lead.md).
-- older code may serve from 0075 on

alter table task
  add column lead_owner_id  text,                -- of an open task about a lead: as its process says
  add column lead_due_at    timestamptz;

create function task_learns_of_lead() returns trigger language plpgsql as $$
begin
  new.lead_owner_id := null;
  new.lead_due_at := null;
  if new.state = 'open' and new.subject_kind = 'lead' then
    select owner_id, due_at into new.lead_owner_id, new.lead_due_at from process
      where subject_kind = 'lead' and subject_id = new.subject_id;
  end if;
  return new;
end $$;
create trigger task_of_lead before insert or update of state, subject_kind, subject_id on task
  for each row execute function task_learns_of_lead();

create function tell_tasks_of_lead() returns trigger language plpgsql as $$
begin
  update task set lead_owner_id = new.owner_id, lead_due_at = new.due_at
    where subject_kind = 'lead' and subject_id = new.subject_id and state = 'open'
      and (lead_owner_id, lead_due_at) is distinct from (new.owner_id, new.due_at);
  return null;
end $$;
create trigger process_told_to_tasks after update on process for each row
  when (new.subject_kind = 'lead' and (old.owner_id, old.due_at) is distinct from (new.owner_id, new.due_at))
  execute function tell_tasks_of_lead();
create trigger new_process_told_to_tasks after insert on process for each row
  when (new.subject_kind = 'lead' and (new.owner_id is not null or new.due_at is not null))
  execute function tell_tasks_of_lead();

-- Puts these right: what the daily recount found.
create function tell_open_tasks(ids text[]) returns void language sql as $$
  update task t set lead_owner_id = p.owner_id, lead_due_at = p.due_at
    from task one left join process p on p.subject_kind = 'lead' and p.subject_id = one.subject_id
    where t.id = one.id and t.id = any(ids) and t.state = 'open' and t.subject_kind = 'lead'
$$;

update task t set lead_owner_id = p.owner_id, lead_due_at = p.due_at from process p
  where t.state = 'open' and t.subject_kind = 'lead' and p.subject_kind = 'lead' and p.subject_id = t.subject_id;

-- Open tasks in the order of their queue: of a person, of a role, of whoever owns the lead; and by the clock of the lead. The
-- order is written otherwise than in task_in_order: that one gives it too, but by way of everybody's tasks.
create index task_of_person on task (assignee_id, (least(due_at, 'infinity'::timestamptz)), id)
  where state = 'open' and assignee_id is not null;
create index task_of_role on task (role, (least(due_at, 'infinity'::timestamptz)), id)
  where state = 'open' and assignee_id is null;
create index task_of_owner on task (lead_owner_id, (least(due_at, 'infinity'::timestamptz)), id)
  where state = 'open' and assignee_id is null and lead_owner_id is not null;
create index task_by_lead_due on task (lead_due_at, id) where state = 'open' and lead_due_at is not null;
create index task_of_owner_by_lead_due on task (lead_owner_id, lead_due_at, id)
  where state = 'open' and lead_due_at is not null;
