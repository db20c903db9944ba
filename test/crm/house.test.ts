import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CrmBusy, CrmDown, CrmRefused, CrmUnauthorized, type CrmPort } from "../../crm/crm.ts";
import { signWebhook } from "../../crm/webhook.ts";
import { changePayload } from "../../store/inbox/crm-change.ts";
import { createHouseCrm } from "../../crm/house/house.ts";
import { openPool, type Pool } from "../../store/postgres/db.ts";
import { houseTables } from "../../store/house/house.ts";
import { houseOpportunities } from "../../store/house/rows.ts";
import {
  changeHouseOpportunity,
  deleteHouseLead,
  mergeHouseLeads,
  openHouseOpportunity,
  setHouseFacts,
  setHouseStatus,
  setHouseTrouble,
} from "../../store/house/user.ts";
import {
  logHouseAccountOutreach,
  setHouseAccountOwner,
  setHouseAccountStatus,
} from "../../store/house/user-of-accounts.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";
import { crmContract, someLead } from "./contract.ts";

let database: FreshDatabase;
let pool: Pool;
let crm: CrmPort;
const now = () => Date.now();

beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, { max: 24 });
  crm = createHouseCrm(houseTables(pool, now));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(() => setHouseTrouble(pool, null));

const secretOf = (word: string) => `whsec_${Buffer.from(word.padEnd(24, "-")).toString("base64")}`;
crmContract("the built-in CRM", () => ({
  crm,
  webhook: (change, at) => {
    const payload = changePayload(change);
    const body = JSON.stringify(payload);
    const headers = signWebhook(secretOf("ours"), { id: change.id, at, body });
    const request = {
      method: "POST",
      address: "http://baton.test/webhooks/house",
      header: (name: string) => (headers as unknown as Record<string, string>)[name],
      body: new TextEncoder().encode(body),
    };
    return { request, payload, secret: secretOf("ours") };
  },
  otherSecret: secretOf("theirs"),
  user: {
    changePhone: async (crmId, phone) => {
      await setHouseFacts(pool, crmId, "rp_ann", { "lead.phone": phone }, now());
    },
    setStatus: async (crmId, status) => {
      await setHouseStatus(pool, crmId, "rp_ann", { status }, now());
    },
    giveAccount: async (crmId, owner) => {
      await setHouseAccountOwner(pool, crmId, "rp_ann", owner, now());
    },
    acceptAccount: async (crmId) => {
      await setHouseAccountStatus(pool, crmId, "rp_ann", { status: "sal" }, now());
    },
    logCallToAccount: async (crmId) => {
      const call = { channel: "call", outcome: "connected", occurredAt: now() };
      await logHouseAccountOutreach(pool, crmId, "rp_ann", call, now());
    },
    openOpportunity: async (crmId, dealStage) => {
      const wish = { stage: "open", dealStage, amountMinor: 100, currency: "EUR" } as const;
      await openHouseOpportunity(pool, crmId, "rp_ann", wish, now());
      const [made] = await houseOpportunities(pool, { leadId: crmId, limit: 1 });
      if (!made) throw new Error("the opportunity was not opened");
      return made.id;
    },
    moveOpportunity: async (id, dealStage) => {
      await changeHouseOpportunity(pool, id, "rp_ann", { dealStage }, now());
    },
    winOpportunity: async (id) => {
      await changeHouseOpportunity(pool, id, "rp_ann", { stage: "won" }, now());
    },
    merge: async (crmId, into) => {
      await mergeHouseLeads(pool, crmId, into, "rp_ann", now());
    },
    remove: async (crmId) => {
      await deleteHouseLead(pool, crmId, "rp_ann", now());
    },
  },
}));

test("a change of a kind that is not known here is passed over, and holds up none", async () => {
  const { rows } = await pool.query("select coalesce(max(n), 0)::int as n from house_change");
  const cursor = String(rows[0].n);
  const { crmId } = await crm.upsertLead(someLead("unheard"));
  await pool.query(
    `insert into house_change (event_id, lead_id, payload, at)
      values ('unheard-of', $1, '{"what":{"kind":"sung"}}', now())`,
    [crmId],
  );
  expect(await crm.changesSince(cursor, 1)).toMatchObject({ changes: [], more: true });
  await setHouseStatus(pool, crmId, "rp_ann", { status: "sal" }, now());
  const { changes, cursor: after } = await crm.changesSince(cursor, 10);
  expect(changes).toMatchObject([{ crmId, what: { kind: "status" } }]);
  expect((await crm.changesSince(after, 10)).changes).toEqual([]);
});

describe("a rehearsed outage", () => {
  test.each([
    ["down", CrmDown],
    ["busy", CrmBusy],
    ["unauthorized", CrmUnauthorized],
    ["refused", CrmRefused],
  ] as const)("%s is answered as a CRM would, and nothing is written", async (kind, error) => {
    await setHouseTrouble(pool, { kind, waitMs: 1_500, field: "lead.phone" });
    await expect(crm.upsertLead(someLead(`trouble-${kind}`))).rejects.toThrow(error);
    await setHouseTrouble(pool, null);
    expect(await crm.findLead({ leadId: `ld_trouble-${kind}` })).toBeNull();
  });

  test("that begins while all was calm shows when the calm is over, and its end shows at once", async () => {
    const calm = createHouseCrm(houseTables(pool, now), { calmForMs: 200 });
    await calm.upsertLead(someLead("calm"));
    const seen = performance.now();
    await setHouseTrouble(pool, { kind: "down" });
    await expect
      .poll(
        () =>
          calm.findLead({ leadId: "ld_calm" }).then(
            () => "found",
            (error: Error) => error.name,
          ),
        { interval: 10 },
      )
      .toBe("CrmDown");
    expect(performance.now() - seen).toBeLessThan(1_000);
    await setHouseTrouble(pool, null);
    expect(await calm.findLead({ leadId: "ld_calm" })).not.toBeNull();
  });

  test("a slow CRM is waited for no longer than the caller says", async () => {
    await setHouseTrouble(pool, { kind: "slow", waitMs: 60_000 });
    const hurry = AbortSignal.timeout(50);
    await expect(crm.upsertLead(someLead("slow"), hurry)).rejects.toThrow(CrmDown);
  });
});

test("tables that cannot be reached are a CRM that is down, and the error quotes nothing", async () => {
  const nowhere = openPool("postgres://nobody:secret@127.0.0.1:1/none");
  const far = createHouseCrm(houseTables(nowhere, now));
  const told: unknown = await far
    .findLead({ email: "ada@engines.test" })
    .catch((error: unknown) => error);
  expect(told).toBeInstanceOf(CrmDown);
  expect((told as Error).message).not.toMatch(/secret|ada/);
  await nowhere.end();
});

test("a record that the CRM had before is taken over, not doubled; one that is another lead's is not", async () => {
  await pool.query(
    "insert into house_lead (id, email, status, status_since, changed_at) values ('HL-old', " +
      "'old@engines.test', 'new', now(), now())",
  );
  expect((await crm.upsertLead(someLead("old", { crmId: "HL-old" }))).crmId).toBe("HL-old");
  await expect(crm.upsertLead(someLead("other", { crmId: "HL-old" }))).rejects.toThrow(CrmRefused);
});
