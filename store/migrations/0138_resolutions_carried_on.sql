-- A resolution that was carried on to a later day: how often, who did so last and when; its reminders begin anew with that day
-- (docs/decisions/0119-carrying-on.md).
-- older code may serve from 0075 on
alter table resolution
  add column carried integer not null default 0 check (carried >= 0),
  add column carried_by text,
  add column carried_at timestamptz,
  add constraint resolution_carried_is_whole check ((carried = 0) = (carried_at is null) and (carried = 0) = (carried_by is null));
