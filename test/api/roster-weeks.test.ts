import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { peopleWorld, type PeopleWorld, type Persona } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.pool.query("delete from absence");
});

const weeks = async (as: Persona = "operator", query = "") =>
  (await world.ask("GET", `/roster/weeks${query}`, { as })).body;
const add = (body: object, as: Persona = "operator") =>
  world.ask("POST", "/roster/absences", { body, as });
const absencesOf = async (rep: string) =>
  (await weeks()).people.find(({ id }: { id: string }) => id === rep).absences;
const vacation = { firstDay: "2026-12-01", lastDay: "2026-12-03", reason: "vacation" };

describe("the roster as people look at it", () => {
  test("has four weeks from today, pools with weights, and people by name within reach", async () => {
    await add({ ...vacation, rep: "rp_one" });
    const all = await weeks();
    expect([all.days.length, all.days[0], all.days.at(-1)]).toEqual([
      28,
      "2026-11-23",
      "2026-12-20",
    ]);
    expect(all.people.map(({ id }: { id: string }) => id)).toEqual([
      "rp_boss",
      "rp_chief",
      "rp_mark",
      "rp_one",
      "rp_other",
      "rp_two",
    ]);
    expect(all.pools[0]).toMatchObject({
      id: "americas-sdr",
      members: [{ id: "rp_one", weight: 1 }, { id: "rp_two" }],
      others: 0,
    });
    const idsOf = async (as: Persona) =>
      (await weeks(as)).people.map(({ id }: { id: string }) => id);
    expect(await idsOf("boss")).toEqual(["rp_boss", "rp_one", "rp_two"]);
    expect(await idsOf("two")).toEqual(["rp_two"]);
    expect((await weeks("two")).pools).toMatchObject([
      { id: "americas-sdr", members: [{ id: "rp_two" }], others: 1 },
    ]);
  });

  test("says why somebody is away to whoever may change it alone", async () => {
    await add({ ...vacation, rep: "rp_one" });
    const seen = async (as: Persona) =>
      (await weeks(as, "?rep=rp_one")).people[0].absences[0].reason;
    expect(await seen("boss")).toBe("vacation");
    expect(await seen("one")).toBe("vacation");
    expect(await seen("marketing")).toBeNull();
  });

  test("is paged and narrowed to a pool", async () => {
    const first = await weeks("operator", "?limit=2");
    const rest = await weeks("operator", `?limit=100&cursor=${first.next}`);
    expect([first.people.length, rest.people.length, rest.next]).toEqual([2, 4, null]);
    expect(
      (await weeks("operator", "?pool=emea-sdr")).people.map(({ id }: { id: string }) => id),
    ).toEqual(["rp_other"]);
  });
});

describe("one absence", () => {
  test("is whole days in the zone of the person's hours, beside those that stand", async () => {
    const hours = { zone: "Europe/Berlin", week: { mon: ["09:00-17:00"] } };
    await world.pool.query("update rep set hours = $1 where id = 'rp_other'", [
      JSON.stringify(hours),
    ]);
    await add({ ...vacation, rep: "rp_other" });
    const { status, body } = await add({
      rep: "rp_other",
      firstDay: "2026-12-24",
      lastDay: "2026-12-24",
      reason: "feast",
    });
    expect([status, body]).toEqual([
      200,
      { rep: "rp_other", from: "2026-12-23T23:00:00.000Z", to: "2026-12-24T23:00:00.000Z" },
    ]);
    const { absences } = (await world.ask("GET", "/roster/absences")).body;
    expect(absences.rp_other.map(({ reason }: { reason: string }) => reason)).toEqual([
      "vacation",
      "feast",
    ]);
    expect(await absencesOf("rp_other")).toMatchObject([
      { firstDay: "2026-12-01", lastDay: "2026-12-03" },
    ]);
    await world.pool.query("update rep set hours = null where id = 'rp_other'");
  });

  test.each([
    ["lastDay", { ...vacation, rep: "rp_one", lastDay: "2026-11-30" }],
    ["lastDay", { ...vacation, rep: "rp_one", firstDay: "2026-11-01", lastDay: "2026-11-22" }],
    ["firstDay", { ...vacation, rep: "rp_one", firstDay: "2026-02-30" }],
    ["reason", { ...vacation, rep: "rp_one", reason: " " }],
    ["rep", { ...vacation, rep: "rp_nobody" }],
    ["absences.rp_one.0.deputyId", { ...vacation, rep: "rp_one", deputyId: "rp_one" }],
  ])("that is wrong in %s is refused by that name, and nothing is kept", async (field, body) => {
    const answer = await add(body);
    expect([answer.status, answer.body.field]).toEqual([422, field]);
    expect(await absencesOf("rp_one")).toEqual([]);
  });

  test("is added by the person, their manager and RevOps, and by nobody else", async () => {
    const statusOf = async (as: Persona) => (await add({ ...vacation, rep: "rp_one" }, as)).status;
    expect(await statusOf("one")).toBe(200);
    expect(await statusOf("boss")).toBe(200);
    expect(await statusOf("revops")).toBe(200);
    expect(await statusOf("two")).toBe(422);
    expect(await statusOf("chief")).toBe(422);
    expect(await statusOf("marketing")).toBe(403);
    // Given again it is the same one.
    expect(await absencesOf("rp_one")).toHaveLength(1);
  });

  test("is taken back once; a second time says that it is gone", async () => {
    await add({ ...vacation, rep: "rp_one" });
    const kept = await add({
      rep: "rp_one",
      firstDay: "2026-12-10",
      lastDay: "2026-12-10",
      reason: "x",
    });
    const withdraw = (as: Persona) =>
      world.ask("POST", "/roster/absences/withdraw", { body: kept.body, as });
    expect((await withdraw("two")).status).toBe(422);
    expect((await withdraw("one")).status).toBe(200);
    expect((await withdraw("one")).status).toBe(409);
    expect(await absencesOf("rp_one")).toMatchObject([{ firstDay: "2026-12-01" }]);
  });
});

describe("weights and caps", () => {
  test("change one by one, and only of those who are named", async () => {
    const weigh = (weights: object, as: Persona = "revops") =>
      world.ask("PATCH", "/roster/pools/americas-sdr", { body: { weights }, as });
    expect((await weigh({ rp_two: 3 })).body).toEqual({
      id: "americas-sdr",
      members: { rp_one: 1, rp_two: 3 },
    });
    expect((await weigh({ rp_other: 1 })).body.field).toBe("weights.rp_other");
    expect((await weigh({ rp_one: 1 }, "boss")).status).toBe(403);
    const unknown = await world.ask("PATCH", "/roster/pools/none", { body: { weights: {} } });
    expect(unknown.status).toBe(404);
  });

  test("a cap that is absent stays, null is no limit", async () => {
    const cap = (caps: object) =>
      world.ask("PATCH", "/roster/reps/rp_one", { body: { caps }, as: "operator" });
    expect((await cap({ open: 25, perDay: 10 })).body.caps).toEqual({
      open: 25,
      perDay: 10,
      perHour: null,
    });
    expect((await cap({ perDay: null })).body.caps).toEqual({
      open: 25,
      perDay: null,
      perHour: null,
    });
    expect((await cap({ open: -1 })).body.field).toBe("caps.open");
  });
});
