-- A sync asks for every task and note of one lead; their keys begin with the lead's id (activities/crm.ts).
create index crm_link_of_lead on crm_link (crm, split_part(our_id, '/', 1)) where kind in ('task', 'note');

-- The reconciler sweeps news that was taken over a month ago.
create index inbox_done on inbox (processed_at) where processed_at is not null and error is null;
