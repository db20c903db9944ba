-- Where an open review stands, and what its reviewers see of each lead.
alter table review
  add column agreement_id text references agreement_version,
  add column remind_at    timestamptz,
  add column reminded_at  timestamptz,
  add column overdue_at   timestamptz;

alter table review_decision
  add column entry jsonb not null default '{}';   -- the lead as it stood when the review opened: ids, counts and instants only

-- The one who answers for a lead asks for its open questions; a page of a review goes by lead.
create index review_decision_open on review_decision (subject_id) where decision is null;
create index review_by_time on review (opened_at desc, id);

-- The reconciler compares every open lead with its process, and sweeps what is over.
create index lead_open on lead (id) where stage not in ('opportunity', 'disqualified');
create index outbox_done on outbox (done_at) where done_at is not null;
create index effect_open_by_age on effect (created_at) where state = 'open';
