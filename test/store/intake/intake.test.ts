import { beforeAll, describe, expect, test } from "vitest";
import type { FactSource } from "../../../handoff/facts/facts.ts";
import { inTransaction, openPool } from "../../../store/postgres/db.ts";
import { storeEngagements } from "../../../store/intake/engagements.ts";
import { rememberErased } from "../../../store/intake/erased.ts";
import { decide } from "../../../handoff/process/decide.ts";
import { activate, createAgreements } from "../../../store/process/agreements.ts";
import { applyChanges } from "../../../store/process/apply.ts";
import { loadSituation, lockProcess } from "../../../store/process/load.ts";
import { saveFacts, takeIn, type Arrival, type TakenIn } from "../../../store/intake/intake.ts";
import { otherMatches } from "../../../store/intake/matches.ts";
import { rescore } from "../../../store/intake/scores.ts";
import { leadWorkflowId } from "../../../workflows/contract.ts";
import { smallAgreement } from "../../support/small-agreement.ts";
import { withDatabase } from "../../support/database.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const HOUR = 3_600_000;
const db = withDatabase({
  empties: ["lead", "process", "account", "outbox", "transition", "erased_person"],
  max: 24,
});
const agreements = createAgreements(() => smallAgreement);

beforeAll(async () => {
  await inTransaction(db.pool, (tx) => activate(tx, "the agreement of this test", "test", now));
});

type Wish = {
  now?: number;
  from?: FactSource;
  lane?: 1 | 2;
  importId?: string;
};
const take = (
  arrivals: Arrival[],
  { now: at = now, from = "form", lane = 1, ...rest }: Wish = {},
) =>
  inTransaction(db.pool, (tx) =>
    takeIn(tx, arrivals, { now: at, from, lane, agreement: smallAgreement, ...rest }),
  );
async function takeOne(arrival: Arrival, wish: Wish = {}): Promise<TakenIn> {
  const [one] = await take([arrival], wish);
  if (!one) throw new Error("no answer");
  return one;
}
async function idOf(arrival: Arrival, wish: Wish = {}): Promise<string> {
  const one = await takeOne(arrival, wish);
  if (!("leadId" in one)) throw new Error(`not stored: ${one.outcome}`);
  return one.leadId;
}
const all = async (query: string, values: unknown[] = []) =>
  (await db.pool.query(query, values)).rows;
const leadRow = async (id: string) =>
  (await all("select * from lead_standing where id = $1", [id]))[0];
const person = (email: string, facts: Arrival["facts"] = {}): Arrival => ({
  facts: { "lead.email": email, ...facts },
});

