import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { peopleWorld, type PeopleWorld, type Persona } from "../../support/people-world.ts";
import { run } from "../../support/program.ts";
import { serving, type Serving } from "../../support/serving.ts";

// Each call starts a program of its own.
vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL("../../..", import.meta.url));
const hour = 3_600_000;
let world: PeopleWorld;
let served: Serving;
let url: string;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-board-"));
  world = await peopleWorld();
  served = await serving(world.app);
  url = `http://127.0.0.1:${served.port}`;
});
afterAll(async () => {
  served?.close();
  await world?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function baton(
  as: Persona | null,
  ...args: string[]
): Promise<{ code: number | null; lines: string[] }> {
  const token = as === null ? "bt_nobodys-token-000000000" : world.token(as);
  const program = run(
    process.execPath,
    ["cli/baton.mjs", ...args, "--url", url, "--token", token],
    { cwd: root, env: { PATH: process.env["PATH"] ?? "", BATON_HOME: folder } },
  );
  const code = await program.exit;
  return { code, lines: program.lines };
}

test("the board is printed list by list, with who has it and what to do", async () => {
  expect((await baton("boss", "board")).lines).toEqual([
    "Nothing is about to break: no lead is overdue, due today, paused, held or waiting.",
  ]);
  const late = await world.lead("rp_one", { dueAt: world.now() - hour });
  for (let n = 0; n < 3; n++) await world.lead("rp_two", { dueAt: world.now() + hour / 2 });
  const queued = await world.lead(null);
  const { code, lines } = await baton("boss", "board", "--limit", "2");
  expect(code).toBe(0);
  expect(lines).toHaveLength(9);
  expect(lines[0]).toBe("Overdue: 1");
  expect(lines[1]).toBe(
    "  overdue by 1 h (2026-11-23 09:00 America/New_York): Kim Example; Person rp_one. Reach " +
      `out and log the attempt, then accept or reject with a reason. ${late}`,
  );
  expect(lines[2]).toBe("Due within the hour: 3");
  expect(lines[5]).toBe("  ... and 1 more; --limit shows them");
  expect(lines[6]).toBe("Waiting for a manager: 1");
  expect(lines[7]).toContain(queued);
  expect(lines[8]).toBe("Today is that of America/New_York.");
});

test("the queue is that of the token", async () => {
  const { lines } = await baton("one", "queue");
  expect(lines[0]).toBe("overdue by 1 h (2026-11-23 09:00 America/New_York): Kim Example");
  expect(lines[1]).toMatch(/^  Reach out and log the attempt.* Why: a lead type matched\. ld_\w+$/);
  expect((await baton("other", "queue")).lines).toEqual(["Nothing waits."]);
});

test("an example lead is handed over, or printed to be changed and sent as a file", async () => {
  const sent = await baton("operator", "lead", "--example");
  expect(sent.code).toBe(0);
  expect(sent.lines[0]).toMatch(/^ld_\w+ is taken in; it is in stage new\.$/);
  expect(sent.lines[1]).toMatch(/^What becomes of it: npx baton explain ld_\w+$/);

  const printed = await baton("operator", "lead", "--example", "--print");
  const body = JSON.parse(printed.lines.join("\n"));
  // Its times are of today, whenever it is called.
  const asked = Date.parse(body.engagements[0].occurredAt);
  expect(Math.abs(Date.now() - 10 * 60_000 - asked)).toBeLessThan(60_000);
  const file = join(folder, "lead.json");
  writeFileSync(file, `\uFEFF${JSON.stringify(body)}`);
  const again = await baton("operator", "lead", file, "--json");
  const { id } = JSON.parse(again.lines[0] ?? "");
  const lead = await world.ask("GET", `/leads/${id}`);
  expect(lead.body.facts["lead.name"].value).toBe("Kim Example");
});

test.each<[string, Persona | null, string[], RegExp]>([
  [
    "a limit that is none",
    "boss",
    ["board", "--limit", "many"],
    /--limit is "many"; give a whole number from 1 to 100/,
  ],
  ["a role that may not", "one", ["board"], /The API refused it \(403\)/],
  ["a token that is none", null, ["queue"], /The API refused it \(401\).*--token/],
  ["no lead", "operator", ["lead"], /Name one file, or say `baton lead --example`/],
  ["both", "operator", ["lead", "x.json", "--example"], /Name one file, or say/],
  [
    "a file that is not there",
    "operator",
    ["lead", "nowhere.json"],
    /nowhere\.json cannot be read \(ENOENT\)/,
  ],
])("%s is refused in a sentence", async (_, as, args, sentence) => {
  const { code, lines } = await baton(as, ...args);
  expect(code).toBe(1);
  expect(lines.join("\n")).toMatch(sentence);
});

test("a file that is not JSON, and a body that the API refuses, are named", async () => {
  const file = join(folder, "broken.json");
  writeFileSync(file, "{ facts: 1 }");
  expect((await baton("operator", "lead", file)).lines[0]).toMatch(/broken\.json is not JSON: /);
  writeFileSync(file, '{ "fact": {} }');
  expect((await baton("operator", "lead", file)).lines[0]).toMatch(/The API refused it \(422\): /);
});

test("a busy API is asked again, under the same key", async () => {
  const keys: (string | undefined)[] = [];
  const busy = createServer((request, response) => {
    keys.push(request.headers["idempotency-key"] as string | undefined);
    response.setHeader("content-type", "application/json");
    if (keys.length === 1) response.writeHead(503, { "retry-after": "1" }).end("{}");
    else
      response.writeHead(201).end(JSON.stringify({ id: "ld_1", stage: "new", notUnderstood: [] }));
  });
  await new Promise<void>((done) => {
    busy.listen(0, "127.0.0.1", done);
  });
  const { port } = busy.address() as AddressInfo;
  const program = run(
    process.execPath,
    ["cli/baton.mjs", "lead", "--example", "--token", "bt_x", "--url", `http://127.0.0.1:${port}`],
    { cwd: root, env: { PATH: process.env["PATH"] ?? "", BATON_HOME: folder } },
  );
  expect(await program.exit).toBe(0);
  busy.close();
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
});

test("where nothing listens, it says how to start", async () => {
  const program = run(
    process.execPath,
    ["cli/baton.mjs", "board", "--url", "http://127.0.0.1:1", "--token", "bt_x"],
    { cwd: root, env: { PATH: process.env["PATH"] ?? "", BATON_HOME: folder } },
  );
  expect(await program.exit).toBe(1);
  expect(program.lines[0]).toMatch(/Nothing answers at http:\/\/127\.0\.0\.1:1; start Baton/);
});
