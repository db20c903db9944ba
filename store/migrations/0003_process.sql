-- The process: one row for each handoff, decision, assignment, clock, answer and stage change.
-- A subject is a lead or an account, so that account handoffs use the same tables.

create table handoff (
  id                 text primary key check (id like 'ho\_%'),
  subject_kind       text not null check (subject_kind in ('lead','account')),
  subject_id         text not null,
  cycle              integer not null,
  agreement_id       text not null references agreement_version,
  lead_type          text not null,
  path               text not null check (path in ('fast','standard')),
  priority           smallint not null check (priority between 1 and 5),
  band               text not null,
  fit                double precision not null,
  intent             double precision not null,
  icp                boolean not null,
  source             text, campaign text, motion text, segment text, territory text, language text, product text, pool text,
  state              text not null default 'open' check (state in ('open','closed')),
  rep_id             text references rep,        -- who has it now
  round              integer not null default 0, -- offers made so far
  mql_at             timestamptz not null,       -- qualified: the lead clock starts
  offered_at         timestamptz,                -- put before the first rep: system delay ends
  first_outreach_at  timestamptz,
  connected_at       timestamptz,
  meeting_at         timestamptz,
  sal_at             timestamptz,
  sql_at             timestamptz,
  opportunity_at     timestamptz,
  won_at             timestamptz,
  lost_at            timestamptz,
  rejected_at        timestamptz,
  rejection_reason   text,
  rejection_group    text,
  contested_at       timestamptz,
  overturned_at      timestamptz,
  attempts           integer not null default 0,
  attempts_until     timestamptz,                -- end of the cadence window
  paused_until       timestamptz,                -- the pause ends by itself then
  reassignments      integer not null default 0, -- taken from a rep by the escalation ladder
  assign_to          text references rep,        -- a manager's choice for the next round
  outcome            text,                       -- why it closed
  closed_at          timestamptz,
  imported           boolean not null default false,
  unique (subject_kind, subject_id, cycle)
);
create index handoff_open_by_rep on handoff (rep_id) where state = 'open';
create index handoff_by_mql on handoff (mql_at);
create index handoff_by_subject on handoff (subject_kind, subject_id);

-- What was decided, from what, and the answer; the key makes a repeat return the stored answer.
create table decision (
  subject_kind  text not null,
  subject_id    text not null,
  cycle         integer not null,
  step          integer not null,
  kind          text not null,                   -- assess, route, checkClocks, settle, …
  at            timestamptz not null,            -- workflow time
  agreement_id  text references agreement_version,
  action_id     text,                            -- the person's action that asked for it
  input         jsonb not null,                  -- everything the pure function was given
  output        jsonb not null,                  -- what the pure function said: verify compares this
  result        jsonb not null,                  -- what the workflow was told
  primary key (subject_kind, subject_id, cycle, step)
);
create unique index decision_by_action on decision (action_id) where action_id is not null;
create index decision_by_subject on decision (subject_kind, subject_id, at);

create table assignment (
  handoff_id   text not null references handoff on delete cascade,
  round        integer not null,
  rep_id       text references rep,              -- null: to a queue
  queue        text,
  pool         text,
  via          text not null check (via in ('owner','segment','territory','parent','sibling','fallback','manager','release')),
  candidates   jsonb not null,                   -- everyone considered, and why not
  input        jsonb,                            -- what the pick was given: a release decides for a lead whose process is asleep
  at           timestamptz not null,
  ended_at     timestamptz,
  ended_why    text,
  primary key (handoff_id, round),
  check ((rep_id is null) <> (queue is null))
);
create index assignment_by_rep on assignment (rep_id, at);
create index assignment_current on assignment (rep_id) where ended_at is null;

-- The credit ledger: one entry a pick, a reversal or a change of members; deltas sum to 0. Rows are never deleted.
create table credit_entry (
  id          bigint generated always as identity primary key,
  pool        text not null,
  lead_type   text not null,
  kind        text not null check (kind in ('pick','reverse','leave')),
  handoff_id  text,
  round       integer,
  winner      text,                              -- of a pick
  deltas      jsonb not null,                    -- rep id -> millionths
  at          timestamptz not null
);
create unique index credit_once on credit_entry (handoff_id, round, kind) where handoff_id is not null;
create index credit_by_pool on credit_entry (pool, lead_type, id);

-- Every pick changes the rows of the whole pool: room in the page keeps them where they are.
create table credit (
  pool        text not null,
  lead_type   text not null,
  rep_id      text not null,
  millionths  bigint not null,
  last_pick   bigint not null default 0,         -- the entry of the rep's latest pick: ties go to whoever waited longest
  primary key (pool, lead_type, rep_id)
) with (fillfactor = 50);

-- Leads for whom nobody is in hours or has room; released in this order at opening.
create table held (
  handoff_id  text primary key references handoff on delete cascade,
  pool        text not null,
  round       integer not null,
  lead_type   text not null,
  request     jsonb not null,                    -- what the lead needs of a rep, and where it belongs: no facts
  priority    smallint not null,
  due_at      timestamptz not null,
  arrived_at  timestamptz not null,
  until_at    timestamptz,                       -- first opening; null: when somebody has room
  since       timestamptz not null
);
create index held_in_order on held (pool, priority, due_at, arrived_at, handoff_id);

