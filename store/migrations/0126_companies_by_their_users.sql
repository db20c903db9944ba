-- Users of the built-in CRM work on companies too: what they do is counted and told, and attempts are noted.
-- older code may serve from 0075 on
alter table house_account add column sequence bigint not null default 0;   -- what people did, without gaps

-- A note is about a lead or about a company.
alter table house_note
  alter column lead_id drop not null,
  add column account_id text references house_account on delete cascade,
  add constraint house_note_is_about_one check (num_nonnulls(lead_id, account_id) = 1);
create index house_note_by_account on house_note (account_id, id) where account_id is not null;
