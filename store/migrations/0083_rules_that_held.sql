-- Which rules of the agreement held when a handoff began, so that each can be judged by what it let through.
-- older code may serve from 0075 on
alter table handoff add column held text[];       -- named conditions, checklist, fit rules; null: not recorded