describe("a new person", () => {
  test(
    "is stored with account, score, transition and the telling that starts the process, in one " +
      "transaction",
    async () => {
      const id = await idOf({
        ...person(" Jo@Mail.Acme.co.uk ", { "lead.source": "website", "account.employees": "250" }),
        engagements: [{ messageId: "m1", type: "demo_request", occurredAt: now - HOUR }],
      });
      const lead = await leadRow(id);
      expect(lead).toMatchObject({
        email: "jo@mail.acme.co.uk",
        source: "website",
        stage: "new",
        waiting_on: "assessment",
        queue: "intake",
        next_step: "assess",
      });
      expect(lead.facts["lead.firstTouchAt"].value).toBe("2026-11-20T11:00:00.000Z");
      expect(
        await all("select domain, facts->'account.employees'->'value' as employees from account"),
      ).toEqual([{ domain: "acme.co.uk", employees: 250 }]);
      expect(await all("select lead_id, fit, intent, band from score")).toEqual([
        { lead_id: id, fit: 30, intent: 40, band: "A" },
      ]);
      expect(await all("select from_stage, to_stage, cycle, step from transition")).toEqual([
        { from_stage: null, to_stage: "new", cycle: 1, step: 0 },
      ]);
      expect(await all("select lane, kind, workflow_id, message, payload from outbox")).toEqual([
        {
          lane: 1,
          kind: "start",
          workflow_id: leadWorkflowId(id),
          message: "leadHandoff",
          payload: { leadId: id, cycle: 1, step: 0, from: "intake", priority: 1 },
        },
      ]);
    },
  );

  test("of an import waits behind everybody who asks today", async () => {
    await take(
      [
        {
          ...person("a@acme.com", { "account.employees": 90 }),
          engagements: [{ messageId: "m1", type: "demo_request", occurredAt: now }],
        },
      ],
      { lane: 2, importId: "im_1" },
    );
    expect((await all("select lane, payload from outbox"))[0]).toMatchObject({
      lane: 2,
      payload: { priority: 5 },
    });
  });

  test("without an e-mail is recognised by the sender's id", async () => {
    const id = await idOf({ externalId: "P-1", facts: { "lead.favouriteTool": "hammer" } });
    expect(
      await takeOne(
        { externalId: "P-1", facts: { "lead.favouriteTool": "saw" } },
        { now: now + 1 },
      ),
    ).toMatchObject({ outcome: "merged", leadId: id, changed: ["lead.favouriteTool"] });
  });

  test("is judged by what is stored, whoever came along and whatever was known before", async () => {
    const demo = (messageId: string, occurredAt = now - HOUR) => ({
      messageId,
      type: "demo_request",
      occurredAt,
    });
    await inTransaction(db.pool, (tx) =>
      storeEngagements(
        tx,
        [
          {
            messageId: "seen",
            type: "pricing_page",
            occurredAt: now - HOUR,
            who: { anonymousId: "browser" },
          },
        ],
        now,
      ),
    );
    await take([{ ...person("taken@acme.com"), crmId: "C1" }]);
    await db.pool.query("truncate outbox");
    const taken = await take([
      { ...person("plain@acme.com", { "account.employees": 90 }), engagements: [demo("m1")] },
      {
        ...person("second@acme.com"),
        engagements: [
          demo("m2", now + 60_000),
          { messageId: "m3", type: "pricing_page", topic: "price", occurredAt: now - HOUR },
        ],
      },
      { ...person("second@acme.com", { "lead.visits": 2 }), engagements: [demo("m2"), demo("m4")] },
      { ...person("visitor@acme.com"), anonymousId: "browser", engagements: [demo("m5")] },
      { ...person("twice@acme.com"), engagements: [demo("m5")] },
      { ...person("doubted@acme.com"), engagements: [demo("m6")] },
      { ...person("doubted@acme.com"), crmId: "C1" },
      person("nothing@gmail.com"),
    ]);
    const ids = taken.flatMap((one) => (one.outcome === "created" ? [one.leadId] : []));
    expect(ids).toHaveLength(6);
    const scores = () =>
      all("select lead_id, fit, intent, band from score where lead_id = any($1) order by lead_id", [
        ids,
      ]);
    const before = await scores();
    expect(before).toHaveLength(ids.length);
    const again = await inTransaction(db.pool, (tx) =>
      rescore(tx, ids, new Map(), smallAgreement, now),
    );
    expect(await scores()).toEqual(before);
    const priorities = await all(
      "select payload->>'leadId' as id, (payload->>'priority')::int as priority from outbox " +
        "where kind = 'start' and payload->>'leadId' = any($1)",
      [ids],
    );
    for (const { id, priority } of priorities)
      expect(priority, id).toBe(again.get(id)?.now.priority ?? 4);
    expect(new Set(priorities.map((one) => one.priority))).toEqual(new Set([1, 4]));
  });

  test("costs no reading of whole tables, however small these were when the plans were made", async () => {
    await take([person("known@acme.com")]);
    await db.pool.query("analyze lead, lead_alias, account, engagement, score, lead_conflict");
    const one = openPool(db.url, { max: 1 });
    for (let n = 0; n < 50; n++) {
      const wholeReads = await inTransaction(one, async (tx) => {
        await takeIn(
          tx,
          [
            {
              ...person(`p${n}@company${n}.com`),
              crmId: `C${n}`,
              engagements: [{ messageId: `m${n}`, type: "demo_request", occurredAt: now }],
            },
            {
              ...person("known@acme.com", { "lead.title": `title ${n}` }),
              engagements: [{ messageId: `k${n}`, type: "blog_view", occurredAt: now }],
            },
          ],
          { now: now + n, from: "form", lane: 1, agreement: smallAgreement },
        );
        return (
          await tx.query(
            "select relname, seq_scan from pg_stat_xact_user_tables where seq_scan > 0 and " +
              "relname not in ('erased_person', 'tallied')",
          )
        ).rows;
      });
      expect(wholeReads).toEqual([]);
    }
    await one.end();
  });

  test("an id of an engagement is its sender's: what another person did under it is news", async () => {
    const engagements = [{ messageId: "m-1", type: "demo_request", occurredAt: now - HOUR }];
    const of = (email: string) => ({ facts: { "lead.email": email }, engagements });
    const [first, other] = [await takeOne(of("a@acme.com")), await takeOne(of("b@acme.com"))];
    expect([first, other]).toMatchObject([{ outcome: "created" }, { outcome: "created" }]);
    expect((await db.pool.query("select from engagement")).rowCount).toBe(2);
    // Somebody known may repeat themselves.
    expect(await takeOne(of("a@acme.com"))).toMatchObject({ outcome: "unchanged" });
    expect((await db.pool.query("select from engagement")).rowCount).toBe(2);
  });

  test("nothing is left when the transaction fails", async () => {
    await expect(
      inTransaction(db.pool, async (tx) => {
        await takeIn(tx, [person("jo@acme.com")], {
          now,
          from: "form",
          lane: 1,
          agreement: smallAgreement,
        });
        throw new Error("the process died here");
      }),
    ).rejects.toThrow("died");
    expect(
      await all(
        "select id from lead union all select id from account union all select id::text from outbox",
      ),
    ).toEqual([]);
  });
});

