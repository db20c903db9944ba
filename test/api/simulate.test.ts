import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rows, sql } from "../../store/postgres/db.ts";
import { edited } from "../support/example-agreement.ts";
import { goodFacts } from "../support/lead-world.ts";
import {
  exampleAgreement,
  peopleWorld,
  unsignedAgreement,
  type PeopleWorld,
} from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld({ agreement: unsignedAgreement });
});
afterAll(() => world.close());

const good = {
  facts: { ...goodFacts, "lead.email": "kim@example-customer.com" },
  engagements: [{ type: "demo_request", occurredAt: "2026-11-23T09:59:00-05:00" }],
};
const everyRow = async () => {
  const names = await rows<{ t: string }>(
    world.pool,
    sql`
      select table_name as t from information_schema.tables where table_schema = 'public'
        and table_type = 'BASE TABLE' order by 1`,
  );
  return rows(world.pool, {
    text: `
      select ${names.map(({ t }) => `(select count(*)::int from "${t}") as "${t}"`).join(", ")}`,
    values: [],
  });
};

describe("a draft of the agreement", () => {
  test("judges today's leads, says what would change and which pools are missing, and writes nothing", async () => {
    const taken = await world.ask("POST", "/leads", {
      as: "marketing",
      body: {
        facts: {
          ...goodFacts,
          "lead.email": "draft@example-draft.com",
          "account.domain": "example-draft.com",
        },
        engagements: [
          { id: "draft", type: "demo_request", occurredAt: "2026-11-23T09:59:00-05:00" },
        ],
      },
    });
    expect(taken.status).toBe(201);
    const { id } = taken.body;
    const before = await everyRow();
    const draft = edited(
      ["account.employees: { atLeast: 50, atMost: 5000 }", "account.employees: { atLeast: 4999 }"],
      ["pool: dach-sdr", "pool: alps-sdr"],
    );
    const { status, body } = await world.ask("POST", "/simulate", {
      as: "marketing",
      body: { draft },
    });
    expect(status).toBe(200);
    expect(body.missingPools).toContain("alps-sdr");
    expect(body.leads).toBe(
      body.same +
        body.changes.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
    );
    expect(body.leads).toBeGreaterThan(0);
    expect(body.changes[0]).toMatchObject({
      from: { verdict: "hand-off" },
      to: { verdict: "nurture" },
    });
    expect(body.changes[0].examples).toContain(id);
    expect(await everyRow()).toEqual(before);
  });

  test("with a mistake is 422 with the line, and needs no facts beside it", async () => {
    const wrong = await world.ask("POST", "/simulate", {
      body: { draft: edited(["hold: until-open", "hold: until"]) },
    });
    expect([wrong.status, wrong.body.field]).toEqual([422, "draft"]);
    expect(wrong.body.detail).toMatch(/^line \d+: /);
    for (const body of [{}, { ...good, draft: edited() }])
      expect((await world.ask("POST", "/simulate", { body })).status).toBe(422);
  });
});