create table clock (
  id           text primary key,                 -- <handoff>/<kind>/lead, or <handoff>/<kind>/rep/<round>
  handoff_id   text not null references handoff on delete cascade,
  kind         text not null check (kind in ('outreach','status')),
  scope        text not null check (scope in ('lead','rep')),
  round        integer not null,                 -- a rep clock belongs to one offer; a lead clock has round 0
  rep_id       text,
  target       jsonb not null,
  calendar_id  text not null references calendar_version,
  started_at   timestamptz not null,
  due_at       timestamptz,                      -- null while paused
  state        text not null check (state in ('running','paused','met','breached','cancelled')),
  ended_at     timestamptz,
  breached_at  timestamptz,                      -- the deadline that was missed, kept when it is met late
  used_ms      bigint,
  warned       smallint not null default 0,      -- warnings given
  rung         smallint not null default 0,      -- rungs of the escalation ladder taken
  unique (handoff_id, kind, scope, round)
);
create index clock_open on clock (due_at) where state = 'running';

create table clock_event (
  clock_id     text not null references clock on delete cascade,
  n            integer not null,
  kind         text not null,
  at           timestamptz not null,
  detail       jsonb not null default '{}',
  tz_version   text not null,
  primary key (clock_id, n)
);

-- What a person asked for, written before the process is told, so that only ids travel through Temporal.
create table action (
  id           text primary key,                 -- also the update's id
  lead_id      text not null references lead on delete cascade,
  name         text not null check (name in ('logOutreach','accept','reject','advance','handBack','reassign','pause','resume','decideContest','decideReview')),
  by_id        text not null,                    -- rep id, or token id
  role         text not null,
  body         jsonb not null,
  via          text not null check (via in ('api','crm','import')),
  received_at  timestamptz not null,             -- the one clock that decides lateness
  settled_at   timestamptz,
  result       jsonb                             -- what happened, or why it was refused
);
create index action_by_lead on action (lead_id, received_at);
create index action_open on action (lead_id) where settled_at is null;

create table outreach (
  id           text primary key,                 -- the action's id
  handoff_id   text not null references handoff on delete cascade,
  rep_id       text not null,
  channel      text not null check (channel in ('call','email','message','meeting')),
  outcome      text check (outcome in ('attempted','connected','meeting_booked','replied','no_answer')),
  occurred_at  timestamptz not null,
  received_at  timestamptz not null,
  on_time      boolean
);
create index outreach_by_handoff on outreach (handoff_id, occurred_at);

-- Accept, reject, advance, hand back, and what managers decide on contested ones.
create table answer (
  id             text primary key,               -- the action's id
  handoff_id     text not null references handoff on delete cascade,
  round          integer not null,
  kind           text not null check (kind in ('accept','reject','advance','hand-back','contest-upheld','contest-overturned')),
  by_id          text not null,
  reason         text,
  revisit_on     date,
  note           text,
  fit_rating     smallint check (fit_rating between 1 and 5),
  timeline       text,
  buying_signals text[] not null default '{}',
  contested      boolean not null default false,
  received_at    timestamptz not null,
  on_time        boolean
);
create index answer_by_handoff on answer (handoff_id, received_at);
create index answer_by_person on answer (by_id, received_at);

create table transition (
  subject_kind  text not null,
  subject_id    text not null,
  cycle         integer not null,
  step          integer not null,
  from_stage    text,
  to_stage      text not null,
  because       text not null,
  at            timestamptz not null,
  primary key (subject_kind, subject_id, cycle, step, to_stage)
);
create index transition_by_time on transition (at, to_stage);

create table opportunity (
  id           text primary key check (id like 'op\_%'),
  lead_id      text references lead on delete set null,
  handoff_id   text references handoff on delete set null,
  crm_id       text unique,
  stage        text not null,
  amount_minor bigint,
  currency     text check (currency ~ '^[A-Z]{3}$'),
  created_at   timestamptz not null,
  changed_at   timestamptz not null,
  won_at       timestamptz,
  lost_at      timestamptz
);
create index opportunity_by_lead on opportunity (lead_id);

-- Nothing waits for a person without a row here.
create table task (
  id            text primary key check (id like 'tk\_%'),
  kind          text not null check (kind in ('fix-data','contested','fallback','escalated','nurture-review','renurture-review','stalled','crm-drift','dead-letter')),
  subject_kind  text not null,
  subject_id    text not null,
  handoff_id    text,
  role          text not null,                   -- responsible role or queue
  assignee_id   text,                            -- a person, when one is named
  since         timestamptz not null,
  due_at        timestamptz,
  detail        jsonb not null default '{}',     -- fields and ids, never a name or an address
  state         text not null default 'open' check (state in ('open','done','withdrawn')),
  done_at       timestamptz,
  done_by       text,
  done_how      text
);
create unique index one_open_task on task (kind, subject_kind, subject_id) where state = 'open';
create index task_open on task (role, due_at) where state = 'open';
create index task_by_subject on task (subject_kind, subject_id);

create table review (
  id           text primary key check (id like 'rv\_%'),
  kind         text not null check (kind in ('weekly','monthly','quarterly')),
  period       text not null,
  state        text not null check (state in ('open','closed')),
  packet       jsonb not null,
  opened_at    timestamptz not null,
  due_at       timestamptz not null,
  closed_at    timestamptz,
  unique (kind, period)
);

create table review_decision (
  review_id    text not null references review,
  subject_id   text not null,
  decision     text check (decision in ('keep','return','retire')),
  suggestion   text check (suggestion in ('keep','return','retire')),
  decided_by   text,
  decided_at   timestamptz,
  primary key (review_id, subject_id)
);
