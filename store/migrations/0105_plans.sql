-- Plans of versions are made beside the API's loop, one run after another, and signatures are about version and plan.
-- older code may serve from 0105 on
alter table agreement_plan
  alter column plan drop not null,                 -- null until one was made
  alter column made_at drop not null,
  alter column against drop not null,
  add column plan_hash text,                       -- of the plan that stands, with keys in order
  add column run text,                             -- who makes it now, or made it last
  add column run_state text check (run_state in ('making', 'made', 'cancelled', 'failed')),
  add column run_against text references agreement_version,
  add column run_now timestamptz,                  -- as of when
  add column done integer not null default 0,      -- leads and handoffs looked at
  add column of integer,
  add column beat_at timestamptz,                  -- when the run said last that it goes on
  add column failure text;                         -- why it failed, without data of any lead

alter table agreement_signature
  drop constraint agreement_signature_pkey,
  drop constraint agreement_signature_version_id_signed_by_key,
  add column plan_hash text not null default '',   -- of the plan that was signed on
  add primary key (version_id, party, plan_hash),
  add unique (version_id, signed_by, plan_hash);   -- two people
