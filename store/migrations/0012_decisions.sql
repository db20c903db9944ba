-- A person whose process is over and who raises a hand again is seen by somebody.
alter table task drop constraint task_kind_check;
alter table task add constraint task_kind_check check (kind in (
  'fix-data','contested','fallback','escalated','nurture-review','renurture-review','stalled','hand-raise','crm-drift',
  'dead-letter'));

-- The offer that the sender of an action was looking at: its round, and the cycle whose round it is.
alter table action add column seen_cycle integer;

-- Processes that were signalled and are not known to have heard: the worker looks at these, and only at these.
create index process_unheard on process (signalled_at)
  where signalled_at is not null and (signalled_cycle, signalled_step) > (known_cycle, known_step);
