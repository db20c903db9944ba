import { afterAll, beforeAll, expect, test } from "vitest";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world?.close());

interface Cost {
  readonly events: number;
  readonly actions: number;
}

/**
 * Events of the history, and actions as Temporal Cloud bills them: local activities are one for
 * each task that holds any.
 */
async function cost(id: string): Promise<Cost> {
  const events = (await world.handle(id).fetchHistory()).events ?? [];
  const withLocal = new Set<string>();
  let actions = 0;
  for (const event of events) {
    if (
      event.workflowExecutionStartedEventAttributes ||
      event.timerStartedEventAttributes ||
      event.workflowExecutionSignaledEventAttributes ||
      event.upsertWorkflowSearchAttributesEventAttributes ||
      event.activityTaskScheduledEventAttributes
    )
      actions += 1;
    const { workflowTaskCompletedEventId: task } = event.markerRecordedEventAttributes ?? {};
    if (task) withLocal.add(String(task));
  }
  return { events: events.length, actions: actions + withLocal.size };
}

/** What the path has cost once the process has heard that the lead is in this stage. */
async function costWhen(id: string, stage: string): Promise<Cost> {
  await expect
    .poll(async () => (await world.handle(id).query<{ stage: string } | null>("standing"))?.stage, {
      timeout: 10_000,
    })
    .toBe(stage);
  const spent = await cost(id);
  process.stdout.write(`to ${stage}: ${spent.events} events, ${spent.actions} actions\n`);
  return spent;
}

test(
  "a demo request is offered, worked, accepted and becomes an opportunity within the history " +
    "budget",
  async () => {
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
    expect(await costWhen(id, "sal")).toEqual({
      events: expect.toSatisfy((n: number) => n <= 16),
      actions: expect.toSatisfy((n: number) => n <= 7),
    });

    expect(
      await world.act(id, "logOutreach", { channel: "meeting", outcome: "meeting_booked" }),
    ).toMatchObject({ done: true, waitingOn: "meeting" });
    expect(await world.act(id, "advance", { to: "sql" })).toMatchObject({
      done: true,
      stage: "sql",
    });
    expect(
      await world.act(id, "advance", {
        to: "opportunity",
        amountMinor: 1_200_000,
        currency: "USD",
      }),
    ).toMatchObject({ done: true, stage: "opportunity" });
    await expect(world.handle(id).result()).resolves.toEqual({ stage: "opportunity", cycle: 1 });
    const all = await cost(id);
    process.stdout.write(`to opportunity: ${all.events} events, ${all.actions} actions\n`);
    expect(all.events).toBeLessThanOrEqual(30);
    expect(await world.path(id)).toEqual(["new>mql", "mql>sal", "sal>sql", "sql>opportunity"]);
  },
);
