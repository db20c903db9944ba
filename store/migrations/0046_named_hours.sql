-- Working hours by name, as the roster file has them, and who works which.
create table named_hours (
  name   text primary key,
  hours  jsonb not null
);
alter table rep add column hours_name text;
alter table pool add column hours_name text;
