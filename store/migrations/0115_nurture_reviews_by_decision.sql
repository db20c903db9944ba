-- The report `nurture` of a past day looks up the reviews that were decided after it.
-- older code may serve from 0075 on
create index task_nurture_reviewed on task (done_at) where kind = 'nurture-review' and done_at is not null;
