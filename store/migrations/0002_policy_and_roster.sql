-- Policy: the agreement, immutable by version. Roster: who works, when; it changes daily and needs no signature.

create table agreement_version (
  id            text primary key check (id like 'ag\_%'),
  number        integer not null unique,
  content       text not null,                   -- the YAML as it was given
  content_hash  text not null,
  state         text not null check (state in ('draft','proposed','signed','active','retired')),
  created_at    timestamptz not null,
  created_by    text not null,
  activated_at  timestamptz,
  activated_by  text,
  note          text
);
create unique index one_active_agreement on agreement_version ((true)) where state = 'active';

create table rep (
  id           text primary key check (id like 'rp\_%'),
  name         text not null,
  email        text not null,
  role         text not null default 'rep' check (role in ('rep','manager','marketing','sales-ops')),
  manager_id   text references rep,
  active       boolean not null default true,
  hours        jsonb,                            -- CalendarDef or null: the pool's
  languages    text[] not null default '{}',
  products     text[] not null default '{}',
  motions      text[] not null default '{}',
  max_open     integer check (max_open >= 0),
  max_per_day  integer check (max_per_day >= 0),
  max_per_hour integer check (max_per_hour >= 0),
  crm_id       text unique,
  updated_at   timestamptz not null
);

create table pool (
  id         text primary key,
  hours      jsonb,                              -- CalendarDef or null: the agreement's
  updated_at timestamptz not null
);

create table pool_member (
  pool_id   text not null references pool,
  rep_id    text not null references rep,
  weight    integer not null check (weight >= 0),
  primary key (pool_id, rep_id)
);

create table absence (
  id        bigint generated always as identity primary key,
  rep_id    text not null references rep,
  from_at   timestamptz not null,
  to_at     timestamptz not null,
  reason    text not null,
  check (to_at > from_at)
);
create index absence_by_rep on absence (rep_id, to_at);

-- A calendar as it was when a clock used it: immutable, by content.
create table calendar_version (
  id          text primary key,                  -- 'cal_' + hash of the definition
  definition  jsonb not null,
  tz_version  text not null,                     -- process.versions.tz that computed with it first
  created_at  timestamptz not null
);
