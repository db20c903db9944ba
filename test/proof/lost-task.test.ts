import { afterAll, beforeAll, expect, test } from "vitest";
import { hear } from "../../activities/hear.ts";
import { settle } from "../../activities/settle.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { noteAction } from "../../store/actions.ts";
import { createAgreements } from "../../store/agreements.ts";
import { firstRow, inTransaction, sql } from "../../store/db.ts";
import { aboutLead, tell } from "../../store/outbox.ts";
import type { DecisionKey } from "../../workflows/contract.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";

/**
 * A workflow task can be lost after its decision was stored: the worker died, or the server refused it because a signal
 * came meanwhile. The task runs again, perhaps in another order. Here the lost task's decision is taken by hand.
 */
let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
}, 120_000);
afterAll(() => world?.close(), 60_000);

const deps = () => ({ pool: world.pool, agreements: createAgreements(agreementOf) });
async function offered(): Promise<{ id: string; owner: string; lost: DecisionKey }> {
  const id = await world.arrive();
  const lead = await world.until(id, (row) => row.waiting_on === "outreach");
  await world.handle(id).query("standing");
  return {
    id,
    owner: lead.owner_id!,
    lost: {
      subject: { kind: "lead", id },
      cycle: lead.cycle,
      step: lead.step + 1,
      now: Date.now(),
    },
  };
}

test("an action is carried out though a decision that the process never heard of took its number", async () => {
  const { id, lost } = await offered();
  await hear(deps(), lost, ["engaged"]);
  expect(await world.act(id, "logOutreach", { channel: "call" })).toMatchObject({
    done: true,
    waitingOn: "answer",
  });
  expect(await world.act(id, "accept", {})).toMatchObject({ done: true, stage: "sal" });
});

test("news is looked at though an action that the process never heard of took its number", async () => {
  const { id, owner, lost } = await offered();
  await noteAction(world.pool, {
    id: "ax_lost",
    leadId: id,
    name: "logOutreach",
    by: owner,
    role: "rep",
    body: { channel: "call" },
    via: "api",
    receivedAt: Date.now(),
  });
  await settle(deps(), lost, "ax_lost");
  await noteAction(world.pool, {
    id: "ax_crm",
    leadId: id,
    name: "logOutreach",
    by: owner,
    role: "rep",
    body: { channel: "email" },
    via: "crm",
    receivedAt: Date.now(),
  });
  await inTransaction(world.pool, (tx) =>
    tell(tx, aboutLead(id, "signal", "seenInCrm", { id: "test" }, 1), Date.now()),
  );
  await world.until(id, (lead) => lead.step > lost.step);
  expect(
    await firstRow(world.pool, sql`select attempts from handoff where subject_id = ${id}`),
  ).toEqual({ attempts: 2 });
  // Who repeats the lost action gets its answer, and nothing happens again.
  expect(await world.act(id, "logOutreach", { channel: "call" }, { id: "ax_lost" })).toMatchObject({
    done: true,
  });
  expect(
    await firstRow(world.pool, sql`select attempts from handoff where subject_id = ${id}`),
  ).toEqual({ attempts: 2 });
});

test("a cycle that ended in a lost task goes on in the next one", async () => {
  const { id, owner, lost } = await offered();
  await noteAction(world.pool, {
    id: "ax_ended",
    leadId: id,
    name: "reject",
    by: owner,
    role: "rep",
    body: { reason: "wrong-role" },
    via: "api",
    receivedAt: Date.now(),
  });
  await settle(deps(), lost, "ax_ended");
  await inTransaction(world.pool, (tx) =>
    tell(tx, aboutLead(id, "signal", "engaged", { id: "test" }, 1), Date.now()),
  );
  await world.until(id, (lead) => lead.stage === "renurture" && lead.cycle === 2 && lead.step >= 1);
  expect(
    await world.act(id, "decideReview", { decision: "return" }, { by: "tn_ops" }),
  ).toMatchObject({ done: true, stage: "mql" });
  expect(await world.path(id)).toEqual(["new>mql", "mql>renurture", "renurture>mql"]);
});
