import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createEffectActivities, createEffects } from "../../activities/effects.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createHouseCrm } from "../../crm/house/house.ts";
import { mergeAccounts } from "../../store/accounts/merge.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { houseTables } from "../../store/house/house.ts";
import { receive } from "../../store/inbox/inbox.ts";
import { erasePerson } from "../../store/intake/erasure.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { lockProcess } from "../../store/process/load.ts";
import { takeRoute } from "../../store/process/take.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import { processInbox } from "../../worker/inbox.ts";
import { flaggedAccount } from "../support/flagged-account.ts";
import { insertLead } from "../support/lead-rows.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
let id: string;
let rep: "one" | "two";
/** The company's record in the built-in CRM. */
let record: string;
let n = 0;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  ({ id, rep } = await flaggedAccount(world, `engines${n++}.com`));
  await carryOut();
  record = (
    await rows<{ id: string }>(
      world.pool,
      sql`select id from house_account where external_id = ${id}`,
    )
  )[0]!.id;
});

const later = (minutes = 1) => world.setNow(world.now() + minutes * 60_000);
const other = () => (rep === "one" ? "two" : "one");

/** What a user of the CRM does to the company, and what Baton makes of it. */
async function does(place: string, body: Record<string, unknown>, by = `rp_${rep}`) {
  later();
  const answer = await world.ask("POST", `/house/accounts/${record}/${place}`, {
    as: "crm",
    body: { by, ...body },
  });
  expect([place, answer.status, answer.body.detail]).toEqual([place, 200, undefined]);
  later();
  const taken = await heard();
  await carryOut();
  return taken;
}
const heard = () =>
  processInbox(
    { pool: world.pool, agreements: createAgreements(agreementOf), clock: () => world.now() },
    100,
  );
/** What its process asks for when somebody is to have it. */
async function routed(): Promise<void> {
  const { pool, pools } = world;
  const dispatcher = routingDispatcher(pools.routing);
  const ask = {
    subject: { kind: "account", id },
    key: `${id}/routed/${n++}`,
    by: "process",
  } as const;
  const agreements = createAgreements(agreementOf);
  await takeRoute({ pool, agreements, dispatcher }, { ...ask, now: world.now() });
  await carryOut();
}
async function carryOut(): Promise<void> {
  const { carryOut: activity } = createEffectActivities(
    createEffects({
      pool: world.pool,
      crm: createHouseCrm(houseTables(world.pool, () => world.now())),
      mail: createKeptMail((mail) => keepMail(world.pool, mail, world.now())),
      publicUrl: "http://baton.test",
      clock: () => world.now(),
    }),
  );
  const environment = new MockActivityEnvironment(
    { isLocal: false },
    { logger: new DefaultLogger("ERROR") },
  );
  await environment.run(activity, { kind: "account" as const, id });
}

const account = async () => (await world.ask("GET", `/accounts/${id}`)).body;
const inCrm = async () => (await world.ask("GET", `/house/accounts/${record}`)).body.handoff;
const actions = () =>
  rows<{ name: string; by_id: string; via: string; done: boolean }>(
    world.pool,
    sql`
    select name, by_id, via, (result ->> 'done')::boolean as done from action
      where account_id = ${id} order by received_at, id`,
  );
const drift = () =>
  rows<{ why: string | null }>(
    world.pool,
    sql`
    select detail ->> 'why' as why from task where subject_kind = 'account'
      and subject_id = ${id} and kind = 'crm-drift' and state = 'open'`,
  );
const mails = async () =>
  (
    await rows<{ subject: string }>(
      world.pool,
      sql`select subject from kept_mail order by sent_at desc, message_id limit 3`,
    )
  ).map(({ subject }) => subject);

