import type { Pool } from "../../store/postgres/db.ts";

/** A statement as node-postgres takes it. */
interface Sent {
  text: string;
  values: unknown[];
}

/** How a database is filled: so many leads, the last of which arrived just before `now`. */
export interface Growth {
  readonly leads: number;
  readonly now: number;
  /** The longer it goes on, the more leads there are: so many arrive a day. */
  readonly leadsADay?: number;
}

/** People who always are there: two reps of one team and their manager. */
export const grownPeople = { rep: "rp_00001", colleague: "rp_00002", manager: "rp_boss_0" };

/** One in the middle that became a handoff, was worked and closed; and one that is open now. */
export function grownLead(n: number): string {
  return `ld_${String(n).padStart(10, "0")}`;
}

/**
 * Rows as years of work leave them, by statements over whole tables: accounts, leads with names,
 * facts and engagements; processes in every stage; handoffs with offers, clocks, answers; three
 * transitions, decisions and effects for each lead, what was told and heard, tasks, mails, the
 * records of the built-in CRM, the audit trail. Those that arrived within three weeks are under
 * way, older ones rest in the pools or are closed. All people and companies are invented. Call it
 * on an empty, migrated database, as its superuser: keys are not checked and triggers do not fire,
 * so counts that are kept are those of `keepTallies` (worker/upkeep.ts).
 */
export async function grow(
  pool: Pool,
  { leads, now, leadsADay = 250 }: Growth,
  said: (table: string) => void = () => undefined,
): Promise<void> {
  await inBulk(pool, said, async (ask) => {
    for (const [table, statement] of statements(leads)) {
      await ask(statement, [leads, new Date(now), leadsADay]);
      said(table);
    }
    for (const kept of keptByTriggers) await ask(kept);
  });
}

const keptByTriggers = [
  "select follow_moves(array(select distinct subject_id from transition))",
  "select tell_open_tasks(array(select id from task where state = 'open'))",
];

/** Asks on the one connection that fills tables. */
export type Ask = (
  text: string,
  values?: unknown[],
) => Promise<{ readonly rows: readonly { name: string; definition: string }[] }>;

/**
 * Fills tables on one connection: keys are not checked, triggers do not fire, and indexes are made
 * afterwards, which takes a fraction of keeping them row by row.
 */
export async function inBulk(
  pool: Pool,
  said: (table: string) => void,
  fill: (ask: Ask) => Promise<void>,
): Promise<void> {
  const tx = await pool.connect();
  const hour = { query_timeout: 3_600_000 };
  const ask: Ask = (text, values = []) =>
    tx.query<{ name: string; definition: string }>({ ...hour, text, values } as Sent);
  try {
    await ask("set session_replication_role = replica");
    await ask("set statement_timeout = 0");
    await ask("set synchronous_commit = off");
    await ask("set work_mem = '64MB'");
    await ask("set maintenance_work_mem = '256MB'");
    const { rows: indexes } = await ask(`
      select c.relname as name, pg_get_indexdef(c.oid) as definition
      from pg_index i join pg_class c on c.oid = i.indexrelid
      where c.relnamespace = 'public'::regnamespace
        and not exists (select from pg_constraint k where k.conindid = c.oid)`);
    for (const { name } of indexes) await ask(`drop index ${name}`);
    await fill(ask);
    for (const { name, definition } of indexes) {
      await ask(definition);
      said(name);
    }
    await ask("vacuum (analyze)");
  } finally {
    tx.release(true);
  }
}

/** Of lead n: when it arrived, where it stands, whether it became a handoff, whose it is. */
function drawn(leads: number): string {
  const reps = Math.max(20, Math.ceil(leads / 5_000));
  return `
    select n, 'ld_' || lpad(n::text, 10, '0') as id, 'ho_' || lpad(n::text, 10, '0') as handoff,
      t.arrived, t.is_recent, n % 2 = 0 as is_handoff,
      'rp_' || lpad((1 + n / 2 % ${reps})::text, 5, '0') as rep,
      case when t.is_recent then (array['mql', 'new', 'sal', 'nurture', 'sql', 'disqualified'])[1
        + n % 6]
        else (array['opportunity', 'nurture', 'disqualified', 'nurture', 'renurture',
          'disqualified'])[1 + n % 6]
        end as stage
    from generate_series(1, $1::int) n cross join lateral (
      select $2::timestamptz - make_interval(secs => ($1::int - n + 1) * 86400.0 / $3::int)
        as arrived,
        n > $1::int - 21 * $3::int as is_recent) t`;
}

