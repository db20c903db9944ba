import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import fc from "fast-check";
import type { CrmChangePayload } from "../../store/crm-change.ts";
import { inTransaction } from "../../store/db.ts";
import {
  deleteHouseLead,
  changeHouseOpportunity,
  logHouseOutreach,
  mergeHouseLeads,
  openHouseOpportunity,
  setHouseFacts,
  setHouseStatus,
} from "../../store/house-user.ts";
import { receive } from "../../store/inbox.ts";
import { pullChanges } from "../../worker/crm-pull.ts";
import { processInbox } from "../../worker/inbox.ts";
import { effectWorld, type EffectWorld } from "../support/effect-world.ts";

let world: EffectWorld;
let crmId: string;
beforeAll(async () => {
  world = await effectWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.reset();
  await world.add({ key: "lead/ld_ada/1/sync-crm/1", kind: "sync-crm", what: "lead", payload: {} });
  await world.carryOut();
  crmId = (await world.all("select crm_id from crm_link where kind = 'lead'"))[0].crm_id;
});

const later = (ms: number) => world.now() + ms;
const process = () =>
  processInbox({ pool: world.pool, agreements: world.agreements, clock: world.now }, 100);
const actions = () =>
  world.all(
    "select name, by_id, role, body, via, received_at from action order by received_at, id",
  );
const tellings = async () =>
  (await world.all("select message, workflow_id from outbox order by id")).map(
    (row) => `${row.message} ${row.workflow_id}`,
  );
const phone = async () =>
  (
    await world.all("select facts->'lead.phone'->>'value' as phone from lead where id = 'ld_ada'")
  )[0].phone;
const openTasks = () =>
  world.all("select kind, subject_id, detail from task where state = 'open' order by kind");
const deliver = (change: unknown, id: string, source = "crm:house") =>
  receive(world.pool, { source, eventId: id, payload: change }, world.now());
function change(
  sequence: number | null,
  what: CrmChangePayload["what"],
  minutes: number,
  more: Partial<CrmChangePayload> = {},
): CrmChangePayload {
  return {
    id: `e${sequence ?? minutes}`,
    crmId,
    leadId: "ld_ada",
    sequence,
    at: new Date(later(minutes * 60_000)).toISOString(),
    by: "rp_ann",
    what,
    ...more,
  };
}

