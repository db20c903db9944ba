-- A leader signs for one of the two parties.
-- older code may serve from 0075 on
alter table token
  add column party text check (party in ('marketing','sales')),
  drop constraint token_role_check,
  add constraint token_role_check check (role in ('operator','revops','marketing','manager','rep','leader','crm','tracking')),
  add constraint token_names_party check ((role = 'leader') = (party is not null));
