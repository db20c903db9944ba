-- What the last comparison of open leads with running processes found; one more row while one is under way.
create table process_comparison (
  state           text primary key check (state in ('under-way', 'done')),
  at              timestamptz not null,           -- when it began
  compared        integer not null,
  without_process integer not null,
  leads           text[] not null                 -- the first hundred without a process
);
