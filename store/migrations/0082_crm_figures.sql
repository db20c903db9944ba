-- The built-in CRM shows the score of the handoff and how its clock stands.
-- older code may serve from 0075 on
alter table house_lead
  add column fit       double precision,
  add column intent    double precision,
  add column sla_state text check (sla_state in ('running','paused','met','met-late','breached'));
