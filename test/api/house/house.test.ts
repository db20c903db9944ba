import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { houseRoutes } from "../../../api/house/house.ts";
import { webhookRoutes } from "../../../api/webhooks.ts";
import { signWebhook } from "../../../crm/webhook.ts";
import { houseTables } from "../../../store/house/house.ts";
import { someLead } from "../../crm/contract.ts";
import { apiWorld, type ApiWorld } from "../../support/api-world.ts";
import { smallAgreement } from "../../support/small-agreement.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const secret = `whsec_${Buffer.from("a secret of this test").toString("base64")}`;
let world: ApiWorld;
let crmId: string;
let n = 0;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [
    houseRoutes,
    (deps) => webhookRoutes({ ...deps, webhookSecrets: { house: [secret] } }),
  ]);
  await world.pool.query(
    "insert into rep (id, name, email, updated_at) values ('rp_ann', 'Ann', 'ann@sales.test', now())",
  );
});
afterAll(() => world.close());
beforeEach(async () => {
  const answer = await houseTables(world.pool, () => now).upsertLead(someLead(`api${n++}`));
  crmId = answer.kind === "written" ? answer.ref.crmId : "";
});

const ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  world.ask(method, path, body, "crm", headers);
const events = async (id = crmId) =>
  (
    await world.pool.query("select payload from inbox where payload->>'crmId' = $1 order by id", [
      id,
    ])
  ).rows.map((row) => row.payload.what);

