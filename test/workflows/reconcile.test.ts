import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reconcileLeads } from "../../activities/reconcile.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { addEffect } from "../../store/effects/effects.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { mailEffect } from "../../store/effects/mail-message.ts";
import { accountConservation } from "../../store/reports/account-conservation.ts";
import { accountWorkflowId, leadWorkflowId, type Reconciled } from "../../workflows/contract.ts";
import { accountWorld } from "../support/account-world.ts";
import { eventually } from "../support/eventually.ts";
import { goodFacts, leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";
import { intoPool } from "../support/review-world.ts";

const minute = 60_000;
const nothing = { restarted: 0, stuck: 0, stranded: 0 };
let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world.close());

/** Three minutes from now nobody counts as just arrived. */
const compare = (now = Date.now() + 3 * minute): Promise<Reconciled> =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") }).run(() =>
    reconcileLeads({ pool: world.pool, client: world.client }, now, ""),
  );
const status = async (leadId: string) => (await world.handle(leadId).describe()).status.name;
const decisions = (leadId: string) =>
  rows<{ cycle: number; step: number; kind: string }>(
    world.pool,
    sql`select cycle, step, kind from decision where subject_id = ${leadId} order by cycle, step`,
  );
const tasks = (leadId: string) =>
  rows<{ state: string; detail: { why?: string } }>(
    world.pool,
    sql`
      select state, detail from task where subject_id = ${leadId} and kind = 'dead-letter'
        order by since`,
  );
const starts = (leadId: string) =>
  rows<{ payload: unknown; lane: number }>(
    world.pool,
    sql`
      select payload, lane from outbox where workflow_id = ${leadWorkflowId(leadId)}
        and kind = 'start' order by id`,
  );
const untilRunning = async (leadId: string) => {
  for (
    const end = Date.now() + 10_000;
    (await status(leadId)) !== "RUNNING";
    await new Promise((resolve) => setTimeout(resolve, 20))
  )
    if (Date.now() > end) throw new Error(`${leadId} does not run`);
};
const untilDecided = async (leadId: string, kind: string, after: number) => {
  for (
    const end = Date.now() + 10_000;
    !(await decisions(leadId)).some((one) => one.kind === kind && one.step > after);
    await new Promise((resolve) => setTimeout(resolve, 20))
  )
    if (Date.now() > end) throw new Error(`${leadId}: no ${kind} after ${after}`);
};

test(
  "a lead whose process was terminated goes on exactly where it was: same rep, same clocks, " +
    "decisions numbered on, nobody told twice",
  async () => {
    const lead = await world.arrive();
    const before = await world.until(lead, (row) => row.waiting_on === "outreach");
    const clocks = () =>
      rows(
        world.pool,
        sql`
        select id, started_at, due_at, state from clock where handoff_id = ${before.handoff_id}
          order by id`,
      );
    const [ran, told] = [await clocks(), await world.mails(lead)];
    await world.handle(lead).terminate("test");

    // As the Schedule starts it: the workflow, its activity, the outbox, the relay.
    await world.pool.query(
      sql`update lead set arrived_at = arrived_at - interval '1 hour' where id = ${lead}`,
    );
    expect(
      await world.client.workflow.execute("reconcile", {
        workflowId: `reconcile-${lead}`,
        taskQueue: world.taskQueue,
        args: [],
      }),
    ).toMatchObject({ ...nothing, restarted: 1 });
    await untilRunning(lead);
    await untilDecided(lead, "engaged", before.step);
    expect(await world.lead(lead)).toMatchObject({
      stage: "mql",
      waiting_on: "outreach",
      owner_id: before.owner_id,
      handoff_id: before.handoff_id,
      due_at: before.due_at,
      cycle: 1,
    });
    expect(await clocks()).toEqual(ran);
    expect((await world.mails(lead)).map((mail) => mail.what)).toEqual(
      told.map((mail) => mail.what),
    );

    expect(
      await world.act(lead, "logOutreach", { channel: "call", outcome: "connected" }),
    ).toMatchObject({ done: true });
    expect(await world.act(lead, "accept", {})).toMatchObject({
      done: true,
      stage: "sal",
      onTime: true,
    });
    const steps = (await decisions(lead)).map((one) => one.step);
    expect(steps).toEqual(steps.map((_, n) => n + 1));
    await keepHistory(world, lead, "resumed");
    expect((await starts(lead)).at(-1)).toEqual({
      lane: 2,
      payload: { leadId: lead, cycle: 1, from: "resume", priority: 1 },
    });
  },
);

