-- Facts: who the leads and accounts are, and what they did. Times are when things happened, not when they were stored.

create table account (
  id          text primary key check (id like 'ac\_%'),
  domain      text unique,                       -- registrable domain, lower case
  crm_id      text unique,
  facts       jsonb not null default '{}',       -- path -> { value, from, at }
  tier        smallint,
  created_at  timestamptz not null
);

create table lead (
  id              text primary key check (id like 'ld\_%'),
  account_id      text references account,
  email           text unique,                   -- normalised: trimmed, lower case
  crm_id          text unique,
  facts           jsonb not null default '{}',   -- path -> { value, from, at }
  source          text,
  campaign        text,
  arrived_at      timestamptz not null,
  imported        boolean not null default false,
  -- Written by the lead's own workflow (through its activities) and by nobody else.
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
  step            integer not null default 0,    -- last decision taken for the lead
  handoff_id      text,                          -- the open handoff, if any
  review_at       timestamptz,                   -- nurture: when a person looks at it
  exit_at         timestamptz,                   -- re-nurture: when it entered the pool,
  exit_intent     double precision,              -- with which intent,
  exit_reason     text,                          -- why,
  revisit_on      date,                          -- and when somebody asked to be called again
  closed_reason   text,
  merge_into      text references lead,          -- asked for by the CRM; its process does it
  merged_into     text references lead,          -- done
  erased_at       timestamptz
);
create index lead_by_stage on lead (stage, id);
create index lead_by_owner on lead (owner_id, stage, due_at) where owner_id is not null;
create index lead_by_waiting on lead (waiting_on, due_at, id);
create index lead_by_due on lead (due_at, id) where due_at is not null;
create index lead_by_account on lead (account_id);

-- Every other name under which a person is known; a merge moves the loser's names to the survivor.
create table lead_alias (
  kind      text not null check (kind in ('email','crm','anonymous','user','external','lead')),
  value     text not null,
  lead_id   text not null references lead on delete cascade,
  since     timestamptz not null,
  primary key (kind, value)
);
create index lead_alias_by_lead on lead_alias (lead_id);

create table consent (
  lead_id   text not null references lead on delete cascade,
  kind      text not null check (kind in ('do-not-contact','opt-in')),
  at        timestamptz not null,
  source    text not null,
  primary key (lead_id, kind, at)
);

create table engagement (
  message_id   text primary key,                 -- the sender's id: counted once
  lead_id      text references lead on delete cascade,
  account_id   text references account,
  anonymous_id text,                             -- until somebody says who it was
  type         text not null,
  topic        text,
  asset        text,
  occurred_at  timestamptz not null,
  received_at  timestamptz not null,
  check (lead_id is not null or anonymous_id is not null)
);
create index engagement_by_lead on engagement (lead_id, occurred_at);
create index engagement_by_account on engagement (account_id, occurred_at);
create index engagement_by_anonymous on engagement (anonymous_id) where lead_id is null;

-- The score as it stood at `at`; decay from there is arithmetic.
create table score (
  lead_id   text primary key references lead on delete cascade,
  fit       double precision not null,
  intent    double precision not null,
  band      text not null,
  at        timestamptz not null
);
