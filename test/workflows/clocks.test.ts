import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import { alwaysOpen, leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

const minute = 60_000;
const hour = 60 * minute;

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({
    agreement: alwaysOpen,
    reps: ["rp_one", "rp_two", "rp_three", "rp_four"],
  });
});
afterAll(() => world?.close());

async function offered(): Promise<string> {
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  return id;
}
const mailsSent = async (id: string) => (await world.mails(id)).map((mail) => mail.what);

test("the rep is warned at half and at four fifths of the time, and not again", async () => {
  const id = await offered();
  await world.pass(id, 31 * minute);
  await world.until(id, (lead) => lead.next_step?.includes("warning") ?? false);
  await world.pass(id, 18 * minute);
  await world.until(id, (lead) => lead.next_step?.includes("outreach due") ?? false);
  expect((await mailsSent(id)).filter((what) => what === "warning")).toEqual([
    "warning",
    "warning",
  ]);
  expect(await world.act(id, "logOutreach", { channel: "call" })).toMatchObject({ onTime: true });
  await keepHistory(world, id, "warned-then-in-time");
});

test(
  "a missed outreach is a breach, the manager hears, and another rep gets the lead; who had it " +
    "is never asked again",
  async () => {
    const id = await offered();
    const first = (await world.lead(id)).owner_id;
    await world.pass(id, 61 * minute);
    await world.until(id, (lead) => (lead.next_at?.getTime() ?? 0) > world.now(id));
    expect(await mailsSent(id)).toEqual(expect.arrayContaining(["breach", "escalation"]));
    await world.pass(id, 31 * minute);
    const second = (
      await world.until(id, (lead) => lead.waiting_on === "outreach" && lead.owner_id !== first)
    ).owner_id;
    expect(second).not.toBe(first);
    await world.pass(id, 92 * minute);
    const third = (
      await world.until(id, (lead) => lead.waiting_on === "outreach" && lead.owner_id !== second)
    ).owner_id;
    expect([first, second]).not.toContain(third);
    expect(
      await rows(
        world.pool,
        sql`
        select a.round, a.rep_id, a.ended_why from assignment a join handoff h
          on h.id = a.handoff_id where h.subject_id = ${id} order by round`,
      ),
    ).toEqual([
      { round: 1, rep_id: first, ended_why: "outreach SLA missed" },
      { round: 2, rep_id: second, ended_why: "outreach SLA missed" },
      { round: 3, rep_id: third, ended_why: null },
    ]);
    expect(
      await firstRow(
        world.pool,
        sql`
        select count(*)::int as n from clock c join handoff h on h.id = c.handoff_id
          where h.subject_id = ${id} and c.scope = 'rep' and c.kind = 'outreach'
          and c.state = 'breached'`,
      ),
    ).toEqual({ n: 2 });
    await keepHistory(world, id, "breached-and-reassigned");
  },
);

test(
  "news in the moments between a deadline and its judgement does not keep the breach from " +
    "being announced",
  async () => {
    const id = await offered();
    const due = (await world.lead(id)).due_at!.getTime();
    await world.pass(id, due - world.now(id) + 600);
    await inTransaction(world.pool, (tx) =>
      enqueue(tx, leadSignal(id, "signal", "factsChanged", { id: "test" }, 1), Date.now()),
    );
    await world.pass(id, 5_000);
    await world.until(id, (lead) => (lead.next_at?.getTime() ?? 0) > world.now(id));
    expect(await mailsSent(id)).toEqual(expect.arrayContaining(["breach", "escalation"]));
  },
);

test("when the ladder is exhausted the manager has the lead and a task, and assigns it", async () => {
  const id = await offered();
  for (let round = 0; round < 2; round++) {
    const owner = (await world.lead(id)).owner_id;
    await world.pass(id, 92 * minute);
    await world.until(
      id,
      (lead) => lead.owner_id !== null && lead.owner_id !== owner && lead.waiting_on === "outreach",
    );
  }
  await world.pass(id, 92 * minute);
  await world.until(id, (lead) => lead.waiting_on === "manager");
  expect(
    await firstRow(
      world.pool,
      sql`select kind, assignee_id, state from task where subject_id = ${id}`,
    ),
  ).toEqual({ kind: "escalated", assignee_id: "rp_boss", state: "open" });
  expect(await world.act(id, "reassign", { to: "rp_four" }, { by: "rp_boss" })).toMatchObject({
    done: true,
    owner: "rp_four",
    waitingOn: "outreach",
  });
  expect(await firstRow(world.pool, sql`select state from task where subject_id = ${id}`)).toEqual({
    state: "done",
  });
  await keepHistory(world, id, "ladder-exhausted");
});

