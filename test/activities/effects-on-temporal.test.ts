import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { addEffect } from "../../store/effects/effects.ts";
import { setHouseTrouble } from "../../store/house/user.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import { reopenLead } from "../../store/process/reopen.ts";
import { eventually } from "../support/eventually.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world?.close());
afterEach(() => setHouseTrouble(world.pool, null));

const offerMail = (id: string) =>
  firstRow(world.pool, sql`select 1 from kept_mail where lead_id = ${id}`);
const crmStatus = async (id: string) =>
  (
    await firstRow<{ status: string }>(
      world.pool,
      sql`select status from house_lead where external_id = ${id}`,
    )
  )?.status;
const open = async (id: string) =>
  (await rows(world.pool, sql`select key from effect where subject_id = ${id} and state = 'open'`))
    .length;

test("effects of a decision that its process never heard of are carried out with the next one", async () => {
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await eventually(10, async () => (await open(id)) === 0);
  // As a worker leaves it that is killed between its decision and the answer; the claim has lapsed.
  await addEffect(
    world.pool,
    {
      key: `lead/${id}/1/left-behind/1`,
      subject: { kind: "lead", id },
      kind: "sync-crm",
      what: "lead",
      payload: { leadId: id },
    },
    Date.now(),
  );
  await inTransaction(world.pool, (tx) =>
    enqueue(tx, leadSignal(id, "signal", "engaged", { id: "test" }, 1), Date.now()),
  );
  await eventually(10, async () => (await open(id)) === 0);
  expect(
    await firstRow(
      world.pool,
      sql`select state from effect where key = ${`lead/${id}/1/left-behind/1`}`,
    ),
  ).toEqual({ state: "done" });
});

test.each([
  ["slower than a local activity may be", { kind: "slow", waitMs: 3_000 }],
  ["down", { kind: "down" }],
  ["asking to wait", { kind: "busy", waitMs: 500 }],
] as const)(
  "while the CRM is %s the rep gets the mail and can work; afterwards the CRM is made equal, " +
    "each effect once",
  async (_, trouble) => {
    await setHouseTrouble(world.pool, trouble);
    const id = await world.arrive();
    await world.until(id, (lead) => lead.waiting_on === "outreach");
    await eventually(10, () => offerMail(id));
    expect(
      await world.act(id, "logOutreach", { channel: "call", outcome: "connected" }),
    ).toMatchObject({ done: true });
    expect(await world.act(id, "accept", {})).toMatchObject({ done: true, stage: "sal" });

    await setHouseTrouble(world.pool, null);
    // Well under the 35 s after which a long run's claim lapses: a run that was cut short has given
    // its claim back.
    await eventually(20, async () => (await open(id)) === 0 && (await crmStatus(id)) === "sal");
    expect(
      await rows(
        world.pool,
        sql`select count(*)::int as n from house_lead where external_id = ${id}`,
      ),
    ).toEqual([{ n: 1 }]);
    expect(
      await rows(world.pool, sql`select count(*)::int as n from kept_mail where lead_id = ${id}`),
    ).toEqual([{ n: 1 }]);
    expect(
      await rows(
        world.pool,
        sql`
          select state from effect where subject_id = ${id} and state not in ('done', 'withdrawn')`,
      ),
    ).toEqual([]);
  },
);

test(
  "a lead that is closed has its process end, though an activity of it waits out a long pause: " +
    "nothing is left to tell",
  async () => {
    const id = await world.arrive();
    await world.until(id, (lead) => lead.waiting_on === "outreach");
    await eventually(10, async () => (await open(id)) === 0);
    await setHouseTrouble(world.pool, { kind: "down" });
    await world.act(id, "logOutreach", { channel: "call", outcome: "connected" });
    // As after many tries: the next pause is minutes.
    await eventually(
      10,
      async () =>
        (
          await world.pool.query(
            sql`
            update effect set attempts = 9 where subject_id = ${id} and state = 'open'
              and kind = 'sync-crm' returning id`,
          )
        ).rowCount === 1,
    );
    const pausedUntil = async () =>
      (await world.handle(id).describe()).raw.pendingActivities?.[0]?.nextAttemptScheduleTime
        ?.seconds;
    await eventually(
      15,
      async () => Number((await pausedUntil()) ?? 0) * 1_000 > Date.now() + 60_000,
    );

    await setHouseTrouble(world.pool, null);
    // Having failed, it is asked again when five seconds have passed.
    await eventually(20, async () => {
      await world.act(id, "logOutreach", { channel: "call", outcome: "no_answer" });
      return eventually(1, async () => (await open(id)) === 0).catch(() => false);
    });
    await world.act(id, "reject", { reason: "unsupported-use-case" });
    await eventually(
      10,
      async () => (await world.handle(id).describe()).status.name === "COMPLETED",
    );
    expect(await crmStatus(id)).toBe("disqualified");
    await keepHistory(world, id, "effects-left");
  },
);

