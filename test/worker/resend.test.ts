import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Client } from "@temporalio/client";
import { agreementOf } from "../../agreement/stored.ts";
import type { Standing } from "../../handoff/process/words.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { setHouseTrouble } from "../../store/house/user.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import { take } from "../../store/process/take.ts";
import { reopenLead } from "../../store/process/reopen.ts";
import { resendUnacknowledged } from "../../worker/resend.ts";
import { apartBy } from "../support/agreement-of-process.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";

/** Temporal takes signals and forgets them while this is set. */
let isDeaf = false;
function forgetful(client: Client): Client {
  const withDeadline = client.withDeadline.bind(client);
  const { workflow } = client;
  return {
    withDeadline,
    workflow: {
      start: workflow.start.bind(workflow),
      signalWithStart: workflow.signalWithStart.bind(workflow),
      getHandle: (id: string) =>
        isDeaf ? { signal: () => Promise.resolve() } : workflow.getHandle(id),
    },
  } as unknown as Client;
}

const agreements = createAgreements(agreementOf);
let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({ relayClient: forgetful });
}, 120_000);
afterAll(() => world?.close(), 60_000);
beforeEach(() => {
  isDeaf = false;
});

/** Whoever was told until now is looked at. */
const look = (client: Pick<Client, "workflow" | "withDeadline"> = world.client): Promise<number> =>
  resendUnacknowledged({ pool: world.pool, agreements, client, clock: Date.now, settlingMs: 0 });

let accounts = 0;
async function offered(): Promise<string> {
  const id = await world.arrive({
    email: `kim@unheard-${++accounts}.com`,
    facts: { "account.domain": `unheard-${accounts}.com` },
  });
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await agrees(id);
  return id;
}
const agrees = (id: string) =>
  expect.poll(() => apartBy(world, id), { timeout: 20_000, interval: 100 }).toBeNull();
const known = (id: string) => world.handle(id).query<Standing | null>("standing");
const events = async (id: string) => (await world.handle(id).describe()).historyLength;
/** The relay has given away what it had to tell. */
const told = (id: string) =>
  expect
    .poll(
      () =>
        rows(
          world.pool,
          sql`
  select id from outbox where workflow_id = ${`lead/${id}`} and done_at is null`,
        ),
      { timeout: 10_000 },
    )
    .toEqual([]);

test("when all have heard nobody is told anything, and no history grows", async () => {
  const [untouched, accepted] = [await offered(), await offered()];
  await world.act(accepted, "logOutreach", { channel: "call", outcome: "connected" });
  await world.act(accepted, "accept", {});
  await agrees(accepted);
  const before = [await events(untouched), await events(accepted)];
  expect(await look()).toBe(0);
  expect(await look()).toBe(0);
  expect([await events(untouched), await events(accepted)]).toEqual(before);
  // And nobody is asked about again.
  expect(
    await rows(
      world.pool,
      sql`
    select subject_id from process where subject_id = any(${[untouched, accepted]})
      and (signalled_cycle, signalled_step) > (known_cycle, known_step)`,
    ),
  ).toEqual([]);
});

test("a signal that is lost is told again, once", async () => {
  const id = await offered();
  isDeaf = true;
  await world.act(id, "accept", {});
  await told(id);
  isDeaf = false;
  expect((await known(id))?.stage).toBe("mql");
  expect(await look()).toBe(1);
  await agrees(id);
  expect((await known(id))?.stage).toBe("sal");
  expect(await look()).toBe(0);
});

test("an answer that is lost with the task that waited for it is told again", async () => {
  const id = await offered();
  const { owner_id: owner } = await world.lead(id);
  await world.pool.query(sql`update rep set active = false where id = ${owner}`);
  // As a worker does whose machine goes down between the decision and its report of it.
  const standing = await take(
    { pool: world.pool, agreements },
    {
      subject: { kind: "lead", id },
      key: "a-run/7/news",
      now: Date.now(),
      by: "process",
    },
    { kind: "roster" },
  );
  await world.pool.query(sql`update rep set active = true where id = ${owner}`);
  expect(standing.owner).not.toBe(owner);
  expect((await known(id))?.owner).toBe(owner);
  expect(await look()).toBe(1);
  await agrees(id);
});