describe("a known person", () => {
  test("twenty arrivals of one person at one moment make one lead", async () => {
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        takeOne({ ...person("jo@acme.com", { "lead.visits": n }), externalId: `form-${n}` }),
      ),
    );
    expect(new Set(taken.map((one) => ("leadId" in one ? one.leadId : one.outcome))).size).toBe(1);
    expect(taken.filter((one) => one.outcome === "created")).toHaveLength(1);
    expect(await all("select count(*)::int as n from lead")).toEqual([{ n: 1 }]);
    expect(await all("select count(*)::int as n from outbox where kind = 'start'")).toEqual([
      { n: 1 },
    ]);
    expect(await all("select count(*)::int as n from lead_alias where kind = 'external'")).toEqual([
      { n: 20 },
    ]);
  });

  test(
    "two bulk batches of the same people in opposite order neither wait for each other for " +
      "ever nor double anybody",
    async () => {
      const people = Array.from({ length: 200 }, (_, n) => person(`p${n}@company${n % 7}.com`));
      await Promise.all([
        take(people, { lane: 2 }),
        take(people.toReversed(), { lane: 2 }),
        take(people.slice(50), { lane: 1 }),
      ]);
      expect(await all("select count(*)::int as n from lead")).toEqual([{ n: 200 }]);
      expect(await all("select count(*)::int as n from account")).toEqual([{ n: 7 }]);
    },
  );

  test("is one person in every form of one address", async () => {
    const forms = [
      "info@bücher.de",
      "info@bücher.de".normalize("NFD"),
      "info@xn--bcher-kva.de",
      "INFO@BÜCHER.DE",
    ];
    const taken: TakenIn[] = [];
    for (const email of forms) taken.push(await takeOne({ facts: { "lead.email": email } }));
    expect(taken.map((one) => one.outcome)).toEqual([
      "created",
      "unchanged",
      "unchanged",
      "unchanged",
    ]);
    expect(await all("select email from lead")).toEqual([{ email: "info@xn--bcher-kva.de" }]);
    expect(await all("select domain from account")).toEqual([{ domain: "xn--bcher-kva.de" }]);
  });

  test("twice in one batch is one lead", async () => {
    const [first, second] = await take([
      person("jo@acme.com", { "lead.title": "Head" }),
      person("JO@acme.com", { "lead.phone": "1" }),
    ]);
    expect(first).toMatchObject({ outcome: "created" });
    expect(second).toMatchObject({ outcome: "merged", changed: ["lead.phone"] });
    expect(await all("select count(*)::int as n from lead")).toEqual([{ n: 1 }]);
  });

  test("tells its process once when something changed, and not at all when nothing did", async () => {
    const id = await idOf(person("jo@acme.com", { "lead.title": "Head" }));
    await db.pool.query("truncate outbox");
    expect(
      await takeOne(person("jo@acme.com", { "lead.title": "Head" }), { now: now + HOUR }),
    ).toMatchObject({ outcome: "unchanged", leadId: id, changed: [] });
    expect(await all("select * from outbox")).toEqual([]);
    expect(
      await takeOne(person("jo@acme.com", { "lead.title": "Director" }), { now: now + 2 * HOUR }),
    ).toMatchObject({ outcome: "merged", changed: ["lead.title"] });
    expect(await all("select kind, message, workflow_id from outbox")).toEqual([
      { kind: "signal", message: "factsChanged", workflow_id: leadWorkflowId(id) },
    ]);
  });

  test("keeps its first source and first touch", async () => {
    const id = await idOf(person("jo@acme.com", { "lead.source": "website" }));
    await take([person("jo@acme.com", { "lead.source": "partner" })], { now: now + HOUR });
    const lead = await leadRow(id);
    expect([
      lead.source,
      lead.facts["lead.source"].value,
      lead.facts["lead.firstTouchAt"].value,
    ]).toEqual(["website", "website", "2026-11-20T12:00:00.000Z"]);
  });

  test("newer facts beat older ones whatever order they arrive in", async () => {
    const id = await idOf({
      ...person("jo@acme.com", { "lead.title": "new" }),
      occurredAt: now - HOUR,
    });
    await take([
      {
        ...person("jo@acme.com", { "lead.title": "old", "lead.phone": "1" }),
        occurredAt: now - 5 * HOUR,
      },
    ]);
    const { facts } = await leadRow(id);
    expect([facts["lead.title"].value, facts["lead.phone"].value]).toEqual(["new", "1"]);
  });

  test("who is disqualified is stored and starts nothing; a raised hand is told to the worker", async () => {
    const id = await idOf(person("jo@acme.com", { "account.employees": 100 }));
    await db.pool.query("update process set stage = 'disqualified', waiting_on = 'nothing'");
    await db.pool.query("truncate outbox");
    const again = {
      ...person("jo@acme.com", { "lead.title": "CEO" }),
      engagements: [{ messageId: "m9", type: "demo_request", occurredAt: now }],
    };
    expect(await takeOne(again, { now: now + HOUR })).toMatchObject({
      outcome: "merged",
      leadId: id,
      stage: "disqualified",
    });
    expect(await all("select type from engagement")).toEqual([{ type: "demo_request" }]);
    expect(await all("select message, payload from outbox")).toEqual([
      { message: "engaged", payload: { id, toProcess: false } },
    ]);
    await db.pool.query("truncate outbox");
    const read = { messageId: "m10", type: "blog_view", occurredAt: now };
    await take([{ ...person("jo@acme.com"), engagements: [read] }], { now: now + HOUR });
    // What came already is not told again.
    await takeOne(again, { now: now + HOUR });
    expect(await all("select * from outbox")).toEqual([]);
  });

  test(
    "a closed lead about which a decision is under way is told: it may be reopened by one that " +
      "has not seen this",
    async () => {
      const id = await idOf(person("jo@acme.com"));
      await db.pool.query("update process set stage = 'disqualified', waiting_on = 'nothing'");
      await db.pool.query("truncate outbox");
      const told = async () =>
        (await all("select message from outbox order by id")).map((row) => row.message);
      await inTransaction(db.pool, async (tx) => {
        await lockProcess(tx, { kind: "lead", id });
        await take([{ ...person("jo@acme.com", { "lead.title": "CEO" }), occurredAt: now + 1 }]);
        expect(await told()).toEqual(["factsChanged"]);
        await take([
          {
            ...person("jo@acme.com"),
            engagements: [{ messageId: "m9", type: "demo_request", occurredAt: now }],
          },
        ]);
        expect(await told()).toEqual(["factsChanged", "engaged"]);
      });
      await take([{ ...person("jo@acme.com", { "lead.title": "CTO" }), occurredAt: now + 2 }]);
      expect(await told()).toHaveLength(2);
    },
  );

  test(
    "facts are taken in while a decision about the lead is under way, and neither overwrites " +
      "the other",
    async () => {
      const id = await idOf(person("jo@acme.com"));
      await inTransaction(db.pool, async (tx) => {
        const loaded = await loadSituation(tx, agreements, { kind: "lead", id }, { now });
        if (!loaded) throw new Error("no lead");
        await take([{ ...person("jo@acme.com", { "lead.title": "CEO" }), occurredAt: now + 1 }]);
        const decision = decide({ ...loaded.situation, erased: true }, { kind: "erased" });
        if ("refused" in decision) throw new Error("refused");
        await applyChanges(tx, loaded.situation, decision);
      });
      expect(await leadRow(id)).toMatchObject({
        stage: "disqualified",
        step: 1,
        facts: { "lead.title": { value: "CEO" } },
      });
    },
  );

  test("who was merged leads to the survivor", async () => {
    const loser = await idOf(person("old@acme.com"));
    const survivor = await idOf(person("new@acme.com"));
    await db.pool.query(
      "update process set merged_into = $2, stage = 'disqualified', waiting_on = 'nothing' " +
        "where subject_id = $1",
      [loser, survivor],
    );
    expect(await idOf(person("old@acme.com", { "lead.title": "x" }))).toBe(survivor);
    expect(await idOf({ id: loser, facts: {} })).toBe(survivor);
  });
});

