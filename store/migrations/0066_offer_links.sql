-- Mails lead to a page of one offer by a signed link; what is done there came by mail.
create table signing_key (
  name       text primary key,
  secret     bytea not null,                     -- never leaves the database but to sign and to check
  created_at timestamptz not null
);

alter table action drop constraint action_via_check;
alter table action add constraint action_via_check check (via in ('api','crm','import','mail'));
