-- The state of a process moves from `lead` to a table of its own, keyed by subject. Intake writes facts, decisions write
-- the process under its lock: two tables, two writers, and a decision no longer rewrites the row that carries the facts.
create table process (
  subject_kind    text not null check (subject_kind in ('lead','account')),
  subject_id      text not null,
  stage           text not null default 'new' check (stage in
                    ('new','nurture','mql','sal','sql','opportunity','renurture','disqualified')),
  stage_since     timestamptz not null,
  waiting_on      text not null default 'assessment' check (waiting_on in
                    ('assessment','data','signal','hold','outreach','answer','manager','queue','attempts','meeting',
                     'opportunity','return','review','nothing')),
  owner_id        text,                          -- rep, or null
  queue           text,                          -- named queue while no rep owns it
  next_step       text,                          -- what happens next, in words of the glossary
  next_at         timestamptz,                   -- and when; null when it waits for a person or a signal
  due_at          timestamptz,                   -- the running clock's deadline
  lead_type       text,
  band            text check (band in ('A','B','C','D')),
  territory       text,
  cycle           integer not null default 1,
  step            integer not null default 0,    -- last decision taken for the subject
  handoff_id      text,                          -- the open handoff, if any
  review_at       timestamptz,                   -- nurture: when a person looks at it
  exit_at         timestamptz,                   -- re-nurture: when it entered the pool,
  exit_intent     double precision,              -- with which intent,
  exit_reason     text,                          -- why,
  revisit_on      date,                          -- and when somebody asked to be called again
  closed_reason   text,
  merged_into     text,                          -- the subject that it is part of now
  -- The last decision that the workflow was signalled about, and when; and the last one it is known to know of.
  signalled_cycle integer not null default 0,
  signalled_step  integer not null default 0,
  signalled_at    timestamptz,
  known_cycle     integer not null default 0,
  known_step      integer not null default 0,
  primary key (subject_kind, subject_id)
) with (fillfactor = 70);                        -- every decision updates its row: room in the page keeps it there

insert into process (subject_kind, subject_id, stage, stage_since, waiting_on, owner_id, queue, next_step, next_at, due_at,
  lead_type, band, territory, cycle, step, handoff_id, review_at, exit_at, exit_intent, exit_reason, revisit_on, closed_reason, merged_into)
select 'lead', id, stage, stage_since, waiting_on, owner_id, queue, next_step, next_at, due_at,
  lead_type, band, territory, cycle, step, handoff_id, review_at, exit_at, exit_intent, exit_reason, revisit_on, closed_reason, merged_into
from lead;

create index process_by_stage on process (stage, subject_kind, subject_id);
create index process_by_owner on process (owner_id, stage, due_at) where owner_id is not null;
create index process_by_waiting on process (waiting_on, due_at, subject_id);
create index process_by_due on process (due_at, subject_id) where due_at is not null;
create index process_by_next on process (next_at, subject_id) where next_at is not null and stage not in ('opportunity', 'disqualified');
create index process_open on process (subject_kind, subject_id) where stage not in ('opportunity', 'disqualified');
create index process_merged on process (merged_into) where merged_into is not null;

-- Their indexes go with them.
alter table lead
  drop column stage, drop column stage_since, drop column waiting_on, drop column owner_id, drop column queue, drop column next_step,
  drop column next_at, drop column due_at, drop column lead_type, drop column band, drop column territory, drop column cycle,
  drop column step, drop column handoff_id, drop column review_at, drop column exit_at, drop column exit_intent, drop column exit_reason,
  drop column revisit_on, drop column closed_reason, drop column merged_into;

-- A lead and where its process stands, for readers. Whoever locks names the table: `process` for a decision, `lead` for intake.
create view lead_standing as
select l.*, p.stage, p.stage_since, p.waiting_on, p.owner_id, p.queue, p.next_step, p.next_at, p.due_at, p.lead_type, p.band, p.territory,
  p.cycle, p.step, p.handoff_id, p.review_at, p.exit_at, p.exit_intent, p.exit_reason, p.revisit_on, p.closed_reason, p.merged_into,
  p.signalled_cycle, p.signalled_step, p.signalled_at, p.known_cycle, p.known_step
from lead l join process p on p.subject_kind = 'lead' and p.subject_id = l.id;

-- What its sender was looking at: the handoff, the offer, the stage; null where that was not said.
alter table action
  add column handoff_id text,
  add column round      integer,
  add column seen_stage text;

-- A decision can be kept as the situation it was taken in, what it changed and what it answered, once for each key.
alter table decision
  alter column input drop not null,
  alter column output drop not null,
  alter column result drop not null,
  add column key       text,
  add column situation jsonb,
  add column changes   jsonb,
  add column answer    jsonb;
create unique index decision_by_key on decision (subject_kind, subject_id, key) where key is not null;