describe("conflicting names", () => {
  test("our id beats the CRM's id beats e-mail, and the other match keeps the unique-match gate shut", async () => {
    const one = await idOf({ ...person("one@acme.com"), crmId: "C1" });
    const two = await idOf(person("two@acme.com"));
    const three = await idOf({ ...person("three@acme.com"), crmId: "C3" });
    expect(
      await takeOne({ ...person("two@acme.com"), crmId: "C1" }, { now: now + 1 }),
    ).toMatchObject({ leadId: one, conflictsWith: [two] });
    expect(await takeOne({ id: two, crmId: "C3", facts: {} })).toMatchObject({
      leadId: two,
      conflictsWith: [three],
    });
    expect([
      await otherMatches(db.pool, one),
      await otherMatches(db.pool, two),
      await otherMatches(db.pool, three),
    ]).toEqual([1, 2, 1]);
    expect((await leadRow(one)).email).toBe("one@acme.com");
    expect((await leadRow(two)).crm_id).toBeNull();
    await db.pool.query("update lead_conflict set settled_at = now() where lead_id = $1", [one]);
    expect(await otherMatches(db.pool, one)).toBe(0);
  });

  test("an id of ours that nobody has is refused by name", async () => {
    expect(await takeOne({ id: "ld_nobody", facts: {} })).toEqual({
      outcome: "refused",
      field: "id",
      message: "expected the id of a lead that exists",
    });
  });
});

