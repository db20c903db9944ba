-- Which cycle and which offer a record of the built-in CRM shows: what its users act on. Null: none.
alter table house_lead add column cycle integer, add column round integer;
