-- An account is found by every name that it has: domains, ids of the CRM, and those of accounts that became part of it.
-- older code may serve from 0075 on
alter table account
  add column merged_into text references account,  -- the account that it is part of now; never one that is part of another
  add column merged_at   timestamptz;
create index account_merged on account (merged_into) where merged_into is not null;

create table account_alias (
  kind        text not null check (kind in ('domain','crm')),
  value       text not null,
  account_id  text not null references account on delete cascade,
  since       timestamptz not null,
  by_id       text,                              -- who said so; null: it came with a lead
  primary key (kind, value)
);
create index account_alias_by_account on account_alias (account_id);
create index crm_link_of_account on crm_link (crm_id) where kind = 'account';

-- How the lead came to its account, with all that could have named one (handoff/accounts/placing.ts).
alter table lead add column placed jsonb;
