import { expect, test } from "vitest";
import { seedIfEmpty } from "../../agreement/seed.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { loadRoster } from "../../store/routing/roster.ts";
import { withDatabase } from "../support/database.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const db = withDatabase();

test("an empty system gets the example agreement and roster, once, however many start at once", async () => {
  const loaded = await Promise.all([
    seedIfEmpty(db.pool, now),
    seedIfEmpty(db.pool, now),
    seedIfEmpty(db.pool, now),
  ]);
  expect(loaded.filter((one) => one.agreement && one.roster)).toHaveLength(1);
  expect((await createAgreements(agreementOf).active(db.pool))?.agreement.leadTypes[0]?.name).toBe(
    "demo-request",
  );
  const roster = await loadRoster(db.pool);
  expect(Object.keys(roster.pools)).toEqual([
    "americas-sdr",
    "dach-sdr",
    "emea-sdr",
    "enterprise-ae",
  ]);
  expect(roster.reps.rp_dach_2?.absences).toHaveLength(1);
});

test("what somebody changed since is left alone", async () => {
  await db.pool.query(
    "delete from pool_member; update rep set name = 'Changed' where id = 'rp_dach_1'",
  );
  expect(await seedIfEmpty(db.pool, now)).toEqual({ agreement: false, roster: false });
  expect((await db.pool.query("select name from rep where id = 'rp_dach_1'")).rows).toEqual([
    { name: "Changed" },
  ]);
});
