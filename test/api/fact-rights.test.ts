import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rows, sql } from "../../store/postgres/db.ts";
import { peopleWorld, type Persona, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

describe("who may set which fact with PATCH /leads/{id}", () => {
  const acme = "acme-of-somebody.com";
  /** A lead of `rep` at a company, as intake leaves it. */
  async function at(domain: string, rep = "rp_one"): Promise<string> {
    const id = await world.lead(rep);
    await world.ask("PATCH", `/leads/${id}`, { body: { facts: { "account.domain": domain } } });
    await world.pool.query("truncate outbox");
    return id;
  }
  const patch = (id: string, facts: Record<string, unknown>, as: Persona = "one") =>
    world.ask("PATCH", `/leads/${id}`, { as, body: { facts } });
  const accountOf = async (id: string) =>
    (
      await rows<{ domain: string; facts: Record<string, { value: unknown }> }>(
        world.pool,
        sql`
          select a.domain, a.facts from lead join account a on a.id = account_id
            where lead.id = ${id}`,
      )
    )[0];
  const trail = (id: string) =>
    rows<{ actor: string; what: string; detail: unknown }>(
      world.pool,
      sql`select actor, what, detail from audit where subject = ${id} order by id`,
    );

  const office = ["operator", "revops", "marketing"];
  const companies: [string, unknown][] = [
    ["account.domain", acme],
    ["account.owner", "rp_one"],
    ["account.customer", false],
    ["account.competitor", true],
    ["account.openOpportunities", 0],
    ["account.name", "Ours"],
    ["account.employees", 9],
    ["account.industry", "Software"],
    ["account.tier", 1],
    ["lead.doNotContact", false],
  ];
  test.each(
    companies.flatMap(([field, value]) =>
      (["one", "boss"] as const).map((as) => ({ field, value, as })),
    ),
  )(
    "$field by $as is 403, says who may, and changes nothing for anybody",
    async ({ field, value, as }) => {
      const theirs = await at(acme, "rp_other");
      const own = await at("customer-of-ours.com");
      await patch(theirs, { "account.customer": true, "account.owner": "rp_other" }, "operator");
      const before = [await accountOf(own), await accountOf(theirs), await trail(own)];
      const answer = await patch(own, { "lead.title": "CFO", [field]: value }, as);
      expect(answer).toMatchObject({
        status: 403,
        body: { code: "forbidden", field: `facts.${field}`, maySet: [...office, "crm"] },
      });
      expect(answer.body.detail).toContain("operator, revops, marketing, crm");
      expect([await accountOf(own), await accountOf(theirs), await trail(own)]).toEqual(before);
      const page = (await world.ask("GET", `/leads/${own}`, { as })).body;
      expect([page.account.domain, page.facts["lead.title"], JSON.stringify(page)]).toEqual([
        "customer-of-ours.com",
        undefined,
        expect.not.stringContaining(acme),
      ]);
      expect(
        await rows(world.pool, sql`select from outbox where workflow_id = ${`lead/${own}`}`),
      ).toEqual([]);
    },
  );

  test.each(["operator", "revops", "marketing"] as const)("%s sets them all", async (as) => {
    const id = await at(`for-${as}.com`);
    const facts = Object.fromEntries(companies.filter(([field]) => field !== "account.domain"));
    expect((await patch(id, facts, as)).status).toBe(200);
    const account = await accountOf(id);
    for (const [field, value] of Object.entries(facts))
      if (field.startsWith("account.")) expect(account?.facts[field]?.value, field).toEqual(value);
  });

  test.each(["one", "boss"] as const)(
    "facts of the person and a withdrawal of consent are for %s too",
    async (as) => {
      const id = await at("person-facts.com");
      expect(
        (
          await patch(
            id,
            {
              "lead.phone": "1",
              "lead.timeline": "now",
              "lead.favouriteTool": "saw",
              "lead.doNotContact": true,
            },
            as,
          )
        ).status,
      ).toBe(200);
      expect(
        (await world.ask("GET", `/leads/${id}`)).body.facts["lead.doNotContact"],
      ).toMatchObject({ value: true, from: "person" });
      expect((await patch(id, { "lead.doNotContact": false }, as)).status).toBe(403);
      expect((await patch(id, { "lead.doNotContact": false }, "marketing")).status).toBe(200);
    },
  );

  test.each(["lead.emailKind", "score.fit", "band", "engagement.count"])(
    "%s is worked out: 422 for everybody",
    async (field) => {
      const id = await at("derived-facts.com");
      for (const as of ["one", "operator"] as const) {
        expect(await patch(id, { [field]: "business" }, as)).toMatchObject({
          status: 422,
          body: {
            code: "invalid",
            field: `facts.${field}`,
            detail: expect.stringContaining("nobody sets it"),
            maySet: [],
          },
        });
      }
    },
  );

  test(
    "an office moves a lead to another company, and the trail says who, from where and to " +
      "where, by ids",
    async () => {
      const id = await at("before-the-move.com");
      world.setNow(world.now() + 1_000);
      const [from] = await rows<{ account_id: string }>(
        world.pool,
        sql`select account_id from lead where id = ${id}`,
      );
      expect((await patch(id, { "account.domain": "after-the-move.com" }, "revops")).body).toEqual({
        id,
        changed: ["account.domain"],
        conflictsWith: [],
        notUnderstood: [],
      });
      const [to] = await rows<{ account_id: string }>(
        world.pool,
        sql`select account_id from lead where id = ${id}`,
      );
      const moves = (await trail(id)).filter(({ what }) => what === "lead.moved");
      expect(moves).toEqual([
        {
          actor: expect.stringMatching(/^tn_/),
          what: "lead.moved",
          detail: { from: from?.account_id, to: to?.account_id },
        },
      ]);
      expect(from?.account_id).not.toBe(to?.account_id);
      expect(
        (await patch(id, { "account.domain": "after-the-move.com" }, "revops")).body.changed,
      ).toEqual([]);
      expect((await trail(id)).filter(({ what }) => what === "lead.moved")).toHaveLength(1);
    },
  );

  test(
    "an address opens no other company to a rep: neither to a lead without one, nor to a lead " +
      "that has one",
    async () => {
      await at("secret-company.com", "rp_other");
      const free = await world.lead("rp_one", { email: "somebody@gmail.com" });
      expect(await patch(free, { "lead.email": "ceo@secret-company.com" })).toMatchObject({
        status: 403,
        body: { field: "facts.lead.email", maySet: [...office, "crm"] },
      });
      expect(
        await patch(free, { "lead.email": "ceo@company-that-nobody-knows.com" }),
      ).toMatchObject({
        status: 403,
        body: { field: "facts.lead.email" },
      });
      expect(
        await rows(
          world.pool,
          sql`select from account where domain = 'company-that-nobody-knows.com'`,
        ),
      ).toEqual([]);
      expect((await world.ask("GET", `/leads/${free}`, { as: "one" })).body).toMatchObject({
        account: null,
        accountFacts: {},
        facts: { "lead.email": { value: "somebody@gmail.com" } },
      });
      expect((await patch(free, { "lead.email": "somebody.else@gmail.com" })).status).toBe(200);
      const placed = await at("placed.com");
      expect((await patch(placed, { "lead.email": "new@secret-company.com" })).status).toBe(200);
      expect((await world.ask("GET", `/leads/${placed}`, { as: "one" })).body.account.domain).toBe(
        "placed.com",
      );
      expect(
        (await patch(free, { "lead.email": "ceo@secret-company.com" }, "marketing")).status,
      ).toBe(200);
      expect((await accountOf(free))?.domain).toBe("secret-company.com");
    },
  );

  test("a colleague's or a stranger's lead stays out of reach, whatever the fact", async () => {
    const theirs = await at("out-of-reach.com", "rp_other");
    expect((await patch(theirs, { "lead.title": "CFO" })).status).toBe(404);
    expect((await patch(theirs, { "account.owner": "rp_one" })).status).toBe(404);
  });
});
