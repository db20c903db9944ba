import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { accountInLines } from "../../cli/commands/explain-account.ts";
import { lookAtAccounts } from "../../store/accounts/look.ts";
import { tellAccount } from "../../store/accounts/told.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { seeAccount } from "../../store/views/accounts.ts";
import { rows, sql } from "../../store/postgres/db.ts";
import { checkAudit } from "../../store/postgres/audit.ts";
import { peopleWorld, type PeopleWorld, type Persona } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(() =>
  world.pool.query("truncate lead, account, process, task, handoff, outbox, effect cascade"),
);

const post = async (path: string, body: object, as: Persona = "marketing") =>
  world.ask("POST", path, { body, as });
const takeIn = async (email: string, more: object = {}, facts: object = {}) =>
  (await post("/leads", { facts: { "lead.email": email, ...facts }, ...more })).body.id as string;
const accountOf = async (id: string) => (await world.ask("GET", `/leads/${id}`)).body.account;
const accounts = async () =>
  (await rows<{ domain: string }>(world.pool, sql`select domain from account order by domain`)).map(
    ({ domain }) => domain,
  );

describe("a lead comes to its account", () => {
  test("by the domain that can be registered, and the answer says by what", async () => {
    const lead = await takeIn("jo@mail.acme.co.uk");
    expect(await accountOf(lead)).toMatchObject({
      domain: "acme.co.uk",
      placed: {
        by: "email-domain",
        name: "acme.co.uk",
        alias: false,
        candidates: [{ by: "email-domain", name: "acme.co.uk", passedOver: null }],
      },
    });
    const told = await takeIn("al@other.com", {}, { "account.domain": "https://www.acme.co.uk/x" });
    expect(await accountOf(told)).toMatchObject({
      domain: "acme.co.uk",
      placed: { by: "told-domain", candidates: [{}, { passedOver: expect.any(String) }] },
    });
    expect(await accounts()).toEqual(["acme.co.uk"]);
  });

  test("providers of mail and suffixes make no account, told or in an address", async () => {
    for (const [n, domain] of ["gmail.com", "yahoo.co.uk", "mailinator.com"].entries()) {
      const lead = await takeIn(`jo${n}@${domain}`, {}, { "account.domain": domain });
      expect(await accountOf(lead)).toBeNull();
      const why = (await world.ask("GET", `/leads/${lead}`)).body.noAccount;
      expect(why).toMatchObject([
        {
          by: "told-domain",
          name: domain,
          passedOver: expect.stringMatching(/mail is no company$/),
        },
        {
          by: "email-domain",
          name: domain,
          passedOver: expect.stringMatching(/mail is no company$/),
        },
      ]);
    }
    const answer = await post("/leads", {
      facts: { "lead.email": "jo@acme.com", "account.domain": "co.uk" },
    });
    expect([answer.status, answer.body.field]).toEqual([422, "facts.account.domain"]);
    expect(await accounts()).toEqual([]);
  });

  test("by the CRM's id, which stands against domains; one that is new names the account it came with", async () => {
    const first = await takeIn("jo@acme.com", { crmAccountId: "001A" });
    const account = await accountOf(first);
    const second = await takeIn("al@acme-group.de", { crmAccountId: "001A" });
    expect(await accountOf(second)).toMatchObject({
      id: account.id,
      placed: { by: "crm-id", name: "001A", candidates: [{}, { name: "acme-group.de" }] },
    });
    // A form may not take the lead away from where the CRM has put it.
    await takeIn("al@acme-group.de", {}, { "account.domain": "elsewhere.com" });
    expect((await accountOf(second)).id).toBe(account.id);
    const alone = await takeIn("free@gmail.com", { crmAccountId: "001B" });
    expect(await accountOf(alone)).toMatchObject({ domain: null, placed: { by: "crm-id" } });
    const other = await takeIn("free2@gmail.com", { crmAccountId: "001B" });
    expect((await accountOf(other)).id).toBe((await accountOf(alone)).id);
  });

  test("two at once with one new id of the CRM come to one account", async () => {
    const leads = await Promise.all(
      Array.from({ length: 12 }, (_, n) => takeIn(`p${n}@gmail.com`, { crmAccountId: "001C" })),
    );
    const ids = await Promise.all(leads.map(async (id) => (await accountOf(id)).id));
    expect(new Set(ids).size).toBe(1);
  });

  test("by an alias that somebody gave it; a name of another account is not given away", async () => {
    const { id } = await accountOf(await takeIn("jo@acme.com"));
    expect((await post(`/accounts/${id}/aliases`, { domain: "www.acme.de" })).body).toEqual({
      id,
      kind: "domain",
      name: "acme.de",
    });
    expect((await post(`/accounts/${id}/aliases`, { domain: "acme.de" })).status).toBe(200);
    const german = await takeIn("al@acme.de");
    expect(await accountOf(german)).toMatchObject({
      id,
      placed: { by: "email-domain", name: "acme.de", alias: true },
    });
    const beta = await accountOf(await takeIn("bo@beta.com"));
    const taken = await post(`/accounts/${id}/aliases`, { domain: "beta.com" });
    expect([taken.status, taken.body.account]).toEqual([409, beta.id]);
    expect((await accountOf(await takeIn("ba@beta.com"))).id).toBe(beta.id);
    for (const body of [{ domain: "gmail.com" }, { domain: "co.uk" }, { domain: "x" }, {}])
      expect((await post(`/accounts/${id}/aliases`, body)).status).toBe(422);
    expect((await post("/accounts/ac_none/aliases", { domain: "c.com" })).status).toBe(404);
  });
});

