import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command } from "../../../cli/commands/roster.ts";
import { listAbsences, listReps } from "../../../store/routing/roster.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

const example = fileURLToPath(new URL("../../../agreement/roster.yaml", import.meta.url));
let db: FreshDatabase;
let folder: string;
const before = process.env["DATABASE_URL"];
beforeAll(async () => {
  db = await freshDatabase();
  process.env["DATABASE_URL"] = db.url;
  folder = mkdtempSync(join(tmpdir(), "baton-roster-"));
});
afterAll(async () => {
  if (before === undefined) delete process.env["DATABASE_URL"];
  else process.env["DATABASE_URL"] = before;
  rmSync(folder, { recursive: true });
  await db.drop();
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const code = await command.run(args, io);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

function fileOf(name: string, ...edits: readonly (readonly [string, string])[]): string {
  const path = join(folder, name);
  const text = edits.reduce(
    (so, [from, to]) => {
      if (!so.includes(from)) throw new Error(`the example roster does not contain ${from}`);
      return so.replace(from, () => to);
    },
    readFileSync(example, "utf8"),
  );
  writeFileSync(path, text);
  return path;
}

const roster = () =>
  db.pool
    .query(
      "select (select json_agg(r order by id) from (select id, hours, hours_name, deputy_id, " +
        "caps from (select *, array[max_open, max_per_day, max_per_hour] as caps from rep) x) r) " +
        "as reps, (select json_agg(p order by id) from (select id, hours, hours_name from pool) " +
        "p) as pools, (select json_agg(a order by rep_id, from_at) from (select rep_id, from_at, " +
        "to_at, reason, deputy_id, known_at from absence) a) as absences, (select json_agg(n " +
        "order by name) from named_hours n) as named",
    )
    .then(({ rows }) => rows[0]);

test("published, exported, checked and published again nothing has changed, names included", async () => {
  const file = fileOf(
    "full.yaml",
    // Two names for the same hours, one that nobody works, a deputy, and an absence by the hour.
    ["  london: {", '  paris: { zone: Europe/Paris, week: { sat: ["10:00-12:00"] } }\n  london: {'],
    [
      "hours:  ",
      'hours:\n  east: { zone: America/New_York, week: { mon-fri: ["09:00-17:00"] }, ' +
        'exceptions: { 2026-11-26: [], 2026-11-27: ["09:00-13:00"] } }\n  #',
    ],
    ["name: Rep Americas 1,", "name: Rep Americas 1, deputy: rp_americas_2, crmId: '0017',"],
    [
      "rp_manager_americas, hours: new-york, languages: [en],",
      "rp_manager_americas, hours: east, languages: [en],",
    ],
    [
      "      - { from: 2026-12-21,",
      "      - { from: 2199-03-01T10:30:00+01:00, to: 2199-03-02T12:00:00+01:00, reason: " +
        "training, deputy: rp_dach_1 }\n      - { from: 2198-12-21,",
    ],
    ["to: 2026-12-31,", "to: 2198-12-31,"],
  );
  expect(await run("check", file)).toMatchObject({ code: 0, out: `${file} can be used.` });
  expect((await run("publish", file)).out).toContain(
    `The roster is as ${file} says. Leads told: 0`,
  );
  const first = await roster();
  expect(first.named.map(({ name }: { name: string }) => name)).toEqual([
    "berlin",
    "east",
    "london",
    "new-york",
    "paris",
  ]);
  const copy = join(folder, "copy.yaml");
  expect((await run("export", copy)).code).toBe(0);
  const text = readFileSync(copy, "utf8");
  expect(text).toContain("from: 2198-12-21\n        to: 2198-12-31\n");
  expect(text).toMatch(/rp_americas_2:\n(?: {4}.*\n)*? {4}hours: east\n/);
  expect((await run("check", copy)).code).toBe(0);
  expect((await run("publish", copy)).out).toBe(
    `The roster is as ${copy} says already; nothing changed.`,
  );
  expect(await roster()).toEqual(first);
  const again = await run("export");
  expect(`${again.out}\n`).toBe(text);
  const json = join(folder, "copy.json");
  await run("export", json, "--json");
  expect((await run("publish", json, "--json")).out).toContain('"changed":false');
  const audited = await db.pool.query("select what from audit order by id");
  expect(audited.rows).toEqual([{ what: "roster.published" }]);
});

test("every mistake is named at once with its line, and nothing is published", async () => {
  const file = fileOf(
    "wrong.yaml",
    ["rep.dach1@example.com", "nobody"],
    ["members: { rp_emea_1: 1", "members: { rp_nobody: 1"],
    ["name: Rep EMEA 2,", "name: Rep EMEA 2, deputy: rp_emea_2,"],
    ["name: Rep DACH 1,", "name: Rep DACH 1, crmId: c1,"],
    ["name: Rep EMEA 1,", "name: Rep EMEA 1, crmId: c1,"],
  );
  const before = await roster();
  const { code, err, out } = await run("check", file);
  expect(code).toBe(1);
  for (const [line, path] of [
    [18, "people.rp_dach_1.email"],
    [36, "pools.emea-sdr.members.rp_nobody"],
  ] as const)
    expect(err).toMatch(new RegExp(`^${file.replaceAll(".", "\\.")}:${line}:\\d+ ${path}`, "m"));
  expect(out).toMatch(/cannot be used: \d errors/);
  await expect(run("publish", file)).rejects.toThrow(/people\.rp_dach_1\.email/);
  expect(await roster()).toEqual(before);
  const twice = fileOf(
    "twice.yaml",
    ["name: Rep EMEA 2,", "name: Rep EMEA 2, deputy: rp_emea_2,"],
    ["name: Rep DACH 1,", "name: Rep DACH 1, crmId: c1,"],
    ["name: Rep EMEA 1,", "name: Rep EMEA 1, crmId: c1,"],
  );
  const both = await run("check", twice);
  expect(both.err).toContain("people.rp_emea_2.deputy: expected somebody else");
  expect(both.err).toContain("people.rp_emea_1.crmId: expected an id of this person's own");
});

test("who is not in the file stays; a CRM id of theirs is not taken away", async () => {
  const part = join(folder, "part.yaml");
  writeFileSync(part, "people:\n  rp_new: { name: New, email: new@example.com }\n");
  const done = await run("publish", part);
  expect(done.err).toContain("Not in the file, so they stay as they are: ");
  expect((await listReps(db.pool)).length).toBeGreaterThan(10);
  expect(Object.keys(await listAbsences(db.pool))).toEqual(["rp_dach_2"]);
  writeFileSync(part, "people:\n  rp_new: { name: New, email: new@example.com, crmId: '0017' }\n");
  await expect(run("publish", part)).rejects.toThrow(
    "people.rp_new.crmId: expected an id that is free; it belongs to rp_americas_1",
  );
});
