import { beforeAll, beforeEach, expect, test } from "vitest";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { addEffect, claimEffects, type Claimed } from "../../../store/effects/effects.ts";
import { linesOfErased } from "../../../store/intake/erased.ts";
import { erasePerson } from "../../../store/intake/erasure.ts";
import { houseTables } from "../../../store/house/house.ts";
import { receive } from "../../../store/inbox/inbox.ts";
import { keepMail } from "../../../store/effects/mail.ts";
import { activate, createAgreements } from "../../../store/process/agreements.ts";
import { lockProcess } from "../../../store/process/load.ts";
import { take } from "../../../store/process/take.ts";
import { routingDispatcher } from "../../../store/routing/dispatcher.ts";
import { processInbox } from "../../../worker/inbox.ts";
import { smallAgreement } from "../../support/small-agreement.ts";
import { tracesIn } from "../../support/traces.ts";
import { withDatabase } from "../../support/database.ts";
import { insertLead } from "../../support/lead-rows.ts";

const now = Date.parse("2026-11-23T15:00:00Z");
const db = withDatabase({
  empties: [
    "lead",
    "process",
    "inbox",
    "effect",
    "house_lead",
    "kept_mail",
    "import",
    "idempotency_key",
  ],
});
beforeAll(async () => {
  await inTransaction(db.pool, (tx) => activate(tx, "the agreement of this test", "test", now));
});
beforeEach(async () => {
  await insertLead(db.pool, new Date(), {
    id: "ld_kim",
    email: "kim@a.com",
    crm_id: "HL-100",
    facts: { "lead.name": { value: "Kim Example", from: "form", at: "2026-11-01T10:00:00Z" } },
  });
});
const erase = () => inTransaction(db.pool, (tx) => erasePerson(tx, "ld_kim", "tn_1", now));
const left = async () =>
  (
    await rows<{ event_id: string }>(
      db.pool,
      sql`
        select event_id from inbox where payload <> '{}' and source <> 'baton:erased'
          order by event_id`,
    )
  ).map((one) => one.event_id);

test.each([
  ["HL-1001", {}],
  ["HL-10", {}],
  ["xHL-100", {}],
  ["HL-7", { note: "ask joakim@a.com" }],
  ["HL-7", { note: "kim@a.com.au" }],
  ["HL-7", { note: "kim@a.company" }],
  ["HL-7", { note: "jo.kim@a.com" }],
  ["HL-7", { note: "Kim Example" }],
  ["HL-7", { note: "ld_kimberley" }],
  ["HL-100", { record: "account" }],
])("an event that waits is somebody else's when it says %s %j", async (crmId, more) => {
  await receive(db.pool, { source: "crm:house", eventId: "e", payload: { crmId, ...more } }, now);
  await erase();
  expect(await left()).toEqual(["e"]);
});

test.each([
  { crmId: "HL-100" },
  { leadId: "ld_kim" },
  { note: "write to kim@a.com." },
  { note: "first line\nkim@a.com\nlast" },
  { note: "<KIM@A.COM>" },
  { facts: { "lead.email": "Kim@a.com" } },
  { note: "see http://baton/leads/ld_kim" },
  { crmId: "HA-7", record: "account", note: "see ld_kim" },
  { crmId: "HA-7", record: "account", note: "ask kim@a.com" },
])("an event that says %j goes", async (payload) => {
  await receive(db.pool, { source: "crm:house", eventId: "e", payload }, now);
  await erase();
  expect(await left()).toEqual([]);
});

test("special characters of an address stand for themselves", async () => {
  await db.pool.query(sql`update lead set email = 'a+b.*(c)[d]|$^@a.com' where id = 'ld_kim'`);
  await receive(
    db.pool,
    { source: "crm:house", eventId: "e1", payload: { note: "to a+b.*(c)[d]|$^@a.com" } },
    now,
  );
  await receive(
    db.pool,
    { source: "crm:house", eventId: "e2", payload: { note: "to aab@a.com" } },
    now,
  );
  await erase();
  expect(await left()).toEqual(["e2"]);
});

test("a mail written from what was known before waits for the erasure and is not kept", async () => {
  const mail = {
    messageId: "<1@baton>",
    to: "rep@example.com",
    subject: "Kim Example",
    text: "Kim",
    html: "Kim",
    headers: {},
    about: { leadId: "ld_kim", repId: null },
  };
  let keeping: Promise<void> | undefined;
  await inTransaction(db.pool, async (tx) => {
    await erasePerson(tx, "ld_kim", "tn_1", now);
    keeping = keepMail(db.pool, mail, now);
    await expect(
      Promise.race([
        keeping.then(() => "kept"),
        new Promise((resolve) => {
          setTimeout(() => resolve("waits"), 100);
        }),
      ]),
    ).resolves.toBe("waits");
  });
  await keeping;
  expect(await rows(db.pool, sql`select from kept_mail`)).toEqual([]);
});

