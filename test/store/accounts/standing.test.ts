import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { agreementOf } from "../../../agreement/stored.ts";
import { erasePerson } from "../../../store/intake/erasure.ts";
import { nameAccount } from "../../../store/accounts/name.ts";
import { mergeAccounts } from "../../../store/accounts/merge.ts";
import { moveLead } from "../../../store/accounts/move.ts";
import { lookAtAccounts } from "../../../store/accounts/look.ts";
import { compareAccounts, recountAccounts } from "../../../store/accounts/recount.ts";
import { saveFacts, takeIn, type Arrival } from "../../../store/intake/intake.ts";
import { storeEngagements } from "../../../store/intake/engagements.ts";
import { activate, createAgreements } from "../../../store/process/agreements.ts";
import { mergeLeads } from "../../../store/process/merge.ts";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { again, take } from "../../../store/process/take.ts";
import { exampleAgreement, peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

const day = 86_400_000;
const agreements = createAgreements(agreementOf);
let world: PeopleWorld;
let now: number;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  now = world.now();
  await world.pool.query(
    "truncate lead, account, process, task, handoff, outbox, effect, opportunity, account_news, \
reminder cascade",
  );
});

const look = async () => {
  const raised: string[] = [];
  for (;;) {
    const found = await lookAtAccounts({ pool: world.pool, agreements }, now);
    raised.push(...found.raised);
    if (!found.isMore) return raised;
  }
};
const compared = async () =>
  (await compareAccounts({ pool: world.pool, agreements }, () => now)).differences;
const icp = {
  "account.employees": 200,
  "account.industry": "Software",
  "account.country": "US",
};
const arrive = async (...arrivals: Arrival[]): Promise<string[]> => {
  const agreement = (await agreements.active(world.pool))!.agreement;
  const taken = await inTransaction(world.pool, (tx) =>
    takeIn(tx, arrivals, { now, from: "form", lane: 1, agreement }),
  );
  return taken.map((one) => ("leadId" in one ? one.leadId : one.outcome));
};
let n = 0;
const did = (type: string, daysAgo = 0) => ({
  messageId: `m-${(n += 1)}`,
  type,
  occurredAt: now - daysAgo * day,
});
const person = (name: string, ...engagements: ReturnType<typeof did>[]): Arrival => ({
  email: `${name}@acme.com`,
  facts: icp,
  engagements,
});
const accountOf = async (leadId: string) =>
  (
    await rows<{ id: string }>(
      world.pool,
      sql`select account_id as id from lead where id = ${leadId}`,
    )
  )[0]!.id;
const standing = async (id: string) =>
  (
    await rows(
      world.pool,
      sql`select contacts, engaged, holds, next_change_at from account_standing
        where account_id = ${id}`,
    )
  )[0];
/** The processes of accounts, and how often each was started. */
const processes = () =>
  rows<{ id: string; stage: string; cycle: number; starts: number; closed_reason: string | null }>(
    world.pool,
    sql`select subject_id as id, stage, cycle, closed_reason, (select count(*)::int from outbox o
        where o.kind = 'start' and o.message = 'accountHandoff'
          and o.workflow_id = 'account/' || subject_id || '/' || cycle) as starts
      from process where subject_kind = 'account' order by subject_id`,
  );
/** What the account's process was told, by its signals. */
const told = (id: string) =>
  rows<{ message: string }>(
    world.pool,
    sql`select message from outbox where kind = 'signal'
      and workflow_id like ${`account/${id}/%`} order by id`,
  );
let asked = 0;
/** A decision about an account, as its process asks for it. */
const decided = (id: string, event: { kind: "arrived" | "facts" }) =>
  take(
    { pool: world.pool, agreements },
    { subject: { kind: "account", id }, key: `test/${(asked += 1)}`, now, by: "process" },
    event,
  );