describe("POST /simulate", () => {
  test("a tier of the account sets the terms, told or by a flag that stands", async () => {
    const facts = { ...good.facts, "account.tier": 1 };
    const visit = { ...good, engagements: [{ type: "pricing_page" }] };
    const ask = async (body: object) =>
      (await world.ask("POST", "/simulate", { as: "marketing", body })).body;
    expect(await ask(visit)).toMatchObject({
      leadType: "high-intent-mql",
      priority: 2,
      tier: null,
      deadlines: { outreach: { target: "4 business hours" } },
    });
    const told = await ask({ ...visit, facts });
    const tiered = {
      leadType: "high-intent-mql",
      priority: 1,
      tier: 1,
      deadlines: { outreach: { target: "1 business hour" } },
    };
    expect(told).toMatchObject(tiered);
    expect(told.because).toBeDefined();
    expect(told.qualification.trace).toContainEqual(
      expect.objectContaining({ at: "accounts.tiers.1", value: 1 }),
    );
    const flagged = "flagged-company.com";
    const at = new Date(world.now());
    await world.pool.query(
      sql`insert into account (id, domain, created_at) values ('ac_flagged', ${flagged}, ${at})`,
    );
    await world.pool.query(
      sql`insert into account_flag (id, account_id, agreement_id, tier, contacts, trace, raised_at)
        values ('af_1', 'ac_flagged', 'ag_1', 1, 3, '[]', ${at})`,
    );
    const known = { ...good.facts, "account.domain": flagged };
    expect(await ask({ ...visit, facts: known })).toMatchObject(tiered);
  });

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

  test("says where the lead would stand: owner, next step, both deadlines, what is sent to whom", async () => {
    const before = await everyRow();
    const { body } = await world.ask("POST", "/simulate", { body: good });
    const rep = body.route.routed.repId;
    expect(body).toMatchObject({
      stage: "mql",
      waitingOn: "outreach",
      owner: rep,
      queue: null,
      due: body.deadlines.outreach.due,
      tasks: [],
      decisions: [
        { kind: "arrived", because: "demo-request holds; band A" },
        { kind: "routed", because: `offered to ${rep}` },
      ],
      messages: [{ what: "offer", to: { rep, role: null }, due: body.deadlines.outreach.due }],
    });
    expect(body.next.step).toMatch(/^outreach warning 2026-11-23 /);
    expect(Date.parse(body.next.at)).toBeGreaterThan(world.now());
    expect(Date.parse(body.next.at)).toBeLessThan(Date.parse(body.due));
    expect(await everyRow()).toEqual(before);
  });

  test(
    "outside all hours it waits on hold with its clocks running on the pool's hours, and " +
      "nobody is told",
    async () => {
      const { body } = await world.ask("POST", "/simulate", {
        body: { ...good, at: "2026-11-23T22:00:00-05:00" },
      });
      expect(body).toMatchObject({
        stage: "mql",
        waitingOn: "hold",
        owner: null,
        queue: "americas-sdr",
        messages: [],
        tasks: [],
        next: { step: "held until the pool opens", at: "2026-11-24T14:00:00.000Z" },
        deadlines: { outreach: { local: "2026-11-24 10:00 America/New_York" } },
      });
    },
  );

  test("where nobody works it goes to the queue: a task and a message for that role", async () => {
    const before = await everyRow();
    await world.pool.query("update rep set active = false where role = 'rep'");
    const { body } = await world.ask("POST", "/simulate", { body: good });
    await world.pool.query("update rep set active = true");
    expect(body).toMatchObject({
      stage: "mql",
      waitingOn: "queue",
      owner: null,
      queue: "sales-ops",
      route: { routed: { kind: "queue", queue: "sales-ops" } },
      next: { step: "somebody assigns it" },
      tasks: [
        {
          kind: "fallback",
          role: "sales-ops",
          assignee: null,
          detail: { leadType: "demo-request" },
        },
      ],
      messages: [
        {
          what: "fallback-queue",
          to: { rep: null, role: "sales-ops" },
          due: body.deadlines.outreach.due,
        },
      ],
    });
    expect(await everyRow()).toEqual(before);
  });

  test("what is not handed off says what it waits for instead", async () => {
    const judged = async (facts: object, engagements: object[] = []) =>
      (await world.ask("POST", "/simulate", { body: { facts, engagements } })).body;
    expect(await judged(good.facts)).toMatchObject({
      stage: "nurture",
      waitingOn: "signal",
      queue: "nurture",
      decisions: [{ kind: "arrived" }],
      next: { step: "a person reviews it" },
      messages: [],
    });
    const { "lead.source": _, ...gaps } = good.facts;
    expect(await judged(gaps, good.engagements)).toMatchObject({
      stage: "new",
      waitingOn: "data",
      // Then whoever corrects facts is reminded.
      next: { step: "facts to be corrected: lead.source", at: expect.any(String) as string },
      tasks: [{ kind: "fix-data", role: "marketing-ops" }],
    });
    expect(
      await judged({ ...good.facts, "account.customer": "yes" }, good.engagements),
    ).toMatchObject({
      stage: "disqualified",
      waitingOn: "nothing",
      owner: null,
      next: { at: null },
      tasks: [],
      deadlines: null,
    });
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

  test(
    "a lead without intent stays in nurture, one with gaps waits for data, a customer is " +
      "suppressed",
    async () => {
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
      ).toMatchObject({
        verdict: "disqualify",
        qualification: { suppression: "existing-customer" },
      });
    },
  );

  test("routing rules see what follows from the facts, as lead types do", async () => {
    const text = exampleAgreement.replace(
      /( +)- \{ name: americas,/,
      "$1- { name: executives, when: { lead.seniority: { in: [c-level] } }, pool: " +
        "enterprise-ae }\n$&",
    );
    expect(text).not.toBe(exampleAgreement);
    const other = await peopleWorld({ agreement: text });
    const { body } = await other.ask("POST", "/simulate", {
      body: { ...good, facts: { ...good.facts, "lead.title": "Chief Executive Officer" } },
    });
    await other.close();
    expect(body.route.territory).toBe("executives");
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

  test("what a version changes is said rule by rule, against the active one or another", async () => {
    const first = (await world.ask("GET", "/agreement")).body.id;
    const content = world.agreementText.replace("status: same day", "status: 1 business day");
    const { body: second } = await world.ask("POST", "/agreement/versions", { body: { content } });
    const changes = [{ about: "status of demo-request", change: "same day -> 1 business day" }];
    const diff = async (id: string, query = "") =>
      world.ask("GET", `/agreement/versions/${id}/diff${query}`, { as: "one" });
    expect(await diff(second.id, `?from=${first}`)).toMatchObject({
      status: 200,
      body: { from: first, to: second.id, changes: expect.arrayContaining(changes) },
    });
    expect((await diff(second.id)).body).toMatchObject({
      from: first,
      changes: expect.arrayContaining(changes),
    });
    expect((await diff(first)).body).toMatchObject({
      from: second.id,
      to: first,
      changes: expect.arrayContaining([
        { about: "status of demo-request", change: "1 business day -> same day" },
      ]),
    });
    expect((await diff(second.id, `?from=${second.id}`)).body.changes).toEqual([]);
    expect((await diff("ag_none")).status).toBe(404);
    expect(await diff(second.id, "?from=ag_none")).toMatchObject({
      status: 422,
      body: { field: "from" },
    });
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