describe("accounts", () => {
  test("a business address finds the company, a free one does not, a given domain wins", async () => {
    await take([
      person("a@shop.acme.com"),
      person("b@acme.com"),
      person("c@gmail.com"),
      person("d@gmail.com", { "account.domain": "https://www.acme.com/about" }),
      person("e@other.com", { "account.domain": "acme.com" }),
    ]);
    expect(
      await all(
        "select email, domain from lead left join account on account.id = account_id order by email",
      ),
    ).toEqual([
      { email: "a@shop.acme.com", domain: "acme.com" },
      { email: "b@acme.com", domain: "acme.com" },
      { email: "c@gmail.com", domain: null },
      { email: "d@gmail.com", domain: "acme.com" },
      { email: "e@other.com", domain: "acme.com" },
    ]);
  });

  test("what was known of the company before its domain was is moved to the account", async () => {
    const id = await idOf(
      person("c@gmail.com", { "account.name": "Acme", "account.employees": 12 }),
    );
    expect((await leadRow(id)).facts["account.name"].value).toBe("Acme");
    await take([person("c@gmail.com", { "account.domain": "acme.com", "account.employees": 14 })], {
      now: now + 1,
    });
    expect((await leadRow(id)).facts["account.name"]).toBeUndefined();
    const [account] = await all("select facts from account");
    expect([account.facts["account.name"].value, account.facts["account.employees"].value]).toEqual(
      ["Acme", 14],
    );
  });

  test("news that suppresses a company reaches all its open leads", async () => {
    const ids = [
      await idOf(person("a@acme.com")),
      await idOf(person("b@acme.com")),
      await idOf(person("c@acme.com")),
    ];
    await db.pool.query(
      "update process set stage = 'disqualified', waiting_on = 'nothing' where subject_id = $1",
      [ids[2]],
    );
    await db.pool.query("truncate outbox");
    await take([person("a@acme.com", { "account.customer": true })], { now: now + 1 });
    expect(await all("select workflow_id, message from outbox order by id")).toEqual(
      [ids[0], ids[1]].map((id) => ({
        workflow_id: leadWorkflowId(id ?? ""),
        message: "factsChanged",
      })),
    );
  });
});

