import { afterAll, beforeAll, expect, test } from "vitest";
import { saveOpportunity, lockStanding } from "../../../store/inbox/crm-news.ts";
import { saveFacts } from "../../../store/intake/facts.ts";
import { takeIn } from "../../../store/intake/intake.ts";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { mergeLeads } from "../../../store/process/merge.ts";
import { raceWorld, standsAt, type RaceWorld } from "../../support/race-world.ts";

const HOUR = 3_600_000;
let world: RaceWorld;
beforeAll(async () => {
  world = await raceWorld();
}, 120_000);
afterAll(() => world?.close(), 60_000);

const iso = (at: number) => new Date(at).toISOString();
const one = async (query: Parameters<typeof rows>[1]) => (await rows(world.pool, query))[0];

test("a milestone keeps when it happened and when it was told, and what the handoff froze stays", async () => {
  const began = Date.now();
  const id = await world.offered(began);
  const { owner_id: rep } = await standsAt(world.pool, id);
  const who = { by: rep ?? "", role: "rep" };
  const [api] = world.deciders as [RaceWorld["deciders"][0]];
  await world.act(
    api,
    id,
    "logOutreach",
    { channel: "call", outcome: "connected", occurredAt: iso(began + HOUR) },
    { ...who, at: began + 5 * HOUR },
  );
  await world.act(api, id, "accept", {}, { ...who, at: began + 6 * HOUR });
  const handoff = await one(sql`
    select first_outreach_at, first_outreach_told_at, connected_told_at, sal_at, sal_told_at,
      mql_told_at, meeting_told_at, role, seniority, signals, first_signal, first_signal_at,
      first_touch_at, response_system_ms, response_human_ms, 'icp' = any(held) as icp_held
    from handoff where subject_id = ${id}`);
  expect(handoff).toEqual({
    first_outreach_at: new Date(began + HOUR),
    first_outreach_told_at: new Date(began + 5 * HOUR),
    connected_told_at: new Date(began + 5 * HOUR),
    sal_at: new Date(began + 6 * HOUR),
    sal_told_at: new Date(began + 6 * HOUR),
    mql_told_at: new Date(began),
    meeting_told_at: null,
    role: "buyer",
    seniority: "vp",
    signals: ["demo_request"],
    first_signal: "demo_request",
    first_signal_at: new Date(began - 60_000),
    first_touch_at: new Date("2026-11-01T10:00:00Z"),
    response_system_ms: 0,
    response_human_ms: HOUR,
    icp_held: true,
  });
  expect(await one(sql`select told_at from outreach where rep_id = ${rep}`)).toEqual({
    told_at: new Date(began + 5 * HOUR),
  });
  const { agreement } = (await world.agreements.active(world.pool))!;
  await inTransaction(world.pool, (tx) =>
    saveFacts(
      tx,
      id,
      { "lead.role": { value: "student", from: "person", at: iso(began + 7 * HOUR) } },
      began + 7 * HOUR,
      { agreement },
    ),
  );
  expect(await one(sql`select role from handoff where subject_id = ${id}`)).toEqual({
    role: "buyer",
  });
});

test("a rejection keeps the group that its reason has in the agreement", async () => {
  const began = Date.now();
  const id = await world.offered(began);
  const { owner_id: rep } = await standsAt(world.pool, id);
  const [api] = world.deciders as [RaceWorld["deciders"][0]];
  await world.act(
    api,
    id,
    "reject",
    { reason: "wrong-role" },
    { by: rep ?? "", role: "rep", at: began + HOUR },
  );
  expect(
    await one(sql`
      select a.reason_group, a.told_at, a.open_ms from answer a
        join handoff h on h.id = a.handoff_id
        where h.subject_id = ${id}`),
  ).toEqual({ reason_group: "no-access", told_at: new Date(began + HOUR), open_ms: HOUR });
});

test("an opportunity keeps every state it was in, also one that is told late", async () => {
  const began = Date.now();
  const id = await world.offered(began);
  const tell = (stage: "open" | "won" | "lost", amountMinor: number, at: number, now = at) =>
    inTransaction(world.pool, async (tx) => {
      const standing = await lockStanding(tx, { kind: "lead", id });
      const seen = {
        crmId: `op-${id}`,
        stage,
        dealStage: null,
        amountMinor,
        currency: "USD",
        createdAt: began,
      };
      await saveOpportunity(tx, standing!, seen, at, now);
    });
  await tell("open", 100, began + HOUR);
  await tell("won", 300, began + 3 * HOUR, began + 9 * HOUR);
  await tell("open", 200, began + 2 * HOUR, began + 10 * HOUR);
  await tell("won", 300, began + 3 * HOUR, began + 11 * HOUR);
  const told = await rows(
    world.pool,
    sql`
      select s.stage, s.amount_minor, s.happened_at, s.told_at from opportunity_stage s
        join opportunity o on o.id = s.opportunity_id where o.lead_id = ${id} order by 3`,
  );
  const at = (hours: number) => new Date(began + hours * HOUR);
  expect(told).toEqual([
    { stage: "open", amount_minor: null, happened_at: at(0), told_at: at(1) },
    { stage: "open", amount_minor: 100, happened_at: at(1), told_at: at(1) },
    { stage: "open", amount_minor: 200, happened_at: at(2), told_at: at(10) },
    { stage: "won", amount_minor: 300, happened_at: at(3), told_at: at(9) },
  ]);
  expect(await one(sql`select won_at, won_told_at from handoff where subject_id = ${id}`)).toEqual({
    won_at: at(3),
    won_told_at: at(9),
  });
  expect(await one(sql`select stage from opportunity where lead_id = ${id}`)).toEqual({
    stage: "won",
  });
});

