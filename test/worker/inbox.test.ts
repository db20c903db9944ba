import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import fc from "fast-check";
import type { Seen } from "../../handoff/process/event.ts";
import type { CrmChangePayload } from "../../store/inbox/crm-change.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import {
  deleteHouseLead,
  changeHouseOpportunity,
  createHouseLead,
  logHouseOutreach,
  mergeHouseLeads,
  openHouseOpportunity,
  setHouseFacts,
  setHouseStatus,
  type HouseStatus,
} from "../../store/house/user.ts";
import { receive } from "../../store/inbox/inbox.ts";
import { pullChanges } from "../../worker/crm-pull.ts";
import { processInbox } from "../../worker/inbox.ts";
import { effectWorld, type EffectWorld } from "../support/effect-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";
import { insertLead } from "../support/lead-rows.ts";

let world: EffectWorld;
let crmId: string;
beforeAll(async () => {
  world = await effectWorld();
});
afterAll(() => world.close());
beforeEach(() => begin());

/** The lead before its rep, shown in the CRM; nothing has happened there yet. */
async function begin(): Promise<void> {
  await world.reset();
  await world.add({ key: "lead/ld_ada/1/sync-crm/1", kind: "sync-crm", what: "lead", payload: {} });
  await world.carryOut();
  crmId = (await world.all("select crm_id from crm_link where kind = 'lead'"))[0].crm_id;
}

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
const standing = async () =>
  (
    await world.all(
      "select stage, waiting_on, owner_id, step from process where subject_id = 'ld_ada'",
    )
  )[0];
const answers = async () =>
  (await world.all("select result from action order by received_at, id")).map((row) => row.result);
