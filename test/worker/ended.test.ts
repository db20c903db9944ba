import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rows, sql } from "../../store/postgres/db.ts";
import { lookAtClosed, tasksOfEnded } from "../../worker/ended.ts";
import { raceWorld, standsAt, type RaceWorld } from "../support/race-world.ts";

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
let world: RaceWorld;
beforeAll(async () => {
  world = await raceWorld();
}, 120_000);
afterAll(() => world?.close());

const openTasks = (id: string) =>
  rows<{ kind: string; assignee_id: string | null }>(
    world.pool,
    sql`select kind, assignee_id from task where subject_id = ${id} and state = 'open'`,
  );
const look = (at: number) => lookAtClosed({ ...world.deciders[2]!, clock: () => at });
const absent = (repId: string, from: number, to: number, knownAt: number) =>
  world.pool.query(sql`
    insert into absence (rep_id, from_at, to_at, reason, known_at)
      values (${repId}, ${new Date(from)}, ${new Date(to)}, 'vacation', ${new Date(knownAt)})`);

/** A lead whose opportunity is open, and whose process is over. */
async function opportunity(at: number): Promise<{ id: string; owner: string }> {
  const id = await world.offered(at);
  const { owner_id: owner } = await standsAt(world.pool, id);
  const [by, who] = [world.deciders[0]!, { by: owner!, role: "rep" }];
  await world.act(by, id, "accept", {}, { ...who, at: at + minute });
  await world.act(by, id, "advance", {}, { ...who, at: at + 2 * minute });
  await world.act(by, id, "advance", {}, { ...who, at: at + 3 * minute });
  expect(await standsAt(world.pool, id)).toMatchObject({ stage: "opportunity", owner_id: owner });
  return { id, owner: owner! };
}

test("a hand raised on an opportunity that moved on is its owner's of today, not of the handoff", async () => {
  const began = Date.now();
  const { id, owner } = await opportunity(began);
  const deputy = owner === "rp_two" ? "rp_three" : "rp_two";
  await world.pool.query(sql`
    insert into absence (rep_id, from_at, to_at, reason, known_at, deputy_id)
      values (${owner}, ${new Date(began)}, ${new Date(began + 10 * day)}, 'ill',
        ${new Date(began + hour)}, ${deputy})`);
  await world.hear(world.deciders[1]!, id, "roster", began + hour);
  expect((await standsAt(world.pool, id)).owner_id).toBe(deputy);
  // Back at work, and no longer the one who has it.
  await world.pool.query(sql`delete from absence where rep_id = ${owner}`);
  await world.raiseHand(world.deciders[0]!, id, began + day);
  await tasksOfEnded({ ...world.deciders[2]!, clock: () => began + day })({
    leadId: id,
    message: "engaged",
    key: "outbox/hand",
  });
  expect(await openTasks(id)).toEqual([{ kind: "hand-raise", assignee_id: deputy }]);
});

describe("an opportunity whose owner enters an absence ahead of time", () => {
  test("is shown to a manager when it begins, and no more once that was seen, unless it changes", async () => {
    const began = Date.now();
    const { id, owner } = await opportunity(began);
    const [from, to] = [began + day, began + 10 * day];
    await absent(owner, from, to, began + hour);
    await world.hear(world.deciders[1]!, id, "roster", began + hour);
    expect(await look(from - minute)).toBe(0);
    expect(await openTasks(id)).toEqual([]);
    expect(await look(from + minute)).toBe(1);
    expect(await look(from + 2 * minute)).toBe(0);
    expect(await openTasks(id)).toEqual([{ kind: "stalled", assignee_id: "rp_chief" }]);
    await world.pool.query(sql`update task set state = 'done', done_at = ${new Date(from + hour)}`);
    for (const n of [2, 3]) await world.hear(world.deciders[1]!, id, "roster", from + n * hour);
    expect(await openTasks(id)).toEqual([]);
    // A longer absence is news.
    await world.pool.query(sql`delete from absence`);
    await absent(owner, from, to + 5 * day, from + 4 * hour);
    await world.hear(world.deciders[1]!, id, "roster", from + 4 * hour);
    expect(await openTasks(id)).toMatchObject([{ kind: "stalled" }]);
    expect(await look(to + 5 * day + minute)).toBeGreaterThan(0);
    expect(await openTasks(id)).toEqual([]);
  });

  test("which is won by then is nobody's to look at", async () => {
    const began = Date.now();
    const { id, owner } = await opportunity(began);
    await absent(owner, began + day, began + 9 * day, began + hour);
    await world.pool.query(sql`update opportunity set won_at = ${new Date(began + hour)}`);
    await look(began + day + minute);
    expect(await openTasks(id)).toEqual([]);
  });
});
