-- Reminders of one reader go out together. A row is one reminder for one reader; those with a key are being mailed.
create table reminder (
  id          bigint generated always as identity primary key,
  reader      text not null,                     -- a person's id, or a role that nobody fills
  effect_key  text not null,
  lead_id     text not null references lead on delete cascade,
  handoff_id  text,
  message     jsonb not null,                    -- as the decision wrote it: ids and instants
  noted_at    timestamptz not null,
  digest_key  text,
  claimed_at  timestamptz,                       -- by whoever mails it now
  sent_at     timestamptz,
  unique (effect_key, reader)
);
create index reminder_waiting on reminder (reader, id) where sent_at is null;
create index reminder_sent on reminder (sent_at) where sent_at is not null;

-- When a reader was mailed reminders last.
create table digest (
  reader   text primary key,
  sent_at  timestamptz not null
);
