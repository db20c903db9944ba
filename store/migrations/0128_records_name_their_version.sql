-- A lead's record in the built-in CRM names the version of the agreement that its latest handoff stands under.
-- older code may serve from 0075 on
alter table house_lead add column agreement text;   -- null: never handed off, or not written since