describe("a person using the built-in CRM", () => {
  test("sees the lead as Baton wrote it", async () => {
    const { status, body } = await ask("GET", `/house/leads/${crmId}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: crmId,
      status: "mql",
      owner: "rp_ann",
      leadType: "demo-request",
      dueAt: expect.stringMatching(/Z$/),
      facts: { "lead.phone": { value: "1" } },
    });
    expect(
      (await ask("GET", `/house/leads?q=${encodeURIComponent(body.email)}`)).body,
    ).toMatchObject({ items: [{ id: crmId }], next: null });
  });

  test(
    "accepts, rejects with a reason, logs a call, changes facts, opens an opportunity and wins " +
      "it, each told as an event",
    async () => {
      expect(
        (
          await ask("POST", `/house/leads/${crmId}/outreach`, {
            by: "rp_ann",
            channel: "call",
            outcome: "connected",
          })
        ).status,
      ).toBe(200);
      expect(
        (
          await ask("POST", `/house/leads/${crmId}/status`, {
            by: "rp_ann",
            status: "sal",
            fitRating: 5,
          })
        ).body,
      ).toMatchObject({ status: "sal" });
      expect(
        (
          await ask("PATCH", `/house/leads/${crmId}`, {
            by: "rp_ann",
            facts: { "lead.phone": "2" },
          })
        ).body.facts["lead.phone"].value,
      ).toBe("2");
      await ask("POST", `/house/leads/${crmId}/opportunities`, {
        by: "rp_ann",
        dealStage: "Discovery",
        amountMinor: 5_000,
        currency: "EUR",
      });
      const {
        body: {
          items: [opportunity],
        },
      } = await ask("GET", `/house/opportunities?lead=${crmId}`);
      expect(opportunity).toMatchObject({ stage: "open", dealStage: "Discovery" });
      await ask("PATCH", `/house/opportunities/${opportunity.id}`, {
        by: "rp_ann",
        dealStage: "Proposal",
      });
      expect(
        (
          await ask("PATCH", `/house/opportunities/${opportunity.id}`, {
            by: "rp_ann",
            stage: "won",
          })
        ).status,
      ).toBe(200);
      expect((await ask("GET", `/house/opportunities/${opportunity.id}`)).body).toMatchObject({
        stage: "won",
        dealStage: "Proposal",
        amountMinor: 5_000,
        currency: "EUR",
      });
      expect(
        (
          await ask("POST", `/house/leads/${crmId}/status`, {
            by: "rp_ann",
            status: "rejected",
            reason: "dated-timing",
            revisitOn: "2027-01-31",
          })
        ).body,
      ).toMatchObject({ reason: "dated-timing" });
      expect((await events()).map((what: { kind: string }) => what.kind)).toEqual([
        "outreach",
        "status",
        "facts",
        "opportunity",
        "opportunity",
        "opportunity",
        "status",
      ]);
      expect((await ask("GET", `/house/notes?lead=${crmId}`)).body.items).toMatchObject([
        { body: "call: connected", by: "rp_ann" },
      ]);
    },
  );

  test("sends what the page showed with each action: the record's own, or what the user's page named", async () => {
    const page = (await ask("GET", `/house/leads/${crmId}`)).body;
    expect(page.seen).toEqual({ stage: "mql", cycle: 1, round: 1 });
    const seen = { stage: "nurture", cycle: 2, round: 5 };
    const call = { by: "rp_ann", channel: "call", outcome: "connected" };
    await ask("POST", `/house/leads/${crmId}/outreach`, call);
    await ask("POST", `/house/leads/${crmId}/owner`, { by: "rp_ann", owner: null });
    await ask("POST", `/house/leads/${crmId}/status`, { by: "rp_ann", status: "sal", seen });
    const told = await world.pool.query(
      "select payload -> 'seen' as seen from inbox where payload->>'crmId' = $1 order by id",
      [crmId],
    );
    expect(told.rows).toEqual([{ seen: page.seen }, { seen: page.seen }, { seen }]);
  });

  test("merges and deletes; then the record is gone for everybody", async () => {
    const loser = crmId;
    const {
      body: { items },
    } = await ask("GET", "/house/leads?limit=100");
    const into = items.find((lead: { id: string }) => lead.id !== loser).id;
    expect((await ask("POST", `/house/leads/${loser}/merge`, { by: "rp_ann", into })).status).toBe(
      200,
    );
    expect((await ask("GET", `/house/leads/${loser}`)).status).toBe(404);
    expect((await ask("DELETE", `/house/leads/${into}?by=rp_ann`)).status).toBe(204);
    expect((await ask("DELETE", `/house/leads/${into}?by=rp_ann`)).status).toBe(404);
    expect(await events(loser)).toEqual([{ kind: "merged", into }]);
  });

  test("ticks tasks off", async () => {
    await houseTables(world.pool, () => now).upsertTask({
      key: `${crmId}/t`,
      leadCrmId: crmId,
      ownerId: "rp_ann",
      subject: "Call",
      dueAt: now,
    });
    const {
      body: {
        items: [task],
      },
    } = await ask("GET", `/house/tasks?lead=${crmId}&state=open`);
    expect((await ask("POST", `/house/tasks/${task.id}/done`)).status).toBe(204);
    expect((await ask("GET", `/house/tasks/${task.id}`)).body).toMatchObject({ state: "done" });
    expect((await ask("POST", "/house/tasks/HT-none/done")).status).toBe(404);
  });

  test("a click repeated with the same Idempotency-Key is one change", async () => {
    const click = () =>
      ask(
        "POST",
        `/house/leads/${crmId}/outreach`,
        { by: "rp_ann", channel: "call", outcome: "no_answer" },
        { "idempotency-key": `k-${crmId}` },
      );
    expect((await click()).body).toEqual((await click()).body);
    expect(await events()).toHaveLength(1);
  });
});

test.each([
  ["POST", "status", { by: "rp_ann", status: "rejected" }, "reason"],
  ["POST", "status", { by: "rp_ann", status: "won" }, "status"],
  ["POST", "status", { by: "rp_nobody", status: "sal" }, "by"],
  ["POST", "status", { by: "rp_ann", status: "sal", extra: 1 }, "extra"],
  ["POST", "status", { by: "rp_ann", status: "sal", seen: { stage: "won" } }, "seen.stage"],
  ["POST", "outreach", { by: "rp_ann", channel: "fax", outcome: "connected" }, "channel"],
  [
    "POST",
    "outreach",
    { by: "rp_ann", channel: "call", outcome: "connected", occurredAt: "2026-11-20T12:00:01Z" },
    "occurredAt",
  ],
  ["POST", "opportunities", { by: "rp_ann", amountMinor: 5 }, "currency"],
  ["POST", "opportunities", { by: "rp_ann", amountMinor: -5, currency: "EUR" }, "amountMinor"],
  ["POST", "opportunities", { by: "rp_ann", dealStage: "" }, "dealStage"],
  ["POST", "opportunities", { by: "rp_ann", dealStage: "x".repeat(61) }, "dealStage"],
  ["POST", "merge", { by: "rp_ann", into: "HL-none" }, "into"],
  ["PATCH", "", { by: "rp_ann", facts: {} }, "facts"],
])(
  "%s %s with %j is refused by the field %s, and no event is told",
  async (method, path, body, field) => {
    const answer = await ask(method, `/house/leads/${crmId}${path && `/${path}`}`, body);
    expect([answer.status, answer.body.field]).toEqual([422, field]);
    expect(await events()).toEqual([]);
  },
);

test("pages hold every lead once", async () => {
  const ids: string[] = [];
  let next: string | null = "";
  while (next !== null) {
    const answer: { body: { items: { id: string }[]; next: string | null } } = await ask(
      "GET",
      `/house/leads?limit=3${next && `&cursor=${next}`}`,
    );
    ids.push(...answer.body.items.map((lead) => lead.id));
    next = answer.body.next;
  }
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toContain(crmId);
});

test("marketing and strangers may not use it, and only an operator may rehearse an outage", async () => {
  expect((await world.ask("GET", "/house/leads", undefined, "marketing")).status).toBe(403);
  expect((await world.app.request("/house/leads")).status).toBe(401);
  expect((await world.ask("PUT", "/house/trouble", { kind: "down" }, "crm")).status).toBe(403);
  expect((await world.ask("PUT", "/house/trouble", { kind: "busy", waitMs: 100 })).status).toBe(
    204,
  );
  expect((await world.pool.query("select kind, wait_ms from house_trouble")).rows).toEqual([
    { kind: "busy", wait_ms: 100 },
  ]);
  expect((await world.ask("DELETE", "/house/trouble")).status).toBe(204);
  expect(
    (
      await world.pool.query(
        "select what, detail from audit where what like 'outage.%' order by id",
      )
    ).rows,
  ).toEqual([
    { what: "outage.rehearsed", detail: { kind: "busy" } },
    { what: "outage.ended", detail: {} },
  ]);
});

test("where no setting allows it, nobody rehearses an outage, and nothing speaks of it", async () => {
  const calm = await apiWorld(smallAgreement, [houseRoutes], { mayRehearse: false });
  const answer = await calm.ask("PUT", "/house/trouble", { kind: "down" });
  expect([answer.status, answer.body.code]).toEqual([404, "not-found"]);
  expect((await calm.pool.query("select from house_trouble")).rowCount).toBe(0);
  const described = await calm.ask("GET", "/openapi.json");
  expect(Object.keys(described.body.paths)).not.toContain("/house/trouble");
  await calm.close();
});

test(
  "its events can also be sent as a signed webhook; what lies in the inbox already is not " +
    "stored again",
  async () => {
    await ask("POST", `/house/leads/${crmId}/status`, { by: "rp_ann", status: "sal" });
    const {
      rows: [change],
    } = await world.pool.query("select event_id, payload from house_change where lead_id = $1", [
      crmId,
    ]);
    const body = JSON.stringify(change.payload);
    const response = await world.app.request("/webhooks/house", {
      method: "POST",
      body,
      headers: { ...signWebhook(secret, { id: change.event_id, at: now, body }) },
    });
    expect([response.status, await response.json()]).toEqual([
      202,
      { id: change.event_id, isNew: false },
    ]);
    expect(await events()).toHaveLength(1);
  },
);
