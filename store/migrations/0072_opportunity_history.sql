-- How an opportunity stood, from when, and when that was told. Rows are only added.
create table opportunity_stage (
  opportunity_id text not null references opportunity on delete cascade,
  stage          text not null,
  amount_minor   bigint,
  currency       text check (currency ~ '^[A-Z]{3}$'),
  happened_at    timestamptz not null,
  told_at        timestamptz not null,
  unique nulls not distinct (opportunity_id, happened_at, stage, amount_minor, currency)
);

-- Of older opportunities the beginning and the latest state are known.
insert into opportunity_stage (opportunity_id, stage, amount_minor, currency, happened_at, told_at)
select id, 'open', case when stage = 'open' then amount_minor end, case when stage = 'open' then currency end,
  created_at, created_at from opportunity
union all
select id, stage, amount_minor, currency, changed_at, changed_at from opportunity where stage <> 'open';
