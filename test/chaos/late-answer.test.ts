import { afterAll, beforeAll, expect, test } from "vitest";
import { intakeRoutes } from "../../api/intake.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [intakeRoutes]);
});
afterAll(() => world.close());

test(
  "what outlasts its answer is carried out once, and its own answer is kept for the repeat " +
    "with the same key",
  async () => {
    const send = () =>
      world.ask("POST", "/leads", { facts: { "lead.email": "kim@customer.com" } }, "operator", {
        "idempotency-key": "late",
      });
    const lock = await world.pool.connect();
    await lock.query("begin");
    await lock.query("lock table lead in exclusive mode");
    const began = performance.now();
    const late = await send();
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect((await send()).body).toMatchObject({ code: "still-running" });
    await lock.query("commit");
    lock.release();
    await expect.poll(async () => (await send()).status, { timeout: 5_000 }).toBe(201);
    expect((await world.pool.query("select count(*)::int as n from lead")).rows).toEqual([
      { n: 1 },
    ]);
  },
);