test(
  "an account whose process was terminated goes on where it was too, and the report says which",
  { timeout: 90_000 },
  async () => {
    const accounts = accountWorld(world);
    const { id, leads } = await accounts.company();
    for (const lead of leads) await world.until(lead, ({ stage }) => stage !== "new");
    await accounts.look();
    const before = await accounts.until(id, (row) => row.waiting_on === "outreach");
    const handle = world.client.workflow.getHandle(accountWorkflowId(id, 1));
    await handle.terminate("test");
    await eventually(30, async () => (await compare()).restarted === 1);
    const lost = await accountConservation(world.pool);
    expect(lost).toMatchObject({ residue: 0, withoutProcess: { count: 1, accounts: [id] } });
    await eventually(30, async () => (await handle.describe()).status.name === "RUNNING");
    expect(await accounts.process(id)).toMatchObject({
      stage: "mql",
      owner_id: before.owner_id,
      handoff_id: before.handoff_id,
      cycle: 1,
    });
    expect(await accounts.act(id, "accept", {}, { by: before.owner_id ?? "" })).toMatchObject({
      done: true,
      stage: "sal",
    });
    expect(await compare()).toMatchObject(nothing);
    expect((await accountConservation(world.pool)).withoutProcess).toMatchObject({ count: 0 });
  },
);

test("a healthy fleet is left alone, and so is a lead that has only just arrived", async () => {
  const leads = [await world.arrive(), await world.arrive()];
  for (const lead of leads) await world.until(lead, (row) => row.waiting_on === "outreach");
  const runs = await Promise.all(
    leads.map(async (lead) => (await world.handle(lead).describe()).runId),
  );
  expect(await compare()).toMatchObject(nothing);
  expect(
    await Promise.all(leads.map(async (lead) => (await world.handle(lead).describe()).runId)),
  ).toEqual(runs);
  await world.handle(leads[0]!).terminate("test");
  expect(await compare(Date.now())).toMatchObject(nothing);
  expect(await compare()).toMatchObject({ restarted: 1 });
  await untilRunning(leads[0]!);
});

test("two comparisons at once, and one after the other, start a process once", async () => {
  const lead = await world.arrive();
  await world.until(lead, (row) => row.waiting_on === "outreach");
  await world.handle(lead).terminate("test");
  const found = await Promise.all([compare(), compare(), compare()]);
  expect(found.reduce((sum, one) => sum + one.restarted, 0)).toBeGreaterThanOrEqual(1);
  await untilRunning(lead);
  const { runId } = await world.handle(lead).describe();
  expect(await compare()).toMatchObject(nothing);
  expect((await world.handle(lead).describe()).runId).toBe(runId);
});

test("a start that waits in the outbox is not asked for a second time", async () => {
  const agreement = (await createAgreements(agreementOf).active(world.pool))!.agreement;
  const lead = await inTransaction(world.pool, async (tx) => {
    const [taken] = await takeIn(
      tx,
      [{ email: `waits.${Date.now()}@example-customer.com`, facts: goodFacts, engagements: [] }],
      { now: Date.now(), from: "form", lane: 1, agreement },
    );
    const leadId = taken && "leadId" in taken ? taken.leadId : "";
    // Temporal is away: the relay has put it off.
    await tx.query(
      sql`
        update outbox set next_at = now() + interval '1 hour'
          where workflow_id = ${leadWorkflowId(leadId)}`,
    );
    return leadId;
  });
  expect(await compare()).toMatchObject(nothing);
  expect(await starts(lead)).toHaveLength(1);
  await world.pool.query(
    sql`update outbox set next_at = now() where workflow_id = ${leadWorkflowId(lead)}`,
  );
  await world.until(lead, (row) => row.stage === "nurture");
});

test("a lead whose very first start was lost is assessed after all", async () => {
  const agreement = (await createAgreements(agreementOf).active(world.pool))!.agreement;
  const lead = await inTransaction(world.pool, async (tx) => {
    const [taken] = await takeIn(
      tx,
      [
        {
          email: `lost.${Date.now()}@example-customer.com`,
          facts: goodFacts,
          engagements: [
            { messageId: `lost-${Date.now()}`, type: "demo_request", occurredAt: Date.now() },
          ],
        },
      ],
      { now: Date.now(), from: "form", lane: 1, agreement },
    );
    const leadId = taken && "leadId" in taken ? taken.leadId : "";
    await tx.query(sql`delete from outbox where workflow_id = ${leadWorkflowId(leadId)}`);
    return leadId;
  });
  expect(await world.lead(lead)).toMatchObject({ stage: "new", waiting_on: "assessment" });
  expect(await compare()).toMatchObject({ restarted: 1 });
  await world.until(lead, (row) => row.waiting_on === "outreach");
});

