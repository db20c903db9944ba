import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rows, sql } from "../../../store/postgres/db.ts";
import { flaggedAccount } from "../../support/flagged-account.ts";
import { exampleAgreement } from "../../support/people-world.ts";
import { planWorld, type PlanWorld } from "../../support/plan-world.ts";

const day = 86_400_000;
const hour = 3_600_000;
let world: PlanWorld;
/** Of the handed off: two accepted, one rejected, one undecided; one small company among them. */
const leads: Record<"accepted" | "small" | "rejected" | "open" | "reader", string> = {
  accepted: "",
  small: "",
  rejected: "",
  open: "",
  reader: "",
};
beforeAll(async () => {
  world = await planWorld();
  const end = world.now();
  world.setNow(end - 3 * day);
  leads.accepted = await world.arrive();
  leads.small = await world.arrive({ facts: { "account.employees": 60 } });
  leads.rejected = await world.arrive();
  leads.reader = await world.arrive({ did: ["buyers_guide"] });
  world.setNow(end - 3 * day + hour / 4);
  for (const id of [leads.accepted, leads.small])
    expect((await world.act(id, "accept", {})).status).toBe(200);
  const no = { reason: "unsupported-use-case" };
  expect((await world.act(leads.rejected, "reject", no)).status).toBe(200);
  world.setNow(end);
  leads.open = await world.arrive();
  world.setNow(end + hour / 2);
}, 60_000);
afterAll(() => world.close());

let edits = 0;
const edit = (...changes: readonly (readonly [string, string])[]) =>
  changes
    .reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`the example has no ${from}`);
      return text.replace(from, to);
    }, exampleAgreement)
    .concat(`\n# edit ${++edits}\n`);

interface Share {
  readonly leadType: string;
  readonly before: { readonly denominator: number };
  readonly after: { readonly denominator: number };
}
const ofAccounts = (all: readonly Share[]): Share[] =>
  all.filter(({ leadType }) => leadType === "account-flag");

