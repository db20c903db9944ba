import { afterAll, beforeAll, expect, test } from "vitest";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world?.close());

test("a demo request is offered, worked, accepted and becomes an opportunity within the history budget", async () => {
  const id = await world.arrive();
  const offered = await world.until(id, (lead) => lead.waiting_on === "outreach");
  expect(offered).toMatchObject({
    stage: "mql",
    lead_type: "demo-request",
    band: "A",
    territory: "americas",
  });
  expect(offered.owner_id).toMatch(/^rp_/);
  expect(offered.due_at!.getTime() - offered.stage_since.getTime()).toBeGreaterThan(3_500_000);

  expect(
    await world.act(id, "logOutreach", { channel: "call", outcome: "connected" }),
  ).toMatchObject({ done: true, onTime: true, waitingOn: "answer" });
  expect(await world.act(id, "accept", { fitRating: 4 })).toMatchObject({
    done: true,
    stage: "sal",
    onTime: true,
  });
  expect((await world.handle(id).describe()).historyLength).toBeLessThanOrEqual(30);

  expect(
    await world.act(id, "logOutreach", { channel: "meeting", outcome: "meeting_booked" }),
  ).toMatchObject({ done: true, waitingOn: "meeting" });
  expect(await world.act(id, "advance", { to: "sql" })).toMatchObject({ done: true, stage: "sql" });
  expect(
    await world.act(id, "advance", { to: "opportunity", amountMinor: 1_200_000, currency: "USD" }),
  ).toMatchObject({ done: true, stage: "opportunity" });
  await expect(world.handle(id).result()).resolves.toEqual({ stage: "opportunity", cycle: 1 });
  expect((await world.handle(id).describe()).historyLength).toBeLessThanOrEqual(60);
  expect(await world.path(id)).toEqual(["new>mql", "mql>sal", "sal>sql", "sql>opportunity"]);
});
