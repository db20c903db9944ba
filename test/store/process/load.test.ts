import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../../agreement/stored.ts";
import type { AnyAction } from "../../../handoff/process/event.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { loadSituation } from "../../../store/process/load.ts";
import { inTransaction, sql } from "../../../store/postgres/db.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

/** How many rejections count for a rep who acts at that time. */
async function counted(leadId: string, at: string): Promise<number | undefined> {
  const receivedAt = Date.parse(at);
  const action = {
    name: "reject",
    id: "ax_1",
    by: "rp_one",
    role: "rep",
    receivedAt,
    body: { reason: "wrong-role" },
  } as AnyAction;
  const loaded = await inTransaction(world.pool, (tx) =>
    loadSituation(
      tx,
      createAgreements(agreementOf),
      { kind: "lead", id: leadId },
      { now: receivedAt, action },
    ),
  );
  return loaded?.situation.rejectionsToday;
}

test("rejections count by the day of the place where the rep works", async () => {
  const id = await world.lead("rp_one");
  const times = ["2026-11-23T13:00:00Z", "2026-11-23T16:00:00Z", "2026-11-24T03:00:00Z"];
  for (const [n, at] of times.entries())
    await world.pool.query(sql`
      insert into answer (id, handoff_id, round, kind, by_id, received_at)
      select ${`ax_old${n}`}, handoff_id, 1, 'reject', 'rp_one', ${new Date(at)}
      from process where subject_id = ${id}`);
  // The agreement's hours are New York's: it is still Monday there at 04:00 UTC.
  expect(await counted(id, "2026-11-24T04:00:00Z")).toBe(3);
  expect(await counted(id, "2026-11-24T06:00:00Z")).toBe(0);
  const tokyo = { zone: "Asia/Tokyo", week: { mon: ["09:00-17:00"] } };
  await world.pool.query(sql`
    update rep set hours = ${JSON.stringify(tokyo)}::jsonb where id = 'rp_one'`);
  // In Tokyo Tuesday began at 15:00 UTC.
  expect(await counted(id, "2026-11-24T04:00:00Z")).toBe(2);
});
