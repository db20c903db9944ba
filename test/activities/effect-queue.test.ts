import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createEffects } from "../../activities/effects.ts";
import { effectQueue, type EffectQueue } from "../../activities/effect-queue.ts";
import type { CrmPort } from "../../crm/crm.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import { mailEffect } from "../../store/effects/mail-message.ts";
import { claimEffects, type NewEffect } from "../../store/effects/effects.ts";
import { setHouseTrouble } from "../../store/house/user.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { effectWorld, leadSubject, type EffectWorld } from "../support/effect-world.ts";
import { eventually } from "../support/eventually.ts";
import { insertLead } from "../support/lead-rows.ts";

let world: EffectWorld;
beforeAll(async () => {
  world = await effectWorld();
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const queues: EffectQueue[] = [];
afterAll(() => Promise.all(queues.map((queue) => queue.stop())));

function queueOn(crm: CrmPort = world.crm): EffectQueue {
  const mail = createKeptMail((message) => keepMail(world.pool, message, world.now()));
  const deps = { pool: world.pool, crm, mail, publicUrl: "http://baton.test", clock: world.now };
  const queue = effectQueue(deps, createEffects(deps));
  queues.push(queue);
  return queue;
}

/**
 * The CRM, with a count of how often leads were written to it, and how many at one time at most.
 */
function counted(): { crm: CrmPort; written: string[]; mostAtOnce: () => number } {
  const written: string[] = [];
  let [now, most] = [0, 0];
  const upsertLead: CrmPort["upsertLead"] = async (lead, signal) => {
    written.push(lead.leadId);
    most = Math.max(most, (now += 1));
    return world.crm.upsertLead(lead, signal).finally(() => {
      now -= 1;
    });
  };
  return { crm: { ...world.crm, upsertLead }, written, mostAtOnce: () => most };
}

const wants = (n: number, of: Partial<NewEffect> = {}) =>
  world.add({
    key: `lead/ld_ada/1/sync-crm/${n}`,
    kind: "sync-crm",
    what: "lead",
    payload: {},
    ...of,
  });
const open = async () =>
  await world.all("select key, error, claimed_until from effect where state = 'open' order by id");
const told = async () =>
  (await world.all("select workflow_id, message from outbox order by id")).map(
    (row) => `${row.workflow_id} ${row.message}`,
  );
const done = () => eventually(5, async () => (await open()).length === 0);

async function moreLeads(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await insertLead(world.pool, new Date(world.now()), {
      id,
      email: `${id}@engines.test`,
      source: "website",
      stage: "nurture",
      waiting_on: "signal",
    });
    await wants(1, {
      key: `lead/${id}/1/sync-crm/1`,
      subject: { kind: "lead", id },
      handoffId: null,
    });
  }
}

test("effects are carried out soon, and nobody is told", async () => {
  await wants(1);
  await world.add({ key: "lead/ld_ada/1/offer/1" });
  expect(queueOn().add(leadSubject, true)).toBe(true);
  await done();
  expect(await world.all("select state from effect")).toEqual([
    { state: "done" },
    { state: "done" },
  ]);
  expect(await world.all("select count(*)::int as n from kept_mail")).toEqual([{ n: 1 }]);
  expect(await told()).toEqual([]);
});

test("what several decisions want of the CRM in a moment is one sync", async () => {
  const { crm, written } = counted();
  const queue = queueOn(crm);
  for (let n = 1; n <= 5; n++) {
    await wants(n);
    queue.add(leadSubject, true);
  }
  await done();
  expect(written).toEqual(["ld_ada"]);
  expect((await world.all("select state from effect order by id")).map((row) => row.state)).toEqual(
    ["withdrawn", "withdrawn", "withdrawn", "withdrawn", "done"],
  );
});

test("what a decision wants while an earlier effect is carried out is done after it", async () => {
  const { crm, written } = counted();
  const queue = queueOn({
    ...crm,
    async upsertLead(lead, signal) {
      if (written.length === 0) {
        await wants(2);
        queue.add(leadSubject, true);
      }
      return crm.upsertLead(lead, signal);
    },
  });
  await wants(1);
  queue.add(leadSubject, true);
  await done();
  expect(written.length).toBeGreaterThanOrEqual(1);
  expect(await told()).toEqual([]);
});

test("many leads go at once, each once", async () => {
  const ids = Array.from({ length: 100 }, (_, n) => `ld_many_${n}`);
  await moreLeads(ids);
  const { crm, written, mostAtOnce } = counted();
  const queue = queueOn(crm);
  for (const id of ids) queue.add({ kind: "lead", id }, false);
  await done();
  expect(written.toSorted()).toEqual(ids.toSorted());
  expect(mostAtOnce()).toBeGreaterThan(4);
  expect(
    await world.all(
      "select count(*)::int as n, count(distinct external_id)::int as leads from house_lead",
    ),
  ).toEqual([{ n: 100, leads: 100 }]);
});

test("a lead that a person works on goes before those that nobody waits for", async () => {
  const ids = Array.from({ length: 60 }, (_, n) => `ld_import_${n}`);
  await moreLeads(ids);
  await wants(1);
  const { crm, written } = counted();
  const queue = queueOn(crm);
  for (const id of ids) queue.add({ kind: "lead", id }, false);
  queue.add(leadSubject, false);
  queue.add(leadSubject, true);
  await done();
  expect(written).toHaveLength(61);
  // In the first batch, not behind sixty others.
  expect(written.indexOf("ld_ada")).toBeLessThan(32);
});

test("one lead's refusal is its own: those beside it are written", async () => {
  const ids = ["ld_a", "ld_b", "ld_c"];
  await moreLeads(ids);
  await world.pool.query("update lead set facts = $1 where id = 'ld_b'", [
    {
      "lead.name": {
        value: "x".repeat(1_001),
        from: "form",
        at: new Date(world.now()).toISOString(),
      },
    },
  ]);
  const queue = queueOn();
  for (const id of ids) queue.add({ kind: "lead", id }, false);
  await done();
  expect(await world.all("select subject_id, state from effect order by subject_id")).toEqual([
    { subject_id: "ld_a", state: "done" },
    { subject_id: "ld_b", state: "failed" },
    { subject_id: "ld_c", state: "done" },
  ]);
  expect(await world.all("select subject_id, kind, detail->>'field' as field from task")).toEqual([
    { subject_id: "ld_b", kind: "dead-letter", field: "lead.name" },
  ]);
});

describe("what cannot be done", () => {
  test(
    "is the process's again: it is told in one transaction with the failure, and the claim is " +
      "given back",
    async () => {
      await setHouseTrouble(world.pool, { kind: "down" });
      await wants(1);
      const queue = queueOn();
      queue.add(leadSubject, true);
      await eventually(5, async () => (await told()).length > 0);
      expect(await told()).toEqual(["lead/ld_ada effectsLeft"]);
      expect(await open()).toMatchObject([
        { error: "the CRM does not answer: an outage is being rehearsed", claimed_until: null },
      ]);
      // A CRM that just failed is not waited for in the next lead's case.
      expect(queue.add(leadSubject, true)).toBe(false);
      expect(await queue.carryOut(leadSubject)).toBe(false);
    },
  );

  test("of leads that wait while the circuit breaker opens each process is told", async () => {
    await moreLeads(["ld_x", "ld_y"]);
    await setHouseTrouble(world.pool, { kind: "down" });
    await wants(1);
    const queue = queueOn();
    for (const id of ["ld_ada", "ld_x", "ld_y"]) queue.add({ kind: "lead", id }, false);
    await eventually(5, async () => (await told()).length === 3);
    expect((await told()).toSorted()).toEqual([
      "lead/ld_ada effectsLeft",
      "lead/ld_x effectsLeft",
      "lead/ld_y effectsLeft",
    ]);
    expect(await open()).toHaveLength(3);
  });

  test("because another worker has it at work is left to that one, and found should it be forgotten", async () => {
    await wants(1);
    await claimEffects(world.pool, leadSubject, {
      kinds: ["sync-crm"],
      now: world.now(),
      until: world.now() + 35_000,
      connection: "crm:house",
    });
    const queue = queueOn();
    expect(await queue.carryOut(leadSubject)).toBe(false);
    expect(await told()).toEqual([]);
    world.setNow(world.now() + 36_000);
    await queue.poll();
    await done();
  });
});

describe("a worker that died", () => {
  test(
    "took leads with it: after ten seconds another one sees to them, and not to those that are " +
      "being tried",
    async () => {
      await moreLeads(["ld_tried", "ld_taken"]);
      await world.pool.query(
        "update effect set error = 'the CRM does not answer' where subject_id = 'ld_tried'",
      );
      await world.pool.query("update effect set claimed_until = $1 where subject_id = 'ld_taken'", [
        new Date(world.now() + 30_000),
      ]);
      await wants(1);
      const { crm, written } = counted();
      const queue = queueOn(crm);
      world.setNow(world.now() + 9_000);
      await queue.poll();
      world.setNow(world.now() + 2_000);
      await queue.poll();
      await eventually(5, () => Promise.resolve(written.length > 0));
      await queue.stop();
      expect(written).toEqual(["ld_ada"]);
      expect((await open()).map((row) => row.key)).toEqual([
        "lead/ld_tried/1/sync-crm/1",
        "lead/ld_taken/1/sync-crm/1",
      ]);
    },
  );

  test("in order leaves those that wait to the next one", async () => {
    await wants(1);
    const queue = queueOn();
    queue.add(leadSubject, true);
    await queue.stop();
    expect(await open()).toHaveLength(1);
    world.setNow(world.now() + 11_000);
    await queueOn().poll();
    await done();
  });
});

test("a version's mail has no process: it is found without being told, and goes to who signs", async () => {
  const message = { what: "signature-asked", versionId: "ag_1", number: 2, needed: 2 } as const;
  const changes = [{ about: "band C", change: "intent 5 -> 3" }];
  const effect = mailEffect({ ...message, changes, more: 0 });
  const subject = { kind: "agreement", id: "ag_1" } as const;
  await world.add({ key: "agreement/ag_1/signature-asked", subject, handoffId: null, ...effect });
  await queueOn().poll();
  await done();
  const mails = await world.all("select subject, body_text as text from kept_mail");
  expect(mails.length).toBeGreaterThan(0);
  for (const mail of mails) {
    expect(mail.subject).toBe("Waiting for your signature: version 2 of the agreement");
    expect(mail.text).toMatch(/Band C: intent 5 -> 3/);
  }
  expect(await told()).toEqual([]);
});