function statements(leads: number): (readonly [string, string])[] {
  const reps = Math.max(20, Math.ceil(leads / 5_000));
  const people = (columns: string, where = "true", times = "") =>
    `select ${columns} from (${drawn(leads)}) one${times} where ${where}`;
  const thrice = ", generate_series(1, 3) s";
  // The values that a statement does not look at have a type nevertheless.
  const given = "($1::int, $2::timestamptz, $3::int) is not null";
  return [
    [
      "agreement_version",
      `insert into agreement_version
        (id, number, content, content_hash, state, created_at, created_by)
        select 'ag_grown', 1000, '', '', 'retired', $2::timestamptz, 'test' where ${given}`,
    ],
    [
      "rep",
      `insert into rep (id, name, email, role, manager_id, updated_at)
        select 'rp_boss_' || m, 'Manager ' || m, 'boss' || m || '@example.com', 'manager', null,
          $2::timestamptz from generate_series(0, ${Math.ceil(reps / 10) - 1}) m where ${given}
        union all select 'rp_' || lpad(m::text, 5, '0'), 'Rep ' || m, 'rep' || m || '@example.com',
          'rep', 'rp_boss_' || (m - 1) / 10, $2::timestamptz from generate_series(1, ${reps}) m`,
    ],
    [
      "pool",
      `insert into pool (id, updated_at)
        select 'pool_' || m, $2::timestamptz from generate_series(0, ${Math.ceil(reps / 10) - 1}) m
        where ${given}`,
    ],
    [
      "pool_member",
      `insert into pool_member (pool_id, rep_id, weight)
        select 'pool_' || (m - 1) / 10, 'rp_' || lpad(m::text, 5, '0'), 1
        from generate_series(1, ${reps}) m where ${given}`,
    ],
    [
      "account",
      `insert into account (id, domain, crm_id, facts, created_at)
        select 'ac_' || lpad(m::text, 10, '0'), 'company-' || m || '.example', 'HA-' || m,
          jsonb_build_object('account.name', jsonb_build_object('value', 'Company ' || m, 'from',
            'form', 'at', $2::timestamptz)), $2::timestamptz
        from generate_series(0, $1::int / 4) m where ${given}`,
    ],
    [
      "lead",
      `insert into lead (id, account_id, email, crm_id, facts, source, campaign, arrived_at)
        ${people(`id, 'ac_' || lpad((n / 4)::text, 10, '0'),
          substr(md5(n::text), 1, 10) || '@company-' || n / 4 || '.example', 'HL-' || n,
          jsonb_build_object('lead.name', jsonb_build_object('value', 'Person ' || n, 'from', 'form',
            'at', arrived), 'lead.title', jsonb_build_object('value', 'Head of Work', 'from', 'form',
            'at', arrived)),
          (array['organic', 'webinar', 'paid-search', 'event'])[1 + n % 4], 'autumn', arrived`)}`,
    ],
    [
      "lead_alias",
      `insert into lead_alias (kind, value, lead_id, since)
        ${people("'external', 'ext-' || n, id, arrived")}
        union all ${people("'email', 'before-' || n || '@example.com', id, arrived", "n % 5 = 0")}`,
    ],
    [
      "engagement",
      `insert into engagement (message_id, lead_id, anonymous_id, type, topic, occurred_at,
        received_at)
        ${people("'m-' || n, id, null, 'pricing_page', 'pricing', arrived, arrived")}
        union all
          ${people("'v-' || n, null, 'visitor-' || n, 'blog_view', null, arrived, arrived", "n % 4 = 0")}`,
    ],
    [
      "visitor",
      `insert into visitor (id, facts, since)
        ${people("'visitor-' || n, '{}', arrived", "n % 4 = 0")}`,
    ],
    [
      "score",
      `insert into score (lead_id, fit, intent, band, at)
        ${people("id, 60, 40, 'B', arrived")}`,
    ],
    [
      "process",
      `insert into process (subject_kind, subject_id, stage, stage_since, waiting_on,
        owner_id, queue,
          next_step, next_at, due_at, lead_type, band, territory, cycle, step, handoff_id,
          exit_at, exit_intent, exit_reason, signalled_cycle, signalled_step, signalled_at,
          known_cycle, known_step)
        ${people(`'lead', id, stage, arrived + interval '2 hours',
          case stage when 'new' then 'assessment' when 'mql' then 'outreach' when 'sal' then 'attempts'
            when 'sql' then 'meeting' when 'nurture' then 'signal' when 'renurture' then 'return'
            else 'nothing' end,
          case when is_handoff and stage in ('mql', 'sal', 'sql', 'opportunity') then rep end,
          case when stage in ('new', 'mql', 'sal', 'sql') and not is_handoff then 'sales-ops' end,
          case when stage in ('disqualified', 'opportunity') then null else 'wait' end,
          case when stage in ('disqualified', 'opportunity') then null
            else $2::timestamptz + interval '20 days' end,
          case when stage in ('mql', 'sal', 'sql') then arrived + interval '20 days' end,
          'demo', 'B', 'all', 1, 3, case when is_handoff then handoff end,
          case when stage = 'renurture' then arrived + interval '5 days' end, 40, 'timing',
          1, 3, arrived, 1, 3`)}`,
    ],
    [
      "handoff",
      `insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
        priority,
          band, fit, intent, icp, source, campaign, motion, segment, territory, pool, state, rep_id,
          round, mql_at, offered_at, first_outreach_at, connected_at, sal_at, sql_at,
            opportunity_at,
          closed_at, outcome)
        ${people(
          `handoff, 'lead', id, 1, 'ag_grown', 'demo', 'fast', 2, 'B', 60, 40, true,
          (array['organic', 'webinar', 'paid-search', 'event'])[1 + n % 4], 'autumn', 'inbound', 'mid',
          'all', 'pool_' || (n / 2 % ${reps}) / 10,
          case when stage in ('mql', 'sal', 'sql') then 'open' else 'closed' end,
          rep, 1, arrived, arrived + interval '1 minute', arrived + interval '1 hour',
          arrived + interval '2 hours',
          case when stage in ('sal', 'sql', 'opportunity') then arrived + interval '1 day' end,
          case when stage in ('sql', 'opportunity') then arrived + interval '5 days' end,
          case when stage = 'opportunity' then arrived + interval '9 days' end,
          case when stage in ('mql', 'sal', 'sql') then null
            else arrived + interval '9 days' end, null`,
          "is_handoff",
        )}`,
    ],
    [
      "assignment",
      `insert into assignment (handoff_id, round, rep_id, pool, via, candidates, at, ended_at,
        ended_why)
        ${people(
          `handoff, 1, rep, 'pool_' || (n / 2 % ${reps}) / 10, 'territory', '[]', arrived,
          case when stage in ('mql', 'sal', 'sql') then null
            else arrived + interval '9 days' end, 'answered'`,
          "is_handoff",
        )}`,
    ],
    [
      "calendar_version",
      `insert into calendar_version (id, definition, tz_version, created_at)
        select 'cal_grown', '{"hours": {"zone": "UTC",
          "week": {"mon": ["09:00-17:00"], "tue": ["09:00-17:00"]}}, "minus": [], "from": "agreement"}', '', $2::timestamptz
        where ${given}`,
    ],
    [
      "clock",
      `insert into clock (id, handoff_id, kind, scope, round, rep_id, target, calendar_id,
        started_at,
          due_at, state)
        ${people(
          `handoff || '/outreach/lead', handoff, 'outreach', 'lead', 0, rep, '{}', 'cal_grown', arrived,
          arrived + interval '4 hours', case when stage = 'mql' then 'running' else 'met' end`,
          "is_handoff",
        )}`,
    ],
    [
      "clock_event",
      `insert into clock_event (clock_id, n, kind, at, detail, tz_version)
        ${people(
          `handoff || '/outreach/lead', 1, 'start', arrived,
            '{"calendar": "cal_grown", "target": {"kind": "business", "ms": 14400000}}'::jsonb, ''`,
          "is_handoff",
        )}
        union all ${people(
          "handoff || '/outreach/lead', 2, 'stop', arrived + interval '1 hour', '{}'::jsonb, ''",
          "is_handoff and stage <> 'mql'",
        )}`,
    ],
    [
      "action",
      `insert into action (id, lead_id, name, by_id, role, body, via, received_at,
        settled_at, result)
        ${people(
          `'act-' || n, id, 'logOutreach', rep, 'rep', '{"channel": "call"}', 'api',
          arrived + interval '1 hour', arrived + interval '1 hour', '{"done": true}'`,
          "is_handoff",
        )}`,
    ],
    [
      "outreach",
      `insert into outreach (id, handoff_id, rep_id, channel, outcome, occurred_at, received_at,
        on_time)
        ${people(
          `'act-' || n, handoff, rep, 'call', 'connected', arrived + interval '1 hour',
          arrived + interval '1 hour', true`,
          "is_handoff",
        )}`,
    ],
    [
      "answer",
      `insert into answer (id, handoff_id, round, kind, by_id, reason, received_at, on_time)
        ${people(
          `'ans-' || n, handoff, 1, case when stage in ('sal', 'sql', 'opportunity') then 'accept'
            else 'reject' end, rep, 'timing', arrived + interval '1 day', true`,
          "is_handoff and stage <> 'mql'",
        )}`,
    ],
    [
      "transition",
      `insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage,
        because, at)
        ${people("'lead', id, 1, 0, null, 'new', 'arrived', arrived")}
        union all
          ${people("'lead', id, 1, 1, 'new', 'mql', 'test', arrived + interval '1 minute'", "stage <> 'new'")}
        union all
          ${people("'lead', id, 1, 2, 'mql', stage, 'test', arrived + interval '2 minutes'", "stage not in ('new', 'mql')")}`,
    ],
    [
      "decision",
      `insert into decision (subject_kind, subject_id, cycle, step, kind, at, agreement_id,
        input, output,
          answer, key)
        ${people(
          `'lead', id, 1, s, 'assess', arrived + make_interval(mins => s), 'ag_grown',
          '{"kind": "time"}', '{"because": "test", "found": null}', '{}', 'k/' || s`,
          "true",
          thrice,
        )}`,
    ],
    [
      "opportunity",
      `insert into opportunity (id, lead_id, handoff_id, crm_id, stage, amount_minor, currency,
          created_at, changed_at, won_at)
        ${people(
          `'op_' || n, id, handoff, 'HO-' || n, 'won', 100000, 'EUR', arrived, arrived,
          arrived + interval '30 days'`,
          "is_handoff and stage = 'opportunity'",
        )}`,
    ],
    [
      "effect",
      `insert into effect (key, subject_kind, subject_id, handoff_id, kind, what, payload, state,
          created_at, done_at)
        ${people(
          `id || '/' || s, 'lead', id, handoff, (array['sync-crm', 'sync-crm', 'mail'])[s],
          (array['lead', 'lead', 'offer'])[s], '{}', 'done', arrived, arrived`,
          "true",
          thrice,
        )}`,
    ],
    [
      "outbox",
      `insert into outbox (lane, kind, workflow_id, message, payload, created_at, next_at, done_at)
        ${people(`1, 'start', 'lead/' || id, 'leadHandoff', '{}', arrived, arrived,
          case when n > $1::int - 20 then null else arrived end`)}`,
    ],
    [
      "inbox",
      `insert into inbox (source, event_id, payload, received_at, next_at, processed_at)
        ${people(`'house', 'ev-' || n, jsonb_build_object('crmId', 'HL-' || n), arrived, arrived,
          case when n > $1::int - 20 then null else arrived end`)}`,
    ],
    [
      "task",
      `insert into task (id, kind, subject_kind, subject_id, handoff_id, role, assignee_id,
        since, due_at,
          state, done_at)
        ${people(
          `'tk_' || n, 'nurture-review', 'lead', id, null, 'marketing', null, arrived,
          arrived + interval '30 days', case when n % 41 = 0 then 'open' else 'done' end, arrived`,
          "n % 2 = 1",
        )}
        union all
          ${people(
            "'tk_m' || n, 'contested', 'lead', id, handoff, 'manager', rep, arrived, arrived + " +
              "interval '1 day', 'open', null",
            "is_recent and stage = 'mql' and is_handoff and n % 4 = 0",
          )}`,
    ],
    [
      "idempotency_key",
      `insert into idempotency_key
        (caller, key, route, body_hash, state, status, response, created_at)
        ${people("'tn_1', 'k' || n, 'POST /leads', '', 'done', 201, '{}', arrived", "n % 10 = 0")}`,
    ],
    [
      "crm_link",
      `insert into crm_link (crm, kind, our_id, crm_id)
        ${people("'house', 'lead', id, 'HL-' || n")}
        union all ${people("'house', 'task', id || '/outreach', 'HT-' || n", "is_handoff")}`,
    ],
    [
      "audit",
      `insert into audit (at, actor, what, subject, detail, previous, hash)
        ${people("arrived, 'baton', 'lead.facts-corrected', id, '{}', repeat('0', 64), repeat('0', 64)")}`,
    ],
    [
      "kept_mail",
      `insert into kept_mail (message_id, lead_id, to_rep, recipient, subject, body_text, body_html,
        sent_at)
        ${people("'<' || n || '@baton>', id, rep, 'rep@example.com', 'A lead', 'text', 'html', arrived", "is_handoff")}`,
    ],
    [
      "house_account",
      `insert into house_account (id, external_id, facts, changed_at)
        select 'HA-' || m, 'ac_' || lpad(m::text, 10, '0'), '{}', $2::timestamptz
        from generate_series(0, $1::int / 4) m where ${given}`,
    ],
    [
      "house_lead",
      `insert into house_lead (id, external_id, account_id, email, status, status_since,
        owner_id, facts,
          changed_at)
        ${people(`'HL-' || n, id, 'HA-' || n / 4,
          substr(md5(n::text), 1, 10) || '@company-' || n / 4 || '.example', stage, arrived,
          case when is_handoff then rep end, '{}', arrived`)}`,
    ],
    [
      "house_task",
      `insert into house_task (id, key, lead_id, owner_id, subject, due_at, state, changed_at)
        ${people(
          "'HT-' || n, id || '/outreach', 'HL-' || n, rep, 'Call', arrived, case when " +
            "is_recent then 'open' else 'done' end, arrived",
          "is_handoff",
        )}`,
    ],
    [
      "house_note",
      `insert into house_note (id, key, lead_id, body, by_id, at)
        ${people("'HN-' || n, id || '/note', 'HL-' || n, 'Called.', 'baton', arrived", "is_handoff")}`,
    ],
    [
      "house_opportunity",
      `insert into house_opportunity
        (id, external_id, lead_id, stage, amount_minor, currency, created_at,
          changed_at)
        ${people("'HO-' || n, 'op_' || n, 'HL-' || n, 'won', 100000, 'EUR', arrived, arrived", "is_handoff and stage = 'opportunity'")}`,
    ],
    [
      "house_change",
      `insert into house_change (event_id, lead_id, payload, at)
        ${people("'ev-' || n, 'HL-' || n, '{}', arrived")}`,
    ],
    [
      "review",
      `insert into review (id, kind, period, state, packet, agreement_id, opened_at, due_at,
        remind_at)
        select 'rv_grown', 'monthly', '2026-10', 'open', '{"reviewer": "marketing-ops",
          "calendar": "hq", "zone": "America/New_York", "leads": 1, "reasons": {},
          "suggestions": {"keep": 1, "return": 0, "retire": 0}}', 'ag_grown', $2::timestamptz,
          $2::timestamptz + interval '5 days', $2::timestamptz + interval '4 days' where ${given}`,
    ],
    [
      "review_decision",
      `insert into review_decision (review_id, subject_id, suggestion, entry)
        ${people(
          `'rv_grown', id, 'keep', jsonb_build_object('leadId', id, 'reason', 'timing', 'inPoolSince', 0,
            'cycles', 1, 'revisitOn', null, 'intentThen', 40, 'intentNow', 30, 'since', '[]'::jsonb,
            'suggestion', 'keep', 'because', 'test')`,
          "stage = 'renurture'",
        )}`,
    ],
    [
      "import",
      `insert into import (id, file_hash, map_hash, map, state, rows_total, started_at)
        select 'im_' || m, m::text, '', '{}', 'done', $1::int, $2::timestamptz
        from generate_series(0, 19) m where ${given}`,
    ],
    [
      "import_error",
      `insert into import_error (import_id, line, message, raw)
        ${people("'im_' || n / 20 % 20, n, 'expected an e-mail address', 'x'", "n % 20 = 0")}`,
    ],
  ];
}