const customer = async (leadId: string, value: boolean) => {
  const agreement = (await agreements.active(world.pool))!.agreement;
  const fact = { value, from: "crm" as const, at: new Date(now).toISOString() };
  await inTransaction(world.pool, (tx) =>
    saveFacts(tx, leadId, { "account.customer": fact }, now, { agreement }),
  );
};

describe("an account is flagged", () => {
  test("by three people mid or deeper, none of them qualified; low ones and a third visit do not count", async () => {
    const [lead = ""] = await arrive(
      person("a", did("buyers_guide"), did("buyers_guide")),
      person("b", did("roi_calculator")),
      person("c", did("blog_view"), did("never_heard_of")),
    );
    const id = await accountOf(lead);
    expect(await look()).toEqual([]);
    expect(await standing(id)).toMatchObject({ contacts: 2, engaged: false });
    await arrive(person("c", did("webinar_attended", 29)));
    expect(await look()).toEqual([id]);
    expect(await standing(id)).toMatchObject({ contacts: 3, engaged: true, holds: true });
    expect(await rows(world.pool, sql`select from process where stage <> 'new'`)).toEqual([]);
    expect(await processes()).toMatchObject([{ id, stage: "new", cycle: 1, starts: 1 }]);
    expect(await compared()).toEqual([]);
  });

  test("once, by 5,000 people who engage in a minute, and by two workers at once", async () => {
    const [first = ""] = await arrive(person("first"));
    const id = await accountOf(first);
    for (let from = 0; from < 5_000; from += 500)
      await arrive(
        ...Array.from({ length: 500 }, (_, k) => person(`p${from + k}`, did("demo_request"))),
      );
    const raised = await Promise.all([look(), look(), look()]);
    expect(raised.flat()).toEqual([id]);
    expect(await standing(id)).toMatchObject({ contacts: 5_000, engaged: true });
    expect(await processes()).toMatchObject([{ id, cycle: 1, starts: 1 }]);
    expect(await rows(world.pool, sql`select from account_flag`)).toHaveLength(1);
    // The handoff is open, and the people go on: its process hears nothing of it.
    await decided(id, { kind: "arrived" });
    for (let from = 0; from < 1_500; from += 500) {
      await arrive(
        ...Array.from({ length: 500 }, (_, k) => person(`p${from + k}`, did("pricing_page"))),
      );
      await look();
    }
    expect(await told(id)).toEqual([]);
    expect(await processes()).toMatchObject([{ id, stage: "mql", cycle: 1, starts: 1 }]);
    expect(await rows(world.pool, sql`select from account_news`)).toEqual([]);
    expect(await compared()).toEqual([]);
  }, 120_000);

  test("again only after the cool-down, and not while its flag stands", async () => {
    const leads = await arrive(...["a", "b", "c"].map((name) => person(name, did("demo_request"))));
    const id = await accountOf(leads[0]!);
    expect(await look()).toEqual([id]);
    await customer(leads[0]!, true);
    await look();
    await decided(id, { kind: "facts" });
    now += 1_000;
    await customer(leads[0]!, false);
    for (const days of [10, 49.9]) {
      now = world.now() + days * day;
      await arrive(...["a", "b", "c"].map((name) => person(name, did("demo_request"))));
      expect(await look()).toEqual([]);
    }
    // Nothing happens but time.
    now = world.now() + 60 * day;
    expect(await look()).toEqual([id]);
    expect(await processes()).toMatchObject([{ id, stage: "new", cycle: 2, starts: 1 }]);
  });

  test("not with an opportunity, and its flag goes when the company becomes a customer", async () => {
    const leads = await arrive(...["a", "b", "c"].map((name) => person(name, did("demo_request"))));
    const id = await accountOf(leads[0]!);
    await look();
    await decided(id, { kind: "arrived" });
    await customer(leads[0]!, true);
    expect(await look()).toEqual([]);
    expect(await standing(id)).toMatchObject({ contacts: 0, engaged: false });
    // Its process hears of it once, however often the account is looked at.
    await world.pool.query("insert into account_news (account_id) values ($1)", [id]);
    await look();
    expect(await told(id)).toEqual([{ message: "factsChanged" }]);
    expect(await compared()).toEqual([]);
    await decided(id, { kind: "facts" });
    expect(await processes()).toMatchObject([
      { stage: "disqualified", closed_reason: "suppressed: existing-customer" },
    ]);
    expect(
      await rows(world.pool, sql`select ended_by from account_flag where ended_at is not null`),
    ).toEqual([{ ended_by: "baton" }]);
    await look();
    expect(await compared()).toEqual([]);
  });

  test("that was flagged before there were handoffs is handed off when it is looked at", async () => {
    const leads = await arrive(...["a", "b", "c"].map((name) => person(name, did("demo_request"))));
    const id = await accountOf(leads[0]!);
    await look();
    await world.pool.query(sql`delete from process where subject_kind = 'account'`);
    await world.pool.query(sql`delete from transition where subject_kind = 'account'`);
    await world.pool.query(sql`delete from outbox where message = 'accountHandoff'`);
    await world.pool.query("insert into account_news (account_id) values ($1)", [id]);
    expect(await look()).toEqual([]);
    expect(await processes()).toMatchObject([{ id, stage: "new", cycle: 1, starts: 1 }]);
  });
});

