import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { intakeRoutes } from "../../api/intake.ts";
import { trackingRoutes } from "../../api/tracking.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [trackingRoutes, intakeRoutes]);
});
afterAll(() => world.close());
beforeEach(async () => {
  world.setNow(now);
  await world.pool.query("truncate lead, account, outbox, transition, engagement, visitor cascade");
});

const rows = async (query: string) => (await world.pool.query(query)).rows;
const send = (call: string, body: object) => world.ask("POST", `/v1/${call}`, body, "tracking");
const at = (ms: number) => new Date(now + ms).toISOString();

describe("a write key is the weakest witness", () => {
  const facts = {
    "lead.email": "jo@acme.com",
    "lead.name": "Jo",
    "lead.phone": "+44 1",
    "lead.doNotContact": false,
    "account.name": "Acme",
    "account.employees": 80,
    "account.customer": false,
    "account.owner": "rp_one",
  };
  const traits = {
    email: "jo@acme.com",
    name: "Mallory",
    phone: "666",
    doNotContact: true,
    customer: true,
    owner: "rp_two",
    emailKind: "free",
    company: {
      name: "Evil",
      employees: 1,
      customer: true,
      competitor: true,
      owner: "rp_two",
      domain: "evil.com",
      website: "evil.com",
      openOpportunities: 3,
      tier: 1,
    },
  };
  const lead = async (email = "jo@acme.com") =>
    (
      await world.pool.query(
        "select l.*, a.facts as account_facts, a.domain from lead l left join account a on " +
          "a.id = account_id where email = $1",
        [email],
      )
    ).rows[0];
  const valuesOf = (stored: Record<string, { value: unknown; from: string }>) =>
    Object.fromEntries(
      Object.entries(stored).map(([field, { value, from }]) => [
        field,
        `${JSON.stringify(value)} ${from}`,
      ]),
    );

  test.each(["marketing", "crm"] as const)(
    "identify changes nothing that %s told, before or after, but passes a withdrawal on",
    async (role) => {
      const from = role === "crm" ? "crm" : "form";
      const told = {
        name: `"Jo" ${from}`,
        phone: `"+44 1" ${from}`,
        employees: `80 ${from}`,
        customer: `false ${from}`,
        owner: `"rp_one" ${from}`,
      };
      const stands = async () => {
        const found = await lead();
        const [own, company] = [valuesOf(found.facts), valuesOf(found.account_facts)];
        expect({
          name: own["lead.name"],
          phone: own["lead.phone"],
          employees: company["account.employees"],
          customer: company["account.customer"],
          owner: company["account.owner"],
        }).toEqual(told);
        for (const field of ["account.competitor", "account.openOpportunities", "account.tier"])
          expect(company).not.toHaveProperty([field]);
        expect([found.domain, own["lead.emailKind"], own["account.domain"]]).toEqual([
          "acme.com",
          undefined,
          undefined,
        ]);
        return own["lead.doNotContact"];
      };
      await world.ask("POST", "/leads", { facts, occurredAt: at(-86_400_000) }, role);
      const answer = await send("identify", { messageId: "1", userId: "u", traits });
      expect([answer.status, answer.body]).toEqual([
        200,
        { success: true, accepted: 1, ignored: [], refused: [] },
      ]);
      expect(await stands()).toBe("true tracking");
      await world.pool.query("truncate lead, account, outbox, transition cascade");
      await send("identify", { messageId: "2", userId: "u", traits });
      expect(valuesOf((await lead()).facts)["lead.name"]).toBe('"Mallory" tracking');
      await world.ask("POST", "/leads", { facts, occurredAt: at(-86_400_000) }, role);
      expect(await stands()).toBe("true tracking");
    },
  );

  test(
    "group sets a company's firmographics where nobody else has, and neither owner, " +
      "suppression nor which company it is",
    async () => {
      await world.ask("POST", "/leads", {
        facts: { "lead.email": "jo@acme.com", "account.employees": 80 },
      });
      await send("identify", { messageId: "1", userId: "u", traits: { email: "jo@acme.com" } });
      const { company } = traits;
      expect(
        (
          await send("group", {
            messageId: "2",
            userId: "u",
            groupId: "g",
            traits: { ...company, industry: "Software" },
          })
        ).status,
      ).toBe(200);
      const found = await lead();
      expect(valuesOf(found.account_facts)).toEqual({
        "account.domain": '"acme.com" form',
        "account.employees": "80 form",
        "account.name": '"Evil" tracking',
        "account.industry": '"Software" tracking',
      });
      expect(found.domain).toBe("acme.com");
      expect(await rows("select domain from account")).toEqual([{ domain: "acme.com" }]);
    },
  );

  test("what was kept of a visitor is no better witness, and what a key may not set is not kept", async () => {
    await world.ask("POST", "/leads", { facts });
    await send("group", {
      messageId: "1",
      userId: "u",
      traits: { customer: true, owner: "rp_two", employees: 1 },
    });
    await send("identify", {
      messageId: "2",
      userId: "u",
      traits: { name: "Mallory", title: "CFO", doNotContact: false },
    });
    const [visitor] = await rows("select facts from visitor");
    expect(Object.keys(visitor.facts).toSorted()).toEqual([
      "account.employees",
      "lead.name",
      "lead.source",
      "lead.title",
    ]);
    await world.pool.query(
      "update visitor set facts = facts || jsonb_build_object('account.owner', " +
        "jsonb_build_object('value', 'rp_two', 'from', 'tracking', 'at', '2026-11-20T12:00:00Z'))",
    );
    await send("identify", { messageId: "3", userId: "u", traits: { email: "jo@acme.com" } });
    const found = await lead();
    expect([
      found.facts["lead.name"].value,
      found.facts["lead.title"].value,
      found.account_facts["account.owner"].value,
      found.account_facts["account.employees"].value,
    ]).toEqual(["Jo", "CFO", "rp_one", 80]);
  });

  test("a withdrawal is not taken back, neither by identify nor in a batch", async () => {
    await world.ask("POST", "/leads", { facts: { ...facts, "lead.doNotContact": true } });
    const back = { email: "jo@acme.com", doNotContact: "no" };
    await send("identify", { messageId: "1", userId: "u", traits: back });
    await send("batch", {
      batch: [
        { type: "identify", messageId: "2", userId: "u", traits: back },
        { type: "identify", messageId: "3", anonymousId: "b", traits: back },
      ],
    });
    expect((await lead()).facts["lead.doNotContact"]).toMatchObject({ value: true, from: "form" });
    await send("identify", {
      messageId: "4",
      userId: "v",
      traits: { email: "new@acme.com", doNotContact: true },
    });
    await send("identify", { messageId: "5", userId: "v", traits: { doNotContact: false } });
    expect((await lead("new@acme.com")).facts["lead.doNotContact"]).toMatchObject({
      value: true,
      from: "tracking",
    });
  });

  test(
    "a user id of one person with the address of another is a conflict: nobody gets facts, " +
      "names, doings or signals",
    async () => {
      await world.ask("POST", "/leads", { facts });
      await world.ask("POST", "/leads", {
        facts: { "lead.email": "sam@acme.com", "lead.name": "Sam" },
      });
      await send("identify", { messageId: "1", userId: "sam", traits: { email: "sam@acme.com" } });
      await send("track", { messageId: "2", anonymousId: "b", event: "pricing_page" });
      await send("identify", { messageId: "3", anonymousId: "c", traits: { title: "CFO" } });
      await world.pool.query("truncate outbox");
      const before = [
        (await lead()).facts,
        (await lead("sam@acme.com")).facts,
        await rows("select * from lead_alias order by kind, value"),
      ];
      const answer = await send("identify", {
        messageId: "4",
        userId: "sam",
        anonymousId: "b",
        traits: { email: "jo@acme.com", title: "CEO", doNotContact: true },
      });
      expect([answer.status, answer.body.accepted]).toEqual([200, 1]);
      expect([
        (await lead()).facts,
        (await lead("sam@acme.com")).facts,
        await rows("select * from lead_alias order by kind, value"),
      ]).toEqual(before);
      expect(
        await rows(
          "select j.email as one, s.email as other, kind from lead_conflict c join lead j on " +
            "j.id = c.lead_id join lead s on s.id = c.other_id",
        ),
      ).toEqual([{ one: "jo@acme.com", other: "sam@acme.com", kind: "user" }]);
      expect(await rows("select lead_id from engagement")).toEqual([{ lead_id: null }]);
      expect(await rows("select * from outbox")).toEqual([]);
      expect(
        await rows(
          "select count(*)::int as n from lead_standing where merged_into is not null or " +
            "merge_into is not null",
        ),
      ).toEqual([{ n: 0 }]);
    },
  );

  test("somebody known keeps their address, and another one does not lead to them", async () => {
    await world.ask("POST", "/leads", { facts });
    await send("identify", { messageId: "1", userId: "u", traits: { email: "jo@acme.com" } });
    await send("identify", {
      messageId: "2",
      userId: "u",
      traits: { email: "ceo@victim.com", title: "CEO" },
    });
    const jo = await lead();
    expect([jo.facts["lead.email"].value, jo.facts["lead.title"].value, jo.domain]).toEqual([
      "jo@acme.com",
      "CEO",
      "acme.com",
    ]);
    expect(
      (
        await world.ask("POST", "/leads", {
          facts: { "lead.email": "ceo@victim.com", "lead.name": "Vic" },
        })
      ).status,
    ).toBe(201);
    expect((await lead()).facts["lead.name"].value).toBe("Jo");
  });

  test("an address puts a new lead at its company, and nobody who is known", async () => {
    await world.ask("POST", "/leads", { facts: { "lead.email": "known@gmail.com" } });
    await send("identify", {
      messageId: "1",
      userId: "known",
      traits: { email: "known@gmail.com", company: { website: "acme.com" } },
    });
    await send("identify", {
      messageId: "2",
      userId: "known",
      traits: { email: "known@acme.com" },
    });
    await send("identify", {
      messageId: "3",
      userId: "tracked",
      traits: { email: "tracked@gmail.com" },
    });
    world.setNow(now + 60_000);
    for (const messageId of ["4", "5"])
      await send("identify", {
        messageId,
        userId: "tracked",
        traits: { email: "tracked@acme.com" },
      });
    await send("identify", { messageId: "6", userId: "new", traits: { email: "new@acme.com" } });
    expect(
      await rows(
        "select email, domain from lead left join account on account.id = account_id order by email",
      ),
    ).toEqual([
      { email: "known@gmail.com", domain: null },
      { email: "new@acme.com", domain: "acme.com" },
      { email: "tracked@acme.com", domain: null },
    ]);
  });

  test(
    "the first touch that tracking saw stays when a form brings none, and gives way to one " +
      "that is told",
    async () => {
      await send("identify", {
        messageId: "1",
        userId: "u",
        timestamp: at(-86_400_000),
        traits: { email: "jo@acme.com" },
        context: { campaign: { source: "adwords" } },
      });
      const first = async () => {
        const { facts: known } = await lead();
        return [known["lead.firstTouchAt"].value, known["lead.source"].value];
      };
      await world.ask("POST", "/leads", { facts: { "lead.email": "jo@acme.com" } });
      expect(await first()).toEqual([at(-86_400_000), "adwords"]);
      await world.ask("POST", "/leads", {
        facts: {
          "lead.email": "jo@acme.com",
          "lead.source": "partner",
          "lead.firstTouchAt": "2026-11-02",
        },
      });
      await send("identify", {
        messageId: "2",
        userId: "u",
        traits: {},
        context: { campaign: { source: "spam" } },
      });
      expect(await first()).toEqual(["2026-11-02", "partner"]);
    },
  );

  test("what is refused is counted by field, without a value, and named to nobody who tracks", async () => {
    const metrics = async () => (await world.app.request("/metrics")).text();
    const counted = async (field: string) =>
      Number(
        new RegExp(`baton_tracked_facts_refused_total\\{field="${field}"\\} (\\d+)`).exec(
          await metrics(),
        )?.[1] ?? 0,
      );
    const before = [
      await counted("account.owner"),
      await counted("lead.doNotContact"),
      await counted("lead.name"),
    ];
    const answer = await send("identify", {
      messageId: "1",
      userId: "u",
      traits: {
        email: "jo@acme.com",
        name: "Jo",
        doNotContact: false,
        company: { owner: "rp_secret" },
      },
    });
    expect(JSON.stringify(answer.body)).not.toMatch(/owner|doNotContact/);
    expect([
      await counted("account.owner"),
      await counted("lead.doNotContact"),
      await counted("lead.name"),
    ]).toEqual([before[0]! + 1, before[1]! + 1, before[2]!]);
    expect(await metrics()).not.toContain("rp_secret");
  });
});
