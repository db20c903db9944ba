import { Analytics } from "@segment/analytics-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { trackingRoutes } from "../../api/tracking.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [trackingRoutes]);
});
afterAll(() => world.close());
beforeEach(async () => {
  world.setNow(now);
  await world.pool.query(
    "truncate lead, process, account, outbox, transition, engagement, visitor cascade",
  );
});

const rows = async (query: string) => (await world.pool.query(query)).rows;
const send = (call: string, body: object) => world.ask("POST", `/v1/${call}`, body, "tracking");
const at = (ms: number) => new Date(now + ms).toISOString();

describe("with Segment's own client, over a real socket", () => {
  test("what a visitor did before the form follows them into the lead, and the lead's process starts", async () => {
    const url = await world.listen();
    world.setNow(Date.now());
    const analytics = new Analytics({
      writeKey: world.token("tracking"),
      host: url,
      flushAt: 2,
      flushInterval: 50,
    });
    const problems: unknown[] = [];
    analytics.on("error", (problem) => problems.push(problem));
    analytics.page({ anonymousId: "browser-1", name: "Pricing", properties: { path: "/pricing" } });
    analytics.track({
      anonymousId: "browser-1",
      event: "Blog View",
      properties: { topic: "routing" },
    });
    analytics.identify({
      anonymousId: "browser-1",
      userId: "u1",
      traits: {
        email: "Jo@Acme.com",
        firstName: "Jo",
        company: { name: "Acme", employee_count: 120 },
      },
      context: { campaign: { source: "adwords", name: "autumn", medium: "ad" } },
    });
    analytics.track({ userId: "u1", event: "demo_request", messageId: "m-demo" });
    analytics.group({
      userId: "u1",
      groupId: "g1",
      traits: { industry: "Software", website: "https://www.acme.com" },
    });
    await analytics.closeAndFlush();
    expect(problems).toEqual([]);
    const [lead] = await rows("select id, email, source, campaign from lead");
    expect(lead).toMatchObject({ email: "jo@acme.com", source: "adwords", campaign: "autumn" });
    expect(await rows("select type, topic, asset, lead_id from engagement order by type")).toEqual([
      { type: "blog_view", topic: "routing", asset: null, lead_id: lead.id },
      { type: "demo_request", topic: null, asset: null, lead_id: lead.id },
      { type: "pricing_page", topic: null, asset: "/pricing", lead_id: lead.id },
    ]);
    const [account] = await rows(
      "select domain, facts->'account.employees'->'value' as employees, " +
        "facts->'account.industry'->'value' as industry from account",
    );
    expect(account).toEqual({ domain: "acme.com", employees: 120, industry: "Software" });
    // The client's batches overtake each other: how many signals follow the one start depends on
    // which came first.
    const [start, ...signals] = await rows("select kind, message from outbox order by id");
    expect(start).toEqual({ kind: "start", message: "leadHandoff" });
    expect(signals.every((one) => one.kind === "signal")).toBe(true);
  });

  test("a wrong write key is turned away", async () => {
    const url = await world.listen();
    const analytics = new Analytics({ writeKey: "wrong", host: url, flushAt: 1, maxRetries: 0 });
    const problem = new Promise((resolve) => analytics.on("error", resolve));
    analytics.track({ anonymousId: "b", event: "x" });
    expect(await problem).toMatchObject({ reason: expect.anything() });
    await analytics.closeAndFlush();
    expect(await rows("select * from engagement")).toEqual([]);
  });
});

