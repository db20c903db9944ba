import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstRow, sql } from "../../store/postgres/db.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({ reps: ["rp_one", "rp_two", "rp_three"] });
});
afterAll(() => world?.close());

async function offered(facts: Record<string, unknown> = {}): Promise<string> {
  const id = await world.arrive({ facts });
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  return id;
}

describe("a rejection", () => {
  test.each([
    { reason: "unsupported-use-case", path: ["mql>disqualified"], stage: "disqualified" },
    { reason: "wrong-role", path: ["mql>renurture"], stage: "renurture" },
    { reason: "bad-contact-data", path: ["mql>new"], stage: "new" },
  ])("for $reason leads to $stage and is on record", async ({ reason, path, stage }) => {
    const id = await offered();
    expect(await world.act(id, "reject", { reason })).toMatchObject({
      done: true,
      stage,
      onTime: true,
    });
    expect(await world.path(id)).toEqual(["new>mql", ...path]);
    const handoff = await firstRow<{ rejection_reason: string; state: string }>(
      world.pool,
      sql`select rejection_reason, state from handoff where subject_id = ${id}`,
    );
    expect(handoff).toEqual({ rejection_reason: reason, state: "closed" });
    await world.until(
      id,
      (lead) => lead.stage === stage && lead.owner_id === null && lead.handoff_id === null,
    );
    await keepHistory(world, id, `rejected-${reason}`);
  });

  test("for timing needs a date, and the lead comes back on that day", async () => {
    const id = await offered();
    expect(await world.act(id, "reject", { reason: "dated-timing" })).toMatchObject({
      done: false,
      code: "date-missing",
      field: "revisitOn",
      stage: "mql",
    });
    const day = new Date(world.now(id) + 40 * 86_400_000).toISOString().slice(0, 10);
    expect(await world.act(id, "reject", { reason: "dated-timing", revisitOn: day })).toMatchObject(
      { done: true, stage: "renurture" },
    );
    const waiting = await world.until(
      id,
      (lead) =>
        lead.waiting_on === "return" &&
        lead.next_at !== null &&
        lead.next_at.getTime() > Date.now() + 30 * 86_400_000,
    );
    await world.passTo(id, waiting.next_at!);
    const back = await world.until(
      id,
      (lead) => lead.stage === "mql" && lead.waiting_on === "outreach",
    );
    expect(back.cycle).toBe(2);
    await world.act(id, "accept", {});
    expect(await world.path(id)).toEqual(["new>mql", "mql>renurture", "renurture>mql", "mql>sal"]);
    await keepHistory(world, id, "two-cycles-by-date");
  });

  test("as unreachable is refused before three attempts are logged, and changes nothing", async () => {
    const id = await offered();
    expect(await world.act(id, "reject", { reason: "unreachable" })).toMatchObject({
      done: false,
      code: "attempts-missing",
    });
    for (const channel of ["call", "email", "call"] as const)
      await world.act(id, "logOutreach", { channel, outcome: "no_answer" });
    expect(await world.act(id, "reject", { reason: "unreachable" })).toMatchObject({
      done: true,
      stage: "renurture",
    });
    await keepHistory(world, id, "rejected-unreachable");
  });

  test('as "not ready" is refused by name', async () => {
    const id = await offered();
    expect(await world.act(id, "reject", { reason: "not ready" })).toMatchObject({
      done: false,
      code: "not-a-reason",
      stage: "mql",
    });
    expect((await world.lead(id)).waiting_on).toBe("outreach");
  });

  test("that the facts contradict goes to the manager; upheld, it stands", async () => {
    const id = await offered();
    expect(await world.act(id, "reject", { reason: "below-company-size" })).toMatchObject({
      done: true,
      stage: "mql",
      waitingOn: "manager",
    });
    expect(
      await firstRow(
        world.pool,
        sql`select kind, assignee_id, state from task where subject_id = ${id}`,
      ),
    ).toEqual({ kind: "contested", assignee_id: "rp_boss", state: "open" });
    expect(await world.act(id, "accept", {}, { by: "rp_one" })).toMatchObject({
      done: false,
      code: "not-possible-now",
      stage: "mql",
      waitingOn: "manager",
    });
    expect(
      await world.act(id, "decideContest", { decision: "uphold" }, { by: "rp_boss" }),
    ).toMatchObject({ done: true, stage: "disqualified" });
    expect(
      await firstRow(world.pool, sql`select state, done_how from task where subject_id = ${id}`),
    ).toMatchObject({ state: "done" });
    await keepHistory(world, id, "contested-upheld");
  });

  test("that the facts contradict and the manager overturns goes to another rep", async () => {
    const id = await offered();
    const first = (await world.lead(id)).owner_id;
    await world.act(id, "reject", { reason: "below-company-size" });
    const overturned = await world.act(
      id,
      "decideContest",
      { decision: "overturn" },
      { by: "rp_boss" },
    );
    expect(overturned).toMatchObject({ done: true, stage: "mql", waitingOn: "outreach" });
    expect(overturned.owner).not.toBe(first);
    await keepHistory(world, id, "contested-overturned");
  });
});

