import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { take } from "../../store/process/take.ts";
import { rows, sql } from "../../store/postgres/db.ts";
import { flaggedAccount } from "../support/flagged-account.ts";
import { planWorld, type PlanWorld } from "../support/plan-world.ts";

let world: PlanWorld;
let mine: string[];
let others: string[];
beforeAll(async () => {
  world = await planWorld();
  const ids = [];
  for (let n = 0; n < 4; n++) ids.push(await world.arrive());
  const owners = await Promise.all(ids.map((id) => world.ownerOf(id)));
  mine = ids.filter((_, n) => owners[n] === "rp_one");
  others = ids.filter((_, n) => owners[n] !== "rp_one");
  world.setNow(world.now() + 600_000);
}, 60_000);
afterAll(() => world.close());

/** The roster as it stands, with other hours for one person: from noon on. */
async function later(): Promise<Record<string, unknown>> {
  const { body } = await world.ask("GET", "/roster");
  const week = { "mon-fri": ["12:00-20:00"] };
  return {
    ...body,
    hours: { ...body.hours, late: { zone: "America/New_York", week } },
    people: { ...body.people, rp_one: { ...body.people.rp_one, hours: "late" } },
  };
}
const dues = (ids: readonly string[]) =>
  rows<{ lead: string; clock: string; scope: string; due: Date }>(
    world.pool,
    sql`
    select h.subject_id as lead, c.kind as clock, c.scope, c.due_at as due
    from clock c join handoff h on h.id = c.handoff_id
    where h.subject_id = any(${ids}::text[]) and c.state = 'running' order by 1, 2, 3`,
  );

test("a preview says which deadlines move, writes nothing, and is what follows when it is put", async () => {
  expect(mine.length).toBeGreaterThan(0);
  expect(others.length).toBeGreaterThan(0);
  const before = { mine: await dues(mine), others: await dues(others) };
  const file = await later();
  const preview = await world.ask("POST", "/roster/preview", { body: file });
  expect(preview.status).toBe(200);
  expect(preview.body).toMatchObject({ handoffs: 4, earlier: 0 });
  expect(await dues(mine)).toEqual(before.mine);
  const moved = preview.body.list as { lead: string; clock: string; scope: string; to: string }[];
  expect(new Set(moved.map(({ lead }) => lead))).toEqual(new Set(mine));
  expect(preview.body.later).toBe(moved.length);

  expect((await world.ask("PUT", "/roster", { body: file })).status).toBe(200);
  const deps = { pool: world.pool, agreements: createAgreements(agreementOf) };
  for (const id of mine) {
    const subject = { kind: "lead" as const, id };
    await take(
      deps,
      { subject, key: "news", now: world.now(), by: "elsewhere" },
      { kind: "roster" },
    );
  }
  const known = new Map(moved.map((one) => [`${one.lead} ${one.clock} ${one.scope}`, one.to]));
  for (const { lead, clock, scope, due } of await dues(mine)) {
    const was = before.mine.find(
      (one) => one.lead === lead && one.clock === clock && one.scope === scope,
    );
    const expected = known.get(`${lead} ${clock} ${scope}`) ?? was?.due.toISOString();
    expect(Date.parse(expected ?? "")).toBe(due.getTime());
  }
  expect(await dues(others)).toEqual(before.others);
});

test("a preview names flagged accounts whose deadlines move beside the leads", async () => {
  const flagged = await flaggedAccount(world, "previewed-company.com");
  const { body } = await world.ask("GET", "/roster");
  const owner = `rp_${flagged.rep}`;
  const file = {
    ...body,
    hours: {
      ...body.hours,
      never: { zone: "America/New_York", week: { sat: ["09:00-17:00"] } },
    },
    people: { ...body.people, [owner]: { ...body.people[owner], hours: "never" } },
  };
  const preview = await world.ask("POST", "/roster/preview", { body: file });
  expect(preview.status).toBe(200);
  expect(preview.body.handoffs).toBe(5);
  const ofAccount = preview.body.list.filter(
    ({ account }: { account?: string }) => account !== undefined,
  );
  // Of its two clocks in open time, the lead's and the rep's: 48 hours are hours of any kind.
  expect(
    ofAccount.map(({ account, lead, clock }: Record<string, string>) => [account, lead, clock]),
  ).toEqual(expect.arrayContaining([[flagged.id, undefined, "status"]]));
});

test("the roster as it stands moves nothing; a wrong one is refused with its place", async () => {
  const { body } = await world.ask("GET", "/roster");
  expect((await world.ask("POST", "/roster/preview", { body })).body).toMatchObject({
    earlier: 0,
    later: 0,
    list: [],
  });
  const wrong = { ...body, people: { ...body.people, rp_one: { hours: "nowhere" } } };
  const refused = await world.ask("POST", "/roster/preview", { body: wrong });
  expect([refused.status, refused.body.field]).toEqual([
    422,
    expect.stringMatching(/^people\.rp_one/),
  ]);
  expect((await world.ask("POST", "/roster/preview", { as: "one", body })).status).toBe(403);
});
