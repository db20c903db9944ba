-- Who may sign in to the console, by which links, and where they are signed in.
-- older code may serve from 0075 on
create table login (
  id          text primary key check (id like 'lg\_%'),
  role        text not null check (role in ('operator','revops','marketing','manager','rep','leader')),
  rep_id      text references rep,
  party       text check (party in ('marketing','sales')),  -- for which a leader signs
  label       text not null,                                -- tells logins of one role apart; '' for one of the roster
  keys_off    boolean not null default false,               -- single keys do nothing on the pages
  created_at  timestamptz not null,
  check ((role = 'leader') = (party is not null)),
  check (role not in ('rep','manager') or rep_id is not null),
  check (role in ('rep','manager','leader') or rep_id is null),
  unique nulls not distinct (role, rep_id, party, label)
);

create table session (
  id          text primary key check (id like 'sn\_%'),
  hash        text not null unique,                         -- of the cookie's secret
  login_id    text not null references login,
  device      text not null,                                -- "Firefox on Windows", for its owner to know it by
  started_at  timestamptz not null,
  seen_at     timestamptz not null,                         -- to the hour
  ends_at     timestamptz not null,
  ended_at    timestamptz
);
create index session_of_login on session (login_id);
create index session_by_end on session (ends_at);

create table sign_in_link (
  hash        text primary key,                             -- of the link's secret
  login_id    text not null references login,
  way         text not null check (way in ('printed','mail')),
  made_at     timestamptz not null,
  until       timestamptz not null,
  taken_at    timestamptz,                                  -- a link is good once
  taken_key   text,                                         -- of the form that took it: sent twice it is one sign-in
  session_id  text                                          -- that it began
);
create index sign_in_link_by_end on sign_in_link (until);

-- Mails with a link that were asked for; the worker draws the link when it sends one.
create table sign_in_mail (
  id             bigint generated always as identity primary key,
  login_id       text not null references login,
  leads_to       text not null,                             -- the page that was asked for
  asked_at       timestamptz not null,
  claimed_until  timestamptz,
  done_at        timestamptz
);
create index sign_in_mail_open on sign_in_mail (id) where done_at is null;
create index sign_in_mail_by_time on sign_in_mail (asked_at);

-- What is signed in the console is signed by a login.
alter table review_signature drop constraint review_signature_token_id_fkey;
alter table agreement_signature drop constraint agreement_signature_token_id_fkey;

alter table action drop constraint action_via_check;
alter table action add constraint action_via_check
  check (via in ('api','crm','import','mail','console'));
