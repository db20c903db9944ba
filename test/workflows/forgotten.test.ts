import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { openLeads } from "../../store/inbox/reconcile.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { takeIn, type Arrival } from "../../store/intake/intake.ts";
import { lookAtClosed } from "../../worker/ended.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { goodFacts, leadWorld, type LeadWorld } from "../support/lead-world.ts";

const day = 86_400_000;
const soon = { timeout: 15_000 };
const agreements = createAgreements(agreementOf);

/** Somebody of a company of their own: an open opportunity holds back the colleagues. */
const somebody = () => {
  const domain = `co-${randomBytes(6).toString("hex")}.example`;
  return { email: `kim@${domain}`, facts: { ...goodFacts, "account.domain": domain } };
};
const arrive = () => world.arrive(somebody());

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world.close());

const tasks = (leadId: string) =>
  rows<{ kind: string; assignee_id: string | null; remind_at: Date | null; reminded: number }>(
    world.pool,
    sql`
    select kind, assignee_id, remind_at, reminded from task
    where subject_id = ${leadId} and state = 'open'`,
  );

/** A lead whose opportunity was opened, and whose process has ended. */
async function won(): Promise<string> {
  const id = await arrive();
  const offered = await world.until(id, (lead) => lead.waiting_on === "outreach");
  const by = { by: offered.owner_id ?? "" };
  await world.act(id, "accept", {}, by);
  await world.act(id, "advance", {}, by);
  await world.act(id, "advance", {}, by);
  await expect.poll(() => status(id), soon).toBe("COMPLETED");
  return id;
}

const status = async (id: string) => (await world.handle(id).describe()).status.name;

async function take(arrival: Arrival, more: { lane: 1 | 2; importId?: string }): Promise<string> {
  const { agreement } = (await agreements.active(world.pool)) ?? {};
  if (!agreement) throw new Error("no agreement");
  const now = Date.now();
  const [taken] = await inTransaction(world.pool, (tx) =>
    takeIn(tx, [arrival], { now, from: "form", agreement, ...more }),
  );
  if (!taken || !("leadId" in taken)) throw new Error("not taken in");
  return taken.leadId;
}

const demo = (messageId: string) => ({
  messageId,
  type: "demo_request",
  occurredAt: Date.now() - 1,
});

async function knocks(id: string): Promise<void> {
  await take({ id, facts: {}, engagements: [demo(`again-${id}`)] }, { lane: 1 });
}

describe("a closed person who knocks", () => {
  test("with an open opportunity: its owner has a task, the CRM a note, and is asked again", async () => {
    const id = await won();
    const { owner_id: owner } = await world.lead(id);
    await knocks(id);
    await expect
      .poll(() => tasks(id), soon)
      .toMatchObject([{ kind: "hand-raise", assignee_id: owner }]);
    expect((await world.lead(id)).stage).toBe("opportunity");
    const notes = () =>
      rows(
        world.pool,
        sql`
        select n.body from house_note n join house_lead h on h.id = n.lead_id
        where h.external_id = ${id} and n.body like 'Raised a hand again (demo_request)%'`,
      );
    await expect.poll(notes, soon).toHaveLength(1);
    const [before] = await tasks(id);
    const clock = () => (before?.remind_at?.getTime() ?? 0) + 1_000;
    expect(await lookAtClosed({ pool: world.pool, agreements, clock })).toBe(1);
    expect(await lookAtClosed({ pool: world.pool, agreements, clock })).toBe(0);
    expect((await tasks(id))[0]?.remind_at?.getTime()).toBeGreaterThan(clock());
    expect(
      await rows(
        world.pool,
        sql`select from effect where subject_id = ${id} and what = 'task-waits'`,
      ),
    ).not.toHaveLength(0);
  });

  test("lost for longer than the agreement says: a new cycle begins, with a process", async () => {
    const id = await won();
    const lostAt = new Date(world.now(id) - 91 * day);
    await world.pool.query(
      sql`update opportunity set lost_at = ${lostAt}, stage = 'lost' where lead_id = ${id}`,
    );
    await knocks(id);
    const back = await world.until(id, (lead) => lead.stage === "mql");
    expect(back.cycle).toBe(2);
    await expect.poll(() => status(id), soon).toBe("RUNNING");
    await world.until(id, (lead) => lead.waiting_on === "outreach");
  });
});

test("an imported lead goes behind all others until a person has it, and then like any other", async () => {
  const id = await take(
    { ...somebody(), engagements: [demo("imported")] },
    { lane: 2, importId: "im_1" },
  );
  const { lead_type: type } = await world.until(id, (lead) => lead.waiting_on === "outreach");
  expect(type).toBe("demo-request");
  const priority = async () =>
    (await world.handle(id).describe()).raw.workflowExecutionInfo?.priority?.priorityKey;
  await expect.poll(priority, soon).toBe(1);
  // Others have had theirs from the beginning, and are told nothing.
  const other = await arrive();
  await world.until(other, (lead) => lead.waiting_on === "outreach");
  expect(
    await rows(
      world.pool,
      sql`
      select workflow_id from outbox where message = 'priority'
        and workflow_id in (${leadWorkflowId(id)}, ${leadWorkflowId(other)})`,
    ),
  ).toEqual([{ workflow_id: leadWorkflowId(id) }]);
});

test("a lead that only waits in its import's queue is not late", async () => {
  const id = await arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  const hours = 3_600_000;
  const late = async () =>
    (await openLeads(world.pool, "", 1_000, Date.now() + 400 * day)).find((one) => one.id === id)
      ?.isLate;
  expect(await late()).toBe(true);
  await world.pool.query(
    sql`
    update process set cycle = 1, step = 0, next_at = ${new Date(Date.now() - 9 * hours)}
    where subject_id = ${id}`,
  );
  expect(await late()).toBe(false);
});
