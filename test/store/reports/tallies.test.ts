import { beforeEach, describe, expect, test } from "vitest";
import type { Stage } from "../../../handoff/stage.ts";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { conservation } from "../../../store/reports/conservation.ts";
import { gauges } from "../../../store/reports/gauges.ts";
import { lastRecount, recountAll } from "../../../store/reports/recount.ts";
import { foldProcessCounts, processCounts, tally } from "../../../store/reports/tallies.ts";
import { keepTallies, proveTallies } from "../../../worker/upkeep.ts";
import { withDatabase } from "../../support/database.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import { insertLead } from "../../support/lead-rows.ts";

const DAY = 86_400_000;
const monday = Date.parse("2026-11-16T00:00:00Z");
const week = { from: monday, to: monday + 7 * DAY, asOf: monday + 7 * DAY };
const db = withDatabase({ empties: ["lead", "process", "transition"] });
beforeEach(async () => {
  await db.pool.query("delete from recount");
  await db.pool.query("delete from astray");
});

let made = 0;
/** A lead that moved through these stages at these days after monday. */
async function lead(path: readonly (readonly [Stage, number])[]): Promise<string> {
  made += 1;
  const id = `ld_${String(made).padStart(5, "0")}`;
  const at = (days: number) => new Date(monday + days * DAY);
  await insertLead(db.pool, at(path[0]?.[1] ?? 0), { id, stage: path.at(-1)?.[0] ?? "new" });
  for (const [step, [stage, days]] of path.entries())
    await move(id, step, path[step - 1]?.[0] ?? null, stage, at(days));
  return id;
}

async function move(id: string, step: number, from: Stage | null, to: Stage, at: Date) {
  await db.pool.query(sql`
    insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage,
      because, at)
      values ('lead', ${id}, 1, ${step}, ${from}, ${to}, 'test', ${at})`);
  await db.pool.query(sql`
    update process set stage = ${to} where subject_kind = 'lead' and subject_id = ${id}`);
}

async function tallyAll(until: number, most = 5): Promise<void> {
  while (await tally(db.pool, until, { most }));
}
async function until(): Promise<string> {
  const [row] = await rows<{ until: Date }>(db.pool, sql`select until from tallied`);
  return row?.until instanceof Date ? row.until.toISOString() : "never";
}
const report = (asOf = week.asOf) => conservation(db.pool, { ...week, asOf }, null, null);

const path: Stage[] = ["new", "mql", "sal", "sql", "nurture", "renurture", "disqualified"];

describe("what was tallied and what is counted now give the same report", () => {
  test.each([1, 2, 3])(
    "seed %i: before, between and after tallies, as of any instant",
    async (seed) => {
      const random = seededRandom(seed);
      const somewhere = () => path[Math.floor(random() * path.length)]!;
      for (let n = 0; n < 40; n += 1) {
        let day = random() * 9 - 2;
        const steps: [Stage, number][] = [["new", day]];
        for (let step = Math.floor(random() * 5); step > 0; step -= 1) {
          // Some moves share an instant, and some days are long.
          if (random() > 0.2) day += random() * 2;
          const to = somewhere();
          if (to !== steps.at(-1)?.[0]) steps.push([to, day]);
        }
        await lead(steps);
      }
      const asOfs = [week.asOf, monday + 3 * DAY, monday + 2.37 * DAY, monday - 5 * DAY];
      const untallied = [];
      for (const asOf of asOfs) untallied.push(await report(asOf));
      for (const limit of [
        monday - DAY,
        monday + 1.5 * DAY,
        monday + 2.37 * DAY,
        week.asOf + DAY,
      ]) {
        await tallyAll(limit + 60_000);
        for (const [n, asOf] of asOfs.entries()) expect(await report(asOf)).toEqual(untallied[n]);
      }
      expect(untallied[0]?.days.every(({ residue }) => residue === 0)).toBe(true);
      expect(untallied[0]?.totals.residue).toBe(0);
      expect(await recountAll(db.pool, week.asOf, { pageSize: 7, sliceSize: 3 })).toMatchObject({
        leads: 40,
        differences: 0,
      });
    },
  );

  test("a broken chain is as visible in tallied days as in the others", async () => {
    const id = await lead([
      ["new", 0.5],
      ["mql", 1.5],
    ]);
    await tallyAll(week.asOf);
    await db.pool.query(sql`
      update transition set from_stage = 'nurture' where subject_id = ${id} and to_stage = 'mql'`);
    const residues = async () =>
      (await report()).days
        .filter(({ residue }) => residue !== 0)
        .map(({ day, stage, residue }) => [day, stage, residue]);
    const broken = [
      ["2026-11-17", "new", 1],
      ["2026-11-17", "nurture", -1],
    ];
    expect(await residues()).toEqual(broken);
    await tallyAll(week.asOf);
    expect(await residues()).toEqual(broken);
  });
});

