import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { inTransaction, openPool, rows, sql, type Pool } from "../../store/db.ts";
import { erasePerson } from "../../store/erasure.ts";
import { receive } from "../../store/inbox.ts";
import { keepMail } from "../../store/mail.ts";
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
  await pool.query("truncate lead, inbox, kept_mail, import, idempotency_key cascade");
  await pool.query(sql`insert into lead (id, email, crm_id, facts, arrived_at, stage_since) values ('ld_kim', 'kim@a.com', 'HL-100', ${{ "lead.name": { value: "Kim Example", from: "form", at: "2026-11-01T10:00:00Z" } }}, now(), now())`);
});
const erase = () => inTransaction(pool, (tx) => erasePerson(tx, "ld_kim", "tn_1", now));
const left = async () => (await rows<{ event_id: string }>(pool, sql`select event_id from inbox where payload <> '{}' and source <> 'baton:erased' order by event_id`)).map((one) => one.event_id);

test.each([
  ["HL-1001", {}], ["HL-10", {}], ["xHL-100", {}], ["HL-7", { note: "ask joakim@a.com" }], ["HL-7", { note: "kim@a.com.au" }], ["HL-7", { note: "kim@a.company" }], ["HL-7", { note: "jo.kim@a.com" }], ["HL-7", { note: "Kim Example" }], ["HL-7", { note: "ld_kimberley" }],
])("an event that waits is somebody else's when it says %s %j", async (crmId, more) => {
  await receive(pool, { source: "crm:house", eventId: "e", payload: { crmId, ...more } }, now);
  await erase();
  expect(await left()).toEqual(["e"]);
});

test.each([{ crmId: "HL-100" }, { leadId: "ld_kim" }, { note: "write to kim@a.com." }, { note: "first line\nkim@a.com\nlast" }, { note: "<KIM@A.COM>" }, { facts: { "lead.email": "Kim@a.com" } }, { note: "see http://baton/leads/ld_kim" }])("an event that says %j goes", async (payload) => {
  await receive(pool, { source: "crm:house", eventId: "e", payload }, now);
  await erase();
  expect(await left()).toEqual([]);
});

test("special characters of an address stand for themselves", async () => {
  await pool.query(sql`update lead set email = 'a+b.*(c)[d]|$^@a.com' where id = 'ld_kim'`);
  await receive(pool, { source: "crm:house", eventId: "e1", payload: { note: "to a+b.*(c)[d]|$^@a.com" } }, now);
  await receive(pool, { source: "crm:house", eventId: "e2", payload: { note: "to aab@a.com" } }, now);
  await erase();
  expect(await left()).toEqual(["e2"]);
});

test("a mail written from what was known before waits for the erasure and is not kept", async () => {
  const mail = { messageId: "<1@baton>", to: "rep@example.com", subject: "Kim Example", text: "Kim", html: "Kim", headers: {}, about: { leadId: "ld_kim", repId: null } };
  let keeping: Promise<void> | undefined;
  await inTransaction(pool, async (tx) => {
    await erasePerson(tx, "ld_kim", "tn_1", now);
    keeping = keepMail(pool, mail, now);
    await expect(Promise.race([keeping.then(() => "kept"), new Promise((resolve) => { setTimeout(() => resolve("waits"), 100); })])).resolves.toBe("waits");
  });
  await keeping;
  expect(await rows(pool, sql`select from kept_mail`)).toEqual([]);
});
