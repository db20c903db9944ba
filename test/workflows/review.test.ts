import { afterAll, beforeAll, expect, test } from "vitest";
import { dueReviews, lookAtReview, openReview } from "../../activities/review.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { inTransaction, readAtOnce, rows, sql } from "../../store/postgres/db.ts";
import { erasePerson } from "../../store/intake/erasure.ts";
import { reviewLines } from "../../store/reviews/reviews.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { reviewWorkflowId } from "../../workflows/contract.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { moveClock } from "../support/moved-clock.ts";
import {
  intoPool,
  keepReview,
  signBoth,
  somePeriod,
  startReview,
  untilReview,
} from "../support/review-world.ts";

const day = 86_400_000;
let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world.close());

const deps = () => ({ pool: world.pool, agreements: createAgreements(agreementOf) });
const tasks = (leadId: string) =>
  rows<{ state: string; role: string; due_at: Date; detail: Record<string, unknown> }>(
    world.pool,
    sql`
      select state, role, due_at, detail from task where kind = 'renurture-review'
        and subject_id = ${leadId} order by since`,
  );
const mails = (reviewId: string) =>
  rows<{ what: string; step: string; role: string; count: number; state: string }>(
    world.pool,
    sql`
  select what, payload->>'step' as step, payload->>'role' as role,
    (payload->>'count')::int as count,
    state from effect where subject_kind = 'review' and subject_id = ${reviewId} order by id`,
  );
const emptyPool = async () => {
  const left = await rows<{ id: string }>(
    world.pool,
    sql`select id from lead_standing where stage = 'renurture'`,
  );
  for (const { id } of left)
    await world.act(
      id,
      "decideReview",
      { decision: "retire" },
      { by: "tn_test", role: "operator" },
    );
};
const engage = async (leadId: string, type: string) => {
  const [row] = await rows<{ email: string }>(
    world.pool,
    sql`select email from lead where id = ${leadId}`,
  );
  const active = await deps().agreements.active(world.pool);
  await inTransaction(world.pool, (tx) =>
    takeIn(
      tx,
      [
        {
          email: row?.email ?? "",
          facts: {},
          engagements: [
            { messageId: `${leadId}-${type}-${Date.now()}`, type, occurredAt: Date.now() },
          ],
        },
      ],
      { now: Date.now(), from: "form", lane: 1, agreement: active!.agreement },
    ),
  );
};

