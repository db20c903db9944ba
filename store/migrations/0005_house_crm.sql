-- The built-in CRM: the embedded default behind the CRM port, and what Baton keeps about any CRM.
-- Versions count every change of a record; sequences count what people did in the CRM, without gaps.

create sequence house_number start 1001;

create table house_account (
  id           text primary key default 'HA-' || nextval('house_number'),
  external_id  text not null unique,             -- our account id
  facts        jsonb not null default '{}',      -- path -> { value, at }
  version      bigint not null default 1,
  changed_at   timestamptz not null
);

create table house_lead (
  id           text primary key default 'HL-' || nextval('house_number'),
  external_id  text unique,                      -- our lead id
  account_id   text references house_account,
  email        text,
  status       text not null,
  status_since timestamptz not null,
  owner_id     text,                             -- the user: a rep of the roster
  queue        text,
  lead_type    text,
  band         text,
  territory    text,
  due_at       timestamptz,
  reason       text,                             -- of the last rejection
  facts        jsonb not null default '{}',      -- path -> { value, at }
  version      bigint not null default 1,
  sequence     bigint not null default 0,
  merged_into  text references house_lead,
  deleted_at   timestamptz,
  changed_at   timestamptz not null
);
create index house_lead_by_email on house_lead (email) where email is not null;
create index house_lead_by_status on house_lead (status, id);
create index house_lead_by_owner on house_lead (owner_id, id);

create table house_task (
  id           text primary key default 'HT-' || nextval('house_number'),
  key          text not null unique,
  lead_id      text not null references house_lead on delete cascade,
  owner_id     text,
  subject      text not null,
  due_at       timestamptz,
  state        text not null check (state in ('open','done')),
  version      bigint not null default 1,
  changed_at   timestamptz not null
);
create index house_task_by_lead on house_task (lead_id, id);
create index house_task_by_owner on house_task (owner_id, due_at) where state = 'open';

create table house_note (
  id           text primary key default 'HN-' || nextval('house_number'),
  key          text not null unique,
  lead_id      text not null references house_lead on delete cascade,
  body         text not null,
  by_id        text not null,                    -- a rep, or 'baton'
  at           timestamptz not null
);
create index house_note_by_lead on house_note (lead_id, id);

create table house_opportunity (
  id           text primary key default 'HO-' || nextval('house_number'),
  external_id  text unique,                      -- our opportunity id, when Baton made it
  lead_id      text not null references house_lead on delete cascade,
  stage        text not null check (stage in ('open','won','lost')),
  amount_minor bigint check (amount_minor >= 0),
  currency     text check (currency ~ '^[A-Z]{3}$'),
  version      bigint not null default 1,
  created_at   timestamptz not null,
  changed_at   timestamptz not null,
  check ((amount_minor is null) = (currency is null))
);
create index house_opportunity_by_lead on house_opportunity (lead_id, id);

-- What people did, in order: the feed behind changesSince. Baton's own writes are not in it, so nothing echoes.
create table house_change (
  n         bigint generated always as identity primary key,
  event_id  text not null unique,
  lead_id   text not null,
  payload   jsonb not null,
  at        timestamptz not null
);
create index house_change_by_lead on house_change (lead_id);

-- An outage to rehearse: while a row stands, the CRM answers Baton's calls as it says.
create table house_trouble (
  one             boolean primary key default true check (one),
  kind            text not null check (kind in ('down','busy','unauthorized','refused','slow')),
  field           text,                          -- refused: which
  wait_ms         integer not null default 0 check (wait_ms between 0 and 120000)  -- busy: Retry-After; slow: delay
);

-- What the CRM says about a record that we mirror.
alter table crm_link add column gone_at timestamptz;      -- deleted there: never made again
alter table crm_link add column written text;             -- accounts, tasks: hash of what was written last, to write it once

alter table crm_link drop constraint crm_link_kind_check;
alter table crm_link add constraint crm_link_kind_check check (kind in ('lead','account','opportunity','task','note'));

-- One run at a time carries an effect out; a run that died gives it up when its claim ends.
alter table effect add column claimed_until timestamptz;

-- A person's own messages, newest first.
create index kept_mail_by_rep on kept_mail (to_rep, sent_at desc);