test(
  "while the manager decides on a contested rejection the rep's clocks stand still, and the " +
    "lead's own deadline goes on record",
  async () => {
    const id = await offered();
    await world.act(id, "reject", { reason: "below-company-size" });
    const contested = await world.until(id, (lead) => lead.waiting_on === "manager");
    const clocks = () =>
      rows<{ scope: string; state: string }>(
        world.pool,
        sql`
        select c.scope, c.state from clock c join handoff h on h.id = c.handoff_id
          where h.subject_id = ${id} and c.kind = 'outreach' order by c.scope`,
      );
    expect(await clocks()).toEqual([
      { scope: "lead", state: "running" },
      { scope: "rep", state: "cancelled" },
    ]);
    await world.pass(id, 2 * hour);
    await expect.poll(clocks, { timeout: 15_000 }).toEqual([
      { scope: "lead", state: "breached" },
      { scope: "rep", state: "cancelled" },
    ]);
    expect(await world.lead(id)).toMatchObject({ waiting_on: "manager", due_at: contested.due_at });
    expect(await mailsSent(id)).not.toContain("breach");
  },
);

test(
  "a lead that waits for a manager past every deadline wakes its process to ask again, for " +
    "nothing else",
  async () => {
    const id = await offered();
    await world.pool.query("update rep set active = false where role = 'rep'");
    await world.pass(id, 92 * minute);
    await world.pool.query("update rep set active = true where role = 'rep'");
    await world.until(id, (lead) => lead.waiting_on === "queue" || lead.waiting_on === "manager");
    await world.pass(id, 24 * hour);
    const isAskedLater = ({ next_at }: { next_at: Date | null }) =>
      next_at !== null && next_at.getTime() > world.now(id);
    const { step } = await world.until(id, isAskedLater);
    await world.pass(id, 5 * 24 * hour);
    await world.until(id, isAskedLater);
    const since = await rows<{ why: string }>(
      world.pool,
      sql`
      select output ->> 'because' as why from decision
        where subject_id = ${id} and step > ${step} order by step`,
    );
    expect(since.length).toBeGreaterThan(0);
    for (const { why } of since)
      expect(why).toMatch(/the task \w+ (waits longer than agreed|goes to the next manager)/);
  },
);

describe("a pause", () => {
  test("stops the clocks until it ends by itself", async () => {
    const id = await offered();
    await world.pass(id, 20 * minute);
    expect(await world.act(id, "pause", { reason: "legal-review" })).toMatchObject({ done: true });
    const paused = await world.lead(id);
    expect(paused.due_at).toBeNull();
    expect(paused.next_step).toContain("pause ends");
    await world.passTo(id, paused.next_at!);
    const resumed = await world.until(id, (lead) => lead.due_at !== null);
    // 40 of 60 minutes were left when it was paused.
    expect(
      Math.abs(resumed.due_at!.getTime() - paused.next_at!.getTime() - 40 * minute),
    ).toBeLessThan(30_000);
    await keepHistory(world, id, "paused-until-its-limit");
  });

  test("for a reason that is not agreed is refused, and so is a second one", async () => {
    const id = await offered();
    expect(await world.act(id, "pause", { reason: "holiday" })).toMatchObject({
      done: false,
      field: "reason",
    });
    await world.act(id, "pause", { reason: "lead-asked-to-wait" });
    expect(await world.act(id, "pause", { reason: "legal-review" })).toMatchObject({
      done: false,
      code: "paused-already",
    });
    expect(await world.act(id, "resume", {})).toMatchObject({ done: true });
    expect((await world.lead(id)).due_at).not.toBeNull();
    expect(await world.act(id, "accept", {})).toMatchObject({ done: true, onTime: true });
    await keepHistory(world, id, "paused-and-resumed");
  });
});

