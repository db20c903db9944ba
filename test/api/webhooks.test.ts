import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { webhookRoutes } from "../../api/webhooks.ts";
import { signWebhook, verifyWebhook } from "../../crm/webhook.ts";
import { receive } from "../../store/inbox/inbox.ts";
import { openPool, type Pool } from "../../store/postgres/db.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const secret = `whsec_${randomBytes(24).toString("base64")}`;
const next = `whsec_${randomBytes(24).toString("base64")}`;
let world: ApiWorld;
/** In place of the world's database. */
let pool: Pool | undefined;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [
    (deps) =>
      webhookRoutes({
        ...deps,
        get pool() {
          return pool ?? deps.pool;
        },
        webhookSecrets: { house: [secret, next] },
      }),
  ]);
});
afterAll(() => world.close());

async function post(body: string, headers: Record<string, string>, source = "house") {
  const response = await world.app.request(`/webhooks/${source}`, {
    method: "POST",
    body,
    headers,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const signed = (body: string, id: string, more: { at?: number; secret?: string } = {}) => ({
  ...signWebhook(more.secret ?? secret, { id, at: more.at ?? now, body }),
});
const stored = async () =>
  (await world.pool.query("select source, event_id, payload from inbox order by id")).rows;

describe("a signed webhook", () => {
  test("is stored as it came before it is acknowledged, once for each id, whatever the white space", async () => {
    const body = '{ "crmId":\n  "HL-1" }';
    expect(await post(body, signed(body, "evt_1"))).toMatchObject({
      status: 202,
      body: { id: "evt_1", isNew: true },
    });
    expect(await post(body, signed(body, "evt_1"))).toMatchObject({
      status: 202,
      body: { id: "evt_1", isNew: false },
    });
    expect(await stored()).toEqual([
      { source: "crm:house", event_id: "evt_1", payload: { crmId: "HL-1" } },
    ]);
  });

  test("whose bytes are not UTF-8 is refused, however well it is signed, and not stored", async () => {
    const before = await stored();
    const body = new Uint8Array([...Buffer.from('{"note":"'), 0xff, ...Buffer.from('"}')]);
    const headers = { ...signWebhook(secret, { id: "evt_bytes", at: now, body }) };
    const answer = await world.app.request("/webhooks/house", { method: "POST", body, headers });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { code: "malformed", field: "body", detail: "the body is not UTF-8" },
    ]);
    expect(await stored()).toEqual(before);
  });

  test(
    "may be signed with either secret while one is being replaced, and carry signatures we do " +
      "not know",
    async () => {
      const headers = signed("{}", "evt_2", { secret: next });
      expect(
        (
          await post("{}", {
            ...headers,
            "webhook-signature": `v2,abc v1,${Buffer.alloc(32).toString("base64")} ${headers["webhook-signature"]}`,
          })
        ).status,
      ).toBe(202);
    },
  );
});

test("a change that a webhook and a pull bring counts once, whatever the webhook is called", async () => {
  const change = {
    id: "HL-1-1",
    crmId: "HL-1",
    leadId: null,
    sequence: 1,
    at: "2026-11-20T12:00:00.000Z",
    by: "rp_ann",
    seen: { stage: "mql", cycle: 1, round: 1 },
    what: { kind: "status", status: "sal" },
  };
  const body = JSON.stringify(change);
  for (const [id, isNew] of [
    ["evt_20", true],
    ["evt_21", false],
  ] as const)
    expect((await post(body, signed(body, id))).body).toEqual({ id, isNew });
  const pulled = { source: "crm:house", eventId: change.id, payload: change };
  expect(await receive(world.pool, pulled, now)).toBe(false);
  expect((await stored()).filter(({ event_id }) => event_id === change.id)).toEqual([
    { source: "crm:house", event_id: change.id, payload: change },
  ]);
});

describe("refused, and nothing stored:", () => {
  const body = '{"crmId":"HL-1"}';
  test.each([
    ["no signature", {}, 401],
    [
      "another secret",
      signed(body, "evt_9", { secret: `whsec_${randomBytes(24).toString("base64")}` }),
      401,
    ],
    ["another body", signed('{"crmId":"HL-2"}', "evt_9"), 401],
    ["another id", { ...signed(body, "evt_8"), "webhook-id": "evt_9" }, 401],
    ["played again later", signed(body, "evt_9", { at: now - 301_000 }), 401],
    ["from the future", signed(body, "evt_9", { at: now + 301_000 }), 401],
    ["a time that is none", { ...signed(body, "evt_9"), "webhook-timestamp": "now" }, 401],
  ])("%s", async (_, headers, status) => {
    expect((await post(body, headers as Record<string, string>)).status).toBe(status);
    expect((await stored()).filter((row) => row.event_id === "evt_9")).toEqual([]);
  });

  test.each([
    ["not JSON", "{"],
    ["a name twice", '{"a":1,"a":2}'],
    ["NUL", '{"a":"\\u0000"}'],
  ])("%s, though signed", async (_, text) => {
    const { status } = await post(text, signed(text, "evt_9"));
    expect([400, 422]).toContain(status);
  });

  test("a source that nobody set up", async () => {
    expect((await post("{}", signed("{}", "evt_9"), "forms")).status).toBe(404);
  });
});

test("five minutes either way are tolerated", () => {
  const headers = signWebhook(secret, { id: "e", at: now, body: "{}" });
  for (const [drift, ok] of [
    [300_000, true],
    [-300_000, true],
    [301_000, false],
    [-301_000, false],
  ] as const) {
    expect(verifyWebhook([secret], headers, Buffer.from("{}"), now + drift).ok).toBe(ok);
  }
});

test("the signature is that of the standard: its published example verifies", () => {
  const body = '{"test": 2432232314}';
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  expect(
    verifyWebhook(
      ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
      headers,
      Buffer.from(body),
      1_614_265_330_000,
    ),
  ).toEqual({ ok: true, id: "msg_p5jXN8AQM9LWM0D4loKWxJek" });
});

test("a secret of another form is refused when it is used", () => {
  expect(() => signWebhook("secret", { id: "e", at: now, body: "" })).toThrow(RangeError);
});

test("503 with Retry-After when it cannot be stored, and stored when it is sent again", async () => {
  const body = '{"crmId":"HL-1"}';
  pool = openPool("postgres://nobody@127.0.0.1:1/none");
  const response = await world.app.request("/webhooks/house", {
    method: "POST",
    body,
    headers: signed(body, "evt_5"),
  });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
  await pool.end();
  pool = undefined;
  expect(await post(body, signed(body, "evt_5"))).toMatchObject({
    status: 202,
    body: { isNew: true },
  });
});
