import { afterAll, beforeAll, expect, test } from "vitest";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import { accountWorkflowId } from "../../workflows/contract.ts";
import { accountWorld, type AccountWorld } from "../support/account-world.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";
import { eventually } from "../support/eventually.ts";

let world: LeadWorld;
let accounts: AccountWorld;
beforeAll(async () => {
  world = await leadWorld();
  accounts = accountWorld(world);
});
afterAll(() => world.close());

const hour = 3_600_000;
const day = 24 * hour;

async function flagged(people = 3) {
  const company = await accounts.company(people);
  for (const lead of company.leads) await world.until(lead, ({ stage }) => stage !== "new");
  await accounts.look();
  const offered = await accounts.until(company.id, (row) => row.waiting_on === "outreach");
  return { ...company, rep: offered.owner_id ?? "" };
}

const handoffOf = (accountId: string) =>
  firstRow<Record<string, unknown>>(
    world.pool,
    sql`
    select h.lead_type, h.priority, h.tier, h.state, h.rep_id, h.outcome, h.attempts,
      (select json_object_agg(kind, extract(epoch from due_at - started_at)) from clock c
        where c.handoff_id = h.id and c.scope = 'rep' and c.round = h.round) as given
    from handoff h where h.subject_kind = 'account' and h.subject_id = ${accountId}
    order by h.cycle desc limit 1`,
  );
const flagOf = (accountId: string) =>
  firstRow<{ ended_at: Date | null; ended_how: string | null; ended_by: string | null }>(
    world.pool,
    sql`
    select ended_at, ended_how, ended_by from account_flag where account_id = ${accountId}
    order by raised_at desc limit 1`,
  );

test(
  "an account of whose people none is qualified is flagged, handed off with its own SLA row, " +
    "accepted and worked",
  { timeout: 90_000 },
  async () => {
    const { id, leads, rep } = await flagged();
    for (const lead of leads) expect((await world.lead(lead)).stage).toBe("nurture");
    expect(await handoffOf(id)).toMatchObject({
      lead_type: "account-flag",
      priority: 1,
      tier: 1,
      state: "open",
      rep_id: rep,
      // 48 hours for the outreach, whatever its tier makes of the outreach to its leads.
      given: { outreach: 48 * 3_600 },
    });
    // Judged again, by whatever news, it is handed off once.
    await world.pool.query("insert into account_news (account_id) values ($1)", [id]);
    expect((await accounts.look()).raised).toEqual([]);

    expect(await accounts.act(id, "logOutreach", { channel: "email" }, { by: rep })).toMatchObject({
      done: true,
      waitingOn: "answer",
      onTime: true,
    });
    expect(
      await accounts.act(id, "accept", {}, { by: rep === "rp_one" ? "rp_two" : "rp_one" }),
    ).toMatchObject({ done: false, code: "not-yours" });
    expect(await accounts.act(id, "accept", {}, { by: rep })).toMatchObject({
      done: true,
      stage: "sal",
    });
    expect(await accounts.act(id, "accept", {}, { by: rep })).toMatchObject({ done: false });
    expect(await flagOf(id)).toMatchObject({ ended_at: null });
    const mails = await rows<{ what: string; state: string; subject: string }>(
      world.pool,
      sql`
      select e.what, e.state, m.subject from effect e left join kept_mail m
        on m.to_rep = ${rep} and m.subject like 'Engaged account%'
      where e.subject_id = ${id} and e.kind = 'mail'`,
    );
    expect(mails).toMatchObject([{ what: "offer" }]);
    // The CRM's company shows it.
    await eventually(10, async () => {
      const [shown] = await rows<{ status: string }>(
        world.pool,
        sql`select handoff ->> 'status' as status from house_account where external_id = ${id}`,
      );
      return shown?.status === "sal";
    });
    const { historyLength } = await world.client.workflow
      .getHandle(accountWorkflowId(id, 1))
      .describe();
    // As a lead's from intake to SAL, with a signal for each action.
    expect(historyLength).toBeLessThanOrEqual(24);
    await keepHistory(world, id, "account-accepted", accountWorkflowId(id, 1));
  },
);