describe("what is refused", () => {
  test.each<[string, Arrival, string]>([
    ["an unknown field", { facts: { "lead.shoeSize": 42 } }, "facts.lead.shoeSize"],
    [
      "a prototype's name",
      { facts: JSON.parse('{"__proto__": "x"}') as Arrival["facts"] },
      "facts.__proto__",
    ],
    [
      "a number that is none",
      { facts: { "account.employees": "many" } },
      "facts.account.employees",
    ],
    ["a NUL in a fact", { facts: { "lead.name": "a\u0000b" } }, "facts.lead.name"],
    ["half a surrogate in a name", { facts: {}, externalId: "x\ud800" }, "externalId"],
    [
      "a NUL in an engagement",
      { facts: {}, engagements: [{ messageId: "m", type: "a\u0000", occurredAt: now }] },
      "engagements.0.type",
    ],
  ])("%s, by its field, and nothing of it is stored", async (_, arrival, field) => {
    const answers = await take([
      { ...arrival, externalId: arrival.externalId ?? "bad" },
      person("good@acme.com"),
    ]);
    expect(answers[0]).toMatchObject({ outcome: "refused", field });
    expect(answers[1]).toMatchObject({ outcome: "created" });
    expect(await all("select count(*)::int as n from lead")).toEqual([{ n: 1 }]);
  });

  test.each(["acme.com", "a@acme.com, b@acme.com", "a@acme.com\nBcc: b@acme.com", "-", ""])(
    "who comes under no name but %j, and nobody is made who could not be found again",
    async (email) => {
      const facts = { "lead.email": email, "lead.name": "Jo" };
      expect(await takeOne({ facts })).toMatchObject({
        outcome: "refused",
        field: "facts.lead.email",
        message: expect.stringMatching(/^lead\.email: expected .*; or id, crmId or externalId/),
      });
      expect(await all("select 1 from lead")).toEqual([]);
      expect(await takeOne({ externalId: "e-1", facts })).toMatchObject({ outcome: "created" });
    },
  );

  test("an erased person is not brought back", async () => {
    await rememberErased(db.pool, [{ kind: "email", value: "gone@acme.com" }], now);
    expect(await takeOne(person("Gone@acme.com"), { from: "tracking" })).toEqual({
      outcome: "erased",
    });
    expect(await all("select id from lead")).toEqual([]);
  });
});

describe("saveFacts", () => {
  const at = "2026-11-20T13:00:00.000Z";
  test("corrects facts of lead and account and takes over an address that nobody has", async () => {
    const id = await idOf(person("typo@acme.com"));
    const facts = {
      "lead.email": { value: "Jo@acme.com", from: "person" as const, at },
      "account.employees": { value: 70, from: "person" as const, at },
    };
    expect(
      await inTransaction(db.pool, (tx) =>
        saveFacts(tx, id, facts, now, { agreement: smallAgreement }),
      ),
    ).toEqual({
      changed: ["lead.email", "account.employees"],
      moved: null,
      conflictsWith: [],
    });
    expect((await leadRow(id)).email).toBe("jo@acme.com");
    expect(await idOf(person("jo@acme.com"))).toBe(id);
    expect(await idOf(person("typo@acme.com"))).toBe(id);
    expect(
      await inTransaction(db.pool, (tx) =>
        saveFacts(tx, id, facts, now, { agreement: smallAgreement }),
      ),
    ).toEqual({
      changed: [],
      moved: null,
      conflictsWith: [],
    });
  });

  test("an address of somebody else is a conflict, not a takeover", async () => {
    const [one, two] = [await idOf(person("one@acme.com")), await idOf(person("two@acme.com"))];
    await inTransaction(db.pool, (tx) =>
      saveFacts(tx, one, { "lead.email": { value: "two@acme.com", from: "crm", at } }, now, {
        agreement: smallAgreement,
      }),
    );
    expect((await leadRow(one)).email).toBe("one@acme.com");
    expect(await otherMatches(db.pool, two)).toBe(1);
  });
});