describe("what a user of the built-in CRM does", () => {
  test("an accept, a call and a changed number reach the lead as actions, facts and hints, in order, once", async () => {
    await logHouseOutreach(
      world.pool,
      crmId,
      "rp_ann",
      { channel: "call", outcome: "connected", occurredAt: world.now() },
      later(1_000),
    );
    await setHouseStatus(
      world.pool,
      crmId,
      "rp_ann",
      { status: "sal", fitRating: 4 },
      later(2_000),
    );
    await setHouseFacts(world.pool, crmId, "rp_ann", { "lead.phone": "+44 2" }, later(3_000));
    world.setNow(later(10_000));
    expect(await process()).toBe(3);
    expect(await process()).toBe(0);
    expect(await actions()).toMatchObject([
      {
        name: "logOutreach",
        by_id: "rp_ann",
        role: "rep",
        via: "crm",
        body: { channel: "call", outcome: "connected" },
        received_at: new Date(world.now() - 9_000),
      },
      { name: "accept", body: { fitRating: 4 }, received_at: new Date(world.now() - 8_000) },
    ]);
    expect(await phone()).toBe("+44 2");
    expect(await tellings()).toEqual([
      "seenInCrm lead/ld_ada",
      "seenInCrm lead/ld_ada",
      "factsChanged lead/ld_ada",
    ]);
  });

  test("a rejection carries its reason and date; one without a reason is no rejection, and the record is made equal again", async () => {
    await setHouseStatus(
      world.pool,
      crmId,
      "rp_ann",
      { status: "rejected", reason: "dated-timing", revisitOn: "2027-01-31" },
      later(1_000),
    );
    await setHouseStatus(world.pool, crmId, "rp_ann", { status: "disqualified" }, later(2_000));
    world.setNow(later(10_000));
    await process();
    expect(await actions()).toMatchObject([
      { name: "reject", body: { reason: "dated-timing", revisitOn: "2027-01-31" } },
    ]);
    expect(await openTasks()).toMatchObject([
      { kind: "crm-drift", subject_id: "ld_ada", detail: { status: "disqualified", stage: "mql" } },
    ]);
    expect(await tellings()).toEqual(["seenInCrm lead/ld_ada", "factsChanged lead/ld_ada"]);
  });

  test("an opportunity opened, then won, is one row; won is written to the handoff though its process has ended", async () => {
    await openHouseOpportunity(
      world.pool,
      crmId,
      "rp_ann",
      { stage: "open", amountMinor: 5_000, currency: "EUR" },
      later(1_000),
    );
    world.setNow(later(2_000));
    await process();
    expect(
      await world.all("select lead_id, handoff_id, stage, amount_minor, currency from opportunity"),
    ).toEqual([
      { lead_id: "ld_ada", handoff_id: "ho_1", stage: "open", amount_minor: 5000, currency: "EUR" },
    ]);
    expect(await tellings()).toEqual(["seenInCrm lead/ld_ada"]);
    await world.pool.query("update lead set stage = 'opportunity', waiting_on = 'nothing'");
    const [opportunity] = await world.all("select id from house_opportunity");
    await changeHouseOpportunity(
      world.pool,
      opportunity.id,
      "rp_ann",
      { stage: "won", amountMinor: 9_000, currency: "EUR" },
      later(3_000),
    );
    world.setNow(later(5_000));
    await process();
    expect(
      await world.all("select stage, amount_minor, won_at is not null as won from opportunity"),
    ).toEqual([{ stage: "won", amount_minor: 9000, won: true }]);
    expect(await world.all("select won_at is not null as won, lost_at from handoff")).toEqual([
      { won: true, lost_at: null },
    ]);
    expect(await tellings()).toHaveLength(1);
  });

  test("a deletion opens a task and the record is never made again", async () => {
    await deleteHouseLead(world.pool, crmId, "rp_ann", later(1_000));
    world.setNow(later(2_000));
    await process();
    expect(await openTasks()).toMatchObject([
      { kind: "crm-drift", detail: { why: "deleted in the CRM" } },
    ]);
    await world.add({
      key: "lead/ld_ada/1/sync-crm/2",
      kind: "sync-crm",
      what: "lead",
      payload: {},
    });
    await world.carryOut();
    expect(
      await world.all("select count(*)::int as n from house_lead where deleted_at is null"),
    ).toEqual([{ n: 0 }]);
  });

  test("a merge gives the survivor names, facts and engagements, and asks the loser's process to end", async () => {
    await world.pool.query(
      "insert into lead (id, email, arrived_at, stage_since) values ('ld_bea', 'bea@engines.test', now(), now())",
    );
    await world.pool.query(
      "insert into lead_alias (kind, value, lead_id, since) values ('email', 'ada@engines.test', 'ld_ada', now())",
    );
    await world.pool.query(
      "insert into engagement (message_id, lead_id, type, occurred_at, received_at) values ('m1', 'ld_ada', 'demo_request', now(), now())",
    );
    const survivor = await world.crm.upsertLead({
      leadId: "ld_bea",
      crmId: null,
      accountCrmId: null,
      status: "new",
      statusSince: world.now(),
      ownerId: null,
      queue: null,
      leadType: null,
      band: null,
      territory: null,
      dueAt: null,
      reason: null,
      facts: {},
    });
    await world.pool.query(
      "insert into crm_link (crm, kind, our_id, crm_id) values ('house', 'lead', 'ld_bea', $1)",
      [survivor.crmId],
    );
    await mergeHouseLeads(world.pool, crmId, survivor.crmId, "rp_ann", later(1_000));
    world.setNow(later(2_000));
    await process();
    expect(await world.all("select id, merge_into, merged_into from lead order by id")).toEqual([
      { id: "ld_ada", merge_into: "ld_bea", merged_into: null },
      { id: "ld_bea", merge_into: null, merged_into: null },
    ]);
    expect(await world.all("select distinct lead_id from lead_alias")).toEqual([
      { lead_id: "ld_bea" },
    ]);
    expect(await world.all("select lead_id from engagement")).toEqual([{ lead_id: "ld_bea" }]);
    expect(
      await world.all(
        "select email, facts->'lead.phone'->>'value' as phone from lead where id = 'ld_bea'",
      ),
    ).toEqual([{ email: "bea@engines.test", phone: "+44 1" }]);
    expect(await tellings()).toEqual(["factsChanged lead/ld_bea", "factsChanged lead/ld_ada"]);
  });

  test("a change of an ended lead tells no process, and a status of it is a person's task", async () => {
    await world.pool.query("update lead set stage = 'disqualified', waiting_on = 'nothing'");
    await setHouseStatus(world.pool, crmId, "rp_ann", { status: "sal" }, later(1_000));
    world.setNow(later(2_000));
    await process();
    expect(await actions()).toEqual([]);
    expect(await tellings()).toEqual([]);
    expect(await openTasks()).toMatchObject([{ kind: "crm-drift" }]);
  });

  test("nothing of an erased person comes back", async () => {
    await setHouseFacts(world.pool, crmId, "rp_ann", { "lead.phone": "+44 2" }, later(1_000));
    await world.pool.query("update lead set erased_at = now(), facts = '{}', email = null");
    world.setNow(later(2_000));
    await process();
    expect(await world.all("select facts from lead")).toEqual([{ facts: {} }]);
  });
});

