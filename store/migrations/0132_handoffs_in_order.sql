-- A plan reads the handoffs of a quarter page by page, in order of when they began. Where many began at one
-- instant, as after an import by dates, each page looked at all of them again and sorted them.
-- older code may serve from 0075 on
create index handoff_in_order on handoff (mql_at, id);
drop index handoff_by_mql;
