-- What was known of the person when the handoff began. Reports read this and never the lead's facts of today.
alter table handoff
  add column role            text,
  add column seniority       text,
  add column tech_stack      text[],
  add column tech_match      boolean,            -- what the agreement asks of the tech stack holds; null: it asks nothing, or the stack is unknown
  add column first_touch_at  timestamptz,
  add column signals         text[],             -- meaningful engagement types by then, each once; null: not recorded
  add column assets          text[],             -- what these were about, each once
  add column first_signal    text,               -- the first meaningful engagement: type,
  add column first_signal_at timestamptz,        -- when,
  add column first_asset     text,               -- and the first asset of one
-- Open hours from MQL to the first outreach, pauses left out: before the first offer, and after it.
  add column response_system_ms bigint,
  add column response_human_ms  bigint;

-- The decision that opened a handoff has the facts of that moment.
update handoff h set
  role       = d.facts ->> 'lead.role',
  seniority  = d.facts ->> 'lead.seniority',
  tech_stack = case when jsonb_typeof(d.facts -> 'account.techStack') = 'array'
    then array(select jsonb_array_elements_text(d.facts -> 'account.techStack')) end,
  first_touch_at = case when d.facts ->> 'lead.firstTouchAt' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$'
    then (d.facts ->> 'lead.firstTouchAt')::timestamptz end
from (
  select subject_kind, subject_id, c -> 'handoff' ->> 'id' as handoff_id, situation -> 'facts' as facts
  from decision, jsonb_array_elements(case when jsonb_typeof(changes) = 'array' then changes else '[]' end) c
  where c ->> 'do' = 'open-handoff') d
where h.id = d.handoff_id;
