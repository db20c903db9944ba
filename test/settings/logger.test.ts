import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { run } from "../support/program.ts";

// Each starts a program of its own.
vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program that logs, and gives its lines as objects. */
async function logged(
  code: string,
): Promise<{ code: number | null; lines: Record<string, unknown>[] }> {
  const program = run(
    process.execPath,
    [
      "--import",
      "tsx",
      "--input-type=module",
      "-e",
      `import { processLog, endWith } from "./settings/logger.ts";
       import { SettingError } from "./settings/settings.ts"; ${code}`,
    ],
    { cwd: root, env: { PATH: process.env["PATH"] ?? "" } },
  );
  const ended = await program.exit;
  // Every line of stdout and stderr must be JSON.
  return { code: ended, lines: program.lines.map((line) => JSON.parse(line)) };
}

test.each([
  [
    "a setting",
    `throw new SettingError("PORT is \\"x\\"; give a port number from 1 to 65535.")`,
    /^PORT is "x"; give/,
  ],
  [
    "Postgres away",
    `throw Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), { code: "ECONNREFUSED" })`,
    /^Postgres cannot be used: connect ECONNREFUSED .*; see that it runs at DATABASE_URL$/,
  ],
  [
    "Temporal away",
    `throw Object.assign(new Error("Failed to call GetSystemInfo\\nmore"), { name: ` +
      `"TransportError" })`,
    /^Temporal cannot be reached: Failed to call GetSystemInfo; see that it runs at TEMPORAL_ADDRESS$/,
  ],
])(
  "%s ends the process with one line: a sentence with its remedy, no stack",
  async (_, thrown, sentence) => {
    const { code, lines } = await logged(`processLog("api", "info"); ${thrown};`);
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 60,
      name: "api",
      msg: expect.stringMatching(sentence),
    });
    expect(lines[0]).not.toHaveProperty("at");
    expect(JSON.stringify(lines)).not.toContain("stack");
  },
);

test("any other error is one line too, with the places in the code and without its words", async () => {
  const { code, lines } = await logged(
    `processLog("worker", "info"); setTimeout(() => Promise.reject(new ` +
      `TypeError("kim@customer.example")), 1);`,
  );
  expect(code).toBe(1);
  expect(lines).toMatchObject([
    { level: 60, error: "TypeError", msg: "the process ends by an error that nobody expected" },
  ]);
  expect(lines[0]?.["at"]).toEqual(expect.arrayContaining([expect.stringContaining("at ")]));
  expect(JSON.stringify(lines)).not.toContain("kim@");
});

test("a warning of Node is a line, not text", async () => {
  const { code, lines } = await logged(
    `processLog("api", "info"); process.emitWarning("this is old", "DeprecationWarning");`,
  );
  expect(code).toBe(0);
  expect(lines).toMatchObject([{ level: 40, warning: "DeprecationWarning", msg: "this is old" }]);
});
