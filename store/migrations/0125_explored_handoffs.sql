-- How likely it was that a lead was handed off to explore: null where a rule or a person did it.
-- older code may serve from 0075 on
alter table handoff add column propensity double precision
  check (propensity > 0 and propensity <= 1);
