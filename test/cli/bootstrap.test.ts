import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../support/program.ts";

// Whole servers start and stop in here, possibly on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

type Lock = {
  lockfileVersion: number;
  packages: Record<
    string,
    {
      version: string;
      dependencies?: Record<string, string>;
      optionalDependencies?: Record<string, string>;
    }
  >;
};

/** The part of our lock file that tsx needs: enough for a real `npm ci` that takes a second. */
function smallLock(): { lock: Lock; tsx: string } {
  const whole = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
  const packages: Lock["packages"] = {};
  const take = (name: string) => {
    const path = `node_modules/${name}`;
    const entry = whole.packages[path];
    if (!entry || packages[path]) return;
    packages[path] = entry;
    for (const next of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }))
      take(next);
  };
  take("tsx");
  const tsx = whole.packages["node_modules/tsx"]!.version;
  return {
    tsx,
    lock: {
      lockfileVersion: whole.lockfileVersion,
      packages: { "": { version: "0.1.0", dependencies: { tsx } }, ...packages },
    },
  };
}

describe("the baton command in a fresh clone", () => {
  let clone: string;
  beforeAll(() => {
    clone = mkdtempSync(join(tmpdir(), "baton-clone-"));
    mkdirSync(join(clone, "cli"));
    cpSync(join(ROOT, "cli", "baton.mjs"), join(clone, "cli", "baton.mjs"));
    const { lock, tsx } = smallLock();
    writeFileSync(
      join(clone, "package.json"),
      JSON.stringify({
        name: "baton",
        version: "0.1.0",
        private: true,
        type: "module",
        bin: { baton: "cli/baton.mjs" },
        dependencies: { tsx },
      }),
    );
    writeFileSync(
      join(clone, "package-lock.json"),
      JSON.stringify({ name: "baton", version: "0.1.0", ...lock }),
    );
    writeFileSync(
      join(clone, "cli", "main.ts"),
      "export async function main(argv: string[]): Promise<number> { " +
        "console.log(JSON.stringify(argv)); return 7; }\n",
    );
  });
  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  async function call(
    command: string,
    ...args: string[]
  ): Promise<{ code: number | null; lines: string[] }> {
    // What npm tells the scripts it runs would make the npm in here believe it were called from
    // outside.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name, value]) =>
          value !== undefined && !/^(npm_|NODE_OPTIONS|VITEST|NODE_ENV)/i.test(name),
      ),
    ) as Record<string, string>;
    const program = run(command, args, {
      cwd: clone,
      env: { ...env, npm_config_prefer_offline: "true", npm_config_yes: "true" },
    });
    const code = await program.exit;
    return { code, lines: program.lines.filter((line) => !line.startsWith("npm warn")) };
  }

  const installs = (lines: string[]) =>
    lines.filter((line) => line.startsWith("Installing dependencies")).length;

  test(
    "two first calls at once install once between them, then run with arguments and exit code " +
      "intact",
    async () => {
      const both = await Promise.all([
        call("node", "cli/baton.mjs", "one", "a b", "--flag=1"),
        call("node", "cli/baton.mjs", "two"),
      ]);
      expect(both.map(({ code }) => code)).toEqual([7, 7]);
      expect(both[0].lines).toContain('["one","a b","--flag=1"]');
      expect(both[1].lines).toContain('["two"]');
      expect(installs(both.flatMap(({ lines }) => lines))).toBe(1);
    },
  );

  test("npx finds it, and nothing is installed again", async () => {
    expect(await call("npx", "baton", "doctor", "a b", "--json")).toEqual({
      code: 7,
      lines: ['["doctor","a b","--json"]'],
    });
  });

  test("a package of another version than the lock file's is put right", async () => {
    const installed = join(clone, "node_modules", ".package-lock.json");
    const list = JSON.parse(readFileSync(installed, "utf8")) as Lock;
    list.packages["node_modules/tsx"]!.version = "0.0.1";
    writeFileSync(installed, JSON.stringify(list));
    const { code, lines } = await call("node", "cli/baton.mjs", "again");
    expect([code, installs(lines)]).toEqual([7, 1]);
    expect(installs((await call("node", "cli/baton.mjs", "again")).lines)).toBe(0);
  });

  test("an installation that was killed does not stop the next one", async () => {
    const dead = run(process.execPath, ["-e", ""], { env: {} });
    await dead.exit;
    writeFileSync(join(clone, ".installing"), String(dead.pid));
    rmSync(join(clone, "node_modules"), { recursive: true });
    const { code, lines } = await call("node", "cli/baton.mjs", "again");
    expect([code, installs(lines)]).toEqual([7, 1]);
  });

  test("an installation that cannot work gives one sentence with the remedy", async () => {
    rmSync(join(clone, "node_modules"), { recursive: true });
    const offline = run(process.execPath, ["cli/baton.mjs"], {
      cwd: clone,
      env: { PATH: "/nowhere" },
    });
    expect(await offline.exit).toBe(1);
    expect(offline.lines.at(-1)).toMatch(
      /^npm could not be started \(ENOENT\); install npm, or run `npm ci` in .* by other means\.$/,
    );
  });
});