test(
  "a rejected account waits out the cool-down, and its next flag is a handoff of its own",
  { timeout: 90_000 },
  async () => {
    const { id, rep } = await flagged();
    const told = await accounts.act(id, "reject", { reason: "no-authority" }, { by: rep });
    expect(told).toMatchObject({ done: true, stage: "disqualified" });
    expect(await flagOf(id)).toMatchObject({ ended_by: rep, ended_how: "rejected: no-authority" });
    await accounts.look(Date.now() + 20 * day);
    expect(await accounts.process(id)).toMatchObject({ stage: "disqualified", cycle: 1 });
    // It engages still when the cool-down is over.
    const later = Date.now() + 61 * day;
    await world.pool.query(
      sql`
      insert into engagement (message_id, lead_id, type, occurred_at, received_at)
      select 'again-' || id, id, 'buyers_guide', ${new Date(later - day)}, ${new Date(later - day)}
      from lead where account_id = ${id}`,
    );
    expect((await accounts.look(later)).raised).toEqual([id]);
    expect(await accounts.until(id, (row) => row.waiting_on === "outreach")).toMatchObject({
      cycle: 2,
      stage: "mql",
    });
    expect(await world.client.workflow.getHandle(accountWorkflowId(id, 1)).result()).toMatchObject({
      stage: "disqualified",
      cycle: 1,
    });
    await keepHistory(world, id, "account-flagged-again", accountWorkflowId(id, 2));
  },
);

test("a missed deadline warns, breaches and goes to another rep", { timeout: 90_000 }, async () => {
  const { id, rep } = await flagged();
  await accounts.pass(id, 48 * hour + 60_000);
  await accounts.pass(id, 2 * hour);
  const { owner_id } = await accounts.until(id, (row) => row.owner_id !== rep);
  expect(owner_id).not.toBe(null);
  const mails = await rows<{ what: string }>(
    world.pool,
    sql`select what from effect where subject_id = ${id} and kind = 'mail' order by id`,
  );
  expect(mails.map(({ what }) => what)).toEqual(
    expect.arrayContaining(["offer", "warning", "breach", "reassigned-away"]),
  );
});

test(
  "what the company becomes ends an open handoff: a customer is withdrawn, and its rep told",
  { timeout: 90_000 },
  async () => {
    const { id } = await flagged();
    await world.pool.query(
      sql`
      update account set facts = facts || jsonb_build_object('account.customer',
        jsonb_build_object('value', true, 'from', 'crm', 'at', now()::text)) where id = ${id}`,
    );
    await accounts.look();
    await accounts.until(id, (row) => row.stage === "disqualified");
    expect(await flagOf(id)).toMatchObject({
      ended_by: "baton",
      ended_how: "suppressed: existing-customer",
    });
    await expect
      .poll(() =>
        rows(
          world.pool,
          sql`select from effect where subject_id = ${id} and what = 'withdrawn' and state = 'done'`,
        ),
      )
      .toHaveLength(1);
    await keepHistory(world, id, "account-becomes-customer", accountWorkflowId(id, 1));
  },
);

test(
  "who becomes an MQL while the account is handed off belongs to its handoff and reaches its rep",
  { timeout: 90_000 },
  async () => {
    const { id, leads, rep } = await flagged();
    await accounts.act(id, "accept", {}, { by: rep });
    const [lead = ""] = leads;
    await accounts.engages(lead, "demo_request");
    const mql = await world.until(lead, (row) => row.waiting_on === "outreach");
    expect(mql).toMatchObject({ stage: "mql", owner_id: rep, lead_type: "demo-request" });
    expect(
      await rows(
        world.pool,
        sql`
        select own.subject_id, s.via from handoff h
          join handoff own on own.id = h.account_handoff_id
          join assignment s on s.handoff_id = h.id where h.subject_id = ${lead}`,
      ),
    ).toEqual([{ subject_id: id, via: "owner" }]);

    // An attempt on one of its people counts as one on the account, for whoever has both.
    const attempts = async () => (await handoffOf(id))?.["attempts"];
    expect(await attempts()).toBe(0);
    await world.act(lead, "logOutreach", { channel: "call", outcome: "no_answer" });
    expect(await attempts()).toBe(1);

    // Its opportunity is what the account was handed off for.
    await world.act(lead, "accept", {});
    await world.act(lead, "advance", {});
    await world.act(lead, "advance", {});
    await accounts.look();
    await accounts.until(id, (row) => row.stage === "opportunity");
    expect(await flagOf(id)).toMatchObject({ ended_how: "one of its people has an opportunity" });
    expect(
      await firstRow(world.pool, sql`select handoff_id from opportunity where lead_id = ${lead}`),
    ).toEqual({ handoff_id: expect.stringMatching(/^ho_(?!ac_)/) });
  },
);

test(
  "an account whose people are with somebody already is handed to that person",
  { timeout: 90_000 },
  async () => {
    const company = await accounts.company();
    for (const lead of company.leads) await world.until(lead, ({ stage }) => stage !== "new");
    const [lead = ""] = company.leads;
    await accounts.engages(lead, "demo_request");
    const { owner_id: rep } = await world.until(lead, (row) => row.waiting_on === "outreach");
    await accounts.look();
    const offered = await accounts.until(company.id, (row) => row.waiting_on === "outreach");
    expect(offered.owner_id).toBe(rep);
  },
);