describe("late, repeated and reordered events", () => {
  const story = (): CrmChangePayload[] => [
    change(1, { kind: "facts", facts: { "lead.phone": "first" } }, 1),
    change(
      2,
      {
        kind: "outreach",
        channel: "call",
        outcome: "connected",
        occurredAt: new Date(later(120_000)).toISOString(),
      },
      2,
    ),
    change(3, { kind: "status", status: "sal" }, 3),
    change(4, { kind: "facts", facts: { "lead.phone": "last" } }, 4),
    change(
      5,
      {
        kind: "opportunity",
        opportunity: {
          crmId: "HO-x",
          stage: "open",
          amountMinor: 1,
          currency: "EUR",
          createdAt: new Date(later(300_000)).toISOString(),
        },
      },
      5,
    ),
    change(
      6,
      {
        kind: "opportunity",
        opportunity: {
          crmId: "HO-x",
          stage: "won",
          amountMinor: 2,
          currency: "EUR",
          createdAt: new Date(later(300_000)).toISOString(),
        },
      },
      6,
    ),
  ];
  const outcome = async () => ({
    actions: (await actions()).map((row) => row.name),
    phone: await phone(),
    opportunity: await world.all("select stage, amount_minor from opportunity"),
    seen: await world.all("select seen_version from crm_link where kind = 'lead'"),
    open: await world.all("select count(*)::int as n from inbox where processed_at is null"),
  });
  const inOrder = {
    actions: ["logOutreach", "accept"],
    phone: "last",
    opportunity: [{ stage: "won", amount_minor: 2 }],
    seen: [{ seen_version: 6 }],
    open: [{ n: 0 }],
  };

  test("leave the same state as in order, whatever the order and however often they come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
        fc.array(fc.nat(5), { maxLength: 4 }),
        async (order, again) => {
          await world.pool.query("truncate inbox, outbox, action, opportunity cascade");
          await world.pool.query(
            "update crm_link set seen_version = 0; update lead set facts = facts - 'lead.phone'",
          );
          const events = story();
          const start = world.now();
          world.setNow(start + 600_000);
          for (const n of [...order, ...again]) {
            const event = events[n]!;
            await deliver(event, event.id);
            // The webhook's copy of the same event, under another id, as a careless sender would repeat it.
            if (again.includes(n)) await deliver(event, `${event.id}-again`);
            await process();
          }
          for (let n = 0; n < 20; n++) {
            world.setNow(world.now() + 500);
            await process();
          }
          expect(await outcome()).toEqual(inOrder);
          world.setNow(start);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("an event whose predecessor never comes waits a minute, then is taken all the same", async () => {
    await deliver(change(2, { kind: "status", status: "sal" }, 0), "e2");
    await process();
    expect(await actions()).toEqual([]);
    world.setNow(later(60_001));
    await process();
    expect((await actions()).map((row) => row.name)).toEqual(["accept"]);
    await deliver(change(1, { kind: "facts", facts: { "lead.phone": "late" } }, -1), "e1");
    await process();
    expect(await phone()).toBe("late");
  });

  test("an action never counts as received later than the CRM saw it, nor later than it reached us", async () => {
    const arrived = world.now();
    await deliver(change(1, { kind: "status", status: "sal" }, 30), "e1");
    world.setNow(later(1_000));
    await process();
    expect((await actions())[0].received_at).toEqual(new Date(arrived));
  });
});

describe("an event that cannot be used", () => {
  test.each([
    ["a shape we do not know", { hello: "ada@engines.test" }, "crm:house", /not as expected/],
    ["a source we do not know", {}, "forms", /source/],
  ])("%s becomes a task, quotes nothing and holds up no other", async (_, payload, source, why) => {
    await deliver(payload, "bad", source);
    await deliver(change(1, { kind: "status", status: "sal" }, 0), "e1");
    await process();
    const [task] = await openTasks();
    expect(task).toMatchObject({
      kind: "dead-letter",
      detail: { why: expect.stringMatching(why) },
    });
    expect(JSON.stringify(task)).not.toContain("ada@");
    expect((await actions()).map((row) => row.name)).toEqual(["accept"]);
    expect(
      await world.all("select count(*)::int as n from inbox where processed_at is null"),
    ).toEqual([{ n: 0 }]);
  });

  test("one about a record that is nobody's waits for its link a minute, then becomes a task", async () => {
    await deliver(change(1, { kind: "deleted" }, 0, { crmId: "HL-stranger", leadId: null }), "e1");
    await process();
    expect(await openTasks()).toEqual([]);
    world.setNow(later(60_001));
    await process();
    expect(await openTasks()).toMatchObject([
      { kind: "dead-letter", detail: { why: "the record belongs to no lead of ours" } },
    ]);
  });

  test("of several facts the usable ones are taken and the others named", async () => {
    await deliver(
      change(1, { kind: "facts", facts: { "lead.phone": "9", "lead.unheardOf": "x" } }, 1),
      "e1",
    );
    await process();
    expect(await phone()).toBe("9");
    expect(await openTasks()).toMatchObject([
      {
        kind: "dead-letter",
        subject_id: "ld_ada",
        detail: { why: "not as the agreement expects: lead.unheardOf" },
      },
    ]);
  });

  test("one that breaks on our side is tried again, later each time, then given to a person", async () => {
    await deliver(change(1, { kind: "facts", facts: { "lead.phone": "9" } }, 1), "e1");
    const broken = {
      ...world.agreements,
      active: () => Promise.reject(new Error("quotes ada@engines.test")),
    };
    for (let n = 0; n < 8; n++) {
      await processInbox({ pool: world.pool, agreements: broken, clock: world.now }, 1);
      world.setNow(later(120_000));
    }
    expect(
      await world.all("select attempts, error, processed_at is not null as ended from inbox"),
    ).toEqual([{ attempts: 7, error: "it broke: Error", ended: true }]);
    expect(await openTasks()).toMatchObject([{ kind: "dead-letter" }]);
  });
});

test("several readers at once take each event once", async () => {
  await inTransaction(world.pool, async (tx) => {
    for (let n = 1; n <= 20; n++)
      await receive(
        tx,
        {
          source: "crm:house",
          eventId: `e${n}`,
          payload: change(
            n,
            {
              kind: "outreach",
              channel: "call",
              outcome: "no_answer",
              occurredAt: new Date(world.now()).toISOString(),
            },
            n,
            { id: `e${n}` },
          ),
        },
        world.now(),
      );
  });
  for (let n = 0; n < 40; n++) {
    await Promise.all([process(), process(), process(), process()]);
    world.setNow(later(500));
  }
  expect(await actions()).toHaveLength(20);
  expect(await world.all("select seen_version from crm_link where kind = 'lead'")).toEqual([
    { seen_version: 20 },
  ]);
});

test("changes whose events got lost are made up for by asking the CRM, each once", async () => {
  await setHouseStatus(world.pool, crmId, "rp_ann", { status: "sal" }, later(1_000));
  await setHouseFacts(world.pool, crmId, "rp_ann", { "lead.phone": "8" }, later(2_000));
  world.setNow(later(3_000));
  await world.pool.query("delete from inbox where event_id like '%-1'");
  expect(await pullChanges({ pool: world.pool, crm: world.crm, clock: world.now }, 10)).toEqual({
    fresh: 1,
    more: false,
  });
  expect(await pullChanges({ pool: world.pool, crm: world.crm, clock: world.now }, 10)).toEqual({
    fresh: 0,
    more: false,
  });
  await process();
  await process();
  world.setNow(later(1_000));
  await process();
  expect((await actions()).map((row) => row.name)).toEqual(["accept"]);
  expect(await phone()).toBe("8");
});
