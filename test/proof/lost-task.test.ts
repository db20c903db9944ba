import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import type { ActionBodies } from "../../handoff/process/event.ts";
import type { Standing } from "../../handoff/process/words.ts";
import type { ActionName } from "../../handoff/stage.ts";
import { noteAction } from "../../store/process/actions.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import { take } from "../../store/process/take.ts";
import { takeAction } from "../../store/process/take-action.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import { resendUnacknowledged } from "../../worker/resend.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { eventually } from "../support/eventually.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";

/**
 * What was decided and what a process knows can part: a workflow task is lost after its decision
 * was stored, because the worker died; or a signal is lost, with a relay that died between telling
 * and marking. Here the decision is taken by hand and its process is not told.
 */
let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
}, 120_000);
afterAll(() => world?.close(), 60_000);

const agreements = createAgreements(agreementOf);
const deps = () => ({
  pool: world.pool,
  agreements,
  dispatcher: routingDispatcher(world.pools.routing),
});
const known = (id: string) => world.handle(id).query<Standing | null>("standing");
const attempts = (id: string) =>
  firstRow(world.pool, sql`select attempts from handoff where subject_id = ${id}`);

async function offered(): Promise<{ id: string; owner: string }> {
  const id = await world.arrive();
  const lead = await world.until(id, (row) => row.waiting_on === "outreach");
  await eventually(10, async () => (await known(id))?.waitingOn === "outreach");
  return { id, owner: lead.owner_id! };
}

/** Decides an action as the API does, and loses its signal. */
async function actUnheard<A extends ActionName>(
  leadId: string,
  id: string,
  name: A,
  body: ActionBodies[A],
  by: string,
): Promise<void> {
  await inTransaction(world.pool, async (tx) => {
    await noteAction(tx, {
      id,
      leadId,
      name,
      by,
      role: "rep",
      body,
      via: "api",
      receivedAt: Date.now(),
    });
    expect((await takeAction(tx, agreements, id, Date.now)).result).toMatchObject({ done: true });
    const lost = await tx.query(
      sql`
        delete from outbox where workflow_id = ${leadWorkflowId(leadId)} and done_at is null
          returning message`,
    );
    expect(lost.rows).toHaveLength(1);
  });
}
const news = (id: string, message: string) =>
  inTransaction(world.pool, (tx) =>
    enqueue(tx, leadSignal(id, "signal", message, { id: "test" }, 1), Date.now()),
  );

test(
  "an action is carried out after a decision that its process never heard of, and the process " +
    "knows both",
  async () => {
    const { id } = await offered();
    await take(
      deps(),
      { subject: { kind: "lead", id }, key: "lost/1/news", now: Date.now(), by: "process" },
      { kind: "engaged" },
    );
    expect(await world.act(id, "logOutreach", { channel: "call" })).toMatchObject({
      done: true,
      waitingOn: "answer",
    });
    expect(await world.act(id, "accept", {})).toMatchObject({ done: true, stage: "sal" });
    await eventually(10, async () => (await known(id))?.stage === "sal");
    expect((await known(id))?.step).toBe((await world.lead(id)).step);
  },
);

test(
  "a process that hears news knows from then on what was decided behind its back, and who " +
    "repeats the action gets its answer",
  async () => {
    const { id, owner } = await offered();
    await actUnheard(id, "ax_lost", "accept", {}, owner);
    expect(await known(id)).toMatchObject({ stage: "mql" });
    await news(id, "seenInCrm");
    await eventually(10, async () => (await known(id))?.stage === "sal");
    expect(
      await world.act(id, "logOutreach", { channel: "call" }, { id: "ax_call" }),
    ).toMatchObject({
      done: true,
    });
    const before = await attempts(id);
    expect(await world.act(id, "accept", {}, { id: "ax_lost" })).toMatchObject({
      done: true,
      stage: "sal",
    });
    expect(
      await world.act(id, "logOutreach", { channel: "call" }, { id: "ax_call" }),
    ).toMatchObject({
      done: true,
    });
    expect(await attempts(id)).toEqual(before);
    expect(
      await rows(
        world.pool,
        sql`select kind from decision where subject_id = ${id} and action_id = 'ax_lost'`,
      ),
    ).toHaveLength(1);
  },
);

test("a cycle that ended unheard goes on in the next one", async () => {
  const { id, owner } = await offered();
  await actUnheard(id, "ax_ended", "reject", { reason: "wrong-role" }, owner);
  await news(id, "engaged");
  await eventually(10, async () => (await known(id))?.cycle === 2);
  await world.until(id, (lead) => lead.stage === "renurture" && lead.cycle === 2 && lead.step >= 1);
  expect(
    await world.act(id, "decideReview", { decision: "return" }, { by: "tn_ops" }),
  ).toMatchObject({ done: true, stage: "mql" });
  expect(await world.path(id)).toEqual(["new>mql", "mql>renurture", "renurture>mql"]);
});

test("without any news a process is told again, once, and a life that ended unheard ends", async () => {
  const { id, owner } = await offered();
  await actUnheard(id, "ax_closed", "reject", { reason: "unsupported-use-case" }, owner);
  const compare = (afterMs: number) =>
    resendUnacknowledged({
      pool: world.pool,
      agreements,
      client: world.client,
      clock: () => Date.now() + afterMs,
    });
  // A signal is given its time before anybody is suspected.
  expect(await compare(0)).toBe(0);
  expect(await compare(20_000)).toBe(1);
  await expect(world.handle(id).result()).resolves.toEqual({ stage: "disqualified", cycle: 1 });
  expect(await compare(60_000)).toBe(0);
  expect(await world.path(id)).toEqual(["new>mql", "mql>disqualified"]);
});

test("processes that have heard are told nothing again", async () => {
  const { id } = await offered();
  expect(await world.act(id, "accept", {})).toMatchObject({ done: true });
  await eventually(10, async () => (await known(id))?.stage === "sal");
  const compare = () =>
    resendUnacknowledged({
      pool: world.pool,
      agreements,
      client: world.client,
      clock: () => Date.now() + 20_000,
    });
  await eventually(10, async () => (await compare()) === 0);
  expect(
    await rows(
      world.pool,
      sql`select from outbox where workflow_id = ${leadWorkflowId(id)} and message = 'moved'`,
    ),
  ).toEqual([]);
  expect(
    await firstRow(
      world.pool,
      sql`
        select (known_cycle, known_step) >= (signalled_cycle, signalled_step) as heard from process
          where subject_id = ${id}`,
    ),
  ).toEqual({ heard: true });
});

test("a told standing that comes twice, late or out of order changes nothing", async () => {
  const { id } = await offered();
  expect(await world.act(id, "accept", {})).toMatchObject({ done: true });
  expect(await world.act(id, "advance", { to: "sql" })).toMatchObject({ done: true });
  await eventually(10, async () => (await known(id))?.stage === "sql");
  const now = await known(id);
  const told = await rows<{ message: string; payload: Record<string, unknown> }>(
    world.pool,
    sql`
    select message, payload from outbox where workflow_id = ${leadWorkflowId(id)}
      and kind = 'signal' order by id desc`,
  );
  expect(told.map(({ message }) => message)).toEqual(["advanced", "accepted"]);
  for (const { message, payload } of [...told, ...told])
    await world.handle(id).signal(message, payload);
  expect(await known(id)).toEqual(now);
  expect(await world.act(id, "advance", { to: "opportunity" })).toMatchObject({ done: true });
  await expect(world.handle(id).result()).resolves.toEqual({ stage: "opportunity", cycle: 1 });
});
