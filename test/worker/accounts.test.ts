import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { rows, sql } from "../../store/postgres/db.ts";
import { keepAccounts, proveAccounts } from "../../worker/accounts.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

test("a round flags what engaged, counts everything once a day, and says what was wrong", async () => {
  let now = world.now();
  const told: object[] = [];
  const deps = {
    pool: world.pool,
    agreements: createAgreements(agreementOf),
    clock: () => now,
    log: { error: (what: object) => void told.push(what) } as never,
  };
  const round = async () => {
    await keepAccounts(deps);
    await proveAccounts(deps);
  };
  for (const name of ["a", "b", "c"])
    await world.ask("POST", "/leads", {
      body: {
        facts: {
          "lead.email": `${name}@acme.com`,
          "account.employees": 200,
          "account.industry": "Software",
          "account.country": "US",
        },
        engagements: [{ id: `m-${name}`, type: "demo_request" }],
      },
    });
  await round();
  await round();
  expect(await rows(world.pool, sql`select from account_flag`)).toHaveLength(1);
  const counted = () => rows(world.pool, sql`select at, differences from account_recount`);
  expect(await counted()).toEqual([{ at: new Date(now), differences: 0 }]);
  await world.pool.query("delete from contact_engagement where type = 'demo_request'");
  now += 23 * 3_600_000;
  await round();
  expect(told).toEqual([]);
  now += 3_600_000;
  await round();
  expect(told).toEqual([expect.objectContaining({ differences: 3 })]);
  await round();
  expect(await rows(world.pool, sql`select from contact_engagement`)).toHaveLength(3);
});
