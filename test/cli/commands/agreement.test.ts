import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command } from "../../../cli/commands/agreement.ts";
import { edited } from "../../support/example-agreement.ts";

const here = (path: string) =>
  fileURLToPath(new URL(`../../../agreement/${path}`, import.meta.url));
let folder: string;
let broken: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-agreement-"));
  broken = join(folder, "broken.yaml");
  writeFileSync(
    broken,
    edited(["calendar: assignee", "calendar: asignee"], ["hold: until-open", "hold: until"]),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await command.run(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { code, out, err };
}

test("a good agreement is said to be usable", async () => {
  expect(await run("check", here("example.yaml"), "--roster", here("roster.yaml"))).toEqual({
    code: 0,
    err: [],
    out: [`${here("example.yaml")} can be used.`],
  });
});

test("each mistake is a line that starts with file, line and column", async () => {
  const { code, out, err } = await run("check", broken);
  expect(code).toBe(1);
  expect(err).toHaveLength(2);
  expect(err[0]).toMatch(
    /^\S+broken\.yaml:\d+:\d+ clocks\.calendar: expected .*\(did you mean "assignee"\?\)$/,
  );
  expect(out).toEqual([`${broken} cannot be used: 2 errors.`]);
});

test("--json gives the same to a machine", async () => {
  const { code, out } = await run("check", broken, "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out.join(""))).toMatchObject({
    ok: false,
    warnings: [],
    problems: [{ path: "clocks.calendar" }, { path: "routing.hold" }],
  });
});

test("two files are compared rule by rule; what changes nothing is not said", async () => {
  const later = join(folder, "later.yaml");
  writeFileSync(later, edited(["status: same day", "status: 1 business day # as agreed"]));
  expect(await run("diff", here("example.yaml"), later)).toEqual({
    code: 0,
    err: [],
    out: ["status of demo-request: same day -> 1 business day"],
  });
  const json = await run("diff", here("example.yaml"), later, "--json");
  expect(JSON.parse(json.out.join(""))).toEqual({
    changes: [{ about: "status of demo-request", change: "same day -> 1 business day" }],
  });
  expect((await run("diff", later, later)).out).toEqual(["No rule changes."]);
});

test("a file that is no agreement is not compared, and neither are three", async () => {
  await expect(run("diff", here("example.yaml"), broken)).rejects.toThrow(/clocks\.calendar/);
  await expect(run("diff")).rejects.toThrow(/Name one agreement file, or two to compare/);
  await expect(run("diff", broken, broken, broken)).rejects.toThrow(/or two to compare/);
});

test("a pool that the roster lacks is an error", async () => {
  const file = join(folder, "alps.yaml");
  writeFileSync(file, edited(["pool: dach-sdr", "pool: alps-sdr"]));
  expect((await run("check", file, "--roster", here("roster.yaml"))).err).toEqual([
    expect.stringMatching(
      /yaml:111:\d+ routing\.territories\[1\]\.pool: expected a pool that the roster has, found "alps-sdr"/,
    ),
  ]);
});

test("a missing pool is told beside other mistakes", async () => {
  const file = join(folder, "pool-and-more.yaml");
  writeFileSync(
    file,
    edited(["hold: until-open", "hold: until"], ["pool: dach-sdr", "pool: dach"]),
  );
  const { err } = await run("check", file, "--roster", here("roster.yaml"));
  expect(err).toHaveLength(2);
  expect(err[0]).toContain('expected a pool that the roster has, found "dach"');
  expect(err[1]).toContain("routing.hold");
});

test("a file in another encoding than UTF-8 is not taken for one", async () => {
  const file = join(folder, "latin.yaml");
  writeFileSync(file, Buffer.from(edited(["name: Inbound", "name: Übergabe"]), "latin1"));
  await expect(run("check", file)).rejects.toThrow(`Save ${file} as UTF-8`);
});

test("a wrong call says how to call it", async () => {
  await expect(run()).rejects.toThrow(/baton agreement check FILE/);
  await expect(run("check")).rejects.toThrow(/Name one agreement file/);
  await expect(run("check", join(folder, "none.yaml"))).rejects.toThrow(
    /Cannot read .*none\.yaml \(ENOENT\)/,
  );
});
