import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pauseConnection } from "../../store/effects/connections.ts";
import { sql } from "../../store/postgres/db.ts";
import { enqueue, leadSignal } from "../../store/postgres/outbox.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn } from "../support/visitor.ts";

const minute = 60_000;
let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

const shown = async () => {
  const visitor = await signedIn({ ...world, now: world.now() }, { role: "operator" });
  const page = await visitor.get("/console/system");
  expect(page.status).toBe(200);
  return page.text;
};

describe("GET /console/system", () => {
  test("is the operator's first page, and says what is away", async () => {
    const visitor = await signedIn({ ...world, now: world.now() }, { role: "operator" });
    expect((await visitor.get("/console")).location).toBe("/console/system");
    const text = await shown();
    expect(text).toContain("A part is not well. Leads are taken in, and wait for it.");
    expect(text).toContain("does not answer");
    expect(text).toContain("Nothing waits to be told, heard or sent.");
  });

  test("shows a stuck lead with what to do, what waits since when, and what is paused", async () => {
    const now = world.now();
    const late = await world.lead("rp_one");
    await world.pool.query(sql`
      update process set step = 4, next_at = ${new Date(now - 75 * minute)}
      where subject_id = ${late}`);
    const telling = leadSignal(late, "signal", "engaged", { id: "a" }, 1);
    await enqueue(world.pool, telling, now - 5 * minute);
    await pauseConnection(
      world.pool,
      { name: "smtp", until: now + minute, reason: "421 <later>" },
      now,
      () => Promise.resolve(),
    );
    const text = await shown();
    expect(text).toContain(`href="/console/leads/${late}"`);
    expect(text).toContain(`baton stuck --repair ${late}`);
    expect(text).toContain(", 1 h 15 min");
    expect(text).toContain("Messages to processes");
    expect(text).toContain(", 5 min");
    expect(text).toContain("smtp is not asked");
    expect(text).toContain("421 &lt;later&gt;");
  });
});
