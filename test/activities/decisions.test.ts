import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDecisions } from "../../activities/decisions.ts";
import type { EffectQueue } from "../../activities/effect-queue.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { Standing } from "../../handoff/process/words.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { inTransaction, openPool, rows, sql, type Pool } from "../../store/postgres/db.ts";
import { saveFacts, takeIn } from "../../store/intake/intake.ts";
import { putPools, putReps } from "../../store/routing/roster-edit.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import type { DecisionAsk } from "../../workflows/contract.ts";
import { exampleAgreement, exampleText } from "../support/example-agreement.ts";
import { alwaysOpen, goodFacts } from "../support/lead-world.ts";
import { rep } from "../support/routing-world.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

const now = Date.parse("2026-11-23T15:00:00Z");
const agreements = createAgreements(agreementOf);
let database: FreshDatabase;
let pool: Pool;
let decisions: ReturnType<typeof createDecisions>;
let isWell = true;
/** Subjects that were handed to the queue beside the processes. */
const queued: string[] = [];
const queue: EffectQueue = {
  add: (subject) => {
    if (isWell) queued.push(subject.id);
    return isWell;
  },
  carryOut: () => Promise.resolve(isWell),
  poll: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};

beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, { max: 4 });
  decisions = createDecisions({ pool, agreements, dispatcher: routingDispatcher(pool) }, queue);
  await inTransaction(pool, async (tx) => {
    await activate(tx, alwaysOpen(exampleText), "test", now);
    await putReps(tx, [rep("rp_one")], now);
    await putPools(tx, [{ id: "americas-sdr", hours: null, members: { rp_one: 1 } }], now);
  });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function arrived(name: string): Promise<(n: number, kind: string) => DecisionAsk> {
  const { agreement } = (await agreements.active(pool))!;
  const [taken] = await inTransaction(pool, (tx) =>
    takeIn(
      tx,
      [
        {
          email: `${name}@example-customer.com`,
          facts: { ...goodFacts },
          engagements: [
            { messageId: `demo-${name}`, type: "demo_request", occurredAt: now - 60_000 },
          ],
        },
      ],
      { now, from: "form", lane: 1, agreement },
    ),
  );
  if (!taken || !("leadId" in taken)) throw new Error("not taken in");
  return (n, kind) => ({
    subject: { kind: "lead", id: taken.leadId },
    key: `run/${n}/${kind}`,
    now: now + n * 1_000,
  });
}
const asActivity = (isLocal: boolean, ask: () => Promise<Standing>): Promise<Standing> =>
  new MockActivityEnvironment({ isLocal }, { logger: new DefaultLogger("ERROR") }).run(ask);
const kinds = async (id: string) =>
  (
    await rows<{ kind: string }>(
      pool,
      sql`select kind from decision where subject_id = ${id} order by cycle, step`,
    )
  ).map((row) => row.kind);

test(
  "a decision goes on to what follows from it at once: an MQL is routed; where the server " +
    "repeats it, the process asks",
  async () => {
    const near = await arrived("near");
    expect(await asActivity(true, () => decisions.arrive(near(1, "arrive")))).toMatchObject({
      waitingOn: "outreach",
      owner: "rp_one",
      step: 2,
      effects: false,
    });
    expect(queued).toContain(near(1, "").subject.id);
    const far = await arrived("far");
    expect(await asActivity(false, () => decisions.arrive(far(1, "arrive")))).toMatchObject({
      waitingOn: "assessment",
      owner: null,
      step: 1,
    });
    expect(await asActivity(false, () => decisions.route(far(2, "route")))).toMatchObject({
      waitingOn: "outreach",
      step: 2,
      effects: true,
    });
    expect(await kinds(far(1, "").subject.id)).toEqual(["arrived", "routed"]);
  },
);

test("the same ask again gives the same standing and decides nothing", async () => {
  const ask = await arrived("again");
  const first = await asActivity(true, () => decisions.arrive(ask(1, "arrive")));
  expect(await asActivity(true, () => decisions.arrive(ask(1, "arrive")))).toEqual(first);
  expect(await kinds(ask(1, "").subject.id)).toEqual(["arrived", "routed"]);
});

test("news of which a lost task had heard a part gives the latest standing, not the stored one", async () => {
  const ask = await arrived("lost");
  await asActivity(true, () => decisions.arrive(ask(1, "arrive")));
  const { id } = ask(1, "").subject;
  expect(
    await asActivity(true, () => decisions.takeNews(ask(2, "news"), ["engaged"])),
  ).toMatchObject({
    stage: "mql",
    step: 3,
  });
  // The task was lost; before it ran again the person was suppressed, and both are heard together.
  await inTransaction(pool, (tx) =>
    saveFacts(
      tx,
      id,
      {
        "lead.doNotContact": {
          value: true,
          from: "person",
          at: new Date(now + 2_000).toISOString(),
        },
      },
      now + 2_000,
      { agreement: exampleAgreement() },
    ),
  );
  expect(
    await asActivity(true, () => decisions.takeNews(ask(2, "news"), ["engaged", "factsChanged"])),
  ).toMatchObject({ stage: "disqualified", step: 4 });
  expect(await kinds(id)).toEqual(["arrived", "routed", "engaged", "facts"]);
});

test("each piece of news is decided once, what ends a process first; without news nothing is decided", async () => {
  const ask = await arrived("news");
  await asActivity(true, () => decisions.arrive(ask(1, "arrive")));
  const { id } = ask(1, "").subject;
  expect(
    await asActivity(true, () =>
      decisions.takeNews(ask(2, "news"), ["engaged", "policyChanged", "erased"]),
    ),
  ).toMatchObject({ step: 5 });
  expect(await kinds(id)).toEqual(["arrived", "routed", "erased", "policy", "engaged"]);
  // Room for a lead that is not on hold is no news.
  expect(
    await asActivity(true, () => decisions.takeNews(ask(3, "news"), ["released"])),
  ).toMatchObject({
    step: 5,
    waitingOn: "outreach",
  });
  expect(await asActivity(true, () => decisions.look(ask(4, "look")))).toMatchObject({ step: 5 });
});

test(
  "while the circuit breaker is open the process sees to the effects; a closed one does so in " +
    "any case",
  async () => {
    const ask = await arrived("unwell");
    isWell = false;
    try {
      expect(await asActivity(true, () => decisions.arrive(ask(1, "arrive")))).toMatchObject({
        waitingOn: "outreach",
        effects: true,
      });
    } finally {
      isWell = true;
    }
    const { id } = ask(1, "").subject;
    await inTransaction(pool, (tx) =>
      saveFacts(
        tx,
        id,
        { "lead.doNotContact": { value: true, from: "person", at: new Date(now).toISOString() } },
        now,
        { agreement: exampleAgreement() },
      ),
    );
    queued.length = 0;
    expect(
      await asActivity(true, () => decisions.takeNews(ask(2, "news"), ["factsChanged"])),
    ).toMatchObject({ stage: "disqualified", effects: true });
    expect(queued).toEqual([]);
  },
);

test("a subject that is not there is an error that names it", async () => {
  const ask: DecisionAsk = { subject: { kind: "lead", id: "ld_nobody" }, key: "run/1/arrive", now };
  await expect(asActivity(true, () => decisions.arrive(ask))).rejects.toThrow(
    "there is no lead ld_nobody",
  );
});
