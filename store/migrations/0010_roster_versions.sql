-- Who worked in which pools as routing saw them, kept once for all picks that were given the same. Rows never change: the
-- id is made from the content. Nothing of a lead is in here.
create table roster_version (
  id       text primary key,                       -- ro_ and a hash of the content
  content  json not null                           -- the pools that a walk came to, with their members (store/routing-record.ts)
);

-- Both are set, or `candidates` and `input` are whole, as they were before and are where no pool was looked into.
alter table assignment
  alter column candidates drop not null,
  add column roster text references roster_version,
  add column record json,                          -- what the pick was given beside its roster, and why who was left out
  add constraint assignment_says_why check (case when roster is null then candidates is not null and record is null else record is not null end);