describe("what changes who counts", () => {
  test("an account falls at the moment that was named, with no other word", async () => {
    const [a = ""] = await arrive(
      person("a", did("demo_request", 5)),
      person("b", did("demo_request", 10)),
      person("c", did("demo_request", 20)),
    );
    const id = await accountOf(a);
    await look();
    const at = ((await standing(id)) as { next_change_at: Date }).next_change_at.getTime();
    expect(at).toBe(world.now() + 10 * day + 1);
    now = at - 1;
    await look();
    expect(await standing(id)).toMatchObject({ engaged: true });
    now = at;
    await look();
    expect(await standing(id)).toMatchObject({ engaged: false, contacts: 2 });
    expect(await compared()).toEqual([]);
  });

  test("people who are one count once, moved ones where they are, erased ones nowhere", async () => {
    const [a = "", b = "", c = "", d = ""] = await arrive(
      ...["a", "b", "c", "d"].map((name) => person(name, did("demo_request"))),
    );
    const id = await accountOf(a);
    const contacts = async () => {
      await look();
      expect(await compared()).toEqual([]);
      return (await standing(id)) as { contacts: number };
    };
    expect(await contacts()).toMatchObject({ contacts: 4 });
    await inTransaction(world.pool, (tx) =>
      mergeLeads(tx, agreements, { leads: [a, b], wished: a, by: "test", crm: null }, now),
    );
    expect(await contacts()).toMatchObject({ contacts: 3 });
    await inTransaction(world.pool, (tx) =>
      moveLead(tx, { leadId: c, to: { domain: "other.com" }, by: "test" }, now),
    );
    expect(await contacts()).toMatchObject({ contacts: 2 });
    await inTransaction(world.pool, (tx) => erasePerson(tx, d, "test", now));
    expect(await contacts()).toMatchObject({ contacts: 1 });
  });

  test("an account that merges brings its people, and its flag goes on with a handoff", async () => {
    const [a = ""] = await arrive(
      ...["a", "b", "c"].map((name) => person(name, did("demo_request"))),
    );
    const one = await accountOf(a);
    await look();
    await decided(one, { kind: "arrived" });
    const [other = ""] = await arrive({ ...person("x", did("demo_request")), email: "x@acme.de" });
    const survivor = await accountOf(other);
    await inTransaction(world.pool, (tx) =>
      mergeAccounts(tx, { survivorId: survivor, loserId: one, by: "test" }, now),
    );
    expect(await look()).toEqual([]);
    expect(await standing(survivor)).toMatchObject({ contacts: 4, engaged: true });
    expect(await standing(one)).toBeUndefined();
    expect(await told(one)).toEqual([{ message: "factsChanged" }]);
    await decided(one, { kind: "facts" });
    const [ended, begun] = (await processes()).toSorted((x, y) => (x.stage < y.stage ? -1 : 1));
    expect([ended, begun]).toMatchObject([
      { id: one, stage: "disqualified", closed_reason: `merged into ${survivor}` },
      { id: survivor, stage: "new", starts: 1 },
    ]);
    expect(
      await rows(world.pool, sql`select account_id from account_flag where ended_at is null`),
    ).toEqual([{ account_id: survivor }]);
    expect(await compared()).toEqual([]);
  });

  const withoutAccounts = exampleAgreement.replace(/^accounts:\n(?: .*\n)+/m, "");
  test.each([
    ["one that asks for accounts", withoutAccounts, exampleAgreement],
    ["one that asks for none", exampleAgreement, withoutAccounts],
  ])(
    "while accounts are compared %s becomes active: no difference, looked at or not",
    async (_, first, second) => {
      const activated = async (text: string) =>
        inTransaction(world.pool, (tx) => activate(tx, text, "t", now));
      await activated(first);
      await arrive(...["a", "b", "c"].map((name) => person(name, did("demo_request"))));
      await look();
      expect(await compared()).toEqual([]);
      let steps = 0;
      const found = await compareAccounts(
        { pool: world.pool, agreements },
        () => now,
        async (step) => {
          const result = await step();
          // After the leads and before the accounts, as a rest between them.
          if ((steps += 1) === 1) {
            await activated(second);
            await look();
          }
          return result;
        },
      );
      expect([steps, found.differences]).toEqual([2, []]);
      await activated(first);
      expect(await compared()).toEqual([]);
      await look();
      expect(await compared()).toEqual([]);
      await activated(exampleAgreement);
      await look();
    },
  );

  test("of two workers that count at one time one records it, and makes it right", async () => {
    const [a = ""] = await arrive(person("a", did("demo_request")));
    await look();
    await world.pool.query(sql`delete from contact_engagement where lead_id = ${a}`);
    const both = [now, now + 1].map((at) =>
      recountAccounts({ pool: world.pool, agreements }, () => at),
    );
    const found = (await Promise.all(both)).filter(({ isRecorded }) => isRecorded);
    expect(found).toMatchObject([{ differences: [{ what: "latest", of: a }] }]);
    await look();
    expect(await compared()).toEqual([]);
  });

  test("what was written past the triggers is found, and made right", async () => {
    const [a = "", b = ""] = await arrive(
      ...["a", "b", "c"].map((name) => person(name, did("demo_request"))),
    );
    const id = await accountOf(a);
    await look();
    await world.pool.query(sql`delete from contact_engagement where lead_id = ${a}`);
    await world.pool.query(
      sql`update account_standing set engaged = false where account_id = ${id}`,
    );
    await world.pool.query(sql`
      update contact_engagement set at = at - interval '1 day' where lead_id = ${b}`);
    const { differences } = await recountAccounts({ pool: world.pool, agreements }, () => now);
    expect(differences).toEqual([
      ...[a, b].sort().map((of) => ({ what: "latest", of })),
      { what: "standing", of: id },
    ]);
    await look();
    expect(await compared()).toEqual([]);
    expect(await standing(id)).toMatchObject({ engaged: true });
    const metrics = (await world.ask("GET", "/metrics", { as: null })).body as string;
    expect(metrics).toMatch(/^baton_account_differences 3$/m);
  });
});

