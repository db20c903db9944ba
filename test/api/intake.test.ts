import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { intakeRoutes } from "../../api/intake.ts";
import { activate } from "../../store/process/agreements.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { rememberErased } from "../../store/intake/erased.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [intakeRoutes]);
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.pool.query(
    "truncate lead, process, account, outbox, transition, idempotency_key, erased_person cascade",
  );
});

const jo = {
  facts: { "lead.email": "jo@acme.com", "lead.source": "website", "account.employees": 80 },
};
const count = async (table: string) =>
  (await world.pool.query(`select count(*)::int as n from ${table}`)).rows[0].n;

describe("POST /leads", () => {
  test("a new lead is 201 with its address, and its start waits in the outbox", async () => {
    const answer = await world.ask("POST", "/leads", {
      ...jo,
      engagements: [{ id: "e1", type: "demo_request", occurredAt: "2026-11-20T06:00:00-05:00" }],
    });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      id: expect.stringMatching(/^ld_/),
      stage: "new",
      url: `http://baton.test/leads/${answer.body.id}`,
    });
    expect(answer.headers.get("location")).toBe(answer.body.url);
    expect((await world.pool.query("select kind, payload from outbox")).rows).toEqual([
      {
        kind: "start",
        payload: { leadId: answer.body.id, cycle: 1, step: 0, from: "intake", priority: 1 },
      },
    ]);
    expect((await world.pool.query("select occurred_at from engagement")).rows).toEqual([
      { occurred_at: new Date("2026-11-20T11:00:00Z") },
    ]);
  });

  test("words of countries and sizes are understood, and what is not is said and kept", async () => {
    const answer = await world.ask("POST", "/leads", {
      facts: {
        "lead.email": "jo@acme.com",
        "account.country": "Deutschland",
        "lead.country": "Atlantis",
        "account.employees": "51-200",
      },
    });
    expect(answer.body.notUnderstood).toEqual([
      {
        field: "facts.lead.country",
        message: expect.stringContaining("expected a country by its name or ISO 3166 code"),
      },
    ]);
    const [stored] = (
      await world.pool.query(
        "select l.facts->'lead.country'->>'value' as lead, " +
          "a.facts->'account.country'->>'value' as account, " +
          "(a.facts->'account.employees'->>'value')::int as employees from lead l join account a " +
          "on a.id = l.account_id",
      )
    ).rows;
    expect(stored).toEqual({ lead: "Atlantis", account: "DE", employees: 51 });
  });

  test("an address that is none is 422 unless another name says who it is", async () => {
    const facts = { "lead.email": "a@acme.com\nBcc: b@acme.com" };
    const refused = await world.ask("POST", "/leads", { facts });
    expect([refused.status, refused.body.field]).toEqual([422, "facts.lead.email"]);
    expect(JSON.stringify(refused.body)).not.toContain("Bcc");
    expect((await world.ask("POST", "/leads", { externalId: "e-1", facts })).status).toBe(201);
  });

  test("a known person is 200 and says what changed", async () => {
    const first = await world.ask("POST", "/leads", jo);
    const again = await world.ask("POST", "/leads", {
      facts: { "lead.email": "JO@acme.com", "lead.title": "CFO" },
    });
    expect([again.status, again.body.id, again.body.changed]).toEqual([
      200,
      first.body.id,
      ["lead.title"],
    ]);
  });

  test("the same Idempotency-Key and body is the same answer, and one lead", async () => {
    const answers = [];
    for (let n = 0; n < 2; n++)
      answers.push(await world.ask("POST", "/leads", jo, "operator", { "idempotency-key": "k1" }));
    expect(answers.map((one) => one.status)).toEqual([201, 201]);
    expect(answers[0]?.body).toEqual(answers[1]?.body);
    expect(await count("lead")).toBe(1);
  });

  test("twenty senders of one person at once get one lead", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.ask("POST", "/leads", jo)),
    );
    expect(answers.filter((one) => one.status === 201)).toHaveLength(1);
    expect(answers.filter((one) => one.status === 200)).toHaveLength(19);
    expect(new Set(answers.map((one) => one.body.id)).size).toBe(1);
  });

  test.each([
    ["nobody", { facts: {} }, "facts.lead.email"],
    ["an unknown fact", { facts: { "lead.email": "a@b.co", "lead.shoe": 4 } }, "facts.lead.shoe"],
    [
      "a fact of the wrong type",
      { facts: { "lead.email": "a@b.co", "account.employees": "lots" } },
      "facts.account.employees",
    ],
    ["an unknown member", { ...jo, stage: "won" }, "stage"],
    ["an hour that is none", { ...jo, occurredAt: "yesterday" }, "occurredAt"],
    [
      "a time for one that is not known",
      { ...jo, occurredAt: "1970-01-01T00:00:00Z" },
      "occurredAt",
    ],
    [
      "an engagement before everything",
      { ...jo, engagements: [{ id: "e", type: "demo_request", occurredAt: "1900-01-01" }] },
      "engagements.0.occurredAt",
    ],
    ["a year that does not exist", { ...jo, occurredAt: "0000-01-01T00:00:00Z" }, "occurredAt"],
    ["an engagement without an id", { ...jo, engagements: [{ type: "x" }] }, "engagements.0.id"],
  ])("%s is 422 naming the field, and stores nothing", async (_, body, field) => {
    const answer = await world.ask("POST", "/leads", body);
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([422, "invalid", field]);
    expect(JSON.stringify(answer.body)).not.toContain("lots");
    expect((await count("lead")) + (await count("outbox"))).toBe(0);
  });

  test("what is dated ahead counts as of its receipt, and freezes nothing", async () => {
    const ahead = {
      ...jo,
      facts: { ...jo.facts, "lead.firstTouchAt": "2031-01-01", "lead.title": "A, told ahead" },
      occurredAt: "2030-01-01T00:00:00Z",
      engagements: [{ id: "1", type: "demo_request", occurredAt: "2030-01-01T00:00:00Z" }],
    };
    expect((await world.ask("POST", "/leads", ahead)).status).toBe(201);
    const found = await world.pool.query(
      `select occurred_at = received_at as now, facts #>> '{lead.firstTouchAt,value}' as first,
        e.received_at from engagement e join lead l on l.id = e.lead_id`,
    );
    const [row] = found.rows;
    expect([row.now, Date.parse(row.first)]).toEqual([true, row.received_at.getTime()]);
    const later = { facts: { "lead.email": "jo@acme.com", "lead.title": "B, told now" } };
    expect((await world.ask("POST", "/leads", later)).body.changed).toEqual(["lead.title"]);
  });

  test("an erased person is not stored", async () => {
    await rememberErased(world.pool, [{ kind: "email", value: "jo@acme.com" }], 0);
    expect((await world.ask("POST", "/leads", jo)).status).toBe(409);
    expect(await count("lead")).toBe(0);
  });

  test("two people with one engagement id are two engagements, and a repeat of either is none", async () => {
    const engagements = [
      { id: "e1", type: "demo_request", occurredAt: "2026-11-20T06:00:00-05:00" },
    ];
    const statuses = [];
    for (const email of ["a@acme.com", "b@acme.com", "a@acme.com", "b@acme.com"])
      statuses.push(
        (await world.ask("POST", "/leads", { facts: { "lead.email": email }, engagements })).status,
      );
    expect(statuses).toEqual([201, 201, 200, 200]);
    expect([await count("lead"), await count("engagement"), await count("outbox")]).toEqual([
      2, 2, 2,
    ]);
  });

  test("facts from a CRM's token are marked as the CRM's", async () => {
    await world.ask("POST", "/leads", { ...jo, crmId: "C1" }, "crm");
    expect(
      (await world.pool.query("select crm_id, facts->'lead.source'->>'from' as origin from lead"))
        .rows,
    ).toEqual([{ crm_id: "C1", origin: "crm" }]);
  });

  test("of those who come at one moment the bad ones fail alone, and every 2xx is stored", async () => {
    await rememberErased(world.pool, [{ kind: "email", value: "gone@acme.com" }], 0);
    const bodies = Array.from({ length: 40 }, (_, n) => {
      if (n % 10 === 3)
        return {
          body: { facts: { "lead.email": `p${n}@acme.com`, "account.employees": "lots" } },
          status: 422,
        };
      if (n % 10 === 5) return { body: { id: "ld_nobody", facts: {} }, status: 422 };
      if (n % 10 === 7) return { body: { facts: { "lead.email": "gone@acme.com" } }, status: 409 };
      return { body: { facts: { "lead.email": `p${n}@acme.com` } }, status: 201 };
    });
    const answers = await Promise.all(bodies.map(({ body }) => world.ask("POST", "/leads", body)));
    expect(answers.map((one) => one.status)).toEqual(bodies.map((one) => one.status));
    const stored = (await world.pool.query("select id from lead")).rows.map((row) => row.id);
    expect(new Set(answers.flatMap((one) => (one.status === 201 ? [one.body.id] : [])))).toEqual(
      new Set(stored),
    );
  });

  test("what the database refuses of one fails that one alone", async () => {
    await world.pool.query(
      "alter table lead add constraint no_thirteen check (email <> 'p13@acme.com')",
    );
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        world.ask("POST", "/leads", { facts: { "lead.email": `p${n}@acme.com` } }),
      ),
    );
    await world.pool.query("alter table lead drop constraint no_thirteen");
    expect(answers.map((one) => one.status)).toEqual(
      Array.from({ length: 20 }, (_, n) => (n === 13 ? 500 : 201)),
    );
    expect(await count("lead")).toBe(19);
  });

  test("who waits for a lock holds up nobody else", async () => {
    const { body } = await world.ask("POST", "/leads", jo);
    const holder = await world.pool.connect();
    await holder.query("begin");
    await holder.query("select from lead where id = $1 for update", [body.id]);
    const waits = world.ask("POST", "/leads", {
      facts: { "lead.email": "jo@acme.com", "lead.title": "CFO" },
    });
    const others = await Promise.all(
      Array.from({ length: 5 }, async (_, n) => {
        await new Promise((resolve) => setTimeout(resolve, 20 * (n + 1)));
        return world.ask("POST", "/leads", { facts: { "lead.email": `p${n}@other.com` } });
      }),
    );
    expect(others.map((one) => one.status)).toEqual([201, 201, 201, 201, 201]);
    await holder.query("rollback");
    holder.release();
    expect(await waits).toMatchObject({
      status: 200,
      body: { id: body.id, changed: ["lead.title"] },
    });
  });

  test("from the moment another agreement is active nobody is judged by the one before", async () => {
    const demo = (n: number) => ({
      facts: { "lead.email": `p${n}@acme.com`, "account.employees": 60 },
      engagements: [{ id: `e${n}`, type: "demo_request", occurredAt: "2026-11-20T11:00:00Z" }],
    });
    await world.ask("POST", "/leads", demo(0));
    world.nextAgreement({
      ...smallAgreement,
      leadTypes: smallAgreement.leadTypes.map((type) => ({ ...type, priority: 3 })),
    });
    await inTransaction(world.pool, (tx) =>
      activate(tx, "the agreement after it", "test", Date.parse("2026-11-20T12:00:00Z")),
    );
    await Promise.all([1, 2, 3].map((n) => world.ask("POST", "/leads", demo(n))));
    expect(
      (
        await world.pool.query(
          "select payload->'priority' as priority from outbox where kind = 'start' order by id",
        )
      ).rows.map((row) => row.priority),
    ).toEqual([1, 3, 3, 3]);
    expect(await count("lead")).toBe(4);
    await world.pool.query("delete from agreement_version where state = 'retired'");
  });

  test("while no agreement is active it is 503 and says what to do", async () => {
    await world.pool.query("update agreement_version set state = 'retired'");
    const answer = await world.ask("POST", "/leads", jo);
    await world.pool.query("update agreement_version set state = 'active'");
    expect([answer.status, answer.body.detail]).toEqual([
      503,
      expect.stringContaining("agreement publish"),
    ]);
    expect(answer.headers.get("retry-after")).toBe("30");
  });
});
