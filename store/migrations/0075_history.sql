-- Handoffs that other systems led, imported as history. What they were judged to be then is known only where it is told.
alter table handoff
  alter column lead_type drop not null,
  alter column path drop not null,
  alter column priority drop not null,
  alter column band drop not null,
  alter column fit drop not null,
  alter column intent drop not null,
  alter column icp drop not null,
  add column imported_as text,                   -- hash of what the file said of it: told again it is known
  add constraint handoff_is_judged check (imported or (lead_type is not null and path is not null
    and priority is not null and band is not null and fit is not null and intent is not null and icp is not null));

-- Whether decisions of Baton led to where the process stands, or it was imported as it had ended.
alter table process add column origin text not null default 'baton' check (origin in ('baton','history'));