describe("what comes late makes its days be tallied again", () => {
  test("a move, an arrival, a change and a removal before the last tally", async () => {
    const id = await lead([["new", 0.5]]);
    await tallyAll(week.asOf);
    expect(await until()).toBe(new Date(week.asOf - 60_000).toISOString());
    await move(id, 1, "new", "mql", new Date(monday + 2.5 * DAY));
    expect(await until()).toBe("2026-11-18T00:00:00.000Z");
    await tallyAll(week.asOf);
    await lead([["new", 1.5]]);
    expect(await until()).toBe("2026-11-17T00:00:00.000Z");
    await tallyAll(week.asOf);
    expect((await report()).totals).toEqual({ takenIn: 2, open: 2, closed: 0, residue: 0 });
    await db.pool.query(sql`
      update transition set at = ${new Date(monday + 0.7 * DAY)} where to_stage = 'mql'`);
    expect(await until()).toBe("2026-11-16T00:00:00.000Z");
    await tallyAll(week.asOf);
    await db.pool.query("delete from transition where to_stage = 'mql'");
    expect(await until()).toBe("2026-11-16T00:00:00.000Z");
    await tallyAll(week.asOf);
    expect((await recountAll(db.pool, week.asOf)).differences).toBe(0);
    // What is not late leaves the tallies alone.
    await lead([["new", 8]]);
    expect(await until()).toBe(new Date(week.asOf - 60_000).toISOString());
  });

  test("many of one instant are one step, however few a step may add", async () => {
    for (let n = 0; n < 12; n += 1) await lead([["new", 1]]);
    await lead([["new", 1.001]]);
    await tallyAll(week.asOf, 3);
    expect((await report()).totals).toMatchObject({ takenIn: 13, open: 13, residue: 0 });
    expect((await recountAll(db.pool, week.asOf)).differences).toBe(0);
  });

  test("the last minute is not tallied: a transaction under way may still add to it", async () => {
    await lead([["new", 1]]);
    await tallyAll(monday + DAY + 59_000);
    expect(await rows(db.pool, sql`select * from stage_day`)).toEqual([]);
    await tallyAll(monday + DAY + 61_000);
    expect(await rows(db.pool, sql`select entered from stage_day`)).toEqual([{ entered: 1 }]);
  });
});

describe("leads astray", () => {
  test("are found when they move, when everything is recounted, and no longer when they are right", async () => {
    const moved = await lead([["new", 1]]);
    const changed = await lead([["new", 1]]);
    await lead([["new", 1]]);
    const astray = async () => (await report()).astray;
    await db.pool.query(sql`update process set stage = 'sql' where subject_id = ${moved}`);
    expect(await astray()).toEqual({ count: 1, leads: [moved] });
    await tallyAll(week.asOf);
    expect(await astray()).toEqual({ count: 1, leads: [moved] });
    // Changed behind our back, long after its last move: the recount sees it.
    await db.pool.query(sql`update process set stage = 'sal' where subject_id = ${changed}`);
    expect(await astray()).toEqual({ count: 1, leads: [moved] });
    await recountAll(db.pool, week.asOf);
    expect(await astray()).toEqual({ count: 2, leads: [moved, changed] });
    await db.pool.query("update process set stage = 'new'");
    expect(await astray()).toEqual({ count: 0, leads: [] });
  });
});

