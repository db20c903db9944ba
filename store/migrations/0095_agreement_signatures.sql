-- Versions that two parties sign before they are activated, with the plan that they signed on.
-- older code may serve from 0075 on
create table agreement_plan (
  version_id  text primary key references agreement_version,
  against     text not null references agreement_version,  -- the version that was active
  plan        jsonb not null,                              -- ids, counts and words of the agreement, never a name
  made_at     timestamptz not null
);

create table agreement_signature (
  version_id    text not null references agreement_version,
  party         text not null check (party in ('marketing','sales')),
  signed_by     text not null,                             -- a person of the roster, else a token
  token_id      text not null references token,
  content_hash  text not null,                             -- what was signed
  signed_at     timestamptz not null,
  primary key (version_id, party),
  unique (version_id, signed_by)                           -- two people
);
