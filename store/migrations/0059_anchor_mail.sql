-- The days on which the head of the audit trail was mailed to the operator.
create table anchor_mail (
  day      date primary key,
  sent_at  timestamptz not null
);
