import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { seedIfEmpty } from "../../../agreement/seed.ts";
import { openPool, type Pool } from "../../../store/postgres/db.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import { makePast, pastCsv, pastMap } from "../../support/past-handoffs.ts";
import { run } from "../../support/program.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

/** Each of these starts a process of its own, which takes its time on a busy machine. */
const patient = { timeout: 120_000 };

let database: FreshDatabase;
let pool: Pool;
let folder: string;
beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url);
  await seedIfEmpty(pool);
  await pool.query(`insert into rep (id, name, email, updated_at) select 'rp_' || n, 'Rep ' || n,
    n || '@team.example', now() from unnest(array['a', 'b', 'c']) n`);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  await pool.query("truncate lead, process, account, handoff, transition, import, outbox cascade");
  folder = mkdtempSync(join(tmpdir(), "baton-history-"));
  writeFileSync(join(folder, "map.yaml"), pastMap);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const file = () => join(folder, "deals.csv");
const baton = (...args: string[]) =>
  run(process.execPath, ["cli/baton.mjs", "history-import", ...args], {
    env: {
      ...(process.env as Record<string, string>),
      DATABASE_URL: database.url,
      BATON_HOME: folder,
    },
  });
const command = (...more: string[]) => baton(file(), "--map", join(folder, "map.yaml"), ...more);
const counts = async () =>
  (
    await pool.query(`select (select count(*)::int from handoff) as handoffs,
      (select count(*)::int from lead) as leads, (select count(*)::int from outbox) as told,
      (select count(*)::int from opportunity_stage) as stages`)
  ).rows[0] as Record<string, number>;

test(
  "killed with -9 half way, the same command comes to the same and then changes nothing",
  patient,
  async () => {
    writeFileSync(file(), pastCsv(makePast(seededRandom(77), 2500)));
    const first = command();
    await expect
      .poll(
        async () => (await pool.query("select rows_done from import")).rows[0]?.rows_done ?? 0,
        {
          timeout: 90_000,
          interval: 20,
        },
      )
      .toBeGreaterThanOrEqual(500);
    first.signal("SIGKILL");
    expect(await first.exit).toBeNull();
    const half = await counts();
    expect(half["handoffs"]).toBeGreaterThanOrEqual(500);
    expect(half["handoffs"]).toBeLessThan(2500);

    const second = command("--json");
    expect(await second.exit).toBe(0);
    expect(JSON.parse(second.lines.at(-1) ?? "")).toMatchObject({
      rows: 2500,
      created: 2500,
      unchanged: 0,
      refused: 0,
    });
    const whole = await counts();
    expect(whole).toMatchObject({ handoffs: 2500, leads: 2500, told: 0 });

    const third = command();
    expect(await third.exit).toBe(0);
    expect(third.lines.join("\n")).toContain(
      "2,500 rows: 0 new, 2,500 known (0 changed), 0 refused",
    );
    expect(await counts()).toEqual(whole);
  },
);

test(
  "refused rows stand in a file of their own, and are taken in once they are put right",
  patient,
  async () => {
    const made = makePast(seededRandom(78), 3);
    const [header, one, two, three] = pastCsv(made).split("\n");
    writeFileSync(file(), [header, one, two?.replace(/Rep [abc]/, "Nobody"), three].join("\n"));
    const dry = command("--dry-run");
    expect(await dry.exit).toBe(1);
    expect(dry.lines.join("\n")).toContain("2 of 3 rows can be taken in; nothing was stored.");
    expect(await counts()).toMatchObject({ handoffs: 0, leads: 0 });

    expect(await command().exit).toBe(1);
    const errors = `${file()}.errors.csv`;
    expect(statSync(errors).mode & 0o777).toBe(0o600);
    const told = readFileSync(errors, "utf8");
    expect(told).toMatch(/^3,Owner,"handoff\.owner: expected somebody of the roster/m);
    writeFileSync(errors, told.replace("Nobody", "rp_a"));
    const mended = baton(errors, "--map", join(folder, "map.yaml"));
    expect(await mended.exit).toBe(0);
    expect(await counts()).toMatchObject({ handoffs: 3, leads: 3 });
  },
);

test.each([
  [["--map", "map.yaml"], "Name one CSV file"],
  [["deals.csv"], "--map is missing"],
])("%j is refused", patient, async (args, message) => {
  const called = baton(...args);
  expect(await called.exit).toBe(1);
  expect(called.lines.join("\n")).toContain(message);
});

test("a map that names no field of a handoff is refused with its line", patient, async () => {
  writeFileSync(file(), pastCsv([]));
  writeFileSync(join(folder, "map.yaml"), "columns:\n  Id: externalId\n  mql: handoff.mql\n");
  const called = command();
  expect(await called.exit).toBe(1);
  expect(called.lines.join("\n")).toMatch(/:3:.*handoff\.mqlAt/);
});
