-- Plumbing between Postgres, Temporal, the CRM and people.

create table inbox (
  id           bigint generated always as identity primary key,
  source       text not null,
  event_id     text not null,
  payload      jsonb not null,
  received_at  timestamptz not null,
  attempts     integer not null default 0,
  next_at      timestamptz not null default now(),
  processed_at timestamptz,
  error        text,
  unique (source, event_id)
);
create index inbox_open on inbox (next_at, id) where processed_at is null;

-- What Temporal must be told. Lane 1 overtakes lane 2 (imports).
create table outbox (
  id           bigint generated always as identity primary key,
  lane         smallint not null check (lane in (1, 2)),
  kind         text not null check (kind in ('start','signal')),
  workflow_id  text not null,
  message      text not null,                    -- workflow type or signal name
  payload      jsonb not null,                   -- ids only
  created_at   timestamptz not null,
  attempts     integer not null default 0,
  next_at      timestamptz not null default now(),
  done_at      timestamptz,
  error        text
);
create index outbox_open on outbox (lane, id) where done_at is null;
create index outbox_by_workflow on outbox (workflow_id) where done_at is null;

-- What must be done outside, once each, in order, for one subject.
create table effect (
  id            bigint generated always as identity primary key,
  key           text not null unique,            -- subject/cycle/what/n
  subject_kind  text not null,
  subject_id    text not null,
  handoff_id    text,
  kind          text not null check (kind in ('sync-crm','mail')),
  what          text not null,                   -- for mail: the template
  payload       jsonb not null,                  -- ids only
  state         text not null default 'open' check (state in ('open','done','withdrawn','failed')),
  created_at    timestamptz not null,
  attempts      integer not null default 0,
  done_at       timestamptz,
  error         text
);
create index effect_open on effect (subject_kind, subject_id, id) where state = 'open';

create table idempotency_key (
  caller       text not null,                    -- token id
  key          text not null,
  route        text not null,
  body_hash    text not null,
  state        text not null check (state in ('running','done')),
  status       integer,
  response     jsonb,
  created_at   timestamptz not null,
  primary key (caller, key)
);

create table crm_link (
  crm          text not null,
  kind         text not null check (kind in ('lead','account','opportunity','task')),
  our_id       text not null,
  crm_id       text not null,
  seen_version bigint not null default 0,
  primary key (crm, kind, our_id)
);
create unique index crm_link_by_crm_id on crm_link (crm, kind, crm_id);

create table crm_cursor (crm text primary key, cursor text not null, at timestamptz not null);

-- A connection to an outside system; paused once with one alert.
create table connection (
  name         text primary key,                 -- crm:house, smtp
  paused_until timestamptz,
  reason       text,
  since        timestamptz
);

create table token (
  id          text primary key check (id like 'tn\_%'),
  hash        text not null unique,              -- sha-256 of the secret, which is shown once
  role        text not null check (role in ('operator','revops','marketing','manager','rep','crm','tracking')),
  rep_id      text references rep,
  label       text not null,
  created_at  timestamptz not null,
  revoked_at  timestamptz
);

create table audit (
  id       bigint generated always as identity primary key,
  at       timestamptz not null,
  actor    text not null,                        -- token id, rep id or 'baton'
  what     text not null,
  subject  text,
  detail   jsonb not null default '{}',
  previous text not null,                        -- hash of the row before
  hash     text not null
);

-- Messages of the embedded default, where no SMTP server is configured.
create table kept_mail (
  message_id  text primary key,
  lead_id     text,
  to_rep      text,
  recipient   text not null,
  subject     text not null,
  body_text   text not null,
  body_html   text not null,
  sent_at     timestamptz not null
);
create index kept_mail_by_time on kept_mail (sent_at desc, message_id);
create index kept_mail_by_lead on kept_mail (lead_id);

create table import (
  id           text primary key check (id like 'im\_%'),
  file_hash    text not null,
  map_hash     text not null,
  map          jsonb not null,
  state        text not null check (state in ('running','done','failed')),
  rows_total   bigint,
  rows_done    bigint not null default 0,        -- data rows read and committed: a resumed import starts after them
  created      bigint not null default 0,
  merged       bigint not null default 0,
  unchanged    bigint not null default 0,
  refused      bigint not null default 0,
  started_at   timestamptz not null,
  finished_at  timestamptz,
  unique (file_hash, map_hash)
);

create table import_error (
  import_id  text not null references import on delete cascade,
  line       bigint not null,
  "column"   text,
  message    text not null,
  raw        text not null,
  primary key (import_id, line, message)
);

-- Who is alive: one row a process, renewed every two seconds.
create table heartbeat (
  process    text primary key,                   -- worker:<id>, relay:<id>
  kind       text not null check (kind in ('worker','relay')),
  at         timestamptz not null,
  detail     jsonb not null default '{}'
);