test("a lead whose rejection was overturned can be contested and decided again", async () => {
  const id = await offered();
  await world.act(id, "reject", { reason: "below-company-size" });
  await world.act(id, "decideContest", { decision: "overturn" }, { by: "rp_boss" });
  expect(await world.act(id, "reject", { reason: "below-company-size" })).toMatchObject({
    done: true,
    waitingOn: "manager",
  });
  expect(
    await world.act(id, "decideContest", { decision: "uphold" }, { by: "rp_boss" }),
  ).toMatchObject({ done: true, stage: "disqualified" });
});

test("of two conflicting answers exactly one wins, and the other is told which", async () => {
  const id = await offered();
  const revisitOn = new Date(world.now(id) + 40 * 86_400_000).toISOString().slice(0, 10);
  const outcomes = await Promise.all([
    world.act(id, "reject", { reason: "dated-timing", revisitOn }),
    world.act(id, "reject", { reason: "unsupported-use-case" }),
    world.act(id, "reject", { reason: "bad-contact-data" }),
  ]);
  const [won, ...more] = outcomes.filter((one) => one.done);
  expect(more).toEqual([]);
  // Each of the three leads to another stage, so the others are told which of them it was.
  const lost = outcomes.filter((one) => !one.done);
  expect(lost).toHaveLength(2);
  for (const one of lost)
    expect(one).toMatchObject({
      code: "not-possible-now",
      stage: won?.stage,
      waitingOn: won?.waitingOn,
      owner: null,
    });
  expect(
    await firstRow(
      world.pool,
      sql`
        select count(*)::int as n from answer a join handoff h on h.id = a.handoff_id
          where h.subject_id = ${id}`,
    ),
  ).toEqual({ n: 1 });
});

test("the same action twice is one action with one answer", async () => {
  const id = await offered();
  const first = await world.act(id, "logOutreach", { channel: "call" }, { id: "ax_twice" });
  expect(await world.act(id, "logOutreach", { channel: "call" }, { id: "ax_twice" })).toEqual(
    first,
  );
  expect(
    await firstRow(world.pool, sql`select attempts from handoff where subject_id = ${id}`),
  ).toEqual({ attempts: 1 });
});

test("a rep cannot answer for somebody else's lead", async () => {
  const id = await offered();
  const owner = (await world.lead(id)).owner_id;
  const other = owner === "rp_one" ? "rp_two" : "rp_one";
  expect(await world.act(id, "accept", {}, { by: other })).toMatchObject({
    done: false,
    code: "not-yours",
    stage: "mql",
    waitingOn: "outreach",
    owner,
  });
});

test("a lead handed back after acceptance waits in the re-nurture pool", async () => {
  const id = await offered();
  await world.act(id, "accept", {});
  expect(await world.act(id, "handBack", {})).toMatchObject({ done: true, stage: "renurture" });
  await keepHistory(world, id, "handed-back");
});

test("a manager reassigns an offer to a named rep, whose clocks start anew", async () => {
  const id = await offered();
  const owner = (await world.lead(id)).owner_id;
  const other = owner === "rp_one" ? "rp_two" : "rp_one";
  expect(await world.act(id, "reassign", { to: other }, { by: "rp_boss" })).toMatchObject({
    done: true,
    owner: other,
    waitingOn: "outreach",
  });
  expect(await world.act(id, "reassign", { to: "rp_nobody" }, { by: "rp_boss" })).toMatchObject({
    done: false,
    field: "to",
  });
  await world.act(id, "accept", {});
  expect(await world.act(id, "reassign", { to: owner! }, { by: "rp_boss" })).toMatchObject({
    done: true,
    owner,
    stage: "sal",
  });
  await keepHistory(world, id, "reassigned-by-manager");
});