describe("the plan of a version", { timeout: 180_000 }, () => {
  test("a stricter one: which open leads change, which handoffs of the quarter it drops", async () => {
    const { plan } = await world.proposed(
      edit([
        "account.employees: { atLeast: 50, atMost: 5000 }",
        "account.employees: { atLeast: 100, atMost: 5000 }",
      ]),
    );
    expect(plan.isOutOfDate).toBe(false);
    expect(plan.history).toMatchObject({
      handoffs: 4,
      notJudged: 0,
      kept: { handoffs: 3, undecided: 1, acceptance: { numerator: 1, denominator: 2 } },
      dropped: {
        handoffs: 1,
        undecided: 0,
        acceptance: { numerator: 1, denominator: 1 },
        leads: [leads.small],
      },
      added: null,
      addedLeads: [],
    });
    const { low, high } = plan.history.kept.acceptance;
    expect([low < 0.5, high > 0.5]).toEqual([true, true]);
    // It is accepted, so it is open: judged today, it would no longer be handed off.
    expect(plan.trial).toMatchObject({
      leads: 4,
      same: 3,
      changes: [
        {
          from: { verdict: "hand-off", leadType: "demo-request", pool: "americas-sdr" },
          to: { verdict: "nurture" },
          count: 1,
          examples: [leads.small],
        },
      ],
      list: [{ lead: leads.small }],
    });
    expect(plan.deadlines).toMatchObject({ moved: 0, list: [] });
  });

  test("a looser one: which leads it adds, with bounds and no rate", async () => {
    const { plan } = await world.proposed(
      edit([
        "    when: { all: [icp, { signal: demo_request, within: 30 days }] }",
        "    when: { all: [icp, { any: [{ signal: demo_request, within: 30 days }, { signal: buyers_guide, within: 30 days }] }] }",
      ]),
    );
    expect(plan.history).toMatchObject({
      handoffs: 4,
      kept: { handoffs: 4 },
      dropped: { handoffs: 0, acceptance: { rate: null } },
      added: { handoffs: 1, low: 0, high: 1 },
      addedLeads: [leads.reader],
    });
    expect(Object.keys(plan.history.added).sort()).toEqual(["handoffs", "high", "low"]);
    expect(plan.history.inWords.join(" ")).toMatch(/nobody knows how many/);
    expect(plan.trial.changes).toMatchObject([
      { to: { leadType: "demo-request" }, examples: [leads.reader] },
    ]);
    // Five handoffs in thirteen weeks, shared by two: 0.2 a week each, as before to one decimal.
    expect(plan.load.map(({ rep }: { rep: string }) => rep)).toEqual(["rp_one", "rp_two"]);
  });

  test("a longer target: the deadlines that would move, by the decision's own event", async () => {
    const { plan } = await world.proposed(
      edit([
        "outreach: 1 business hour\n    status: same day",
        "outreach: 3 business hours\n    status: same day",
      ]),
    );
    expect(plan.trial).toMatchObject({ same: plan.trial.leads, changes: [] });
    const mine = plan.deadlines.list.filter(({ lead }: { lead: string }) => lead === leads.open);
    expect(mine).toHaveLength(2);
    for (const { clock, from, to } of mine)
      expect([clock, Date.parse(to) - Date.parse(from)]).toEqual(["outreach", 2 * hour]);
    expect(plan.deadlines).toMatchObject({ earlier: 0, later: plan.deadlines.list.length });
  });

  test("a longer target of flagged accounts: their deadlines are among those that would move", async () => {
    const { id } = await flaggedAccount(world, "planned-company.com");
    world.setNow(world.now() + 60_000);
    const { plan } = await world.proposed(edit(["  outreach: 48 hours", "  outreach: 50 hours"]));
    const open = await rows<{ n: number }>(
      world.pool,
      sql`select count(*)::int as n from handoff where state = 'open'`,
    );
    expect(plan.deadlines).toMatchObject({
      handoffs: open[0]?.n,
      moved: 1,
      earlier: 0,
      later: 2,
    });
    for (const { lead, account, clock, from, to } of plan.deadlines.list)
      expect([lead, account, clock, Date.parse(to) - Date.parse(from)]).toEqual([
        undefined,
        id,
        "outreach",
        2 * hour,
      ]);
    // None of its leads is judged otherwise, and no handoff of the past is one of a lead more.
    expect(plan.trial).toMatchObject({ same: plan.trial.leads, changes: [] });
    expect(plan.history).toMatchObject({ handoffs: 4, notJudged: 0 });
    // What is planned of the past counts the account: one of five in the load, and its own deadlines.
    expect(plan.load.map(({ before }: { before: number }) => before)).toEqual([0.2, 0.2]);
    for (const one of ofAccounts(plan.closedHours))
      expect([one.before.denominator, one.after.denominator]).toEqual([1, 1]);
    expect(ofAccounts(plan.closedHours)).toHaveLength(2);
  });

  test("one that wants no such accounts any more: their handoffs are of the time before alone", async () => {
    const { plan } = await world.proposed(
      edit(["  when: { all: [icp, engaged] }", "  when: { account.country: JP }"]),
    );
    expect(ofAccounts(plan.closedHours)).toMatchObject([
      { clock: "outreach", before: { denominator: 1 }, after: { denominator: 0 } },
      { clock: "status", before: { denominator: 1 }, after: { denominator: 0 } },
    ]);
  });

  test("flagged accounts in a pool of their own: the plan shows whose work they become", async () => {
    const { plan } = await world.proposed(
      edit([
        "  segments:\n",
        "  segments:\n    - { name: planned, when: { account.domain: planned-company.com }, pool: emea-sdr }\n",
      ]),
    );
    const emea = plan.load.filter(({ pool }: { pool: string }) => pool === "emea-sdr");
    expect(emea).toEqual([{ pool: "emea-sdr", rep: "rp_other", before: 0, after: 0.1 }]);
  });

  test("other hours: the share of deadlines in closed hours; a new overlap is said", async () => {
    const { plan } = await world.proposed(
      edit(
        [
          "outreach: 1 business hour\n    status: same day",
          "outreach: 13 hours\n    status: 24 hours",
        ],
        ["  elapsedRoll: next-open", "  elapsedRoll: none"],
        [/^ {2}elapsedGrace: .*\n/m.exec(exampleAgreement)?.[0] ?? "?", ""],
        [
          "    - { name: rest, pool: emea-sdr }",
          "    - { name: canada, when: { account.country: CA }, pool: americas-sdr }\n    - { name: rest, pool: emea-sdr }",
        ],
      ),
    );
    const closed = plan.closedHours.filter(
      ({ clock, leadType }: { clock: string; leadType: string }) =>
        clock === "outreach" && leadType !== "account-flag",
    );
    expect(closed).toMatchObject([
      {
        leadType: "demo-request",
        before: { numerator: 0, denominator: 4 },
        after: { numerator: 4, denominator: 4 },
      },
    ]);
    expect(plan.newWarnings).toMatchObject([{ message: expect.stringMatching(/americas/) }]);
  });

  test("the same content plans the same but for the moment; nothing but the plan is written", async () => {
    const before = await rows(world.pool, sql`select count(*)::int as n from decision`);
    const { plan } = await world.proposed(edit());
    expect(plan).toMatchObject({ changes: [], history: { kept: { handoffs: 4 }, added: null } });
    expect(plan.trial.same).toBe(plan.trial.leads);
    expect(await rows(world.pool, sql`select count(*)::int as n from decision`)).toEqual(before);
  });

  test("what nobody can judge again counts before and after: a version that changes nothing moves no load", async () => {
    const imported = [leads.accepted, leads.rejected, leads.open];
    await world.pool.query(
      sql`update handoff set imported = true where subject_id = any(${imported})`,
    );
    const { plan } = await world.proposed(edit());
    expect(plan.history).toMatchObject({ handoffs: 4, notJudged: 3 });
    expect(plan.load).toHaveLength(2);
    for (const { before, after } of plan.load) expect([before, after]).toEqual([0.2, 0.2]);
    expect(plan.closedHours.length).toBeGreaterThan(0);
    for (const { before, after } of plan.closedHours) expect(after).toEqual(before);
  });

  test("thresholds of accounts: which a version would flag, which no longer, and what keeps some as they are", async () => {
    const { id } = await flaggedAccount(world, "planned-flags.com");
    // Two people of another company did the same: one too few today.
    const pair = [
      await world.arrive({ facts: { "account.domain": "pair.example" }, did: ["buyers_guide"] }),
      await world.arrive({ facts: { "account.domain": "pair.example" }, did: ["buyers_guide"] }),
    ];
    const [other] = await rows<{ id: string }>(
      world.pool,
      sql`select account_id as id from lead where id = ${pair[0]!}`,
    );
    world.setNow(world.now() + 60_000);
    const looser = (
      await world.proposed(edit(["contacts: 3, depth: mid", "contacts: 2, depth: mid"]))
    ).plan;
    expect(looser.flags.flagged).toEqual({
      count: 1,
      handedOff: 0,
      cooling: 0,
      list: [
        {
          account: other?.id,
          contacts: { from: 2, to: 2 },
          isHandedOff: false,
          coolsUntil: null,
        },
      ],
    });
    expect(looser.flags.spared.count).toBe(0);
    expect(looser.flags.inWords).toEqual(["1 account would be flagged that are not now."]);

    const deeper = (
      await world.proposed(edit(["contacts: 3, depth: mid", "contacts: 3, depth: high"]))
    ).plan;
    expect(deeper.flags.flagged.count).toBe(0);
    const spared = deeper.flags.spared;
    expect(spared.list).toContainEqual({
      account: id,
      contacts: { from: 3, to: 0 },
      isHandedOff: true,
      coolsUntil: null,
    });
    expect([spared.count, spared.handedOff]).toEqual([spared.list.length, spared.list.length]);

    const none = (
      await world.proposed(edit(["contacts: 3, depth: mid", "contacts: 4, depth: mid"]))
    ).plan;
    expect(none.flags.spared.list).toEqual(
      spared.list.map((one: { contacts: object }) => ({ ...one, contacts: { from: 3, to: 3 } })),
    );
    const same = (await world.proposed(edit(["coolDown: 60 days", "coolDown: 61 days"]))).plan;
    expect(same.flags.inWords).toEqual(["The same accounts would be flagged."]);
  });
});
