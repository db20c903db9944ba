-- Accounts are judged across their people: kept up with each engagement, and counted anew each night.
-- older code may serve from 0075 on

-- When a person did something of a type last. Triggers keep it: whoever writes engagements need not know.
create table contact_engagement (
  lead_id     text not null references lead on delete cascade,
  type        text not null,
  account_id  text,                              -- the lead's
  at          timestamptz not null,
  primary key (lead_id, type)
);
create index contact_engagement_by_account on contact_engagement (account_id, at desc)
  where account_id is not null;

-- Accounts of which something has changed that they are judged by. Rows are only added and taken, so nobody waits.
create table account_news (
  id          bigint generated always as identity primary key,
  account_id  text not null
);

-- Where an account stood when it was judged last.
create table account_standing (
  account_id      text primary key references account on delete cascade,
  agreement_id    text not null,
  contacts        integer not null,
  engaged         boolean not null,
  holds           boolean not null,              -- `accounts.when`, for an engaged account
  trace           jsonb not null,
  judged_at       timestamptz not null,
  next_change_at  timestamptz                    -- when time alone changes it; null: never
);
create index account_standing_by_change on account_standing (next_change_at)
  where next_change_at is not null;
create index account_standing_engaged on account_standing (account_id) where engaged;

-- That an account engaged as the agreement asks for. One stands at most; the next waits for the cool-down.
create table account_flag (
  id            text primary key check (id like 'af\_%'),
  account_id    text not null references account on delete cascade,
  agreement_id  text not null,
  tier          smallint not null,
  contacts      integer not null,
  trace         jsonb not null,
  raised_at     timestamptz not null,
  ended_at      timestamptz,
  ended_how     text,                            -- what a person did about it, or why it went away
  ended_by      text,
  check ((ended_at is null) = (ended_how is null))
);
create unique index account_flag_open on account_flag (account_id) where ended_at is null;
create index account_flag_by_account on account_flag (account_id, raised_at desc);

-- What the last count of everything found, and for which agreement accounts are judged.
create table account_recount (
  one           boolean primary key default true check (one),
  agreement_id  text,
  at            timestamptz,
  accounts      bigint not null default 0,
  differences   bigint not null default 0,
  detail        jsonb not null default '[]'
);
insert into account_recount default values;

-- Reminders about accounts go out with the others.
alter table reminder drop constraint reminder_is_about_one;
alter table reminder
  add column account_id text references account on delete cascade,
  add constraint reminder_is_about_one
    check (num_nonnulls(lead_id, review_id, resolution_id, account_id) = 1);

-- One more kind of task, beside whatever kinds there are by now.
do $$
declare
  kinds text;
begin
  select pg_get_constraintdef(oid) into kinds from pg_constraint
    where conrelid = 'task'::regclass and conname = 'task_kind_check';
  alter table task drop constraint task_kind_check;
  execute 'alter table task add constraint task_kind_check '
    || replace(kinds, 'ARRAY[', 'ARRAY[''account-engaged''::text, ');
end $$;

create function count_contacts(leads text[]) returns void language sql as $$
  insert into account_news (account_id)
    select distinct account_id from contact_engagement
      where lead_id = any(leads) and account_id is not null;
  delete from contact_engagement where lead_id = any(leads);
  insert into contact_engagement (lead_id, type, account_id, at)
    select e.lead_id, e.type, (select account_id from lead where id = e.lead_id), max(e.occurred_at)
      from engagement e where e.lead_id = any(leads) group by e.lead_id, e.type
      order by e.lead_id, e.type;
  insert into account_news (account_id)
    select distinct account_id from lead where id = any(leads) and account_id is not null;
$$;

-- Only a later one of its type is news: late and repeated engagements change nothing. The lead is looked up for each,
-- and not joined: the plan is kept, and one that was made for a batch would read all leads for a single engagement.
create function engagements_added() returns trigger language plpgsql as $$
begin
  with later as (
    insert into contact_engagement as c (lead_id, type, account_id, at)
      select e.lead_id, e.type, (select account_id from lead where id = e.lead_id), max(e.occurred_at)
        from touched e where e.lead_id is not null
        group by e.lead_id, e.type order by e.lead_id, e.type
    on conflict (lead_id, type) do update set at = excluded.at where excluded.at > c.at
    returning account_id)
  insert into account_news (account_id)
    select distinct account_id from later where account_id is not null;
  return null;
end $$;
create trigger engagement_added after insert on engagement
  referencing new table as touched for each statement execute function engagements_added();

create function engagements_changed() returns trigger language plpgsql as $$
begin
  perform count_contacts(array(select lead_id from was where lead_id is not null
    union select lead_id from became where lead_id is not null order by 1));
  return null;
end $$;
create trigger engagement_changed after update on engagement
  referencing old table as was new table as became
  for each statement execute function engagements_changed();

create function engagements_removed() returns trigger language plpgsql as $$
begin
  perform count_contacts(array(select distinct lead_id from was where lead_id is not null order by 1));
  return null;
end $$;
create trigger engagement_removed after delete on engagement
  referencing old table as was for each statement execute function engagements_removed();

create function lead_at_other_account() returns trigger language plpgsql as $$
begin
  update contact_engagement set account_id = new.account_id where lead_id = new.id;
  insert into account_news (account_id)
    select id from unnest(array[old.account_id, new.account_id]) as id where id is not null;
  return null;
end $$;
create trigger lead_account_changed after update of account_id on lead for each row
  when (old.account_id is distinct from new.account_id) execute function lead_at_other_account();

create function account_has_news() returns trigger language plpgsql as $$
begin
  insert into account_news (account_id) values (new.id);
  return null;
end $$;
create trigger account_changed after update of facts, merged_into on account for each row
  when (old.facts is distinct from new.facts or old.merged_into is distinct from new.merged_into)
  execute function account_has_news();

create function pipeline_has_news() returns trigger language plpgsql as $$
begin
  insert into account_news (account_id)
    select account_id from lead where account_id is not null
      and id in (case when tg_op <> 'DELETE' then new.lead_id end,
        case when tg_op <> 'INSERT' then old.lead_id end);
  return null;
end $$;
create trigger opportunity_changed
  after insert or delete or update of lead_id, won_at, lost_at on opportunity
  for each row execute function pipeline_has_news();

-- What there is already; the first worker judges it.
insert into contact_engagement (lead_id, type, account_id, at)
  select e.lead_id, e.type, l.account_id, max(e.occurred_at)
    from engagement e join lead l on l.id = e.lead_id group by e.lead_id, e.type, l.account_id;
