-- Which handed off accounts had no running process when all were last compared; leads were the only ones before.
-- older code may serve from 0075 on
alter table process_comparison
  add column accounts_without_process integer not null default 0,
  add column accounts text[] not null default '{}';   -- the first hundred