test("what still waits for the relay is left to it", async () => {
  const id = await offered();
  await world.act(id, "accept", {});
  await agrees(id);
  await look();
  await world.pool.query(sql`
    insert into outbox (lane, kind, workflow_id, message, payload, created_at, next_at)
    values (1, 'signal', ${`lead/${id}`}, 'factsChanged', '{"id":"test"}', now(),
      now() + interval '1 hour')`);
  await world.pool.query(
    sql`update process set known_cycle = 0, known_step = 0 where subject_id = ${id}`,
  );
  const nobody = {
    getHandle: () => {
      throw new Error("asked about a lead that is left to the relay");
    },
  };
  await expect(
    look({
      workflow: nobody,
      withDeadline: (_until: number, ask: () => unknown) => ask(),
    } as unknown as Client),
  ).resolves.toBe(0);
  await world.pool.query(
    sql`delete from outbox where workflow_id = ${`lead/${id}`} and done_at is null`,
  );
  await look();
});

test("a process whose task waits for a worker, or fails, is asked about later and told nothing", async () => {
  const id = await offered();
  await world.pool.query(
    sql`update process set known_cycle = 0, known_step = 0 where subject_id = ${id}`,
  );
  const stuck = {
    getHandle: () => ({
      describe: () =>
        Promise.resolve({
          status: { name: "RUNNING" },
          typedSearchAttributes: { get: () => 0 },
          raw: { pendingWorkflowTask: { attempt: 9 } },
        }),
    }),
  };
  const before = await events(id);
  expect(
    await look({
      workflow: stuck,
      withDeadline: (_until: number, ask: () => unknown) => ask(),
    } as unknown as Client),
  ).toBe(0);
  await told(id);
  expect(await events(id)).toBe(before);
  // The real one has heard.
  expect(await look()).toBe(0);
  expect(
    await firstRow(
      world.pool,
      sql`select known_step = signalled_step as heard from process where subject_id = ${id}`,
    ),
  ).toEqual({ heard: true });
});

test("while the CRM is away a lead goes on in its next cycle, and hears", async () => {
  const id = await offered();
  const run = (await world.handle(id).describe()).runId;
  await setHouseTrouble(world.pool, { kind: "down" });
  try {
    await world.act(id, "reject", { reason: "wrong-role" });
    await expect
      .poll(async () => (await world.handle(id).describe()).runId, {
        timeout: 30_000,
        interval: 200,
      })
      .not.toBe(run);
    await agrees(id);
    const { step } = await world.lead(id);
    await inTransaction(world.pool, (tx) =>
      enqueue(tx, leadSignal(id, "signal", "factsChanged", { id: "test" }, 1), Date.now()),
    );
    await world.until(id, (lead) => lead.step > step);
  } finally {
    await setHouseTrouble(world.pool, null);
  }
});

test("a lead that is reopened while its process still waits for the CRM goes on", async () => {
  const id = await offered();
  await setHouseTrouble(world.pool, { kind: "down" });
  try {
    await world.act(id, "reject", { reason: "unsupported-use-case" });
    await expect
      .poll(async () => (await known(id))?.stage, { timeout: 20_000 })
      .toBe("disqualified");
    expect((await world.handle(id).describe()).status.name).toBe("RUNNING");
    const reopened = await inTransaction(world.pool, (tx) =>
      reopenLead(tx, agreements, id, { by: "tn_operator", why: "they called" }, Date.now()),
    );
    expect(reopened.kind).toBe("reopened");
    await agrees(id);
  } finally {
    await setHouseTrouble(world.pool, null);
  }
  await world.until(id, (lead) => lead.stage !== "disqualified");
  await agrees(id);
}, 120_000);
