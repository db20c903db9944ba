-- How a version was activated, and how far the re-judging of open handoffs' clocks is.
-- older code may serve from 0106 on
create table agreement_activation (
  version_id    text primary key references agreement_version,
  treatment     text not null check (treatment in ('keep', 're-judge clocks')),
  asked_by      text not null,
  asked_at      timestamptz not null,
  after_id      text not null default '',      -- the handoff looked at last
  looked        integer not null default 0,    -- open handoffs
  ended_at      timestamptz,
  ended_why     text check (ended_why in ('over', 'superseded'))
);
