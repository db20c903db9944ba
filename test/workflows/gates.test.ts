import { exampleAgreement } from "../support/example-agreement.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstRow, inTransaction, sql } from "../../store/postgres/db.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { saveFacts } from "../../store/intake/intake.ts";
import { enqueue } from "../../store/postgres/outbox.ts";
import { reopenLead } from "../../store/process/reopen.ts";
import { leadWorkflowId, type LeadStart } from "../../workflows/contract.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world?.close());

async function learn(
  id: string,
  facts: Record<string, string | number | boolean>,
  signal = "factsChanged",
): Promise<void> {
  const now = Date.now();
  await inTransaction(world.pool, async (tx) => {
    await saveFacts(
      tx,
      id,
      Object.fromEntries(
        Object.entries(facts).map(([path, value]) => [path, { value, from: "person", at: now }]),
      ) as never,
      now,
      { agreement: exampleAgreement() },
    );
    await enqueue(
      tx,
      {
        lane: 1,
        kind: "signal",
        workflowId: leadWorkflowId(id),
        message: signal,
        payload: { id: "test" },
      },
      now,
    );
  });
}
const taskOf = (id: string) =>
  firstRow<{ kind: string; state: string; role: string }>(
    world.pool,
    sql`select kind, state, role from task where subject_id = ${id} order by since desc limit 1`,
  );

test("a lead without the required facts waits for data with a task, and goes on when they are there", async () => {
  const id = await world.arrive({ facts: { "lead.role": "", "lead.title": "" } });
  await world.until(id, (lead) => lead.waiting_on === "data");
  expect(await taskOf(id)).toEqual({ kind: "fix-data", state: "open", role: "marketing-ops" });
  await learn(id, { "lead.role": "buyer" });
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  expect((await taskOf(id))?.state).toBe("done");
  expect(await world.path(id)).toEqual(["new>mql"]);
  await keepHistory(world, id, "data-fixed");
});

test("an existing customer is suppressed before anything else, by name", async () => {
  const id = await world.arrive({
    email: "new@customer-already.com",
    facts: { "account.domain": "customer-already.com", "account.customer": true },
  });
  const lead = await world.until(id, (row) => row.stage === "disqualified");
  expect(lead).toMatchObject({
    closed_reason: "suppressed: existing-customer",
    waiting_on: "nothing",
    owner_id: null,
  });
  await expect(world.handle(id).result()).resolves.toMatchObject({ stage: "disqualified" });
  await keepHistory(world, id, "suppressed-at-intake");
});

test("a suppression while the offer is open withdraws it and tells the rep", async () => {
  const id = await world.arrive({
    email: "stop@suppressed-later.com",
    facts: { "account.domain": "suppressed-later.com" },
  });
  const { owner_id } = await world.until(id, (lead) => lead.waiting_on === "outreach");
  await learn(id, { "lead.doNotContact": true });
  await world.until(id, (lead) => lead.stage === "disqualified");
  expect(await world.mails(id)).toContainEqual(
    expect.objectContaining({ what: "withdrawn", repId: owner_id }),
  );
  expect(
    await firstRow(
      world.pool,
      sql`
        select count(*)::int as n from clock c join handoff h on h.id = c.handoff_id
          where h.subject_id = ${id} and c.ended_at is null`,
    ),
  ).toEqual({ n: 0 });
  await world.handle(id).result();
  await keepHistory(world, id, "suppressed-mid-offer");
});

test("a lead that the CRM merged away ends, and follows the survivor", async () => {
  const survivor = await world.arrive();
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await world.pool.query(sql`update lead set merge_into = ${survivor} where id = ${id}`);
  await learn(id, {});
  expect(await world.until(id, (lead) => lead.stage === "disqualified")).toMatchObject({
    merged_into: survivor,
  });
  await world.handle(id).result();
  await keepHistory(world, id, "merged-away");
});

test("an erased person's process ends in any stage", async () => {
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await world.pool.query(sql`update lead set erased_at = now() where id = ${id}`);
  await learn(id, {}, "erased");
  expect(await world.until(id, (lead) => lead.stage === "disqualified")).toMatchObject({
    closed_reason: "erased",
  });
  await world.handle(id).result();
  await keepHistory(world, id, "erased");
});

test("a disqualified lead that is reopened begins again at new, in its next cycle", async () => {
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await world.act(id, "reject", { reason: "unsupported-use-case" });
  await world.handle(id).result();
  const opened = await inTransaction(world.pool, (tx) =>
    reopenLead(
      tx,
      createAgreements(agreementOf),
      id,
      { by: "tn_ops", why: "they have it after all" },
      world.now(id),
    ),
  );
  expect(opened).toMatchObject({ kind: "reopened", standing: { stage: "mql", cycle: 2 } });
  expect(
    await world.until(id, (lead) => lead.waiting_on === "outreach" && lead.cycle === 2),
  ).toMatchObject({ stage: "mql" });
  expect(await world.path(id)).toEqual([
    "new>mql",
    "mql>disqualified",
    "disqualified>new",
    "new>mql",
  ]);
  await keepHistory(world, id, "reopened");
});

test("the start of a lead whose life has ended, told again, starts nothing", async () => {
  const id = await world.arrive({ facts: { "lead.doNotContact": true } });
  await world.until(id, (lead) => lead.stage === "disqualified");
  await world.handle(id).result();
  const before = await world.handle(id).describe();
  const start: LeadStart = { leadId: id, cycle: 1, from: "intake", priority: 1 };
  await inTransaction(world.pool, (tx) =>
    enqueue(
      tx,
      {
        lane: 1,
        kind: "start",
        workflowId: leadWorkflowId(id),
        message: "leadHandoff",
        payload: { ...start },
      },
      Date.now(),
    ),
  );
  for (let waiting = 1; waiting > 0;)
    waiting =
      (
        await firstRow<{ n: number }>(
          world.pool,
          sql`select count(*)::int as n from outbox where done_at is null`,
        )
      )?.n ?? 0;
  expect((await world.handle(id).describe()).runId).toBe(before.runId);
});

test("an action of a lead that is not there yet is refused, and one that was refused leaves no event", async () => {
  const id = await world.arrive({ facts: { "lead.role": "", "lead.title": "" } });
  await world.until(id, (lead) => lead.waiting_on === "data");
  await world.handle(id).query("standing"); // the first task is done
  const { historyLength } = await world.handle(id).describe();
  expect(await world.act(id, "accept", {}, { by: "rp_one" })).toMatchObject({
    done: false,
    code: "not-possible-now",
    stage: "new",
    waitingOn: "data",
    owner: null,
  });
  await new Promise((resolve) => setTimeout(resolve, 300)); // a relay would have told it by now
  expect((await world.handle(id).describe()).historyLength).toBe(historyLength);
});