test(
  "what happened while no process ran is heard: an engagement that was signalled to nobody " +
    "brings the lead to sales",
  async () => {
    const lead = await world.arrive({ engagements: [] });
    const { email } = await world.until(lead, (row) => row.stage === "nurture");
    await world.handle(lead).terminate("test");
    const agreement = (await createAgreements(agreementOf).active(world.pool))!.agreement;
    await inTransaction(world.pool, (tx) =>
      takeIn(
        tx,
        [
          {
            email: email!,
            facts: {},
            engagements: [
              { messageId: `unheard-${Date.now()}`, type: "demo_request", occurredAt: Date.now() },
            ],
          },
        ],
        { now: Date.now(), from: "form", lane: 1, agreement },
      ),
    );
    await compare();
    await world.until(lead, (row) => row.waiting_on === "outreach");
    expect(await world.path(lead)).toEqual(["new>nurture", "nurture>mql"]);
  },
);

test(
  "a lead of the pool goes on in the cycle it had reached, and what its lost process left " +
    "undone is done",
  async () => {
    const lead = await world.arrive();
    await intoPool(world, lead);
    const before = await world.lead(lead);
    await world.handle(lead).terminate("test");
    await addEffect(
      world.pool,
      {
        key: `lead/${lead}/left-undone`,
        subject: { kind: "lead", id: lead },
        ...mailEffect({ what: "nurture-review", role: "marketing-ops", since: Date.now() }),
      },
      Date.now(),
    );
    expect(await compare()).toMatchObject({ restarted: 1 });
    await eventually(
      10,
      async () =>
        (
          await rows(
            world.pool,
            sql`select from effect where key = ${`lead/${lead}/left-undone`} and state = 'done'`,
          )
        ).length === 1,
    );
    expect(await world.lead(lead)).toMatchObject({
      stage: "renurture",
      waiting_on: "return",
      cycle: 2,
      exit_at: before.exit_at,
    });
    expect(
      await world.act(
        lead,
        "decideReview",
        { decision: "return" },
        { by: "tn_test", role: "operator" },
      ),
    ).toMatchObject({ done: true, stage: "mql" });
  },
);

test(
  "an open lead is reminded of effects that nobody has begun; those that were tried and failed " +
    "are left to whoever tries",
  async () => {
    const lead = await world.arrive();
    await world.until(lead, (row) => row.waiting_on === "outreach");
    await eventually(
      30,
      async () =>
        (
          await rows(
            world.pool,
            sql`select from effect where state = 'open' and subject_id = ${lead}`,
          )
        ).length === 0,
    );
    // Leads of other cases may have lost their process with an effect to do.
    await world.pool.query(sql`delete from effect where state = 'open'`);
    const effect = (what: string) => ({
      key: `lead/${lead}/${what}`,
      subject: { kind: "lead" as const, id: lead },
      ...mailEffect({
        what: "offer",
        repId: "rp_nobody",
        stage: "mql",
        clock: null,
        dueAt: null,
        again: false,
      }),
    });
    await addEffect(world.pool, effect("failing"), Date.now());
    await world.pool.query(
      sql`
      update effect set error = 'the mail server does not answer', attempts = 1
        where key = ${effect("failing").key}`,
    );
    expect(await compare(Date.now() + 11 * minute)).toMatchObject({ reminded: 0 });
    await addEffect(world.pool, effect("forgotten"), Date.now());
    expect(await compare()).toMatchObject({ reminded: 0 });
    expect(await compare(Date.now() + 11 * minute)).toMatchObject({ reminded: 1 });
    await eventually(
      10,
      async () =>
        (
          await rows(
            world.pool,
            sql`select from effect where key = ${effect("forgotten").key} and state <> 'open'`,
          )
        ).length === 1,
    );
  },
);

test(
  "a roster that was changed by hand is noticed: nothing stays with who has left, and nobody " +
    "is told twice",
  async () => {
    const lead = await world.arrive();
    const { owner_id: owner } = await world.until(lead, (row) => row.waiting_on === "outreach");
    await world.pool.query(sql`update rep set active = false where id = ${owner}`);
    const theirs = await rows(
      world.pool,
      sql`select from process where owner_id = ${owner} and stage <> 'disqualified'`,
    );
    expect(await compare()).toMatchObject({ reminded: theirs.length });
    await world.until(lead, (row) => row.waiting_on === "outreach" && row.owner_id !== owner);
    await eventually(
      10,
      async () =>
        (
          await rows(
            world.pool,
            sql`select from process where owner_id = ${owner} and stage <> 'disqualified'`,
          )
        ).length === 0,
    );
    expect(await compare()).toMatchObject({ reminded: 0 });
    await world.pool.query(sql`update rep set active = true where id = ${owner}`);
  },
);

