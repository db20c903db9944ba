-- The report on criteria counts the data tasks of a period.
-- older code may serve from 0075 on
create index task_by_kind on task (kind, since);