test(
  "a review lists every lead of the pool with what it did since; it closes when each is kept, " +
    "returned or retired, and both parties have signed",
  async () => {
    const [kept, returned, retired] = [
      await world.arrive(),
      await world.arrive(),
      await world.arrive(),
    ];
    for (const lead of [kept, returned, retired]) await intoPool(world, lead);
    await engage(kept, "blog_view");
    await engage(returned, "webinar_attended");
    const period = somePeriod();
    await startReview(world, period);
    const review = await untilReview(world, period, (one) => one.state === "open");

    expect(review.packet).toEqual({
      hasPool: true,
      reviewer: "marketing-ops",
      calendar: "hq",
      zone: "America/New_York",
      leads: 3,
      suggestions: { keep: 2, return: 1, retire: 0 },
      reasons: { "rejected: wrong-role": 3 },
    });
    const lines = await reviewLines(world.pool, review.id, { after: "", limit: 10, open: true });
    expect(
      lines.map((line) => [line.subject_id, line.entry["suggestion"], line.entry["cycles"]]),
    ).toEqual(
      [
        [kept, "keep", 1],
        [returned, "return", 1],
        [retired, "keep", 1],
      ].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    expect(lines.find((line) => line.subject_id === returned)?.entry).toMatchObject({
      reason: "rejected: wrong-role",
      since: [{ type: "webinar_attended", count: 1 }],
      because: "1 meaningful engagement since it entered the pool",
    });
    expect(await tasks(kept)).toMatchObject([
      {
        state: "open",
        role: "marketing-ops",
        due_at: review.due_at,
        detail: { review: review.id, suggestion: "keep" },
      },
    ]);
    expect(JSON.stringify([review.packet, lines.map((line) => line.entry)])).not.toMatch(
      /Kim|@example/,
    );

    const by = { by: "rp_marketing", role: "marketing" };
    await world.act(retired, "decideReview", { decision: "retire" }, by);
    await world.act(returned, "decideReview", { decision: "return" }, by);
    expect((await untilReview(world, period, () => true)).state).toBe("open");
    await world.act(kept, "decideReview", { decision: "keep" }, by);
    await signBoth(world.pool, review.id);
    const closed = await untilReview(world, period, (one) => one.state === "closed");
    expect(closed.closed_at).not.toBeNull();
    expect((await world.lead(retired)).stage).toBe("disqualified");
    expect((await world.until(returned, (lead) => lead.stage === "mql")).cycle).toBe(2);
    expect(await world.lead(kept)).toMatchObject({ stage: "renurture", waiting_on: "return" });
    expect((await tasks(returned))[0]?.state).toBe("done");
    await expect(
      world.client.workflow.getHandle(reviewWorkflowId("quarterly", period)).result(),
    ).resolves.toEqual({ reviewId: review.id });
    await keepReview(world, period, "review-decided");
    expect(await mails(review.id)).toEqual([
      { what: "review-opened", step: null, role: null, count: null, state: "done" },
      {
        what: "renurture-review",
        step: "opened",
        role: "marketing-ops",
        count: 3,
        state: "done",
      },
    ]);
    expect(
      await reviewLines(world.pool, review.id, { after: "", limit: 10, open: false }),
    ).toMatchObject(
      [kept, returned, retired]
        .sort()
        .map((id) => ({ subject_id: id, decided_by: "rp_marketing", waits: false })),
    );
  },
);

test(
  "open decisions are called to mind once at half time; at the due time the managers hear of " +
    "it, and it waits on",
  async () => {
    await emptyPool();
    const lead = await world.arrive();
    await intoPool(world, lead);
    const period = somePeriod();
    await startReview(world, period);
    const { id, due_at, remind_at, opened_at } = await untilReview(
      world,
      period,
      (one) => one.state === "open",
    );
    const workflowId = reviewWorkflowId("quarterly", period);
    await signBoth(world.pool, id);
    expect(Number(remind_at)).toBeGreaterThanOrEqual(
      Math.floor((Number(opened_at) + Number(due_at)) / 2),
    );

    await moveClock(world.client, workflowId, Number(remind_at) - Date.now() + 20_000);
    await untilReview(world, period, (one) => one.reminded_at !== null);
    await moveClock(world.client, workflowId, Number(due_at) - Number(remind_at) + 20_000);
    await untilReview(world, period, (one) => one.overdue_at !== null);
    await moveClock(world.client, workflowId, 3 * day);
    expect((await untilReview(world, period, () => true)).state).toBe("open");
    const aboutPool = (await mails(id)).filter(({ what }) => what === "renurture-review");
    expect(aboutPool.map(({ step, role, count }) => [step, role, count])).toEqual([
      ["opened", "marketing-ops", 1],
      ["reminder", "marketing-ops", 1],
      ["overdue", "manager", 1],
    ]);

    const sent = () =>
      rows<{ subject: string; recipient: string }>(
        world.pool,
        sql`
        select subject, recipient from kept_mail
        where subject like ${`%e-nurture review ${period}%`} order by sent_at`,
      );
    await expect
      .poll(async () => (await sent()).map(({ subject }) => subject), { timeout: 10_000 })
      .toEqual([
        `Re-nurture review ${period}: 1 lead`,
        `Reminder: re-nurture review ${period}: 1 lead`,
        `Overdue: re-nurture review ${period}: 1 lead`,
      ]);
    expect((await sent())[2]?.recipient).toContain("boss@example.com");

    // It leaves the pool without anybody deciding: the next daily look closes the review.
    await inTransaction(world.pool, (tx) => erasePerson(tx, lead, "tn_test", Date.now()));
    await world.until(lead, (row) => row.stage === "disqualified");
    await moveClock(world.client, workflowId, day + 60_000);
    await untilReview(world, period, (one) => one.state === "closed");
    await world.client.workflow.getHandle(workflowId).result();
    await keepReview(world, period, "review-overdue");
    expect(await reviewLines(world.pool, id, { after: "", limit: 10, open: false })).toMatchObject([
      { decision: null, waits: false, entry: {} },
    ]);
    expect((await tasks(lead)).map((task) => task.state)).toEqual(["withdrawn"]);
  },
);

test("whoever opens the same period again, at once or later, finds the one review", async () => {
  await emptyPool();
  const lead = await world.arrive();
  await intoPool(world, lead);
  const period = somePeriod();
  const asked = await Promise.all(
    [1, 2, 3].map(() => openReview(deps(), { kind: "quarterly", period, now: Date.now() })),
  );
  expect(new Set(asked.map((one) => one.reviewId)).size).toBe(1);
  expect(
    await rows(
      world.pool,
      sql`select 1 from review_decision where review_id = ${asked[0]!.reviewId}`,
    ),
  ).toHaveLength(1);
  expect(await mails(asked[0]!.reviewId)).toHaveLength(2);
  await startReview(world, period);
  await startReview(world, period);
  await world.act(
    lead,
    "decideReview",
    { decision: "retire" },
    { by: "tn_test", role: "operator" },
  );
  await signBoth(world.pool, asked[0]!.reviewId);
  await untilReview(world, period, (one) => one.state === "closed");
  expect(await openReview(deps(), { kind: "quarterly", period, now: Date.now() })).toMatchObject({
    reviewId: asked[0]!.reviewId,
    state: "closed",
    waiting: 0,
  });
});

test("with an empty pool a review asks for signatures alone, and one of each party closes it", async () => {
  await emptyPool();
  const start = { kind: "quarterly" as const, period: somePeriod(), now: Date.now() };
  const { reviewId, state } = await openReview(deps(), start);
  expect(state).toBe("open");
  expect((await mails(reviewId)).map(({ what }) => what)).toEqual(["review-opened"]);
  await signBoth(world.pool, reviewId);
  expect(await lookAtReview(deps(), reviewId, Date.now())).toMatchObject({ state: "closed" });
});

test("a review that nobody agreed on is refused", async () => {
  await world.publish((text) => text.replace(/^ {2}monthly: .*$/m, ""));
  await expect(
    openReview(deps(), { kind: "monthly", period: "2026-11", now: Date.now() }),
  ).rejects.toThrow("no monthly review");
  await world.publish((text) => text);
});

test(
  "the quarter's review is due from its first business day at the agreed time, once, and made " +
    "up for when that day was missed",
  async () => {
    const plain = await leadWorld({ agreement: (text) => text });
    try {
      const ask = async (iso: string) =>
        (
          await dueReviews(
            { pool: plain.pool, agreements: createAgreements(agreementOf) },
            Date.parse(iso),
            "quarterly",
          )
        ).map(({ period }) => period);
      // What was to be held before there was an agreement is no review that was missed.
      expect(await ask("2026-12-31T14:00:00Z")).toEqual([]);
      expect(await ask("2027-07-01T12:59:59Z")).toEqual(["2027-Q2"]);
      expect(await ask("2027-07-01T13:00:00Z")).toEqual(["2027-Q3"]);
      // 2027-10-01 is a Friday; three days and six weeks later nobody has opened it yet.
      expect(await ask("2027-10-04T13:00:00Z")).toEqual(["2027-Q4"]);
      expect(await ask("2027-11-15T13:00:00Z")).toEqual(["2027-Q4"]);
      // 2028-01-01 is a Saturday.
      expect([await ask("2028-01-01T14:00:00Z"), await ask("2028-01-03T14:00:00Z")]).toEqual([
        ["2027-Q4"],
        ["2028-Q1"],
      ]);
      const { reviewId } = await openReview(
        { pool: plain.pool, agreements: createAgreements(agreementOf) },
        { kind: "quarterly", period: "2027-Q3", now: Date.parse("2027-07-01T13:00:00Z") },
      );
      // Open it is named all the same, for its process may have been lost; closed it is not.
      expect(await ask("2027-07-02T13:00:00Z")).toEqual(["2027-Q3"]);
      await signBoth(plain.pool, reviewId);
      await lookAtReview(
        { pool: plain.pool, agreements: createAgreements(agreementOf) },
        reviewId,
        Date.parse("2027-07-02T13:00:00Z"),
      );
      expect(await ask("2027-07-02T13:00:00Z")).toEqual([]);
      await plain.publish((text) => text.replace(/^ {2}quarterly: .*$/m, ""));
      expect(await ask("2027-10-04T13:00:00Z")).toEqual([]);
    } finally {
      await plain.close();
    }
  },
);

test(
  "what the Schedule starts opens the review whose day has come, and the second time leaves it " +
    "alone",
  async () => {
    await emptyPool();
    await inTransaction(world.pool, (tx) =>
      tx.query("update agreement_version set activated_at = activated_at - interval '1 year'"),
    );
    await intoPool(world, await world.arrive());
    const ask = () =>
      world.client.workflow.execute<(kind: string) => Promise<{ opened: string[] }>>(
        "openDueReview",
        {
          workflowId: `due-${Date.now()}-${Math.random()}`,
          taskQueue: world.taskQueue,
          args: ["quarterly"],
        },
      );
    // Those of other tests are open still, and their processes run or are begun again.
    await inTransaction(world.pool, (tx) =>
      tx.query("update review set state = 'closed', closed_at = now(), signed_at = now()"),
    );
    const first = await ask();
    expect(first.opened).toEqual([expect.stringMatching(/^review\/quarterly\/\d{4}-Q[1-4]$/)]);
    const period = first.opened[0]!.slice("review/quarterly/".length);
    expect(await ask()).toEqual({ opened: [] });
    await untilReview(world, period, (one) => one.state === "open");
    // Its process was lost: the next time it is asked for, it goes on.
    await world.client.workflow.getHandle(first.opened[0]!).terminate("test");
    expect(await ask()).toEqual(first);
    await emptyPool();
    await signBoth(world.pool, (await untilReview(world, period, () => true)).id);
    await untilReview(world, period, (one) => one.state === "closed");
    expect(await ask()).toEqual({ opened: [] });
  },
);

test(
  "figures are read at one moment and locked by nobody: a decision goes on while they are " +
    "compiled, and no plan by key is forced on them",
  async () => {
    const lead = await world.arrive();
    await intoPool(world, lead);
    await readAtOnce(world.pool, async (tx) => {
      const [settings] = await rows<Record<string, string>>(
        tx,
        sql`
        select current_setting('enable_seqscan') as seqscan,
          current_setting('plan_cache_mode') as plan,
          current_setting('transaction_read_only') as "readOnly"`,
      );
      expect(settings).toEqual({ seqscan: "on", plan: "auto", readOnly: "on" });
      const stage = () =>
        rows(
          tx,
          sql`select stage from process where subject_kind = 'lead' and subject_id = ${lead}`,
        );
      expect(await stage()).toEqual([{ stage: "renurture" }]);
      const by = { by: "tn_test", role: "operator" };
      expect((await world.act(lead, "decideReview", { decision: "retire" }, by)).done).toBe(true);
      expect(await stage()).toEqual([{ stage: "renurture" }]);
    });
    expect((await world.lead(lead)).stage).toBe("disqualified");
  },
);

test("a lead that comes into the pool while the figures are compiled is for the next review", async () => {
  await emptyPool();
  const before = await world.arrive();
  await intoPool(world, before);
  const now = Date.now();
  const after = await world.arrive();
  await intoPool(world, after);
  const start = { kind: "quarterly" as const, period: somePeriod(), now };
  const { reviewId, waiting } = await openReview(deps(), start);
  const lines = await reviewLines(world.pool, reviewId, { after: "", limit: 10, open: false });
  expect([waiting, lines.map(({ subject_id }) => subject_id)]).toEqual([1, [before]]);
  expect(await tasks(after)).toEqual([]);
});
