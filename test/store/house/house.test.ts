import { expect, test } from "vitest";
import { houseTables } from "../../../store/house/house.ts";
import { houseLead, houseLeads, houseOpportunity, houseTasks } from "../../../store/house/rows.ts";
import {
  changeHouseOpportunity,
  mergeHouseLeads,
  openHouseOpportunity,
  setHouseFacts,
  setHouseStatus,
} from "../../../store/house/user.ts";
import { someLead } from "../../crm/contract.ts";
import { withDatabase } from "../../support/database.ts";

const now = Date.parse("2026-11-20T13:00:00Z");
const db = withDatabase({ max: 24 });
let n = 0;

const tables = () => houseTables(db.pool, () => now);
async function made(): Promise<string> {
  const answer = await tables().upsertLead(someLead(`h${n++}`));
  if (answer.kind !== "written") throw new Error(answer.kind);
  return answer.ref.crmId;
}
const inbox = async (crmId: string) =>
  (
    await db.pool.query(
      "select event_id, payload from inbox where payload->>'crmId' = $1 order by id",
      [crmId],
    )
  ).rows;

test("a user's change and its event are one: both are there, or neither", async () => {
  const crmId = await made();
  await setHouseStatus(db.pool, crmId, "rp_ann", { status: "sal" }, now);
  expect(await inbox(crmId)).toMatchObject([
    {
      event_id: `${crmId}-1`,
      payload: {
        sequence: 1,
        by: "rp_ann",
        at: "2026-11-20T13:00:00.000Z",
        what: { kind: "status", status: "sal" },
      },
    },
  ]);
  await db.pool.query(
    "alter table house_change add constraint no_more check (event_id not like '%-2') not valid",
  );
  await expect(setHouseStatus(db.pool, crmId, "rp_ann", { status: "sql" }, now)).rejects.toThrow(
    /no_more/,
  );
  await db.pool.query("alter table house_change drop constraint no_more");
  expect(await houseLead(db.pool, crmId)).toMatchObject({ status: "sal", sequence: 1 });
  expect(await inbox(crmId)).toHaveLength(1);
});

test("changes of many users at once are numbered without gaps", async () => {
  const crmId = await made();
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      setHouseFacts(db.pool, crmId, "rp_ann", { "lead.title": `T${i}` }, now),
    ),
  );
  expect((await inbox(crmId)).map((row) => row.payload.sequence).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test("what Baton writes is no event", async () => {
  const crmId = await made();
  await tables().upsertTask({
    key: `${crmId}/t`,
    leadCrmId: crmId,
    ownerId: null,
    subject: "Call",
    dueAt: null,
  });
  await tables().addNote({ key: `${crmId}/n`, leadCrmId: crmId, body: "x", at: now });
  await tables().upsertOpportunity({
    key: `op_${crmId}`,
    leadCrmId: crmId,
    stage: "open",
    amountMinor: null,
    currency: null,
  });
  expect(await inbox(crmId)).toEqual([]);
});

test("a user and Baton writing the same record at once lose nothing of each other", async () => {
  const crmId = await made();
  const id = (await houseLead(db.pool, crmId))!.leadId!.replace("ld_", "");
  await Promise.all([
    ...Array.from({ length: 10 }, (_, i) =>
      setHouseFacts(db.pool, crmId, "rp_ann", { [`lead.x${i}`]: i }, now),
    ),
    ...Array.from({ length: 10 }, (_, i) =>
      tables().upsertLead(someLead(id, { band: "ABCD"[i % 4]!, territory: `t${i}` })),
    ),
  ]);
  const lead = await houseLead(db.pool, crmId);
  for (let i = 0; i < 10; i++) expect(lead?.facts[`lead.x${i}`]?.value).toBe(i);
  expect(lead?.territory).toMatch(/^t\d$/);
});

test("a merge moves what hangs on the loser, and nobody finds the loser any more", async () => {
  const [loser, survivor] = [await made(), await made()];
  await tables().upsertTask({
    key: `${loser}/t`,
    leadCrmId: loser,
    ownerId: null,
    subject: "Call",
    dueAt: null,
  });
  expect(await mergeHouseLeads(db.pool, loser, survivor, "rp_ann", now)).toMatchObject({
    kind: "done",
  });
  expect(
    (await houseTasks(db.pool, { leadId: survivor, limit: 10 })).map((task) => task.key),
  ).toEqual([`${loser}/t`]);
  expect((await houseLeads(db.pool, { limit: 100 })).map((lead) => lead.id)).not.toContain(loser);
  expect(await setHouseStatus(db.pool, loser, "rp_ann", { status: "sal" }, now)).toEqual({
    kind: "missing",
  });
  expect(await mergeHouseLeads(db.pool, survivor, survivor, "rp_ann", now)).toMatchObject({
    kind: "refused",
    field: "into",
  });
  expect(await mergeHouseLeads(db.pool, survivor, loser, "rp_ann", now)).toMatchObject({
    kind: "refused",
    field: "into",
  });
});

test("an opportunity changes only what was said", async () => {
  const crmId = await made();
  await openHouseOpportunity(
    db.pool,
    crmId,
    "rp_ann",
    { stage: "open", dealStage: "Discovery", amountMinor: 100, currency: "EUR" },
    now,
  );
  const {
    rows: [row],
  } = await db.pool.query("select id from house_opportunity where lead_id = $1", [crmId]);
  await changeHouseOpportunity(db.pool, row.id, "rp_ann", { stage: "won" }, now);
  // Where it stood in the selling is over, and a worker that knows no deal stage reads the win.
  const { opportunity } = (await inbox(crmId)).at(-1).payload.what;
  expect(opportunity).toMatchObject({ stage: "won", amountMinor: 100, currency: "EUR" });
  expect(opportunity).not.toHaveProperty("dealStage");
  expect(await houseOpportunity(db.pool, row.id)).toMatchObject({ dealStage: "Discovery" });
  expect(await changeHouseOpportunity(db.pool, "HO-none", "rp_ann", { stage: "won" }, now)).toEqual(
    {
      kind: "missing",
    },
  );
});
