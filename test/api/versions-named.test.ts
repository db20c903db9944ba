import { afterAll, beforeAll, expect, test } from "vitest";
import { rows, sql } from "../../store/postgres/db.ts";
import { flaggedAccount } from "../support/flagged-account.ts";
import { exampleAgreement } from "../support/people-world.ts";
import { planWorld, type PlanWorld } from "../support/plan-world.ts";

let world: PlanWorld;
/** The version that is active first, and the one after it. */
let [first, second] = ["", ""];
const lead = { before: "", after: "", reading: "" };
let account: Awaited<ReturnType<typeof flaggedAccount>>;
beforeAll(async () => {
  world = await planWorld();
  first = (await active()) ?? "";
  lead.before = await world.arrive();
  lead.reading = await world.arrive({ did: ["buyers_guide"] });
  world.setNow(world.now() + 60_000);
  const version = await world.signed(`${exampleAgreement}\n# the same again\n`);
  const done = await world.ask("POST", `/agreement/versions/${version.id}/activate`, {
    as: "revops",
    body: { openHandoffs: "keep" },
  });
  expect(done.status).toBe(200);
  second = (await active()) ?? "";
  world.setNow(world.now() + 60_000);
  lead.after = await world.arrive();
  account = await flaggedAccount(world, "engines.com");
}, 180_000);
afterAll(() => world.close());

const active = async () =>
  (
    await rows<{ id: string }>(
      world.pool,
      sql`select id from agreement_version where state = 'active'`,
    )
  )[0]?.id;
const named = (items: readonly { id: string; agreement: string | null }[]) =>
  Object.fromEntries(items.map(({ id, agreement }) => [id, agreement]));

test("each row of a list names the version that it stands under: a handoff's own, else the last decision's", async () => {
  expect(second).not.toBe(first);
  for (const path of ["/leads", "/leads?sort=due"]) {
    const found = named((await world.ask("GET", path)).body.items);
    expect([path, found[lead.before], found[lead.after]]).toEqual([path, first, second]);
  }
  const all = named((await world.ask("GET", "/leads")).body.items);
  expect(all[lead.reading]).toBe(first);
});

test("so do the queue, of leads and of accounts, and the board", async () => {
  const owner = (await world.ownerOf(lead.before)) === "rp_one" ? "one" : "two";
  const queue = named((await world.ask("GET", "/queue", { as: owner })).body.items);
  expect(queue[lead.before]).toBe(first);
  const theirs = named((await world.ask("GET", "/queue", { as: account.rep })).body.items);
  expect(theirs[account.id]).toBe(second);
  const { lists } = (await world.ask("GET", "/board", { as: "boss" })).body;
  const board = named(lists.flatMap(({ items }: { items: [] }) => items));
  expect([board[lead.before], board[lead.after]]).toEqual([first, second]);
});
