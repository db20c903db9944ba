import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rows, sql } from "../../store/db.ts";
import { goodFacts } from "../support/lead-world.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

const good = {
  facts: { ...goodFacts, "lead.email": "kim@example-customer.com" },
  engagements: [{ type: "demo_request", occurredAt: "2026-11-23T09:59:00-05:00" }],
};
const everyRow = async () => {
  const names = await rows<{ t: string }>(
    world.pool,
    sql`select table_name as t from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
  );
  return rows(world.pool, {
    text: `select ${names.map(({ t }) => `(select count(*)::int from "${t}") as "${t}"`).join(", ")}`,
    values: [],
  });
};

describe("POST /simulate", () => {
  test("says lead type, trace, who would get it and why, and the deadlines; and writes nothing", async () => {
    const before = await everyRow();
    const { status, body } = await world.ask("POST", "/simulate", { as: "marketing", body: good });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      verdict: "hand-off",
      leadType: "demo-request",
      path: "fast",
      priority: 1,
      agreement: { number: 1 },
      route: { territory: "americas", routed: { kind: "assigned", pool: "americas-sdr" } },
      // Monday 10:00 in New York: one business hour, and the close of the day.
      deadlines: {
        outreach: {
          target: "1 business hour",
          due: "2026-11-23T16:00:00.000Z",
          local: "2026-11-23 11:00 America/New_York",
        },
        status: { target: "same day", due: "2026-11-23T22:00:00.000Z" },
      },
    });
    expect(body.qualification.trace.length).toBeGreaterThan(3);
    expect(body.route.candidates.map((one: { repId: string }) => one.repId).toSorted()).toEqual([
      "rp_one",
      "rp_two",
    ]);
    expect(await everyRow()).toEqual(before);
  });

  test("asked twice it names the same rep: nobody's turn is used up", async () => {
    const first = await world.ask("POST", "/simulate", { body: good });
    const second = await world.ask("POST", "/simulate", { body: good });
    expect(second.body.route.routed).toEqual(first.body.route.routed);
  });

  test("on Friday 16:50 outreach is due on Monday 09:50 and status on Monday 17:00", async () => {
    const { body } = await world.ask("POST", "/simulate", {
      body: {
        ...good,
        engagements: [{ type: "demo_request", occurredAt: "2026-11-20T16:49:00-05:00" }],
        at: "2026-11-20T16:50:00-05:00",
      },
    });
    expect([body.deadlines.outreach.local, body.deadlines.status.local]).toEqual([
      "2026-11-23 09:50 America/New_York",
      "2026-11-23 17:00 America/New_York",
    ]);
  });

  test("outside all hours the lead would be held until the pool opens", async () => {
    const { body } = await world.ask("POST", "/simulate", {
      body: { ...good, at: "2026-11-23T22:00:00-05:00" },
    });
    expect(body.route.routed).toEqual({
      kind: "held",
      pool: "americas-sdr",
      untilAt: "2026-11-24T14:00:00.000Z",
    });
  });

  test("a lead without intent stays in nurture, one with gaps waits for data, a customer is suppressed", async () => {
    const verdict = async (facts: object, engagements: object[] = []) =>
      (await world.ask("POST", "/simulate", { body: { facts, engagements } })).body;
    expect(await verdict(good.facts)).toMatchObject({
      verdict: "nurture",
      route: null,
      deadlines: null,
    });
    const { "lead.source": _, ...gaps } = good.facts;
    expect(await verdict(gaps, good.engagements)).toMatchObject({
      verdict: "needs-data",
      qualification: { missing: [{ field: "lead.source" }] },
    });
    expect(
      await verdict({ ...good.facts, "account.customer": "yes" }, good.engagements),
    ).toMatchObject({ verdict: "disqualify", qualification: { suppression: "existing-customer" } });
  });

  test.each([
    [{}, "facts"],
    [{ facts: { "lead.nickname": "K" } }, "facts.lead.nickname"],
    [{ facts: {}, engagements: [{ type: "" }] }, "engagements.0.type"],
    [{ facts: {}, at: "soon" }, "at"],
    [
      { facts: {}, engagements: [{ type: "x", occurredAt: "2026-02-30T00:00:00Z" }] },
      "engagements.0.occurredAt",
    ],
    [{ facts: {}, save: true }, "save"],
  ])("%j is 422 naming %s", async (body, field) => {
    const answer = await world.ask("POST", "/simulate", { body });
    expect([answer.status, answer.body.field]).toEqual([422, field]);
  });
});

describe("the agreement", () => {
  test("is read as it was given and as it is understood, by its id too", async () => {
    const { body } = await world.ask("GET", "/agreement", { as: "one" });
    expect(body).toMatchObject({
      number: 1,
      state: "active",
      content: world.agreementText,
      agreement: { name: "Inbound and account-based handoff" },
    });
    expect((await world.ask("GET", `/agreement/versions/${body.id}`)).body).toEqual(body);
    expect((await world.ask("GET", "/agreement/versions/ag_none")).status).toBe(404);
  });

  test("publishing activates a new version, audited; the same content changes nothing", async () => {
    const content = world.agreementText.replace(
      "name: Inbound and account-based handoff",
      "name: The second one",
    );
    const first = await world.ask("POST", "/agreement/versions", {
      as: "revops",
      body: { content, note: "quarterly" },
    });
    expect(first).toMatchObject({ status: 201, body: { isNew: true } });
    expect((await world.ask("GET", "/agreement")).body).toMatchObject({
      id: first.body.id,
      number: 2,
      note: "quarterly",
      agreement: { name: "The second one" },
    });
    expect(
      await world.ask("POST", "/agreement/versions", { as: "revops", body: { content } }),
    ).toMatchObject({ status: 200, body: { id: first.body.id, isNew: false } });
    expect(
      await rows(world.pool, sql`select what from audit where subject = ${first.body.id}`),
    ).toEqual([{ what: "agreement.published" }]);
  });

  test("text that is no agreement is 422 naming the line, and the active one stays", async () => {
    const before = (await world.ask("GET", "/agreement")).body.id;
    const answer = await world.ask("POST", "/agreement/versions", {
      body: { content: world.agreementText.replace("path: fast", "path: quick") },
    });
    expect([answer.status, answer.body.field]).toEqual([422, "content"]);
    expect(answer.body.detail).toMatch(/^line \d+: leadTypes\[0\]\.path: /);
    expect(answer.body.problems.length).toBeGreaterThan(0);
    expect((await world.ask("GET", "/agreement")).body.id).toBe(before);
  });
});
