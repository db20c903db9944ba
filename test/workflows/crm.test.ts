import { afterAll, beforeAll, expect, test } from "vitest";
import { firstRow, sql } from "../../store/postgres/db.ts";
import {
  openHouseOpportunity,
  logHouseOutreach,
  setHouseFacts,
  setHouseStatus,
} from "../../store/house/user.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world?.close());

/** The lead's own id in the CRM, once it has been synced there. */
async function inCrm(id: string): Promise<string> {
  for (let n = 0; n < 500; n++) {
    const link = await firstRow<{ crm_id: string }>(
      world.pool,
      sql`select crm_id from crm_link where kind = 'lead' and our_id = ${id}`,
    );
    if (link) return link.crm_id;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the lead never came to the CRM");
}
async function crmShows(
  crmId: string,
  is: (row: { status: string; owner: string | null }) => boolean,
): Promise<void> {
  for (let n = 0; n < 500; n++) {
    const row = await firstRow<{ status: string; owner: string | null }>(
      world.pool,
      sql`select status, owner_id as owner from house_lead where id = ${crmId}`,
    );
    if (row && is(row)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(
    `the CRM shows ${JSON.stringify(
      await firstRow(
        world.pool,
        sql`
      select * from house_lead where id = ${crmId}`,
      ),
    )}`,
  );
}

test("what a rep does in the CRM counts like an answer to Baton: outreach, acceptance, opportunity", async () => {
  const id = await world.arrive();
  const { owner_id } = await world.until(id, (lead) => lead.waiting_on === "outreach");
  const crmId = await inCrm(id);
  await crmShows(crmId, (row) => row.status === "mql" && row.owner === owner_id);
  await logHouseOutreach(
    world.pool,
    crmId,
    owner_id!,
    { channel: "call", outcome: "connected", occurredAt: Date.now() },
    Date.now(),
  );
  await world.until(id, (lead) => lead.waiting_on === "answer");
  await setHouseStatus(world.pool, crmId, owner_id!, { status: "sal" }, Date.now());
  await world.until(id, (lead) => lead.stage === "sal");
  const opened = await openHouseOpportunity(
    world.pool,
    crmId,
    owner_id!,
    { stage: "open", dealStage: null, amountMinor: 500_000, currency: "USD" },
    Date.now(),
  );
  await world.until(id, (lead) => lead.stage === "opportunity");
  await world.handle(id).result();
  expect(await world.path(id)).toEqual(["new>mql", "mql>sal", "sal>sql", "sql>opportunity"]);
  expect(
    await firstRow(
      world.pool,
      sql`select amount_minor::int as amount, currency from opportunity where lead_id = ${id}`,
    ),
  ).toEqual({ amount: 500_000, currency: "USD" });
  await keepHistory(world, id, "worked-in-the-crm");
  expect(opened).toBeDefined();
});

test("a suppression that somebody sets in the CRM withdraws the offer", async () => {
  const id = await world.arrive({
    email: "jo@stop-in-crm.com",
    facts: { "account.domain": "stop-in-crm.com" },
  });
  const { owner_id } = await world.until(id, (lead) => lead.waiting_on === "outreach");
  const crmId = await inCrm(id);
  await setHouseFacts(world.pool, crmId, owner_id!, { "lead.doNotContact": true }, Date.now());
  await world.until(id, (lead) => lead.stage === "disqualified");
  await crmShows(crmId, (row) => row.status === "disqualified");
});

test(
  "the record shows the score of the handoff and how its clock stands; a missed deadline at " +
    "once, before the lead is taken away",
  async () => {
    const id = await world.arrive();
    await world.until(id, (lead) => lead.waiting_on === "outreach");
    const crmId = await inCrm(id);
    const shown = () =>
      firstRow<{ fit: number; intent: number; band: string; sla_state: string }>(
        world.pool,
        sql`select fit, intent, band, sla_state from house_lead where id = ${crmId}`,
      );
    const handoff = await firstRow<{ fit: number; intent: number; band: string }>(
      world.pool,
      sql`select fit, intent, band from handoff where subject_id = ${id}`,
    );
    await expect.poll(shown, { timeout: 10_000 }).toEqual({ ...handoff, sla_state: "running" });
    const due = await firstRow<{ due_at: Date }>(
      world.pool,
      sql`
      select due_at from clock where handoff_id = (select id from handoff where subject_id = ${id})
        and kind = 'outreach' and scope = 'rep'`,
    );
    await world.passTo(id, due!.due_at);
    await expect.poll(async () => (await shown())?.sla_state, { timeout: 10_000 }).toBe("breached");
    expect((await world.lead(id)).waiting_on).toBe("outreach");
    const answer = await world.act(id, "logOutreach", { channel: "call", outcome: "connected" });
    expect(answer.done).toBe(true);
    // Now the record shows the clock of the answer, which is in time still.
    await expect.poll(async () => (await shown())?.sla_state, { timeout: 10_000 }).toBe("running");
  },
);