describe("a person moves a lead", () => {
  test("it stays there against forms and addresses, its handoff with its owner, and all are told", async () => {
    const lead = await takeIn("jo@acme.com");
    const beta = await accountOf(await takeIn("bo@beta.com"));
    await world.pool.query("truncate outbox, effect");
    const from = (await accountOf(lead)).id;
    expect((await post(`/leads/${lead}/move-account`, { account: beta.id })).body).toEqual({
      id: lead,
      from,
      account: beta.id,
    });
    expect(await accountOf(lead)).toMatchObject({
      id: beta.id,
      placed: { by: "person", candidates: [{ by: "person" }, { by: "email-domain" }] },
    });
    expect(
      await rows(world.pool, sql`select workflow_id, message from outbox order by id`),
    ).toEqual([{ workflow_id: `lead/${lead}`, message: "factsChanged" }]);
    expect(await rows(world.pool, sql`select kind, subject_id from effect`)).toEqual([
      { kind: "sync-crm", subject_id: lead },
    ]);
    await takeIn("jo@acme.com", {}, { "account.domain": "acme.com" });
    expect((await accountOf(lead)).id).toBe(beta.id);
    const audited = await rows(
      world.pool,
      sql`select what, detail from audit where subject = ${lead} order by id desc limit 1`,
    );
    expect(audited).toEqual([{ what: "lead.moved", detail: { from, to: beta.id } }]);
    // Again, and to an account that is not there yet.
    await world.pool.query("truncate outbox");
    const again = await post(`/leads/${lead}/move-account`, { account: beta.id });
    expect(again.body).toEqual({ id: lead, from: beta.id, account: beta.id });
    expect(await rows(world.pool, sql`select from outbox`)).toEqual([]);
    await post(`/leads/${lead}/move-account`, { domain: "https://gamma.com/about" });
    expect(await accountOf(lead)).toMatchObject({ domain: "gamma.com" });
  });

  test("nonsense and those who may not are refused", async () => {
    const lead = await takeIn("jo@acme.com");
    const path = `/leads/${lead}/move-account`;
    for (const [body, field] of [
      [{}, "account"],
      [{ account: "ac_nobody" }, "account"],
      [{ account: "ld_x" }, "account"],
      [{ account: "ac_a", domain: "a.com" }, "account"],
      [{ domain: "gmail.com" }, "domain"],
      [{ domain: "co.uk" }, "domain"],
    ] as const) {
      const answer = await post(path, body);
      expect([body, answer.status, answer.body.field]).toEqual([body, 422, field]);
    }
    for (const as of ["one", "boss"] as const)
      expect((await post(path, { domain: "beta.com" }, as)).status).toBe(403);
    expect((await post("/leads/ld_nobody/move-account", { domain: "beta.com" })).status).toBe(404);
  });
});

