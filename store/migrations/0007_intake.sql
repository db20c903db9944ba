-- Two leads that may be one person: an arrival named both. The unique-match gate fails while a row stands open.
create table lead_conflict (
  lead_id    text not null references lead on delete cascade,
  other_id   text not null references lead on delete cascade,
  kind       text not null check (kind in ('email','crm','external','user')),  -- the name that pointed to the other
  since      timestamptz not null,
  settled_at timestamptz,
  primary key (lead_id, other_id),
  check (lead_id <> other_id)
);
create index lead_conflict_by_other on lead_conflict (other_id);

-- Which lines of a file were refused is asked in order of lines.
create index import_by_start on import (started_at desc, id);
-- Created leads of a period, for the funnel and conservation.
create index lead_by_arrival on lead (arrived_at);
create index transition_by_subject on transition (subject_kind, subject_id, at);

-- What trackers told about somebody who has no e-mail yet; it goes to the lead they turn out to be.
create table visitor (
  id       text primary key,                     -- a browser's id, or 'user:' and the site's own id
  facts    jsonb not null,                       -- path -> { value, from, at }
  since    timestamptz not null
);

-- Why an import could not be read on; line and expectation, never a value.
alter table import add column problem text;
