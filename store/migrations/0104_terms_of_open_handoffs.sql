-- By which targets and hours the clocks of an open handoff run, when a later version was activated with clocks re-judged.
-- older code may serve from 0104 on
alter table handoff add column terms jsonb;   -- null: by the version it began under; ids, targets and hours, never a name
