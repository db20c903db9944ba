import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTask } from "../../store/process/human-tasks.ts";
import { peopleWorld, type Persona, type PeopleWorld } from "../support/people-world.ts";

const minute = 60_000;
let world: PeopleWorld;
const leads: string[] = [];
beforeAll(async () => {
  world = await peopleWorld();
  const now = world.now();
  for (let n = 0; n < 130; n++)
    leads.push(
      await world.lead(n % 3 === 0 ? "rp_two" : "rp_one", {
        // Two at a time are due at one moment.
        dueAt: now + (Math.floor(n / 2) - 40) * minute,
        waitingOn: "answer",
      }),
    );
  // Tasks of leads that are in the list already, before and after them, and of one without a lead.
  for (const [n, due] of [
    [10, 60],
    [70, -60],
    [71, 500],
    [129, -100],
  ] as const)
    await openTask(
      world.pool,
      {
        kind: "fix-data",
        subject: { kind: "lead", id: leads[n] ?? "" },
        role: "rep",
        assigneeId: "rp_one",
        dueAt: now + due * minute,
        detail: {},
      },
      now,
    );
  await openTask(
    world.pool,
    {
      kind: "account-engaged",
      subject: { kind: "account", id: "ac_none" },
      role: "rep",
      assigneeId: "rp_one",
      dueAt: now,
      detail: {},
    },
    now,
  );
});
afterAll(() => world.close());

/** The leads of somebody's queue in their order, each where it stands first. */
async function queueOf(as: Persona): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const path: string = `/queue?limit=100${cursor === null ? "" : `&cursor=${cursor}`}`;
    const { body } = await world.ask("GET", path, { as });
    found.push(...body.items.flatMap(({ lead }: { lead: string | null }) => lead ?? []));
    cursor = body.next;
  } while (cursor !== null);
  return [...new Set(found)];
}
const place = async (as: Persona, lead: string | undefined) =>
  (await world.ask("GET", `/queue/${lead}`, { as })).body;

describe.each(["one", "boss", "operator"] as const)("the queue of %s", (as) => {
  test("is gone through from one lead to the next, all of it, and back", async () => {
    const order = await queueOf(as);
    expect(order.length).toBeGreaterThan(40);
    const on: string[] = [];
    for (let at: string | null = order[0] ?? null; at !== null; at = (await place(as, at)).next)
      on.push(at);
    expect(on).toEqual(order);
    const back: string[] = [];
    for (
      let at: string | null = order.at(-1) ?? null;
      at !== null;
      at = (await place(as, at)).previous
    )
      back.push(at);
    expect(back).toEqual(order.toReversed());
  });

  test("counts its first hundred", async () => {
    const order = await queueOf(as);
    expect(await place(as, order[2])).toMatchObject({ n: 3, previous: order[1], next: order[3] });
    const { of, orMore } = await place(as, order[0]);
    if (orMore) expect(of).toBeLessThanOrEqual(100);
    else expect(of).toBe(order.length);
  });
});

test("from a lead that is not in it one goes on to its first, and to nobody else's lead at all", async () => {
  const order = await queueOf("one");
  const closed = await world.lead("rp_one", { stage: "disqualified", waitingOn: "nothing" });
  expect(await place("one", closed)).toMatchObject({ n: null, previous: null, next: order[0] });
  const other = await world.lead("rp_other");
  expect((await world.ask("GET", `/queue/${other}`, { as: "one" })).status).toBe(404);
});