test("an opportunity keeps each deal stage that the CRM names, with the amount it had there", async () => {
  const began = Date.now();
  const id = await world.offered(began);
  const tell = (dealStage: string | null, amountMinor: number, at: number, now = at) =>
    inTransaction(world.pool, async (tx) => {
      const standing = await lockStanding(tx, { kind: "lead", id });
      await saveOpportunity(
        tx,
        standing!,
        {
          crmId: `op-${id}`,
          stage: "open",
          dealStage,
          amountMinor,
          currency: "USD",
          createdAt: began,
        },
        at,
        now,
      );
    });
  // Opened with an amount at once: one state, of which nobody can say that it had none.
  await tell("Discovery", 100, began);
  await tell("Negotiation", 100, began + 3 * HOUR);
  await tell("Proposal", 100, began + 2 * HOUR, began + 4 * HOUR);
  await tell("Negotiation", 100, began + 3 * HOUR, began + 5 * HOUR);
  const at = (hours: number) => new Date(began + hours * HOUR);
  const amount_minor = 100;
  expect(
    await rows(
      world.pool,
      sql`
      select s.deal_stage, s.amount_minor, s.happened_at, s.told_at from opportunity_stage s
        join opportunity o on o.id = s.opportunity_id where o.lead_id = ${id}
        order by happened_at`,
    ),
  ).toEqual([
    { deal_stage: "Discovery", amount_minor, happened_at: at(0), told_at: at(0) },
    { deal_stage: "Proposal", amount_minor, happened_at: at(2), told_at: at(4) },
    { deal_stage: "Negotiation", amount_minor, happened_at: at(3), told_at: at(3) },
  ]);
  expect(await one(sql`select deal_stage from opportunity where lead_id = ${id}`)).toEqual({
    deal_stage: "Negotiation",
  });
});

test("a campaign that is told anew stands beside the one of intake, with who told it", async () => {
  const began = Date.now();
  const id = await world.offered(began);
  const { agreement } = (await world.agreements.active(world.pool))!;
  const tell = (campaign: string, by: string, at: number) =>
    inTransaction(world.pool, (tx) =>
      saveFacts(tx, id, { "lead.campaign": { value: campaign, from: "person", at: iso(at) } }, at, {
        agreement,
        by,
      }),
    );
  await tell("spring", "rp_one", began + HOUR);
  await tell("spring", "rp_two", began + 2 * HOUR);
  await tell("autumn", "rp_two", began + 3 * HOUR);
  expect(
    await one(sql`
      select source, intake_source, campaign, intake_campaign from lead where id = ${id}`),
  ).toEqual({
    source: "google",
    intake_source: "google",
    campaign: "autumn",
    intake_campaign: null,
  });
  expect(
    await rows(
      world.pool,
      sql`select field, from_value, to_value, witness, by_id from source_change
        where lead_id = ${id} order by id`,
    ),
  ).toEqual([
    { field: "campaign", from_value: null, to_value: "spring", witness: "person", by_id: "rp_one" },
    {
      field: "campaign",
      from_value: "spring",
      to_value: "autumn",
      witness: "person",
      by_id: "rp_two",
    },
  ]);
});

test("who arrives again and who is merged is counted; tracking repeats whom it knows", async () => {
  const began = Date.now();
  const [first, second] = [await world.offered(began), await world.offered(began)];
  const { email } = (await one(sql`select email from lead where id = ${first}`)) as {
    email: string;
  };
  const { agreement } = (await world.agreements.active(world.pool))!;
  const arrive = (from: "form" | "tracking", more: { id?: string } = {}) =>
    inTransaction(world.pool, (tx) =>
      takeIn(tx, [{ email, facts: {}, by: "tn_1", ...more }], {
        now: began,
        from,
        lane: 1,
        agreement,
      }),
    );
  await arrive("form");
  await arrive("tracking");
  await arrive("form", { id: first });
  const merged = await inTransaction(world.pool, (tx) =>
    mergeLeads(
      tx,
      world.agreements,
      { leads: [first, second], wished: null, by: "rp_boss", crm: null },
      began + HOUR,
    ),
  );
  expect(
    await rows(
      world.pool,
      sql`
        select kind, lead_id, other_id, witness, by_id from duplicate
          where lead_id in (${first}, ${second}) order by id`,
    ),
  ).toEqual([
    { kind: "arrived-again", lead_id: first, other_id: null, witness: "form", by_id: "tn_1" },
    {
      kind: "merged",
      lead_id: merged!.survivorId,
      other_id: merged!.loserId,
      witness: null,
      by_id: "rp_boss",
    },
  ]);
});
