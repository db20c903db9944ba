-- The tier of the account under which a handoff began: its terms are those of the tier.
-- older code may serve from 0075 on
alter table handoff add column tier smallint;

alter table assignment drop constraint assignment_via_check;
alter table assignment add constraint assignment_via_check check (via in
  ('owner','tier','segment','territory','parent','sibling','fallback','manager','release'));