describe("two accounts become one", () => {
  test("with leads, names and facts; what comes under either name belongs to it", async () => {
    const first = await takeIn("jo@acme.com", { crmAccountId: "001A" });
    const second = await takeIn(
      "al@acme.de",
      { crmAccountId: "001B" },
      {
        "account.employees": 900,
      },
    );
    const [one, other] = [(await accountOf(first)).id, (await accountOf(second)).id];
    await world.pool.query("truncate outbox, effect");
    expect((await post(`/accounts/${one}/merge`, { other })).body).toEqual({
      id: one,
      merged: other,
      leads: 1,
    });
    expect(await accountOf(second)).toMatchObject({ id: one, domain: "acme.com" });
    expect((await world.ask("GET", `/leads/${first}`)).body.accountFacts).toMatchObject({
      "account.employees": { value: 900 },
      "account.domain": { value: "acme.com" },
    });
    expect((await accountOf(await takeIn("x@acme.de"))).id).toBe(one);
    expect((await accountOf(await takeIn("y@gmail.com", { crmAccountId: "001B" }))).id).toBe(one);
    expect(
      (
        await rows<{ workflow_id: string }>(
          world.pool,
          sql`select workflow_id from outbox where message = 'factsChanged'
        order by 1`,
        )
      ).map((row) => row.workflow_id),
    ).toEqual([`lead/${first}`, `lead/${second}`].sort());
    expect(
      await rows(
        world.pool,
        sql`select subject_id from effect where kind = 'sync-crm'
        and key like '%account-merged%'`,
      ),
    ).toEqual([{ subject_id: second }]);
    for (const [path, body] of [
      [`/accounts/${one}/merge`, { other }],
      [`/accounts/${other}/merge`, { other: one }],
      [`/accounts/${one}/merge`, { other: one }],
    ] as const)
      expect((await post(path, body)).status).toBe(409);
    expect((await post(`/accounts/${one}/merge`, { other: "ac_none" })).status).toBe(422);
    expect((await post("/accounts/ac_none/merge", { other: one })).status).toBe(404);
    expect((await post(`/accounts/${one}/merge`, { other }, "boss")).status).toBe(403);
    expect((await post(`/accounts/${other}/aliases`, { domain: "c.com" })).body.into).toBe(one);
    expect((await checkAudit(world.pool)).brokenAt).toBeNull();
  });

  test("a chain of merges leads to the last one, whatever name is told", async () => {
    const ids = [];
    for (const domain of ["a.com", "b.com", "c.com"])
      ids.push((await accountOf(await takeIn(`jo@${domain}`))).id as string);
    const [a = "", b = "", c = ""] = ids;
    await post(`/accounts/${b}/merge`, { other: a });
    await post(`/accounts/${c}/merge`, { other: b });
    for (const domain of ["a.com", "b.com", "c.com"])
      expect((await accountOf(await takeIn(`al@${domain}`))).id).toBe(c);
  });

  test("of merges the wrong way round at once one wins, and no lead is left behind", async () => {
    const [one, other] = await Promise.all(
      ["a.com", "b.com"].map(async (domain) => (await accountOf(await takeIn(`jo@${domain}`))).id),
    );
    const answers = await Promise.all([
      post(`/accounts/${one}/merge`, { other }),
      post(`/accounts/${other}/merge`, { other: one }),
      ...Array.from({ length: 10 }, (_, n) => takeIn(`p${n}@${n % 2 ? "a" : "b"}.com`)),
    ]);
    const statuses = answers.flatMap((one) => (typeof one === "string" ? [] : [one.status]));
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(
      await rows(
        world.pool,
        sql`select from lead l join account a on a.id = l.account_id
          where a.merged_into is not null`,
      ),
    ).toEqual([]);
  });
});