describe("how many leads stand where", () => {
  const counted = () =>
    rows(
      db.pool,
      sql`
      select stage, waiting_on, count(*)::int as n from process where subject_kind = 'lead'
        group by stage, waiting_on order by stage, waiting_on`,
    );

  test("is what the rows say after every insert, change and removal, folded or not", async () => {
    const random = seededRandom(11);
    for (let n = 0; n < 30; n += 1) {
      const id = await lead([["new", 1]]);
      await db.pool.query(sql`
        update process set stage = ${path[Math.floor(random() * path.length)]},
          waiting_on = ${random() > 0.5 ? "data" : "signal"} where subject_id = ${id}`);
      if (n % 7 === 0) await db.pool.query(sql`delete from process where subject_id = ${id}`);
      if (n % 5 === 0) await foldProcessCounts(db.pool, 8);
      expect(await processCounts(db.pool)).toEqual(await counted());
    }
    while (await foldProcessCounts(db.pool, 8));
    expect(await rows(db.pool, sql`select * from process_count_change`)).toEqual([]);
    expect(await processCounts(db.pool)).toEqual(await counted());
    expect((await gauges(db.pool, week.asOf)).leads).toEqual(await counted());
  });

  test("a transaction that is rolled back counts for nothing, and two at once wait for nobody", async () => {
    const [one, other] = [await lead([["new", 1]]), await lead([["new", 1]])];
    const set = (id: string) =>
      sql`update process set stage = 'mql' where subject_kind = 'lead' and subject_id = ${id}`;
    await inTransaction(db.pool, (tx) => tx.query(set(one)), "rollback");
    await inTransaction(db.pool, async (tx) => {
      await tx.query(set(one));
      await db.pool.query(set(other));
      expect(await foldProcessCounts(db.pool, 100)).toBe(false);
    });
    expect(await processCounts(db.pool)).toEqual(await counted());
  });
});