test("a decision that is under way is waited for, also when it goes on to write a fact", async () => {
  let erasing: Promise<unknown> | undefined;
  await inTransaction(db.pool, async (tx) => {
    await lockProcess(tx, kim);
    erasing = erase();
    await expect(
      Promise.race([
        erasing.then(() => "erased"),
        new Promise((resolve) => {
          setTimeout(() => resolve("waits"), 100);
        }),
      ]),
    ).resolves.toBe("waits");
    await tx.query(
      sql`
        update lead set facts = facts ||
          '{"lead.timeline":{"value":"next quarter","from":"person","at":"2026-11-20T11:00:00Z"}}'
          where id = 'ld_kim'`,
    );
  });
  await erasing;
  expect(
    await rows(
      db.pool,
      sql`select facts, erased_at is not null as erased from lead where id = 'ld_kim'`,
    ),
  ).toEqual([{ facts: {}, erased: true }]);
});

const kim = { kind: "lead", id: "ld_kim" } as const;
const wantSync = () =>
  addEffect(
    db.pool,
    { key: "lead/ld_kim/1/sync-crm/1", subject: kim, kind: "sync-crm", what: "lead", payload: {} },
    now,
  );
const takeUp = () =>
  claimEffects(db.pool, kim, {
    kinds: ["sync-crm"],
    now,
    until: now + 35_000,
    connection: "crm:house",
  });

test("a sync that is taken up at that moment waits for the erasure, and finds nobody to write about", async () => {
  await wantSync();
  let claiming: Promise<Claimed> | undefined;
  await inTransaction(db.pool, async (tx) => {
    await erasePerson(tx, "ld_kim", "tn_1", now);
    claiming = takeUp();
    await expect(
      Promise.race([
        claiming.then(() => "claimed"),
        new Promise((resolve) => {
          setTimeout(() => resolve("waits"), 100);
        }),
      ]),
    ).resolves.toBe("waits");
  });
  expect(await claiming).toMatchObject({ effects: [{ what: "lead" }] });
  expect(
    await rows(
      db.pool,
      sql`select email, erased_at is not null as erased from lead where id = 'ld_kim'`,
    ),
  ).toEqual([{ email: null, erased: true }]);
});

test("a sync that was at work before is cleaned up after when it has ended, whatever it wrote", async () => {
  await wantSync();
  await takeUp();
  await erase();
  const record = {
    leadId: "ld_kim",
    crmId: null,
    accountCrmId: null,
    status: "mql",
    statusSince: now,
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
  };
  await houseTables(db.pool, () => now).upsertLead({
    ...record,
    facts: { "lead.email": { value: "kim@a.com", at: new Date(now).toISOString() } },
  });
  const after = (ms: number) =>
    processInbox(
      { pool: db.pool, agreements: createAgreements(() => smallAgreement), clock: () => now + ms },
      10,
    );
  await after(35_000);
  expect(await rows(db.pool, sql`select email from house_lead`)).toEqual([{ email: "kim@a.com" }]);
  await after(40_000);
  expect(await rows(db.pool, sql`select from house_lead`)).toEqual([]);
});

test("nothing of the person is left in decisions, whatever part of them told of it", async () => {
  const told = { note: "Kim Example of kim@a.com" };
  for (const [step, column] of [
    "input",
    "output",
    "situation",
    "changes",
    "answer",
    "result",
  ].entries()) {
    await db.pool.query(
      `
        insert into decision (subject_kind, subject_id, cycle, step, kind, at, agreement_id,
          ${column}) select 'lead', 'ld_kim', 1, $1, 'reject', now(), id, $2
          from agreement_version`,
      [step, JSON.stringify(told)],
    );
  }
  expect(
    (await tracesIn(db.pool, ["kim example"])).filter((place) => place.startsWith("decision.")),
  ).toHaveLength(6);
  await erase();
  expect(await tracesIn(db.pool, ["kim example", "kim@a.com"])).toEqual([]);
});

test("the decision that ends an erased person's process knows nothing of them", async () => {
  await db.pool.query(
    sql`
      insert into engagement (message_id, lead_id, type, occurred_at, received_at)
        values ('m1', 'ld_kim', 'asked about Kim Example', now(), now())`,
  );
  const deps = {
    pool: db.pool,
    agreements: createAgreements(() => smallAgreement),
    dispatcher: routingDispatcher(db.pool),
  };
  await take(deps, { subject: kim, key: "arrive", now, by: "process" }, { kind: "arrived" });
  expect(await tracesIn(db.pool, ["kim example"])).toContain("decision.situation: kim example");
  await erase();
  const standing = await take(
    deps,
    { subject: kim, key: "erased", now, by: "process" },
    { kind: "erased" },
  );
  expect(standing).toMatchObject({ stage: "disqualified", waitingOn: "nothing" });
  expect(await rows(db.pool, sql`select kind from decision where subject_id = 'ld_kim'`)).toEqual([
    { kind: "erased" },
  ]);
  expect(await tracesIn(db.pool, ["kim example", "kim@a.com"])).toEqual([]);
});

test("a refused row that names an erased person is found, whatever else stands in it", async () => {
  await erase();
  // As an expression that is tried at every letter, this would take minutes.
  const quotes = `a${'"'.repeat(300_000)}b`;
  const lines = [`1,"kim@a.com",${quotes}`, `'HL-100';${quotes}`, `1,"lee@a.com",${quotes}`];
  expect(await linesOfErased(db.pool, lines)).toEqual(new Set(lines.slice(0, 2)));
});
