-- Flagged accounts are handed off like leads: actions on accounts, and leads that belong to a handoff of their account.
-- older code may serve from 0075 on
alter table action
  alter column lead_id drop not null,
  add column account_id text references account on delete cascade,
  add constraint action_is_about_one check (num_nonnulls(lead_id, account_id) = 1);
create index action_by_account on action (account_id, received_at) where account_id is not null;

-- The handoff of its account that was open when a lead's began.
alter table handoff add column account_handoff_id text references handoff on delete set null;
create index handoff_of_account_handoff on handoff (account_handoff_id)
  where account_handoff_id is not null;
-- One account has one open handoff at most.
create unique index handoff_open_of_account on handoff (subject_id)
  where subject_kind = 'account' and state = 'open';

create index process_of_accounts on process (owner_id, subject_id) where subject_kind = 'account';

-- What the open handoff of an account was told last of what ends it: its process hears of each change once.
alter table account_standing add column told text;

-- Flags that stand have no handoff yet: each of them is looked at.
insert into account_news (account_id) select account_id from account_flag where ended_at is null;
