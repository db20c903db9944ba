-- The audit trail is written once: no statement changes or removes a row, not even one of ours.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit rows are never changed or removed';
end $$;
create trigger audit_is_insert_only before update or delete or truncate on audit
  for each statement execute function refuse_audit_change();

-- Persons whose data was erased, known only by a salted hash of what named them, so that a late event
-- does not bring them back. The salt belongs to this database and is never shown.
create table erasure_salt (
  only_one  boolean primary key default true check (only_one),
  salt      text not null
);
insert into erasure_salt (salt) values (gen_random_uuid()::text || gen_random_uuid()::text);

create table erased_person (
  hash       text primary key,                   -- sha-256 of salt, kind and value
  erased_at  timestamptz not null
);

-- Kept answers are swept by age.
create index idempotency_by_age on idempotency_key (created_at);

-- Why a disqualified lead was started again: a person's words, erasable, unlike the audit trail that says it happened.
create table reopening (
  lead_id  text not null references lead on delete cascade,
  cycle    integer not null,
  by_id    text not null,
  why      text not null,
  at       timestamptz not null,
  primary key (lead_id, cycle)
);
