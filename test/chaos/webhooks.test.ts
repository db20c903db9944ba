import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { webhookRoutes } from "../../api/webhooks.ts";
import { drawFrom } from "../../chaos/random.ts";
import { signWebhook } from "../../crm/webhook.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import type { CrmChangePayload } from "../../store/inbox/crm-change.ts";
import { rows, sql, type Pool } from "../../store/postgres/db.ts";
import { receive } from "../../store/inbox/inbox.ts";
import { processInbox } from "../../worker/inbox.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

// BATON_TEST_SEED replays a run; any seed must pass.
const seed = Number(process.env["BATON_TEST_SEED"] ?? Date.now() % 1_000_000);
const [records, eventsOfOne] = [100, 10];
const now = Date.parse("2026-11-20T12:00:00Z");
const secret = `whsec_${randomBytes(24).toString("base64")}`;
const agreements = createAgreements(() => smallAgreement);

let shuffled: ApiWorld;
let inOrder: ApiWorld;
beforeAll(async () => {
  const withSecret = [
    (deps: Parameters<typeof webhookRoutes>[0]) =>
      webhookRoutes({ ...deps, webhookSecrets: { house: [secret] } }),
  ];
  [shuffled, inOrder] = await Promise.all([
    apiWorld(smallAgreement, withSecret),
    apiWorld(smallAgreement, withSecret),
  ]);
  await Promise.all([shuffled, inOrder].map((world) => people(world.pool)));
});
afterAll(() => Promise.all([shuffled.close(), inOrder.close()]));

/** A hundred leads whose records the CRM has, each reached by the rep whom it was offered to. */
async function people(pool: Pool): Promise<void> {
  await pool.query(
    "insert into rep (id, name, email, role, updated_at) values ('rp_ann', 'Ann', " +
      "'ann@example.com', 'rep', now())",
  );
  const since = new Date(now - 86_400_000);
  await pool.query(sql`
    with arrived as (
      insert into lead (id, email, arrived_at)
        select 'ld_' || n, 'kim.' || n || '@customer.test', ${since}
      from generate_series(1, ${records}::int) n returning id),
    offered as (
      insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
        priority, band, fit, intent, icp, rep_id, round, mql_at,
        offered_at, first_outreach_at)
      select 'ho_' || arrived.id, 'lead', arrived.id, 1, v.id, 'demo-request', 'fast', 1, 'A', 30,
        40, true, 'rp_ann', 1, ${since}, ${since}, ${since}
      from arrived, agreement_version v)
    insert into process (subject_kind, subject_id, stage, stage_since, waiting_on, owner_id,
      handoff_id)
    select 'lead', id, 'mql', ${since}, 'answer', 'rp_ann', 'ho_' || id from arrived`);
  await pool.query(
    sql`
      insert into crm_link (crm, kind, our_id, crm_id)
        select 'house', 'lead', 'ld_' || n, 'HL-' || n from generate_series(1, ${records}::int) n`,
  );
}

/** What people do in the CRM to one record, numbered without gaps. */
function storyOf(record: number): CrmChangePayload[] {
  const draw = drawFrom(seed * 1_000 + record);
  const at = (sequence: number) => new Date(now - 7_200_000 + sequence * 60_000).toISOString();
  const opportunity = { crmId: `HO-${record}`, currency: "EUR", createdAt: at(1) };
  const deeds = (sequence: number): CrmChangePayload["what"][] => [
    { kind: "facts", facts: { "lead.phone": `+1 555 ${record} ${sequence}` } },
    { kind: "facts", facts: { "lead.title": `Title ${sequence}`, "lead.visits": sequence } },
    { kind: "outreach", channel: "call", outcome: "connected", occurredAt: at(sequence) },
    { kind: "status", status: "sal", fitRating: draw.between(1, 5) },
    { kind: "status", status: "handed-back" },
    {
      kind: "opportunity",
      opportunity: {
        ...opportunity,
        stage: draw.one(["open", "won", "lost"]),
        amountMinor: draw.between(1, 9_999),
      },
    },
  ];
  return Array.from({ length: eventsOfOne }, (_, n) => ({
    id: `e-${record}-${n + 1}`,
    crmId: `HL-${record}`,
    leadId: `ld_${record}`,
    sequence: n + 1,
    at: at(n + 1),
    by: "rp_ann",
    what: draw.one(deeds(n + 1)),
  }));
}

const events = Array.from({ length: records }, (_, n) => storyOf(n + 1)).flat();
const take = (pool: Pool, limit: number) =>
  processInbox({ pool, agreements, clock: () => now + 1_000 }, limit);

