import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({ reps: ["rp_one", "rp_two"] });
});
afterAll(() => world?.close());

const shown = async (lead: string): Promise<string> =>
  (await world.handle(lead).query<{ currentDetails?: string }>("__temporal_workflow_metadata"))
    .currentDetails ?? "";

/** What the lines say was decided, the newest first. */
const decisionsIn = (lines: readonly string[]): (string | undefined)[] =>
  lines.flatMap(
    (line) => /^- \d{4}-\d\d-\d\d [^:]+:\d\d(?::\d\d)? \S+: (\w+),/.exec(line)?.[1] ?? [],
  );

/** Summaries of the timers that are neither fired nor cancelled. */
async function openTimers(lead: string): Promise<string[]> {
  const { events } = await world.handle(lead).fetchHistory();
  const open = new Map<string, string>();
  for (const event of events ?? []) {
    const { timerStartedEventAttributes: started } = event;
    const ended = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
    const summary = event.userMetadata?.summary?.data;
    if (started) open.set(String(started.timerId), summary ? Buffer.from(summary).toString() : "");
    if (ended) open.delete(String(ended.timerId));
  }
  return [...open.values()];
}

test("the Temporal UI shows owner, clocks, the last three decisions and the lead's page", async () => {
  const id = await world.arrive();
  const { owner_id: owner } = await world.until(id, (lead) => lead.waiting_on === "outreach");
  await eventually(20, async () => (await shown(id)).includes("routed"));
  const offered = (await shown(id)).split("\n");
  expect(offered[0]).toMatch(/^\*\*mql\*\*, waiting on outreach, since /);
  expect(offered).toContain(`- owner: ${owner}`);
  const clock = (of: string) =>
    expect.stringMatching(
      new RegExp(`^- ${of}: running, due [\\d-]+ [\\d:]+ America/New_York, used \\d+ min$`),
    );
  expect(offered.filter((line) => line.includes(" clock of the ")).toSorted()).toEqual([
    clock("outreach clock of the lead"),
    clock("outreach clock of the rep"),
    clock("status clock of the lead"),
    clock("status clock of the rep"),
  ]);
  expect(decisionsIn(offered)).toEqual(["routed", "arrived"]);

  await world.act(id, "accept", {});
  await eventually(20, async () => (await shown(id)).includes("accept"));
  const lines = (await shown(id)).split("\n");
  expect(lines[0]).toMatch(/^\*\*sal\*\*, waiting on attempts, since /);
  // What was answered runs no more; the attempt is still asked for.
  expect(lines.filter((line) => line.includes(" clock of the ")).toSorted()).toEqual([
    clock("outreach clock of the lead"),
    clock("outreach clock of the rep"),
  ]);
  expect(decisionsIn(lines)).toEqual(["accept", "routed", "arrived"]);
  await world.act(id, "advance", { to: "sql" });
  await eventually(20, async () => (await shown(id)).includes("advance"));
  expect(decisionsIn((await shown(id)).split("\n"))).toEqual(["advance", "accept", "routed"]);
  expect(lines.at(-1)).toBe(`- [the lead](http://baton.test/leads/${id})`);
  // Ids only: neither the person nor the company.
  expect(lines.join("\n")).not.toMatch(/Kim|Example Ltd|example-customer/);
});

test("a timer names who has the lead, and nobody who had it before", async () => {
  const id = await world.arrive();
  const { owner_id: first } = await world.until(id, (lead) => lead.waiting_on === "outreach");
  await eventually(20, async () => (await openTimers(id)).length === 1);
  expect(await openTimers(id)).toEqual([expect.stringContaining(`, rep ${first}`)]);
  const second = first === "rp_one" ? "rp_two" : "rp_one";
  await world.act(id, "reassign", { to: second }, { by: "rp_manager", role: "manager" });
  await world.until(id, (lead) => lead.owner_id === second);
  await eventually(20, async () => (await openTimers(id)).join().includes(second));
  const timers = await openTimers(id);
  expect(timers).toEqual([expect.stringContaining(`, rep ${second}`)]);
  expect(timers.join()).not.toContain(first ?? "");
  await keepHistory(world, id, "timer-names-owner");
});