describe("who did it", () => {
  test("identify may come late: the same engagements reach the same lead in any order", async () => {
    await send("track", { messageId: "1", anonymousId: "b", event: "pricing_page" });
    await send("identify", { messageId: "2", anonymousId: "b", userId: "u" });
    await send("track", { messageId: "3", userId: "u", event: "blog_view" });
    expect(await rows("select * from lead")).toEqual([]);
    await send("identify", { messageId: "4", userId: "u", traits: { email: "jo@acme.com" } });
    expect(
      await rows("select count(*)::int as n from engagement where lead_id is not null"),
    ).toEqual([{ n: 2 }]);
    expect(await rows("select source from lead")).toEqual([{ source: "tracking" }]);
  });

  test("what was said of a company before its person was named reaches the account", async () => {
    await send("group", {
      messageId: "1",
      userId: "u",
      groupId: "g",
      traits: { industry: "Software" },
    });
    await send("identify", {
      messageId: "2",
      userId: "u",
      anonymousId: "b",
      traits: { title: "CFO" },
    });
    await send("identify", { messageId: "3", userId: "u", traits: { email: "jo@acme.com" } });
    expect(
      await rows(
        "select a.facts->'account.industry'->'value' as industry, " +
          "l.facts->'lead.title'->'value' as title from lead l join account a on a.id = " +
          "account_id",
      ),
    ).toEqual([{ industry: "Software", title: "CFO" }]);
    expect(await rows("select * from visitor")).toEqual([]);
  });

  test("two people on one browser stay two leads; what comes next belongs to whoever signed in last", async () => {
    await send("identify", {
      messageId: "1",
      anonymousId: "shared",
      traits: { email: "one@acme.com" },
    });
    await send("identify", {
      messageId: "2",
      anonymousId: "shared",
      traits: { email: "two@acme.com" },
    });
    await send("track", { messageId: "3", anonymousId: "shared", event: "blog_view" });
    expect(await rows("select email from lead order by email")).toEqual([
      { email: "one@acme.com" },
      { email: "two@acme.com" },
    ]);
    expect(await rows("select email from engagement join lead on lead.id = lead_id")).toEqual([
      { email: "two@acme.com" },
    ]);
  });

  test("the same message twice counts once", async () => {
    for (let n = 0; n < 3; n++)
      await send("track", { messageId: "1", anonymousId: "b", event: "blog_view" });
    expect(await rows("select count(*)::int as n from engagement")).toEqual([{ n: 1 }]);
  });
});

describe("when it happened", () => {
  test.each([
    [
      "a late event counts from when it happened",
      { timestamp: at(-3 * 86_400_000) },
      -3 * 86_400_000,
    ],
    [
      "a clock that is an hour ahead is set right by sentAt",
      { timestamp: at(3_600_000 - 1000), sentAt: at(3_600_000) },
      -1000,
    ],
    [
      "a clock that is an hour behind too",
      { timestamp: at(-3_600_000 - 1000), sentAt: at(-3_600_000) },
      -1000,
    ],
    [
      "a batch sent two days ago is late, its clock not wrong",
      { timestamp: at(-2 * 86_400_000), sentAt: at(-2 * 86_400_000 + 1) },
      -2 * 86_400_000,
    ],
    ["a clock four minutes ahead without sentAt counts as now", { timestamp: at(240_000) }, 0],
    ["a device that knows no time counts as now", { timestamp: "1970-01-01T00:00:07Z" }, 0],
    ["a year ahead counts as now", { timestamp: at(365 * 86_400_000) }, 0],
  ])("%s", async (_, times, expected) => {
    expect(
      (await send("track", { messageId: "1", anonymousId: "b", event: "x", ...times })).status,
    ).toBe(200);
    expect(await rows("select occurred_at from engagement")).toEqual([
      { occurred_at: new Date(now + expected) },
    ]);
  });
});

describe("what is refused", () => {
  test.each([
    ["track", { messageId: "1", event: "x" }, "userId"],
    ["track", { messageId: "1", anonymousId: "b" }, "event"],
    ["track", { anonymousId: "b", event: "x" }, "messageId"],
    ["identify", { messageId: "1", userId: 7 }, "userId"],
    ["page", { messageId: "1", userId: "u", timestamp: "noon" }, "timestamp"],
  ])("%s %j is 422 for %s", async (call, body, field) => {
    const answer = await send(call, body);
    expect([answer.status, answer.body.field]).toEqual([422, field]);
  });

  test("one bad call does not cost the others of its batch", async () => {
    const answer = await send("batch", {
      batch: [
        { type: "track", messageId: "1", anonymousId: "b", event: "x" },
        { type: "dance", messageId: "2" },
        {
          type: "identify",
          messageId: "3",
          userId: "u",
          traits: { email: "jo@acme.com", firstTouchAt: "sometime", colour: "red" },
        },
      ],
    });
    expect(answer.body).toMatchObject({
      success: true,
      accepted: 2,
      refused: [{ message: 1, field: "type" }],
    });
    expect(answer.body.ignored.join()).toContain("lead.firstTouchAt");
    expect(await rows("select email from lead")).toEqual([{ email: "jo@acme.com" }]);
  });

  test("a token without the right to track is turned away", async () => {
    expect(
      (
        await world.ask(
          "POST",
          "/v1/track",
          { messageId: "1", anonymousId: "b", event: "x" },
          "crm",
        )
      ).status,
    ).toBe(403);
  });
});
