-- Who stands in: for a person, and for one absence; and when an absence became known.
alter table rep add column deputy_id text references rep deferrable initially deferred;
alter table absence add column deputy_id text references rep;
alter table absence add column known_at timestamptz not null default now();
