import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listen, type Listening } from "../../../store/postgres/listen.ts";
import { inTransaction, sql } from "../../../store/postgres/db.ts";
import {
  changesChannel,
  hintsOf,
  ofPool,
  ofQueue,
  tellChanges,
} from "../../../store/process/changed.ts";
import { hearsOf, reachOf } from "../../../store/views/reach.ts";
import { takeWithin } from "../../../store/process/take.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { agreementOf } from "../../../agreement/stored.ts";
import { openTask } from "../../../store/process/human-tasks.ts";
import { eventually } from "../../support/eventually.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

let world: PeopleWorld;
let heard: string[];
let listening: Listening;
let telling: ReturnType<typeof tellChanges>;
beforeAll(async () => {
  world = await peopleWorld();
  heard = [];
  listening = listen(world.databaseUrl, [changesChannel], (_, payload) => heard.push(payload));
  await eventually(20, () => Promise.resolve(heard.length > 0));
  telling = tellChanges([world.pools.pool], world.pools.keyed);
  // What an earlier process had gathered may be lost: said at the beginning.
  await eventually(20, () => Promise.resolve(heard.length > 1));
  expect(heard).toEqual(["", ""]);
});
beforeEach(async () => {
  // Nothing of the test before is under way.
  await new Promise((resolve) => setTimeout(resolve, 600));
  heard.length = 0;
});
afterAll(async () => {
  await telling.stop();
  await listening.stop();
  await world.close();
});

const hints = () => heard.flatMap((payload) => hintsOf(payload) ?? []);
const told = (id: string) =>
  eventually(20, () => Promise.resolve(hints().find((hint) => hint.id === id)));

test("an action is told with who had the lead and who has it, after its commit", async () => {
  const id = await world.lead("rp_one", { waitingOn: "answer" });
  const answer = await world.ask("POST", `/leads/${id}/accept`, { as: "one", body: {} });
  expect(answer.status).toBe(200);
  expect(await told(id)).toEqual({ id, whose: ["rp_one"] });
  const other = await world.lead("rp_one", { waitingOn: "answer" });
  const given = await world.ask("POST", `/leads/${other}/reassign`, {
    as: "boss",
    body: { to: "rp_two" },
  });
  expect(given.status).toBe(200);
  // Taken back and offered anew: two decisions.
  const whose = () => new Set(hints().flatMap((hint) => (hint.id === other ? hint.whose : [])));
  await eventually(20, () => Promise.resolve(whose().has("rp_two")));
  expect(whose().has("rp_one")).toBe(true);
});

test("what is rolled back, or refused, is not told", async () => {
  const [id, other] = [await world.lead("rp_one"), await world.lead("rp_one")];
  const agreements = createAgreements(agreementOf);
  const now = world.now();
  const ask = (lead: string) =>
    ({ subject: { kind: "lead", id: lead }, key: `test/${lead}`, now, by: "elsewhere" }) as const;
  const event = { kind: "facts" } as const;
  await inTransaction(world.pool, (tx) => takeWithin(tx, agreements, ask(id), event), "rollback");
  await inTransaction(world.pool, (tx) => takeWithin(tx, agreements, ask(other), event));
  await told(other);
  expect(hints().map((hint) => hint.id)).toEqual([other]);
  const refused = await world.ask("POST", `/leads/${id}/resume`, { as: "one", body: {} });
  expect(refused.status).toBe(409);
  const next = await world.lead("rp_one", { waitingOn: "answer" });
  await world.ask("POST", `/leads/${next}/accept`, { as: "one", body: {} });
  await told(next);
  expect(hints().map((hint) => hint.id)).toEqual([other, next]);
});

test("what nobody has is told to its pool, or to the queue", async () => {
  const id = await world.lead("rp_one", { waitingOn: "answer" });
  await world.pool.query(sql`update handoff set pool = 'americas-sdr' where subject_id = ${id}`);
  const answer = await world.ask("POST", `/leads/${id}/hand-back`, {
    as: "one",
    body: { note: "not mine" },
  });
  expect(answer.status).toBe(200);
  const { whose } = await told(id);
  expect(whose[0]).toBe("rp_one");
  expect(whose.length).toBeGreaterThan(1);
});

test("a task that somebody ends is told as a change of what it is about", async () => {
  const id = await world.lead("rp_one");
  const task = {
    kind: "stalled",
    subject: { kind: "lead", id },
    role: "manager",
    assigneeId: "rp_boss",
  } as const;
  await inTransaction(world.pool, (tx) => openTask(tx, task, world.now()));
  const { body } = await world.ask("GET", `/tasks?lead=${id}`, { as: "boss" });
  const [open] = body.items;
  const done = await world.ask("POST", `/tasks/${open.id}/done`, {
    as: "boss",
    body: { how: "called" },
  });
  expect([done.status, done.body.code]).toEqual([200, undefined]);
  expect((await told(id)).whose).toContain("rp_boss");
});

test("somebody hears of their own, a manager of the team, its pools and the queue, an office of all", async () => {
  const hears = async (scope: "own" | "team" | "all", rep: string | null) =>
    hearsOf(world.pool, await reachOf(world.pool, scope, rep));
  expect(await hears("own", "rp_one")).toEqual(new Set(["rp_one"]));
  expect(await hears("team", "rp_boss")).toEqual(
    new Set(["rp_boss", "rp_one", "rp_two", ofQueue, ofPool("americas-sdr")]),
  );
  expect(await hears("all", null)).toBeNull();
  expect(await hears("own", null)).toEqual(new Set());
});
