-- Where a lead came from as it was told at intake, beside what is told now, and who changed it.
alter table lead
  add column intake_source   text,
  add column intake_campaign text;
update lead set intake_source = source, intake_campaign = campaign;

create table source_change (
  id         bigint generated always as identity primary key,
  lead_id    text not null references lead on delete cascade,
  field      text not null check (field in ('source','campaign')),
  from_value text,                               -- null: it was not told before
  to_value   text,
  witness    text,                               -- form, import, crm, tracking or person
  by_id      text,                               -- the person, token or system that told it, where known
  at         timestamptz not null
);
create index source_change_by_time on source_change (at);
create index source_change_by_lead on source_change (lead_id);

-- People who were recorded a second time: they arrived again, or two records of one person were merged.
create table duplicate (
  id       bigint generated always as identity primary key,
  kind     text not null check (kind in ('merged','arrived-again')),
  lead_id  text not null references lead on delete cascade,   -- who goes on
  other_id text references lead on delete cascade,            -- merged: the record that ended
  witness  text,                                 -- arrived again: through what
  by_id    text,
  at       timestamptz not null
);
create index duplicate_by_time on duplicate (at);
create index duplicate_by_lead on duplicate (lead_id);

insert into duplicate (kind, lead_id, other_id, by_id, at)
select 'merged', s.id, l.id, a.actor, a.at from audit a
  join lead l on l.id = a.subject join lead s on s.id = a.detail ->> 'into'
where a.what = 'lead.merged';
