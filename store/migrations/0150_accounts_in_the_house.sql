-- The built-in CRM shows where the handoff of a flagged account stands, as it does of a lead.
-- older code may serve from 0075 on
alter table house_account add column handoff jsonb;   -- null: never handed off; ids, instants and words of the agreement
