import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { inTransaction, openPool, rows, sql, type Pool } from "../../store/db.ts";
import { addEffect, claimEffects, type Claimed } from "../../store/effects.ts";
import { erasePerson } from "../../store/erasure.ts";
import { houseTables } from "../../store/house.ts";
import { receive } from "../../store/inbox.ts";
import { keepMail } from "../../store/mail.ts";
import { createAgreements } from "../../store/agreements.ts";
import { processInbox } from "../../worker/inbox.ts";
import { smallAgreement } from "../support/small-agreement.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

const now = Date.parse("2026-11-23T15:00:00Z");
let db: FreshDatabase;
let pool: Pool;
beforeAll(async () => {
  db = await freshDatabase();
  pool = openPool(db.url);
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});
beforeEach(async () => {
  await pool.query(
    "truncate lead, inbox, effect, house_lead, kept_mail, import, idempotency_key cascade",
  );
  await pool.query(
    sql`insert into lead (id, email, crm_id, facts, arrived_at, stage_since) values ('ld_kim', 'kim@a.com', 'HL-100', ${{ "lead.name": { value: "Kim Example", from: "form", at: "2026-11-01T10:00:00Z" } }}, now(), now())`,
  );
});
const erase = () => inTransaction(pool, (tx) => erasePerson(tx, "ld_kim", "tn_1", now));
const left = async () =>
  (
    await rows<{ event_id: string }>(
      pool,
      sql`select event_id from inbox where payload <> '{}' and source <> 'baton:erased' order by event_id`,
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
])("an event that waits is somebody else's when it says %s %j", async (crmId, more) => {
  await receive(pool, { source: "crm:house", eventId: "e", payload: { crmId, ...more } }, now);
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
])("an event that says %j goes", async (payload) => {
  await receive(pool, { source: "crm:house", eventId: "e", payload }, now);
  await erase();
  expect(await left()).toEqual([]);
});

test("special characters of an address stand for themselves", async () => {
  await pool.query(sql`update lead set email = 'a+b.*(c)[d]|$^@a.com' where id = 'ld_kim'`);
  await receive(
    pool,
    { source: "crm:house", eventId: "e1", payload: { note: "to a+b.*(c)[d]|$^@a.com" } },
    now,
  );
  await receive(
    pool,
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
  await inTransaction(pool, async (tx) => {
    await erasePerson(tx, "ld_kim", "tn_1", now);
    keeping = keepMail(pool, mail, now);
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
  expect(await rows(pool, sql`select from kept_mail`)).toEqual([]);
});

const kim = { kind: "lead", id: "ld_kim" } as const;
const wantSync = () =>
  addEffect(
    pool,
    { key: "lead/ld_kim/1/sync-crm/1", subject: kim, kind: "sync-crm", what: "lead", payload: {} },
    now,
  );
const takeUp = () =>
  claimEffects(pool, kim, {
    kinds: ["sync-crm"],
    now,
    until: now + 35_000,
    connection: "crm:house",
  });

test("a sync that is taken up at that moment waits for the erasure, and finds nobody to write about", async () => {
  await wantSync();
  let claiming: Promise<Claimed> | undefined;
  await inTransaction(pool, async (tx) => {
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
      pool,
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
    ownerId: null,
    queue: null,
    leadType: null,
    band: null,
    territory: null,
    dueAt: null,
    reason: null,
  };
  await houseTables(pool, () => now).upsertLead({
    ...record,
    facts: { "lead.email": { value: "kim@a.com", at: new Date(now).toISOString() } },
  });
  const after = (ms: number) =>
    processInbox(
      { pool, agreements: createAgreements(() => smallAgreement), clock: () => now + ms },
      10,
    );
  await after(35_000);
  expect(await rows(pool, sql`select email from house_lead`)).toEqual([{ email: "kim@a.com" }]);
  await after(40_000);
  expect(await rows(pool, sql`select from house_lead`)).toEqual([]);
});