test(
  "a lead that goes on in its next cycle waits for no system that is away: a new signal brings " +
    "it back to sales",
  async () => {
    const id = await world.arrive();
    await world.until(id, (lead) => lead.waiting_on === "outreach");
    await eventually(10, async () => (await open(id)) === 0);
    await setHouseTrouble(world.pool, { kind: "down" });
    expect(await world.act(id, "reject", { reason: "wrong-role" })).toMatchObject({
      done: true,
      stage: "renurture",
    });
    await eventually(
      15,
      async () =>
        (
          await rows(
            world.pool,
            sql`select from effect where subject_id = ${id} and state = 'open' and error is not null`,
          )
        ).length > 0,
    );
    await world.until(
      id,
      (lead) =>
        lead.stage === "renurture" &&
        lead.cycle === 2 &&
        lead.next_step !== "its return conditions are looked at",
    );
    await world.arrive({
      id,
      facts: {},
      engagements: [{ messageId: `again-${id}`, type: "trial_started", occurredAt: Date.now() }],
    });
    expect(await world.until(id, (lead) => lead.waiting_on === "outreach")).toMatchObject({
      stage: "mql",
      cycle: 2,
    });
    expect(await world.act(id, "accept", {})).toMatchObject({ done: true, stage: "sal" });
    expect(await crmStatus(id)).toBe("mql");

    await setHouseTrouble(world.pool, null);
    await eventually(45, async () => (await open(id)) === 0 && (await crmStatus(id)) === "sal");
  },
);

test("what a closed lead is told of while its end is still being told is decided at once", async () => {
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await world.act(id, "logOutreach", { channel: "call", outcome: "connected" });
  await world.act(id, "accept", {});
  await world.act(id, "advance", {});
  await eventually(10, async () => (await open(id)) === 0);
  await setHouseTrouble(world.pool, { kind: "down" });
  expect(await world.act(id, "advance", { to: "opportunity" })).toMatchObject({
    done: true,
    stage: "opportunity",
  });
  await eventually(
    40,
    async () => ((await world.handle(id).describe()).raw.pendingActivities ?? []).length > 0,
  );
  const { owner_id: owner } = await world.lead(id);
  await world.pool.query(sql`update rep set active = false where id = ${owner}`);
  await inTransaction(world.pool, (tx) =>
    enqueue(tx, leadSignal(id, "signal", "rosterChanged", { id }, 1), world.now(id)),
  );
  await world.until(id, (lead) => lead.owner_id !== owner || lead.step > 0);
  await eventually(
    15,
    async () =>
      (
        await rows(
          world.pool,
          sql`select from decision where subject_id = ${id} and input->>'kind' = 'roster'`,
        )
      ).length > 0,
  );
  expect((await world.handle(id).describe()).status.name).toBe("RUNNING");
  await setHouseTrouble(world.pool, null);
  await eventually(45, async () => (await world.handle(id).describe()).status.name === "COMPLETED");
  await world.pool.query(sql`update rep set active = true where id = ${owner}`);
  await keepHistory(world, id, "news-while-ending");
});

test(
  "a lead that is reopened while its end is still being told goes on in its next cycle, in the " +
    "same process",
  async () => {
    const id = await world.arrive();
    await world.until(id, (lead) => lead.waiting_on === "outreach");
    await eventually(10, async () => (await open(id)) === 0);
    await setHouseTrouble(world.pool, { kind: "down" });
    expect(await world.act(id, "reject", { reason: "unsupported-use-case" })).toMatchObject({
      done: true,
      stage: "disqualified",
    });
    // The process has ended for everybody but the CRM, which does not answer.
    await eventually(
      15,
      async () =>
        (await world.handle(id).query<{ stage: string } | null>("standing"))?.stage ===
        "disqualified",
    );
    await eventually(
      15,
      async () => ((await world.handle(id).describe()).raw.pendingActivities ?? []).length > 0,
    );
    const opened = await inTransaction(world.pool, (tx) =>
      reopenLead(
        tx,
        createAgreements(agreementOf),
        id,
        { by: "tn_ops", why: "they asked again" },
        world.now(id),
      ),
    );
    expect(opened).toMatchObject({ kind: "reopened", standing: { cycle: 2, stage: "mql" } });
    expect(await world.until(id, (lead) => lead.waiting_on === "outreach")).toMatchObject({
      stage: "mql",
      cycle: 2,
    });
    expect(await world.act(id, "accept", {})).toMatchObject({ done: true, stage: "sal" });
    await eventually(
      10,
      async () =>
        (await world.handle(id).query<{ stage: string } | null>("standing"))?.stage === "sal",
    );
    expect((await world.handle(id).describe()).status.name).toBe("RUNNING");
    await setHouseTrouble(world.pool, null);
    await eventually(45, async () => (await open(id)) === 0 && (await crmStatus(id)) === "sal");
    await keepHistory(world, id, "reopened-while-ending");
  },
);
