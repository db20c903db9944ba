-- A handoff is settled once what was written about it has been told as well: what was known then can leave out what was told
-- later (docs/decisions/0099-settled-handoffs.md). Those that were settled as of an earlier time are settled again.
-- older code may serve from 0075 on

update handoff h set settled_at = null where settled_at is not null and (
  exists (select from outreach o where o.handoff_id = h.id and o.told_at > h.settled_at)
  or exists (select from answer a where a.handoff_id = h.id and a.told_at > h.settled_at));