/** What is still to be told: the CRM is made equal, and people hear by mail. */
const wanted = () =>
  world.all("select kind, what, payload from effect where state = 'open' order by kind, what");
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
  test(
    "a call, an accept and a changed number are decided and taken over as they come, in order, " +
      "once",
    async () => {
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
      expect(await answers()).toMatchObject([
        { done: true, stage: "mql", waitingOn: "answer" },
        { done: true, stage: "sal" },
      ]);
      expect(await standing()).toEqual({
        stage: "sal",
        waiting_on: "attempts",
        owner_id: "rp_ann",
        step: 2,
      });
      // A call moves nothing, so the process is not woken for it; an acceptance it must know.
      expect(await tellings()).toEqual(["accepted lead/ld_ada", "factsChanged lead/ld_ada"]);
    },
  );

  test("a rejection carries its reason and date and is decided", async () => {
    const reasons = {
      // oxlint-disable-next-line no-thenable -- the agreement's own word; this object is never awaited
      "dated-timing": { group: "timing", then: "renurture", requires: { revisitOn: true } },
    } as const;
    const agreements = createAgreements(() => ({
      ...smallAgreement,
      answers: { ...smallAgreement.answers, reasons },
    }));
    await setHouseStatus(
      world.pool,
      crmId,
      "rp_ann",
      { status: "rejected", reason: "dated-timing", revisitOn: "2027-01-31" },
      later(1_000),
    );
    world.setNow(later(10_000));
    await processInbox({ pool: world.pool, agreements, clock: world.now }, 100);
    expect(await actions()).toMatchObject([
      { name: "reject", body: { reason: "dated-timing", revisitOn: "2027-01-31" } },
    ]);
    expect(await answers()).toMatchObject([{ done: true, stage: "renurture" }]);
    expect(await tellings()).toEqual(["rejected lead/ld_ada"]);
  });

  test(
    "a rejection that the agreement does not know is refused: the record is made equal again, " +
      "and its author is told why",
    async () => {
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
        {
          kind: "crm-drift",
          subject_id: "ld_ada",
          detail: { status: "disqualified", stage: "mql" },
        },
      ]);
      expect(await answers()).toMatchObject([
        { done: false, code: "not-a-reason", stage: "mql", waitingOn: "outreach" },
      ]);
      expect(await standing()).toEqual({
        stage: "mql",
        waiting_on: "outreach",
        owner_id: "rp_ann",
        step: 0,
      });
      expect(await wanted()).toMatchObject([
        {
          kind: "mail",
          what: "action-refused",
          payload: { repId: "rp_ann", action: "reject", stage: "mql" },
        },
        { kind: "sync-crm", what: "lead" },
      ]);
      expect(await tellings()).toEqual(["factsChanged lead/ld_ada"]);
    },
  );

  test(
    "an opportunity opened, then won, is one row; won is written to the handoff though its " +
      "process has ended",
    async () => {
      await openHouseOpportunity(
        world.pool,
        crmId,
        "rp_ann",
        { stage: "open", dealStage: null, amountMinor: 5_000, currency: "EUR" },
        later(1_000),
      );
      world.setNow(later(2_000));
      await process();
      expect(
        await world.all(
          "select lead_id, handoff_id, stage, amount_minor, currency from opportunity",
        ),
      ).toEqual([
        {
          lead_id: "ld_ada",
          handoff_id: "ho_1",
          stage: "open",
          amount_minor: 5000,
          currency: "EUR",
        },
      ]);
      expect(await tellings()).toEqual(["seenInCrm lead/ld_ada"]);
      await world.pool.query("update process set stage = 'opportunity', waiting_on = 'nothing'");
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
    },
  );

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

  test("a merge: the further stage goes on with names, facts, engagements and the kept record", async () => {
    await insertLead(world.pool, new Date(), { id: "ld_bea", email: "bea@engines.test" });
    await world.pool.query(
      "insert into lead_alias (kind, value, lead_id, since) values ('email', " +
        "'ada@engines.test', 'ld_ada', now())",
    );
    await world.pool.query(
      `insert into engagement (message_id, lead_id, type, occurred_at, received_at)
       values ('m1', 'ld_ada', 'blog_view', now(), now()),
         ('m1', 'ld_bea', 'blog_view', now(), now()),
         ('m2', 'ld_bea', 'blog_view', now(), now())`,
    );
    const survivor = await world.crm.upsertLead({
      leadId: "ld_bea",
      crmId: null,
      accountCrmId: null,
      status: "new",
      statusSince: world.now(),
      cycle: 1,
      round: null,
      ownerId: null,
      queue: null,
      leadType: null,
      band: null,
      fit: null,
      intent: null,
      slaState: null,
      territory: null,
      dueAt: null,
      reason: null,
      agreement: null,
      facts: {},
    });
    await world.pool.query(
      "insert into crm_link (crm, kind, our_id, crm_id) values ('house', 'lead', 'ld_bea', $1)",
      [survivor.crmId],
    );
    // The key of the sync that showed it first is taken.
    await world.pool.query("update process set step = 4 where subject_id = 'ld_ada'");
    await mergeHouseLeads(world.pool, crmId, survivor.crmId, "rp_ann", later(1_000));
    world.setNow(later(2_000));
    await process();
    // The offered one is further than the new one: it goes on, and the record that was kept is its.
    expect(await world.all("select id, stage, merged_into from lead_standing order by id")).toEqual(
      [
        { id: "ld_ada", stage: "mql", merged_into: null },
        { id: "ld_bea", stage: "disqualified", merged_into: "ld_ada" },
      ],
    );
    expect(
      await world.all(
        "select our_id, crm_id, gone_at is not null as gone from crm_link where kind = 'lead' " +
          "order by 1",
      ),
    ).toEqual([
      { our_id: "ld_ada", crm_id: survivor.crmId, gone: false },
      { our_id: "ld_bea", crm_id: crmId, gone: true },
    ]);
    expect(await world.all("select distinct lead_id from lead_alias")).toEqual([
      { lead_id: "ld_ada" },
    ]);
    expect(
      await world.all("select lead_id, message_id from engagement order by message_id"),
    ).toEqual([
      { lead_id: "ld_ada", message_id: "m1" },
      { lead_id: "ld_ada", message_id: "m2" },
    ]);
    expect(
      await world.all(
        "select email, facts->'lead.phone'->>'value' as phone from lead where id = 'ld_ada'",
      ),
    ).toEqual([{ email: "ada@engines.test", phone: "+44 1" }]);
    expect(await tellings()).toEqual(["moved lead/ld_bea"]);
    expect(await wanted()).toMatchObject([
      { kind: "mail", what: "merged", payload: { repId: "rp_ann", from: "ld_bea" } },
      { kind: "sync-crm", payload: { leadId: "ld_ada" } },
      { kind: "sync-crm", payload: { leadId: "ld_bea" } },
    ]);
    // The CRM takes it, and what is told of either record from now on is the survivor's.
    await world.carryOut();
    expect(
      await world.all("select external_id, status from house_lead where merged_into is null"),
    ).toEqual([{ external_id: "ld_ada", status: "mql" }]);
    await deliver(
      change(null, { kind: "facts", facts: { "lead.phone": "+44 9" } }, 3, { leadId: "ld_bea" }),
      "late",
    );
    world.setNow(later(4 * 60_000));
    await process();
    expect(await phone()).toBe("+44 9");
    // A repeat of the news is no news.
    await deliver(change(null, { kind: "merged", into: survivor.crmId }, 5), "again");
    await process();
    expect(await tellings()).toEqual(["moved lead/ld_bea", "factsChanged lead/ld_ada"]);
    expect(await openTasks()).toEqual([]);
  });

  test("an owner changed in the CRM is a reassignment; one nobody knows is a task, and put right", async () => {
    await world.pool.query(
      "insert into rep (id, name, email, role, crm_id, updated_at) values ('rp_max', 'Max', " +
        "'max@example.com', 'manager', 'U-7', now()), ('rp_ben', 'Ben', 'ben@example.com', " +
        "'rep', 'U-8', now())",
    );
    // A colleague cannot take it; a manager may give it away, by the CRM's names for people.
    await deliver(change(1, { kind: "owner", owner: "U-8" }, 1, { by: "U-8" }), "e1");
    world.setNow(later(2 * 60_000));
    await process();
    expect(await answers()).toMatchObject([{ done: false, code: "not-yours" }]);
    expect(await wanted()).toMatchObject([
      { kind: "mail", what: "action-refused", payload: { repId: "rp_ben", action: "reassign" } },
      { kind: "sync-crm" },
    ]);
    await deliver(change(2, { kind: "owner", owner: "U-8" }, 1, { by: "U-7" }), "e2");
    world.setNow(later(2 * 60_000));
    await process();
    expect(await answers()).toMatchObject([{ done: false }, { done: true, stage: "mql" }]);
    expect(await world.all("select assign_to from handoff where subject_id = 'ld_ada'")).toEqual([
      { assign_to: "rp_ben" },
    ]);
    await deliver(change(3, { kind: "owner", owner: "U-99" }, 1, { by: "U-7" }), "e3");
    await deliver(change(4, { kind: "owner", owner: null }, 2, { by: "U-7" }), "e4");
    world.setNow(later(3 * 60_000));
    await process();
    expect(await openTasks()).toMatchObject([
      { kind: "crm-drift", subject_id: "ld_ada", detail: { why: "nobody has it in the CRM" } },
    ]);
    expect(await answers()).toHaveLength(2);
    await world.pool.query("update process set owner_id = 'rp_ann', queue = null");
    await world.carryOut();
    expect(await world.all("select owner_id from house_lead")).toEqual([{ owner_id: "rp_ann" }]);
    expect(
      (await world.all("select body from house_note order by body")).map((note) => note.body),
    ).toContain("Not done: reassign. The lead is with somebody else.");
  });

  test("a person made in the CRM is taken in like one from a form, once, and the record is theirs", async () => {
    const facts = { "lead.email": "Zoe@looms.test", "lead.name": "Zoe", "lead.shoe": "4" };
    await createHouseLead(world.pool, "rp_ann", facts, later(1_000));
    world.setNow(later(2_000));
    await process();
    const [zoe] = await world.all(
      "select l.id, l.email, l.facts #>> '{lead.name,from}' as source, p.stage from lead l " +
        "join process p on p.subject_id = l.id where l.id <> 'ld_ada'",
    );
    expect(zoe).toMatchObject({ email: "zoe@looms.test", source: "crm", stage: "new" });
    expect(await tellings()).toEqual([`leadHandoff lead/${zoe.id}`]);
    expect(await openTasks()).toMatchObject([
      {
        kind: "dead-letter",
        subject_id: zoe.id,
        detail: { why: expect.stringContaining("lead.shoe") },
      },
    ]);
    expect(
      await world.all("select kind, payload from effect where subject_id = $1", [zoe.id]),
    ).toEqual([{ kind: "sync-crm", payload: { leadId: zoe.id } }]);
    // What is changed there from now on is known to be hers; a second record of hers is seen.
    const [{ id: record }] = await world.all(
      "select id from house_lead where email = 'zoe@looms.test'",
    );
    await setHouseFacts(world.pool, record, "rp_ann", { "lead.phone": "+44 3" }, later(3_000));
    await createHouseLead(world.pool, "rp_ann", { "lead.email": "zoe@looms.test" }, later(4_000));
    world.setNow(later(5_000));
    await process();
    expect(
      await world.all(
        `select facts #>> '{lead.phone,value}' as phone from lead where id = '${zoe.id}'`,
      ),
    ).toEqual([{ phone: "+44 3" }]);
    expect(await openTasks()).toContainEqual(
      expect.objectContaining({ kind: "crm-drift", subject_id: zoe.id }),
    );
    expect(await world.all("select count(*)::int as n from lead")).toEqual([{ n: 2 }]);
  });

  test("facts that the CRM dates ahead count as of their receipt, and freeze nothing", async () => {
    const ahead = { at: "2031-01-01T00:00:00Z" };
    await deliver(change(1, { kind: "facts", facts: { "lead.phone": "+44 7" } }, 0, ahead), "e1");
    await process();
    await deliver(change(2, { kind: "facts", facts: { "lead.phone": "+44 8" } }, 5), "e2");
    world.setNow(later(6 * 60_000));
    await process();
    expect(await phone()).toBe("+44 8");
  });

  test("what the record showed is what an action of the CRM is decided for", async () => {
    const seen = { stage: "mql", cycle: 1, round: 0 } as const;
    await deliver(change(1, { kind: "status", status: "sal" }, 0, { seen }), "e1");
    await process();
    expect(await answers()).toMatchObject([{ done: false, code: "already-answered" }]);
  });

  test(
    "a click on the offer that the record shows is taken; one on an earlier offer or stage is " +
      "refused, its author told, and the record put right",
    async () => {
      const click = (status: HouseStatus["status"], seen?: Seen) =>
        setHouseStatus(world.pool, crmId, "rp_ann", { status }, world.now(), seen);
      const shown = { stage: "mql", cycle: 1, round: 1 } as const;
      // Ann's page still shows her first offer; she has the lead again, by another one.
      await world.pool.query("update handoff set round = 3");
      await click("sal");
      await process();
      expect(await answers()).toMatchObject([{ done: false, code: "already-answered" }]);
      expect(await wanted()).toMatchObject([
        { kind: "mail", what: "action-refused", payload: { repId: "rp_ann", action: "accept" } },
        { kind: "sync-crm" },
      ]);
      await world.carryOut();
      const [record] = (await world.all(
        "select status, cycle, round from house_lead",
      )) as unknown[];
      expect(record).toEqual({ status: "mql", cycle: 1, round: 3 });
      await click("sal", shown);
      await click("sql", { ...shown, stage: "sal", round: 3 });
      await click("sal", { ...shown, round: 3 });
      await process();
      const told = await answers();
      expect(told.filter(({ done }) => done)).toHaveLength(1);
      expect(told.filter(({ code }) => code === "already-answered")).toHaveLength(3);
      expect(await standing()).toMatchObject({ stage: "sal", owner_id: "rp_ann" });
    },
  );

  test("what is told of a record that was merged away is not judged by what that record showed", async () => {
    await insertLead(world.pool, new Date(world.now()), { id: "ld_bea", merged_into: "ld_ada" });
    await world.pool.query(
      "insert into crm_link (crm, kind, our_id, crm_id) values ('house', 'lead', 'ld_bea', 'HL-9')",
    );
    const call = { kind: "outreach", channel: "call", outcome: "connected" } as const;
    const occurredAt = new Date(later(60_000)).toISOString();
    const seen = { stage: "nurture", cycle: 4, round: 7 } as const;
    const told = change(1, { ...call, occurredAt }, 1, { seen });
    await deliver({ ...told, crmId: "HL-9", leadId: "ld_bea" }, "m1");
    world.setNow(later(2 * 60_000));
    await process();
    expect(await answers()).toMatchObject([{ done: true, waitingOn: "answer" }]);
  });

  test("news from a source of more than one word is taken over", async () => {
    await world.pool.query(
      "insert into crm_link (crm, kind, our_id, crm_id) values ('hub-spot', 'lead', 'ld_ada', 'H-1')",
    );
    const told = change(1, { kind: "facts", facts: { "lead.phone": "+44 5" } }, 1);
    await deliver({ ...told, crmId: "H-1" }, "h1", "crm:hub-spot");
    world.setNow(later(2 * 60_000));
    await process();
    expect(await phone()).toBe("+44 5");
  });

  test(
    "a status of an ended lead is refused and tells no process; the record is made equal " +
      "again, and its author is told",
    async () => {
      await world.pool.query("update process set stage = 'disqualified', waiting_on = 'nothing'");
      await setHouseStatus(world.pool, crmId, "rp_ann", { status: "sal" }, later(1_000));
      world.setNow(later(2_000));
      await process();
      expect(await answers()).toMatchObject([
        { done: false, code: "already-answered", stage: "disqualified" },
      ]);
      expect(await standing()).toMatchObject({ stage: "disqualified", step: 0 });
      expect(await tellings()).toEqual([]);
      expect(await wanted()).toMatchObject([
        { kind: "mail", what: "action-refused", payload: { repId: "rp_ann" } },
        { kind: "sync-crm" },
      ]);
      expect(await openTasks()).toEqual([]);
    },
  );

  test("where the author of what is refused is nobody of ours, it becomes a person's task", async () => {
    await world.pool.query("update process set stage = 'disqualified', waiting_on = 'nothing'");
    await deliver(change(1, { kind: "status", status: "sal" }, 0, { by: "stranger-7" }), "e1");
    await process();
    expect(await answers()).toMatchObject([{ done: false, code: "not-possible-now" }]);
    expect(await openTasks()).toMatchObject([
      {
        kind: "crm-drift",
        subject_id: "ld_ada",
        detail: { action: "accept", why: "not-possible-now", stage: "disqualified" },
      },
    ]);
    expect(await wanted()).toMatchObject([{ kind: "sync-crm" }]);
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
    done: (await answers()).map((answer) => answer.done),
    phone: await phone(),
    standing: await standing(),
    opportunity: await world.all("select stage, amount_minor from opportunity"),
    seen: await world.all("select seen_version from crm_link where kind = 'lead'"),
    open: await world.all("select count(*)::int as n from inbox where processed_at is null"),
  });
  const inOrder = {
    actions: ["logOutreach", "accept"],
    done: [true, true],
    phone: "last",
    standing: { stage: "sal", waiting_on: "attempts", owner_id: "rp_ann", step: 2 },
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
          await begin();
          await world.pool.query("update lead set facts = facts - 'lead.phone'");
          const events = story();
          const start = world.now();
          world.setNow(start + 600_000);
          for (const n of [...order, ...again]) {
            const event = events[n]!;
            await deliver(event, event.id);
            // The webhook's copy of the same event, under another id, as a careless sender would
            // repeat it.
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

  test(
    "a click whose event got lost and is made up for after a later one is taken; one that is " +
      "over is refused, and its author told",
    async () => {
      await deliver(change(2, { kind: "facts", facts: { "lead.phone": "+44 2" } }, 2), "e2");
      world.setNow(later(4 * 60_000));
      await process();
      expect(await phone()).toBe("+44 2");
      const accepts = change(1, { kind: "status", status: "sal" }, -3);
      await deliver(accepts, "e1");
      await process();
      expect(await standing()).toMatchObject({ stage: "sal", owner_id: "rp_ann" });
      // The same change once more, under another id of its event, is no second click.
      await deliver(accepts, "e1-again");
      await process();
      expect(await answers()).toHaveLength(1);
      // A call that was made counts, whenever the event comes; a rejection of before acceptance is over.
      const occurredAt = new Date(later(-60_000)).toISOString();
      const call = { kind: "outreach", channel: "call", outcome: "connected", occurredAt } as const;
      await deliver(change(5, { kind: "facts", facts: { "lead.phone": "+44 4" } }, 0), "e5");
      world.setNow(later(61_000));
      await process();
      await deliver(change(3, call, -1, { by: "rp_ann" }), "e3");
      await deliver(
        change(4, { kind: "status", status: "rejected", reason: "wrong-role" }, -6, {
          by: "rp_ann",
        }),
        "e4",
      );
      await process();
      expect(await answers()).toMatchObject([
        { done: false, code: "already-answered" },
        { done: true, stage: "sal" },
        { done: true, stage: "sal" },
      ]);
      expect(await wanted()).toContainEqual(
        expect.objectContaining({
          what: "action-refused",
          payload: expect.objectContaining({ repId: "rp_ann", action: "reject" }),
        }),
      );
      expect(await openTasks()).toEqual([]);
    },
  );

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

  test(
    "what is worked out is nobody's to set; owner, suppressions and company are the CRM's, and " +
      "a move is in the trail",
    async () => {
      const first = { "account.domain": "engines.test", "lead.emailKind": "business" };
      const then = {
        "account.domain": "looms.test",
        "account.owner": "rp_ann",
        "account.customer": false,
        "lead.doNotContact": false,
      };
      await deliver(change(1, { kind: "facts", facts: first }, 1), "e1");
      await deliver(change(2, { kind: "facts", facts: then }, 2), "e2");
      await process();
      expect(await openTasks()).toMatchObject([
        {
          kind: "dead-letter",
          subject_id: "ld_ada",
          detail: { why: "not as the agreement expects: lead.emailKind" },
        },
      ]);
      const [lead] = await world.all(`
      select l.facts ? 'lead.emailKind' as kind, a.domain, a.id,
        a.facts->'account.owner'->>'value' as owner,
        a.facts->'account.customer'->'value' as customer
      from lead l join account a on a.id = account_id where l.id = 'ld_ada'`);
      expect(lead).toMatchObject({
        kind: false,
        domain: "looms.test",
        owner: "rp_ann",
        customer: false,
      });
      const moves = await world.all(
        "select actor, subject, detail->>'to' as target from audit where what = 'lead.moved' " +
          "order by id desc limit 1",
      );
      expect(moves).toEqual([{ actor: "rp_ann", subject: "ld_ada", target: lead.id }]);
    },
  );

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