describe("what a user of the CRM does to a company that was handed off", () => {
  test("a call and an accept are the account's, for what its record showed, once", async () => {
    expect(await inCrm()).toMatchObject({ seen: { stage: "mql", cycle: 1, round: 1 } });
    expect(await does("outreach", { channel: "call", outcome: "connected" })).toBe(1);
    expect(await does("status", { status: "sal", fitRating: 5 })).toBe(1);
    expect(await actions()).toEqual([
      { name: "logOutreach", by_id: `rp_${rep}`, via: "crm", done: true },
      { name: "accept", by_id: `rp_${rep}`, via: "crm", done: true },
    ]);
    expect(await account()).toMatchObject({ handoff: { stage: "sal" } });
    expect(await inCrm()).toMatchObject({ status: "sal", slaState: "met" });
    // Told again, as a webhook beside a pull may, and late: nothing.
    const told = await rows<{ event_id: string; payload: unknown }>(
      world.pool,
      sql`select event_id, payload from house_change where lead_id = ${record} order by n`,
    );
    expect(told.length).toBe(2);
    for (const { event_id, payload } of told) {
      const again = { source: "crm:house", eventId: event_id, payload };
      expect(await receive(world.pool, again, world.now())).toBe(false);
      await receive(world.pool, { ...again, eventId: `again-${event_id}` }, world.now());
    }
    expect(await heard()).toBe(2);
    expect((await actions()).filter(({ done }) => done).length).toBe(2);
    expect(await account()).toMatchObject({ handoff: { stage: "sal" } });
  });

  test("is the company's, also where an erased person had the id of its record", async () => {
    const { pool } = world;
    const person = `ld_same${n++}`;
    await insertLead(pool, new Date(world.now()), { id: person, crm_id: record });
    const body = { by: `rp_${rep}`, status: "sal", fitRating: 4 };
    await world.ask("POST", `/house/accounts/${record}/status`, { as: "crm", body });
    await inTransaction(pool, (tx) => erasePerson(tx, person, "tn_1", world.now()));
    later();
    expect(await heard()).toBe(1);
    expect(await actions()).toMatchObject([{ name: "accept", done: true }]);
    await does("outreach", { channel: "call", outcome: "connected" });
    expect((await actions()).at(-1)).toMatchObject({ name: "logOutreach", done: true });
  });

  test("what Baton wrote does not come back, and the note of a call is the company's", async () => {
    await does("outreach", { channel: "email", outcome: "attempted" });
    await carryOut();
    expect(await heard()).toBe(0);
    const notes = await world.ask("GET", `/house/notes?account=${record}`);
    expect(notes.body.items).toMatchObject([
      { accountId: record, leadId: null, body: "email: attempted", by: `rp_${rep}` },
    ]);
  });

  test("another owner is a reassignment; nobody, or one whom nobody knows, is a task, and put right", async () => {
    await does("owner", { owner: `rp_${other()}` }, "rp_boss");
    await routed();
    expect(await account()).toMatchObject({ handoff: { owner: `rp_${other()}` } });
    expect(await inCrm()).toMatchObject({ owner: `rp_${other()}`, round: 2 });
    for (const [owner, why] of [
      [null, "nobody has it in the CRM"],
      ["somebody-else", "its owner in the CRM is not known"],
    ] as const) {
      await does("owner", { owner }, "rp_boss");
      expect(await inCrm()).toMatchObject({ owner: `rp_${other()}` });
      expect(await drift()).toEqual([{ why }]);
    }
  });

  test("a rejection has its reason; one without a reason of the agreement is refused, its author told, and the record put right", async () => {
    await does("status", { status: "rejected", reason: "not-ready" });
    expect(await actions()).toMatchObject([{ name: "reject", done: false }]);
    expect(await inCrm()).toMatchObject({ status: "mql", reason: null });
    expect((await mails()).join("\n")).toContain("Not taken");
    await does("status", { status: "rejected", reason: "unsupported-use-case" });
    expect(await account()).toMatchObject({ handoff: { stage: "disqualified" } });
    expect(await inCrm()).toMatchObject({
      status: "disqualified",
      reason: "unsupported-use-case",
    });
  });

  test("a status to which no action leads is a task, and the record is put right", async () => {
    await does("status", { status: "nurture" });
    expect(await inCrm()).toMatchObject({ status: "mql" });
    expect(await actions()).toEqual([]);
  });

  test("a decision for an offer that is over is refused", async () => {
    const shown = (await inCrm()).seen;
    await does("owner", { owner: `rp_${other()}` }, "rp_boss");
    await routed();
    await does("status", { status: "sal", seen: shown });
    expect((await actions()).at(-1)).toMatchObject({ name: "accept", done: false });
    expect(await account()).toMatchObject({ handoff: { stage: "mql" } });
  });
});

test("what is said on the record of an account that was merged away is the survivor's, and the record is put right", async () => {
  const { id: survivorId } = await flaggedAccount(world, `survivor${n++}.com`);
  await world.pool.query(sql`
    update process set owner_id = ${`rp_${other()}`} where subject_id = ${survivorId}`);
  await inTransaction(world.pool, (tx) =>
    mergeAccounts(tx, { survivorId, loserId: id, by: "test" }, world.now()),
  );
  for (const owner of [`rp_${other()}`, null]) {
    await does("owner", { owner }, "rp_boss");
    expect(await inCrm()).toMatchObject({ owner: `rp_${rep}` });
  }
  await does("outreach", { channel: "call", outcome: "connected" }, `rp_${other()}`);
  expect(await actions()).toEqual([]);
});

