-- What reports look up, so that a question about a quarter reads that quarter and not all there ever was.
-- older code may serve from 0075 on

-- The opportunities of a handoff.
create index opportunity_by_handoff on opportunity (handoff_id) where handoff_id is not null;
create index opportunity_by_creation on opportunity (created_at);

-- MQLs by when they stopped to be open, as far as that had been told: those that are open now lie at the end.
create index handoff_open_until on handoff ((coalesce(
  least(greatest(sal_at, case when sal_at is not null then sal_told_at end),
    greatest(closed_at, case when closed_at is not null then closed_told_at end)), 'infinity')));

-- Who is in nurture, the longest first.
create index process_in_nurture on process (stage_since, subject_id) include (review_at)
  where subject_kind = 'lead' and stage = 'nurture';