describe("accounts are read", () => {
  const engaged = (id: string) => ({
    engagements: [{ id: `m-${id}`, type: "demo_request", topic: "routing" }],
  });
  const icp = {
    "account.name": "Acme Engines",
    "account.employees": 200,
    "account.industry": "Software",
    "account.country": "US",
  };
  const look = async () => {
    const agreements = createAgreements(agreementOf);
    await lookAtAccounts({ pool: world.pool, agreements }, world.now());
  };

  test("one shows its people, its score with its parts, its flag, names and owner", async () => {
    const leads = [];
    for (const name of ["a", "b", "c"])
      leads.push(await takeIn(`${name}@acme.com`, engaged(name), icp));
    await takeIn("quiet@acme.com", {}, icp);
    const { id } = await accountOf(leads[0] ?? "");
    await post(`/accounts/${id}/aliases`, { domain: "acme.de" });
    await world.pool.query(
      "update process set owner_id = 'rp_one', stage = 'sal' where subject_id = $1",
      [leads[0]],
    );
    await look();
    const { status, body } = await world.ask("GET", `/accounts/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      domain: "acme.com",
      owner: "rp_one",
      tier: 1,
      mergedInto: null,
      names: [{ kind: "domain", name: "acme.de" }],
      score: { contacts: 3, needed: 3, depth: "mid", engaged: true, holds: true, intent: 120 },
      flags: [{ tier: 1, contacts: 3, endedAt: null }],
      handoffs: [],
    });
    expect(Date.parse(body.score.changesAt)).toBe(world.now() + 30 * 86_400_000 + 1);
    expect(body.score.trace.length).toBeGreaterThan(3);
    expect(body.people).toHaveLength(4);
    expect(body.people.slice(0, 3)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          id: leads[1],
          depth: "high",
          intent: 40,
          placedBy: "email-domain",
        }),
      ]),
    );
    expect(body.people[3]).toMatchObject({ depth: null, intent: 0, lastEngagedAt: null });
    const account = await seeAccount(world.pool, id, { kind: "all" });
    const told = await tellAccount(
      world.pool,
      createAgreements(agreementOf),
      account!,
      world.now(),
    );
    const lines = accountInLines(told).join("\n");
    expect(lines).toMatch(
      /3 of 3 people have engaged, mid or deeper, within 30 days: engaged, until/,
    );
    expect(lines).toContain(`${leads[1]} new; deepest high, intent 40`);
  });

  test("the list is searched, filtered and paged; whoever has no part in an account does not see it", async () => {
    const ids: Record<string, string> = {};
    for (const domain of ["acme.com", "acme-group.com", "beta.com"]) {
      // Ids lie in the order in which they were made.
      world.setNow(world.now() + 1);
      const facts = {
        ...icp,
        "account.name": `Name of ${domain}`,
        "account.tier": domain === "beta.com" ? 2 : 3,
      };
      for (const name of ["a", "b", "c"]) {
        const lead = await takeIn(
          `${name}@${domain}`,
          domain === "acme.com" ? engaged(name + domain) : {},
          facts,
        );
        ids[domain] = (await accountOf(lead)).id;
      }
    }
    await look();
    const listed = async (query: string, as: Persona = "marketing") =>
      (await world.ask("GET", `/accounts?${query}`, { as })).body.items.map(
        ({ domain }: { domain: string }) => domain,
      );
    expect(await listed("")).toEqual(["beta.com", "acme-group.com", "acme.com"]);
    expect(await listed("q=acme")).toEqual(["acme-group.com", "acme.com"]);
    expect(await listed("q=name%20of%20B")).toEqual(["beta.com"]);
    expect(await listed(`q=${ids["beta.com"]}`)).toEqual(["beta.com"]);
    expect(await listed("q=cme")).toEqual([]);
    expect(await listed(`ids=${ids["acme.com"]},${ids["beta.com"]},ac_none`)).toEqual([
      "beta.com",
      "acme.com",
    ]);
    expect(await listed("flagged=true")).toEqual(["acme.com"]);
    expect(await listed("flagged=false")).toEqual(["beta.com", "acme-group.com"]);
    // A flagged account is treated as of the better tier.
    expect(await listed("tier=1")).toEqual(["acme.com"]);
    expect(await listed("tier=3")).toEqual(["acme-group.com"]);
    const first = (await world.ask("GET", "/accounts?limit=2")).body;
    expect(first.items).toHaveLength(2);
    const rest = (await world.ask("GET", `/accounts?limit=2&cursor=${first.next}`)).body;
    expect(rest).toMatchObject({ items: [{ domain: "acme.com" }], next: null });
    for (const query of [
      "tier=0",
      "tier=x",
      "flagged=maybe",
      "ids=ld_1",
      "ids=",
      "nonsense=1",
      "limit=101",
    ])
      expect((await world.ask("GET", `/accounts?${query}`)).status).toBe(422);

    const path = `/accounts/${ids["beta.com"]}`;
    expect(await listed("", "one")).toEqual([]);
    expect((await world.ask("GET", path, { as: "one" })).status).toBe(404);
    await world.pool.query(
      "update process set owner_id = 'rp_one' where subject_id in (select id from lead where account_id = $1)",
      [ids["beta.com"]],
    );
    expect(await listed("", "one")).toEqual(["beta.com"]);
    expect((await world.ask("GET", path, { as: "one" })).status).toBe(200);
    // The flagged one is the team's once one of them has it.
    expect(await listed("", "boss")).toEqual(["beta.com"]);
    await world.pool.query(
      "update process set owner_id = 'rp_two' where subject_kind = 'account' and subject_id = $1",
      [ids["acme.com"]],
    );
    expect(await listed("", "boss")).toEqual(["beta.com", "acme.com"]);
    expect((await world.ask("GET", "/accounts/ac_none")).status).toBe(404);
    expect((await world.ask("GET", "/accounts/nonsense")).status).toBe(404);
  });
});
