import { beforeAll, expect, test, vi } from "vitest";
import { seedIfEmpty } from "../../agreement/seed.ts";
import { verifyAudit, verifyDecisions } from "../../cli/commands/verify.ts";
import { writeSampleCompany } from "../../cli/sample-company.ts";
import { patternNames } from "../../sample/patterns.ts";
import { conservation } from "../../store/reports/conservation.ts";
import { recountAll } from "../../store/reports/recount.ts";
import { tally } from "../../store/reports/tallies.ts";
import { holdsSample } from "../../store/sample/write.ts";
import { withDatabase } from "../support/database.ts";

// More than a thousand leads are written, possibly on a busy machine.
vi.setConfig({ hookTimeout: 240_000, testTimeout: 120_000 });
const db = withDatabase();
const now = Date.parse("2026-11-20T10:30:00Z");
const options = { leads: 1_500, months: 12, seed: 7, plant: patternNames };

/** Into an installation that has only what comes with Baton. */
beforeAll(async () => {
  await seedIfEmpty(db.pool, now);
  await writeSampleCompany(db.pool, options, now);
});

test("every lead is in one stage on every day, with a next step and an owner or a queue", async () => {
  const from = Date.parse("2025-11-01T00:00:00Z");
  const look = () => conservation(db.pool, { from, to: now, asOf: now }, null, null);
  const first = await look();
  expect(first.totals).toMatchObject({ takenIn: options.leads, residue: 0 });
  expect(first.days.filter(({ residue }) => residue !== 0)).toEqual([]);
  for (const list of [first.astray, first.withoutOwner, first.withoutNextStep])
    expect(list).toEqual({ count: 0, leads: [] });
  while (await tally(db.pool, now));
  expect(await recountAll(db.pool, now)).toMatchObject({ differences: 0, leads: options.leads });
  expect((await look()).totals).toEqual(first.totals);
});

test("nothing differs when it is verified, and the audit trail says that it is a sample", async () => {
  expect(await verifyDecisions(db.pool)).toMatchObject({ older: 0, differences: [] });
  expect(await verifyAudit(db.pool, [])).toMatchObject({ brokenAt: null });
  expect(await holdsSample(db.pool)).toBe(true);
  const { rows } = await db.pool.query(
    "select detail from audit where what = 'sample.written' order by id desc limit 1",
  );
  expect(rows[0]).toMatchObject({ detail: { seed: 7, months: 12, leads: options.leads } });
});

test("every table that was written has statistics, which the plans of reports rest on", async () => {
  const { rows } = await db.pool.query(`
    select relname from pg_class where relkind = 'r' and reltuples < 0 and relname in ('account',
      'lead', 'lead_alias', 'process', 'transition', 'score', 'engagement', 'duplicate', 'handoff',
      'clock', 'clock_event', 'assignment', 'outreach', 'answer', 'opportunity',
      'opportunity_stage', 'outbox')`);
  expect(rows).toEqual([]);
});

test("who is closed starts no process, and every open lead starts one", async () => {
  const { rows } = await db.pool.query<{ open: string[]; started: string[] }>(`
      select (select array_agg(subject_id order by subject_id) from process
          where stage not in ('opportunity', 'disqualified')) as open,
        (select array_agg(substr(workflow_id, 6) order by workflow_id) from outbox
          where kind = 'start') as started`);
  expect(rows[0]?.started).toEqual(rows[0]?.open);
  expect(rows[0]?.open.length).toBeGreaterThan(100);
  const others = await db.pool.query("select from outbox where kind <> 'start'");
  expect(others.rowCount).toBe(0);
});

test("three versions of the agreement stand behind the example, and the last one is active", async () => {
  const { rows } = await db.pool.query<{ number: number; state: string }>(
    "select number, state from agreement_version order by number",
  );
  expect(rows).toEqual([
    { number: 1, state: "retired" },
    { number: 2, state: "retired" },
    { number: 3, state: "retired" },
    { number: 4, state: "active" },
  ]);
});
