-- Reviews of every kind: their figures as they were when they opened, who signed, what was resolved.
-- older code may serve from 0075 on
alter table review
  add column signatures_needed integer not null default 0 check (signatures_needed between 0 and 2),
  add column signed_at timestamptz,              -- when the last signature that it needs was given
  add column ask_at    timestamptz,              -- overdue: when it is asked for again
  add column asked     integer not null default 0,
  -- Code that knows no signatures must not close a review that waits for them.
  add constraint review_is_signed check (state = 'open' or signatures_needed = 0 or signed_at is not null);

-- What a review was opened with; never changes. Apart, because a list of reviews does not read it.
create table review_figures (
  review_id  text primary key references review,
  from_at    timestamptz not null,
  to_at      timestamptz not null,
  figures    jsonb not null,                     -- ids, counts and words of the agreement, never a name
  hash       text not null                       -- sha-256 of figures::text; the audit trail has it with each signature
);

create table review_signature (
  review_id  text not null references review,
  party      text not null check (party in ('marketing','sales')),
  signed_by  text not null,                      -- a person of the roster, else a token
  token_id   text not null references token,
  signed_at  timestamptz not null,
  primary key (review_id, party),
  unique (review_id, signed_by)                  -- two people
);

-- What a review resolved to do; it is carried to the next review of its kind until it is closed.
create table resolution (
  id          text primary key check (id like 'rs\_%'),
  review_id   text not null references review,
  body        text not null,
  owner       text not null,                     -- a role, or a person of the roster
  due_on      date not null,                     -- in the review's zone
  due_at      timestamptz not null,              -- when that day is over there
  remind_at   timestamptz not null,              -- the same, later: when it is asked for again
  reminded    integer not null default 0,
  proposal    text,                              -- of the review's figures
  state       text not null default 'open' check (state in ('open','done','dropped')),
  made_by     text not null,
  made_at     timestamptz not null,
  closed_by   text,
  closed_at   timestamptz,
  note        text,
  check ((state = 'open') = (closed_at is null))
);
create index resolution_by_review on resolution (review_id, made_at);
create index resolution_open on resolution (remind_at) where state = 'open';

-- Reminders about reviews and resolutions go out with those about leads.
alter table reminder
  alter column lead_id drop not null,
  add column review_id text references review,
  add column resolution_id text references resolution,
  add constraint reminder_is_about_one check (num_nonnulls(lead_id, review_id, resolution_id) = 1);
