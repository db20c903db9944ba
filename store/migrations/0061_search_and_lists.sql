-- Lists and searches find their rows by an index, however many rows there are.

-- The beginning of an address, whatever the database's collation.
create index lead_by_email_prefix on lead (email text_pattern_ops);

-- Lists show the newest first, so they are read in the order of ids.
drop index process_by_owner;
create index process_by_owner on process (owner_id, subject_id) where owner_id is not null;
drop index process_by_waiting;
create index process_by_waiting on process (waiting_on, subject_id);

-- Leads that conservation lists: there should be none.
create index process_without_owner on process (subject_id)
  where subject_kind = 'lead' and stage in ('new', 'mql', 'sal', 'sql')
    and owner_id is null and queue is null;
create index process_without_next_step on process (subject_id)
  where subject_kind = 'lead' and stage not in ('opportunity', 'disqualified')
    and coalesce(next_step, '') = '';

-- Tasks by when they are due; those without a due time come last.
create index task_in_order on task
  (state, (coalesce(due_at, 'infinity'::timestamptz)), id);

create index effect_failed on effect (kind) where state = 'failed';

-- The next news is the oldest that was not processed, not the first of all.
drop index inbox_open;
create index inbox_open on inbox (id) where processed_at is null;

-- The history of a lead.
create index effect_by_subject on effect (subject_kind, subject_id, created_at);

-- What is to be done in the built-in CRM.
create index house_task_open on house_task (id) where state = 'open';