test("an answer received before the deadline is in time, however late it arrives", async () => {
  const id = await offered();
  const due = (await world.lead(id)).due_at!.getTime();
  await world.pass(id, 60 * minute - 5_000);
  expect(
    await world.act(id, "logOutreach", { channel: "call" }, { receivedAt: due }),
  ).toMatchObject({ done: true, onTime: true });
});

describe("after acceptance", () => {
  test("a colleague who takes over is not called late for what was asked of somebody else", async () => {
    const id = await offered();
    const owner = (await world.lead(id)).owner_id;
    await world.act(id, "accept", {});
    await world.pass(id, 50 * minute);
    const other = owner === "rp_one" ? "rp_two" : "rp_one";
    expect(await world.act(id, "reassign", { to: other }, { by: "rp_boss" })).toMatchObject({
      done: true,
      owner: other,
      stage: "sal",
    });
    // The hour of whoever had it is over, the colleague's own is not.
    await world.pass(id, 50 * minute);
    expect(await world.act(id, "logOutreach", { channel: "call" })).toMatchObject({
      done: true,
      onTime: true,
    });
    expect(
      await firstRow(
        world.pool,
        sql`
          select o.rep_id, o.on_time from outreach o join handoff h on h.id = o.handoff_id
            where h.subject_id = ${id}`,
      ),
    ).toEqual({ rep_id: other, on_time: true });
    const clocks = await rows(
      world.pool,
      sql`
        select c.scope, c.round, c.state from clock c join handoff h on h.id = c.handoff_id
          where h.subject_id = ${id} and c.kind = 'outreach' order by c.round`,
    );
    expect(clocks).toEqual([
      { scope: "lead", round: 0, state: "breached" },
      { scope: "rep", round: 1, state: "cancelled" },
      { scope: "rep", round: 2, state: "met" },
    ]);
  });

  test("a colleague who takes over has a deadline of their own, and missing it counts", async () => {
    const id = await offered();
    const owner = (await world.lead(id)).owner_id;
    await world.act(id, "accept", {});
    const other = owner === "rp_one" ? "rp_two" : "rp_one";
    await world.act(id, "reassign", { to: other }, { by: "rp_boss" });
    await world.pass(id, 2 * hour);
    await world.until(id, (lead) => (lead.next_at?.getTime() ?? Infinity) > world.now(id));
    expect((await world.mails(id)).filter(({ what }) => what === "breach")).toEqual([
      expect.objectContaining({ repId: other }),
    ]);
    expect(await world.act(id, "logOutreach", { channel: "call" })).toMatchObject({
      done: true,
      onTime: false,
      owner: other,
    });
  });

  test("six attempts without a connect in fifteen business days mean no response", async () => {
    const id = await offered();
    await world.act(id, "accept", {});
    for (let n = 0; n < 6; n++)
      await world.act(id, "logOutreach", { channel: "call", outcome: "no_answer" });
    await world.pass(id, 13 * 24 * hour);
    await world.pass(id, 4 * 24 * hour);
    await world.until(id, (lead) => lead.stage === "renurture");
    expect(await world.path(id)).toEqual(["new>mql", "mql>sal", "sal>renurture"]);
    await keepHistory(world, id, "attempts-exhausted");
  });

  test("a lead on which nothing happens for two weeks becomes a stalled task, and stays", async () => {
    const id = await offered();
    await world.act(id, "logOutreach", { channel: "call", outcome: "connected" });
    await world.act(id, "accept", {});
    await world.pass(id, 15 * 24 * hour);
    await world.until(
      id,
      (lead) => lead.next_at !== null && lead.next_at.getTime() > world.now(id),
    );
    expect(
      await firstRow(world.pool, sql`select kind, state from task where subject_id = ${id}`),
    ).toEqual({ kind: "stalled", state: "open" });
    expect((await world.lead(id)).stage).toBe("sal");
    await keepHistory(world, id, "stalled");
  });
});