describe("the daily recount", () => {
  test("makes right what is wrong once, also when two workers count at one time", async () => {
    await lead([["new", 1]]);
    await tallyAll(week.asOf);
    await db.pool.query(
      "insert into process_count (stage, waiting_on, n) values ('new', 'data', 5)",
    );
    const both = [recountAll(db.pool, week.asOf), recountAll(db.pool, week.asOf + 1)];
    const found = await Promise.all(both);
    expect(found.map(({ differences }) => differences)).toContain(1);
    // Who says that it is made anew has made it anew.
    expect(found.filter(({ isRecorded }) => isRecorded)).toHaveLength(1);
    expect(await processCounts(db.pool)).toEqual([
      { stage: "new", waiting_on: "assessment", n: 1 },
    ]);
    expect((await recountAll(db.pool, week.asOf + 2)).differences).toBe(0);
  });

  test("is no difference what comes between its steps; what is wrong beside it is one", async () => {
    const early = await lead([["new", 1]]);
    await lead([["new", 1.5]]);
    await tallyAll(week.asOf);
    let steps = 0;
    const between = async <T>(step: () => Promise<T>): Promise<T> => {
      const result = await step();
      steps += 1;
      // The page of the first lead has been counted by now.
      if (steps === 7) {
        await move(early, 1, "new", "mql", new Date(monday + 2.5 * DAY));
        await lead([["new", 1.2]]);
        await tallyAll(week.asOf + 3 * DAY);
        await db.pool.query("update stage_day set exited = 9 where day = '2026-11-18'");
      }
      return result;
    };
    const found = await recountAll(db.pool, week.asOf, { pageSize: 1, pace: between });
    expect(steps).toBeGreaterThan(7);
    expect(found.detail).toEqual([
      {
        what: "moves",
        of: "2026-11-18 mql",
        kept: { entered: 1, exited: 9, vacated: 0 },
        counted: { entered: 1, exited: 0, vacated: 0 },
      },
      {
        what: "moves",
        of: "2026-11-18 new",
        kept: { entered: 0, exited: 9, vacated: 1 },
        counted: { entered: 0, exited: 1, vacated: 1 },
      },
    ]);
    await tallyAll(week.asOf + 3 * DAY);
    expect((await recountAll(db.pool, week.asOf)).differences).toBe(0);
  });

  test.each([1, 2, 5])(
    "counts a day, and who stands, in slices: as it would at once (slices of %i)",
    async (sliceSize) => {
      for (let n = 0; n < 9; n += 1)
        await lead([
          ["new", 1 + Math.floor(n / 2) / 10],
          ["mql", 1.15 + n / 20],
          [n % 2 === 0 ? "nurture" : "sal", 1.7],
        ]);
      await tallyAll(week.asOf);
      // Each day is a suspect: what is kept of it is counted by its time, not by its leads.
      await db.pool.query("update stage_day set exited = exited + 1 where stage = 'mql'");
      await db.pool.query("update arrival_day set arrived = arrived + 1");
      await db.pool.query(
        "insert into process_count_change (stage, waiting_on, n) values ('sal', 'assessment', 1)",
      );
      const found = await recountAll(db.pool, week.asOf, { pageSize: 2, sliceSize });
      const counts = { entered: 9, exited: 9, vacated: 9 };
      expect(found.detail).toEqual([
        {
          what: "moves",
          of: "2026-11-17 mql",
          kept: { ...counts, exited: 10 },
          counted: counts,
        },
        { what: "arrivals", of: "2026-11-17", kept: 10, counted: 9 },
        { what: "standing", of: "sal assessment", kept: 5, counted: 4 },
      ]);
      await tallyAll(week.asOf);
      expect((await recountAll(db.pool, week.asOf + 1, { sliceSize })).differences).toBe(0);
    },
  );

  test("keeps no transaction open while it rests", async () => {
    await lead([["new", 1]]);
    await tallyAll(week.asOf);
    const open: unknown[] = [];
    const looking = async <T>(step: () => Promise<T>): Promise<T> => {
      const result = await step();
      open.push(
        ...(await rows(
          db.pool,
          sql`select query from pg_stat_activity where datname = current_database()
            and pid <> pg_backend_pid() and xact_start is not null and backend_type = 'client backend'`,
        )),
      );
      return result;
    };
    await recountAll(db.pool, week.asOf, { pace: looking });
    expect(open).toEqual([]);
  });

  test("finds a tally that was tampered with, says so once, and makes it right", async () => {
    await lead([
      ["new", 1],
      ["mql", 2],
    ]);
    await lead([["new", 2.5]]);
    const errors: unknown[] = [];
    const log = { error: (detail: unknown) => void errors.push(detail) };
    let now = week.asOf;
    const deps = { pool: db.pool, clock: () => now, log };
    const round = async () => {
      await keepTallies(deps);
      await proveTallies(deps);
    };
    await round();
    expect(await lastRecount(db.pool)).toMatchObject({ leads: 2, differences: 0 });
    const right = await report();
    await db.pool.query("update stage_day set entered = entered + 1 where stage = 'mql'");
    await db.pool.query("update arrival_day set arrived = 7 where day = '2026-11-17'");
    await db.pool.query("update process_count set n = n + 2 where stage = 'new'");
    now += 23 * 3_600_000;
    await round();
    expect(errors).toEqual([]);
    now += 3_600_000;
    await round();
    const counts = { entered: 1, exited: 0, vacated: 0 };
    expect(errors).toEqual([
      {
        differences: 3,
        detail: [
          { what: "moves", of: "2026-11-18 mql", kept: { ...counts, entered: 2 }, counted: counts },
          { what: "arrivals", of: "2026-11-17", kept: 7, counted: 1 },
          { what: "standing", of: "new assessment", kept: 3, counted: 1 },
        ],
      },
    ]);
    expect((await gauges(db.pool, now)).differences).toBe(3);
    expect((await report()).recount).toEqual({ at: new Date(now).toISOString(), differences: 3 });
    await round();
    expect({ ...(await report()), recount: right.recount }).toEqual(right);
    now += DAY;
    await round();
    expect((await gauges(db.pool, now)).differences).toBe(0);
    expect(errors).toHaveLength(1);
  });
});