describe("an attempt on a person of the account, told by the CRM", () => {
  /** A person of the company, whom its rep has. */
  async function person(): Promise<string> {
    const lead = await world.lead(`rp_${rep}`);
    await world.pool.query(sql`update lead set account_id = ${id} where id = ${lead}`);
    return lead;
  }
  async function callTo(lead: string, times: { at: number; occurredAt: number }): Promise<void> {
    const what = {
      kind: "outreach",
      channel: "call",
      outcome: "connected",
      occurredAt: new Date(times.occurredAt).toISOString(),
    };
    const told = { id: `call-${lead}`, crmId: `HL-${lead}`, leadId: lead, sequence: null };
    const payload = { ...told, at: new Date(times.at).toISOString(), by: `rp_${rep}`, what };
    await receive(world.pool, { source: "crm:house", eventId: told.id, payload }, world.now());
  }
  const done = async (lead: string) =>
    (
      await rows<{ done: boolean }>(
        world.pool,
        sql`select (result ->> 'done')::boolean as done from action where lead_id = ${lead}`,
      )
    ).map((one) => one.done);
  const putRight = () =>
    rows<{ key: string }>(
      world.pool,
      sql`
      select key from effect where subject_id = ${id} and key like ${`account/${id}/refused/%`}`,
    );

  test("counts for the account as of when it was received, also when it is dated ahead", async () => {
    const lead = await person();
    const at = world.now() + 60_000;
    later(2);
    await world.pool.query(sql`
      update handoff set mql_at = ${new Date(world.now())} where subject_id = ${id}`);
    later();
    await callTo(lead, { at, occurredAt: world.now() });
    await heard();
    expect(await done(lead)).toEqual([true]);
    expect(await actions()).toEqual([]);
    const another = await person();
    later();
    await callTo(another, { at: world.now(), occurredAt: world.now() + 60_000 });
    await heard();
    expect(await done(another)).toEqual([true]);
    expect(await actions()).toMatchObject([{ name: "logOutreach", done: true }]);
  });

  test("is not put right on the company's record, and nobody told, where somebody else has it by then", async () => {
    const lead = await person();
    later();
    await callTo(lead, { at: world.now(), occurredAt: world.now() });
    let hearing: Promise<unknown> | undefined;
    await inTransaction(world.pool, async (tx) => {
      await lockProcess(tx, { kind: "account", id });
      hearing = heard();
      await expect
        .poll(async () => (await rows(tx, sql`select from pg_locks where not granted`)).length)
        .toBeGreaterThan(0);
      await tx.query(sql`
        update process set owner_id = ${`rp_${other()}`}
        where subject_kind = 'account' and subject_id = ${id}`);
    });
    await hearing;
    expect(await done(lead)).toEqual([true]);
    expect(await actions()).toMatchObject([{ name: "logOutreach", done: false }]);
    expect(await putRight()).toEqual([]);
  });
});

describe("news that cannot be used", () => {
  const change = (more: Record<string, unknown>) => ({
    id: `x${n++}`,
    crmId: record,
    record: "account",
    leadId: null,
    accountId: id,
    sequence: null,
    at: new Date(world.now()).toISOString(),
    by: `rp_${rep}`,
    what: { kind: "owner", owner: `rp_${other()}` },
    ...more,
  });

  test.each([
    ["what.kind", { what: { kind: "deleted" } }],
    ["what.kind", { what: { kind: "facts", facts: { "account.name": "X" } } }],
    ["leadId", { leadId: "ld_1" }],
    ["accountId", { record: undefined }],
  ])("is a person's task that names %s, and nothing else", async (field, more) => {
    const payload = change(more);
    await receive(world.pool, { source: "crm:house", eventId: payload.id, payload }, world.now());
    expect(await heard()).toBe(1);
    const [row] = await rows<{ error: string }>(
      world.pool,
      sql`select error from inbox where event_id = ${payload.id}`,
    );
    expect(row?.error).toBe(`the event's field ${field} is not as expected`);
    expect(await actions()).toEqual([]);
  });

  test.each([
    ["a company", { what: { kind: "deleted" } }],
    ["a company, as nobody knows it here", { what: { kind: "renamed", name: "X" } }],
    [
      "a company, by a way that nobody knows",
      {
        what: {
          kind: "outreach",
          channel: "fax",
          outcome: "connected",
          occurredAt: "2026-11-23T15:00:00Z",
        },
      },
    ],
  ])("of %s holds up none that comes after it", async (_, more) => {
    const first = change({ ...more, sequence: 1 });
    const then = change({ sequence: 2, what: { kind: "status", status: "sal" } });
    for (const payload of [then, first])
      await receive(world.pool, { source: "crm:house", eventId: payload.id, payload }, world.now());
    await heard();
    expect(await actions()).toMatchObject([{ name: "accept", done: true }]);
    const tasks = await rows<{ n: number }>(
      world.pool,
      sql`
      select count(*)::int as n from task where subject_kind = 'account' and subject_id = ${id}
        and kind = 'dead-letter'`,
    );
    expect(tasks).toEqual([{ n: 1 }]);
  });

  test("about a company that was never handed off waits a minute, then is a task", async () => {
    const payload = change({ crmId: "HA-none", accountId: null });
    await receive(world.pool, { source: "crm:house", eventId: payload.id, payload }, world.now());
    expect(await heard()).toBe(1);
    later(2);
    expect(await heard()).toBe(1);
    const [row] = await rows<{ error: string }>(
      world.pool,
      sql`select error from inbox where event_id = ${payload.id}`,
    );
    expect(row?.error).toBe("the record belongs to no account of ours that was handed off");
  });

  test("an act on a company that was never handed off is refused where it is entered", async () => {
    const made = await rows<{ id: string }>(
      world.pool,
      sql`
      insert into house_account (external_id, changed_at)
        values (${`ac_quiet${n++}`}, ${new Date(world.now())}) returning id`,
    );
    const answer = await world.ask("POST", `/house/accounts/${made[0]?.id}/status`, {
      as: "crm",
      body: { by: "rp_one", status: "sal" },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toContain("handed off");
  });
});