/**
 * Everything that the events can leave behind, without numbers that only say when a row was
 * written.
 */
async function finalState(pool: Pool) {
  return {
    leads: await rows(
      pool,
      sql`select id, facts, stage, waiting_on from lead_standing order by id`,
    ),
    actions: await rows(
      pool,
      sql`
        select id, lead_id, name, by_id, role, body, via, received_at, result from action
          order by id`,
    ),
    decisions: await rows(
      pool,
      sql`
        select subject_id, cycle, step, kind, action_id, output->'because' as because,
          jsonb_path_query_array(changes::jsonb, '$[*].do') as changes from decision
          order by subject_id, cycle, step`,
    ),
    opportunities: await rows(
      pool,
      sql`
        select lead_id, crm_id, stage, amount_minor, currency, changed_at, won_at, lost_at
          from opportunity order by crm_id`,
    ),
    seen: await rows(pool, sql`select our_id, seen_version from crm_link order by our_id`),
    tasks: await rows(
      pool,
      sql`
        select kind, subject_id, role, detail - 'inbox' as detail from task
          order by kind, subject_id`,
    ),
    tellings: await rows(
      pool,
      sql`select workflow_id, message, count(*)::int as n from outbox group by 1, 2 order by 1, 2`,
    ),
    events: await rows(
      pool,
      sql`select event_id, processed_at is not null as over, error from inbox order by event_id`,
    ),
  };
}

test(
  "1,000 events, each one to ten times, shuffled, leave what they leave in order; forged, " +
    `stale and altered ones leave nothing (seed ${seed})`,
  { timeout: 240_000 },
  async () => {
    for (const event of events)
      await receive(inOrder.pool, { source: "crm:house", eventId: event.id, payload: event }, now);
    while ((await take(inOrder.pool, 200)) > 0);

    const draw = drawFrom(seed);
    const copies = draw.shuffled(
      events.flatMap((event) => Array.from({ length: draw.between(1, 10) }, () => event)),
    );
    const sent = new Set<string>();
    const refused = { forged: 0, stale: 0, altered: 0 };
    const deliver = async (event: CrmChangePayload): Promise<void> => {
      const isNew = !sent.has(event.id);
      sent.add(event.id);
      const { status, body } = await post(JSON.stringify(event), event.id);
      expect({ status, isNew: body["isNew"] }).toEqual({ status: 202, isNew });
    };
    for (const [n, event] of copies.entries()) {
      await deliver(event);
      if (n % 10 === 0) {
        const kind = draw.one(["forged", "stale", "altered"] as const);
        refused[kind] += 1;
        const body = JSON.stringify({
          ...event,
          id: `bad-${n}`,
          what: { kind: "facts", facts: { "lead.phone": "stolen" } },
        });
        expect((await postBad(kind, body, `bad-${n}`)).status).toBe(401);
      }
      // Taken over while the rest is still on its way.
      if (n % 300 === 0) await take(shuffled.pool, 100);
    }
    while ((await take(shuffled.pool, 200)) > 0);

    expect(sent.size).toBe(1_000);
    expect(Math.min(...Object.values(refused))).toBeGreaterThan(50);
    const [got, wanted] = [await finalState(shuffled.pool), await finalState(inOrder.pool)];
    for (const part of Object.keys(wanted) as (keyof typeof wanted)[])
      expect({ [part]: got[part] }).toEqual({ [part]: wanted[part] });
    // What is compared is not empty.
    expect(wanted.events.every((event) => (event as { over: boolean }).over)).toBe(true);
    expect(wanted.actions.length).toBeGreaterThan(300);
    expect(wanted.actions.every((action) => (action as { result: unknown }).result !== null)).toBe(
      true,
    );
    expect(wanted.decisions.length).toBeGreaterThan(100);
    expect(wanted.opportunities.length).toBeGreaterThan(50);
  },
);

async function post(
  body: string,
  id: string,
  headers = signWebhook(secret, { id, at: now, body }),
) {
  const response = await shuffled.app.request("/webhooks/house", {
    method: "POST",
    body,
    headers: { ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function postBad(kind: "forged" | "stale" | "altered", body: string, id: string) {
  switch (kind) {
    case "forged":
      return post(
        body,
        id,
        signWebhook(`whsec_${randomBytes(24).toString("base64")}`, { id, at: now, body }),
      );
    case "stale":
      return post(body, id, signWebhook(secret, { id, at: now - 6 * 60_000, body }));
    case "altered":
      return post(body, id, signWebhook(secret, { id, at: now, body: `${body} ` }));
  }
}