test("what the inbox took over is swept after a month, not before", async () => {
  const put = (id: string, daysAgo: number) =>
    world.pool.query(sql`
    insert into inbox (source, event_id, payload, received_at, processed_at)
      values ('crm:house', ${id}, '{}', now(),
      ${new Date(Date.now() - daysAgo * 24 * 60 * minute)})`);
  await put("sweep-old", 31);
  await put("sweep-young", 29);
  await compare();
  expect(
    await rows(world.pool, sql`select event_id from inbox where event_id like 'sweep-%'`),
  ).toEqual([{ event_id: "sweep-young" }]);
});

test("a closed lead is never started again; effects it left undone become one task", async () => {
  const lead = await world.arrive();
  await world.until(lead, (row) => row.waiting_on === "outreach");
  await world.act(lead, "reject", { reason: "unsupported-use-case" });
  await world.until(lead, (row) => row.stage === "disqualified");
  await world.handle(lead).result();
  await addEffect(
    world.pool,
    {
      key: `lead/${lead}/stranded`,
      subject: { kind: "lead", id: lead },
      ...mailEffect({ what: "withdrawn", repId: "rp_nobody", because: "test", mergedInto: null }),
    },
    Date.now(),
  );
  expect(await compare()).toMatchObject(nothing);
  expect(await compare(Date.now() + 16 * minute)).toMatchObject({ restarted: 0, stranded: 1 });
  expect(await compare(Date.now() + 21 * minute)).toMatchObject({ restarted: 0, stranded: 1 });
  expect(await tasks(lead)).toMatchObject([
    { state: "open", detail: { why: "its process has ended and left effects undone", effects: 1 } },
  ]);
  expect(await status(lead)).toBe("COMPLETED");
  await world.pool.query(sql`delete from effect where key = ${`lead/${lead}/stranded`}`);
});

test(
  "a running process that lets its next step go by becomes a task, once, which ends when the " +
    "lead moves on",
  async () => {
    const lead = await world.arrive();
    const { next_at } = await world.until(lead, (row) => row.waiting_on === "outreach");
    const behind = async (minutes: number) => {
      await world.pool.query(
        sql`
        update process set next_at = ${new Date(Date.now() + 3 * minute - minutes * minute)}
          where subject_id = ${lead}`,
      );
    };
    await behind(9);
    expect(await compare()).toMatchObject(nothing);
    await behind(11);
    expect([await compare(), await compare()]).toMatchObject([
      { stuck: 1, restarted: 0 },
      { stuck: 1, restarted: 0 },
    ]);
    expect(await tasks(lead)).toMatchObject([
      {
        state: "open",
        detail: { why: "its next step is overdue though its process runs", stage: "mql" },
      },
    ]);
    await world.pool.query(sql`update process set next_at = ${next_at} where subject_id = ${lead}`);
    expect(await compare()).toMatchObject(nothing);
    expect(await tasks(lead)).toMatchObject([{ state: "withdrawn" }]);
  },
);

test("plumbing that is over is swept away, what is younger stays", async () => {
  const now = Date.now() + 3 * minute;
  const [day, hour] = [86_400_000, 3_600_000];
  const tell = (ago: number, done: boolean) =>
    world.pool.query(sql`
    insert into outbox (lane, kind, workflow_id, message, payload, created_at, next_at, done_at)
    values (1, 'signal', 'swept', 'engaged', '{}', ${new Date(now - ago)}, ${new Date(now + day)},
      ${done ? new Date(now - ago) : null})`);
  await tell(day + minute, true);
  await tell(day - minute, true);
  await tell(9 * day, false);
  for (const [name, ago] of [
    ["old", hour + minute],
    ["young", hour - minute],
  ] as const)
    await world.pool.query(
      sql`
        insert into heartbeat (process, kind, at)
          values (${name}, 'worker', ${new Date(now - ago)})`,
    );
  for (const [key, ago] of [
    ["old", 7 * day + minute],
    ["young", 7 * day - minute],
  ] as const) {
    await world.pool.query(
      sql`
        insert into idempotency_key (caller, key, route, body_hash, state, created_at)
          values ('swept', ${key}, 'POST /', '', 'done', ${new Date(now - ago)})`,
    );
  }
  expect(await compare(now)).toMatchObject({ ...nothing, swept: 3 });
  expect(
    await rows(
      world.pool,
      sql`select done_at is null as waits from outbox where workflow_id = 'swept' order by id`,
    ),
  ).toEqual([{ waits: false }, { waits: true }]);
  expect(
    await rows(world.pool, sql`select process from heartbeat where process in ('old', 'young')`),
  ).toEqual([{ process: "young" }]);
  expect(
    await rows(world.pool, sql`select key from idempotency_key where caller = 'swept'`),
  ).toEqual([{ key: "young" }]);
  expect(await compare(now)).toMatchObject({ swept: 0 });
});