/** The same numbers for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

describe("incremental equals full, always", () => {
  test.each([1, 2, 3, 4])(
    "a generated history with merges, moves, names, versions, late engagements and ageing (seed %i)",
    async (seed) => {
      const roll = dice(seed);
      await inTransaction(world.pool, (tx) => activate(tx, exampleAgreement, "t", now));
      const domains = ["acme.com", "beta.com", "gamma.com", "gmail.com"];
      const types = ["demo_request", "buyers_guide", "blog_view", "pricing_page", "unheard_of"];
      const leads: string[] = [];
      const of = <T>(list: readonly T[]): T => list[roll(list.length)]!;
      const agreement = (await agreements.active(world.pool))!.agreement;
      const deeds: readonly (() => Promise<unknown>)[] = [
        async () => {
          const domain = of(domains);
          const engagements = Array.from({ length: roll(3) }, () => did(of(types), roll(45)));
          const email = `p${roll(30)}@${domain}`;
          const [id = ""] = await arrive({ email, facts: roll(3) ? icp : {}, engagements });
          if (id.startsWith("ld_") && !leads.includes(id)) leads.push(id);
        },
        () =>
          inTransaction(world.pool, (tx) =>
            storeEngagements(
              tx,
              Array.from({ length: 1 + roll(4) }, () => ({
                ...did(of(types), roll(60)),
                who: { leadId: of(leads) },
              })),
              now,
            ),
          ),
        () =>
          inTransaction(world.pool, (tx) =>
            moveLead(
              tx,
              { leadId: of(leads), to: { domain: of(domains.slice(0, 3)) }, by: "t" },
              now,
            ),
          ),
        async () => {
          const all = await rows<{ id: string }>(
            world.pool,
            sql`select id from account order by id`,
          );
          if (all.length < 2) return;
          const [one, other] = [of(all).id, of(all).id];
          await inTransaction(world.pool, (tx) =>
            mergeAccounts(tx, { survivorId: one, loserId: other, by: "t" }, now),
          );
        },
        () =>
          inTransaction(world.pool, (tx) =>
            mergeLeads(
              tx,
              agreements,
              { leads: [of(leads), of(leads)], wished: null, by: "t", crm: null },
              now,
            ),
          ),
        async () => {
          if (roll(4) === 0)
            await inTransaction(world.pool, (tx) => erasePerson(tx, of(leads), "t", now));
        },
        () =>
          inTransaction(world.pool, (tx) => {
            const value = roll(2) === 0;
            const fact = { value, from: "crm" as const, at: new Date(now).toISOString() };
            return saveFacts(tx, of(leads), { "account.customer": fact }, now, { agreement });
          }),
        async () => {
          const all = await rows<{ id: string }>(
            world.pool,
            sql`select id from account where merged_into is null order by id`,
          );
          const alias = { kind: "domain" as const, value: `other${roll(6)}.com` };
          const wanted = { accountId: of(all).id, by: "t", ...alias };
          await inTransaction(world.pool, (tx) => nameAccount(tx, wanted, now));
          const [id = ""] = await arrive({
            email: `q${roll(9)}@${alias.value}`,
            facts: icp,
            engagements: [did(of(types), roll(20))],
          });
          if (id.startsWith("ld_") && !leads.includes(id)) leads.push(id);
        },
        // Another version asks for more people, or looks back less far.
        () =>
          inTransaction(world.pool, (tx) =>
            activate(
              tx,
              exampleAgreement
                .replace(/contacts: \d+/, `contacts: ${1 + roll(4)}`)
                .replace(/within: \d+ days/, `within: ${10 + roll(40)} days`),
              "t",
              now,
            ),
          ),
        async () => {
          now += roll(9) * day + roll(1_000);
        },
      ];
      await deeds[0]!();
      for (let step = 0; step < 120; step += 1) {
        const deed = of(roll(3) === 0 ? deeds : deeds.slice(0, 3));
        if (leads.length > 0) await again(async () => void (await deed()));
        if (roll(3) === 0) await look();
        expect([step, await compared()]).toEqual([step, []]);
      }
      await look();
      expect(await compared()).toEqual([]);
      const open = await rows<{ n: number }>(
        world.pool,
        sql`select count(*)::int as n from account_flag where ended_at is null group by account_id`,
      );
      expect(open.every(({ n }) => n === 1)).toBe(true);
      expect(
        await rows(
          world.pool,
          sql`select from account_flag f where ended_at is null and not exists (select from process p
          where p.subject_kind = 'account' and p.subject_id = f.account_id
            and p.stage not in ('opportunity', 'disqualified'))`,
        ),
      ).toEqual([]);
    },
    120_000,
  );
});
