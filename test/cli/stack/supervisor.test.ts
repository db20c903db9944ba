import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { launch, type ChildSpec } from "../../../cli/stack/child.ts";
import { identityOf } from "../../../cli/stack/identity.ts";
import { supervise, type RunningStack } from "../../../cli/stack/supervisor.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-supervisor-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, code: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return {
    name,
    command: process.execPath,
    args: ["-e", code],
    env: {},
    logFile: join(folder, "logs", `${name}.log`),
    stopSignal: "SIGTERM",
    graceMs: 2000,
    readyWithinMs: 5000,
    ready: (log) => Promise.resolve(log().includes("ready")),
    ...more,
  };
}

const WAITS = "console.log('ready'); setInterval(() => {}, 1000)";

async function runScript(
  script: (stack: RunningStack) => Promise<void>,
): Promise<{ code: number; out: string[]; err: string[]; pids: number[] }> {
  const [out, err]: [string[], string[]] = [[], []];
  const pids = new Set<number>();
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
  };
  const code = await supervise(
    io,
    (children) => children.forEach((child) => pids.add(child.pid)),
    script,
  );
  return { code, out, err, pids: [...pids] };
}

describe("the supervisor", () => {
  test("stops everything and shows the last lines when a child ends before it is ready", async () => {
    const { code, err, pids } = await runScript(async (stack) => {
      await stack.start(program("one", WAITS));
      await stack.start(program("two", "console.log('no luck'); process.exit(3)"));
      throw new Error("must not get here");
    });
    expect([code, err.join("\n")]).toEqual([
      1,
      expect.stringMatching(
        /^two ended with exit code 3, so everything was stopped\. Its last lines \(.*\):\nno luck$/,
      ),
    ]);
    expect(pids.map(identityOf)).toEqual([undefined, undefined]);
  });

  test("gives up on a child that is not ready in time, with its last lines", async () => {
    const { code, err, pids } = await runScript((stack) =>
      stack.start(
        program("slow", "console.log('still thinking'); setInterval(() => {}, 1000)", {
          readyWithinMs: 600,
        }),
      ),
    );
    expect([code, err]).toEqual([
      1,
      ["slow was not ready after 0.6 s. Its last lines:\nstill thinking"],
    ]);
    expect(pids.map(identityOf)).toEqual([undefined]);
  });

  test("says in one sentence that a program cannot be started", async () => {
    const { code, err } = await runScript((stack) =>
      stack.start(program("ghost", "", { command: "/nowhere/ghost" })),
    );
    expect([code, err]).toEqual([1, ["ghost could not be started: spawn /nowhere/ghost ENOENT"]]);
  });

  test("stops what runs when a step between two children fails, and passes the fault on", async () => {
    let pid = 0;
    const failing = supervise(
      { out: () => {}, err: () => {} },
      (children) => (pid = children[0]?.pid ?? 0),
      async (stack) => {
        await stack.start(program("one", WAITS));
        throw new TypeError("a fault of ours");
      },
    );
    await expect(failing).rejects.toThrow("a fault of ours");
    expect(identityOf(pid)).toBeUndefined();
  });
});

describe("a child that may be started again", () => {
  const restarts = { firstWaitMs: 20, most: 2, withinMs: 60_000 };
  const kill = (pid: number) => process.kill(pid, "SIGKILL");

  test("is, while the others go on; its log goes on too, and it is stopped with them", async () => {
    const [out, err]: [string[], string[]] = [[], []];
    const seen: number[][] = [];
    const io = {
      out: (line: string) => void out.push(line),
      err: (line: string) => void err.push(line),
    };
    const now = () => seen.at(-1) ?? [];
    const running = supervise(
      io,
      (children) => void seen.push(children.map(({ pid }) => pid)),
      async (stack) => {
        await stack.start(program("server", WAITS));
        await stack.start(program("worker", WAITS, { restarts }));
        io.out("up");
      },
    );
    await expect.poll(() => out, { timeout: 5_000 }).toEqual(["up"]);
    const [server, first] = now() as [number, number];
    kill(first);
    await expect.poll(() => out, { timeout: 5_000 }).toEqual(["up", "worker is ready again"]);
    const [stillServer, second] = now() as [number, number];
    expect([stillServer === server, second !== first]).toEqual([true, true]);
    expect(err).toEqual([
      expect.stringMatching(
        /^worker was ended by SIGKILL; it is started again in 0\.02 s, its lines are in .*worker\.log$/,
      ),
    ]);
    expect(readFileSync(join(folder, "logs", "worker.log"), "utf8")).toBe("ready\nready\n");
    process.emit("SIGHUP");
    expect(await running).toBe(0);
    expect([server, first, second].map(identityOf)).toEqual([undefined, undefined, undefined]);
  });

  test("is not for ever: what dies again and again ends the stack, which says how often", async () => {
    const dying = "console.log('ready'); setTimeout(() => process.exit(7), 200)";
    const { code, out, err, pids } = await runScript(async (stack) => {
      await stack.start(program("server", WAITS));
      await stack.start(program("worker", dying, { restarts }));
    });
    expect(code).toBe(1);
    expect(out.filter((line) => line === "worker is ready again").length).toBeLessThanOrEqual(2);
    expect(err.map((line) => line.split(",")[0])).toEqual([
      "worker ended with exit code 7; it is started again in 0.02 s",
      "worker ended with exit code 7; it is started again in 0.04 s",
      "worker ended with exit code 7",
      "ready\nready\nready",
    ]);
    expect(err.at(-2)).toContain(", 3 deaths within 1 minutes, so everything was stopped.");
    expect(pids.map(identityOf)).toEqual(pids.map(() => undefined));
  });

  test("has died as well when it does not get ready in time", async () => {
    const marker = join(folder, "was-here");
    const lame = `const fs = require("node:fs");
      if (fs.existsSync(${JSON.stringify(marker)})) setInterval(() => {}, 1000);
      else { fs.writeFileSync(${JSON.stringify(marker)}, ""); console.log("ready"); setTimeout(() => process.exit(1), 100); }`;
    const { code, err } = await runScript((stack) =>
      stack.start(program("worker", lame, { restarts, readyWithinMs: 600 })),
    );
    expect([code, err.at(-2)]).toEqual([
      1,
      expect.stringMatching(/^worker was ended by SIGKILL, 3 deaths within 1 minutes, so/),
    ]);
  });

  test("that never was ready ends the stack at once", async () => {
    const { code, err } = await runScript((stack) =>
      stack.start(program("worker", "process.exit(3)", { restarts })),
    );
    expect([code, err[0]]).toEqual([
      1,
      expect.stringMatching(/^worker ended with exit code 3, so everything was stopped/),
    ]);
  });
});

test("an impatient second signal, after two seconds, kills what is still stopping", async () => {
  const stubborn =
    "process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1000)";
  const began = Date.now();
  const { code, pids } = await runScript(async (stack) => {
    await stack.start(program("stubborn", stubborn, { graceMs: 20_000 }));
    process.emit("SIGHUP");
    setTimeout(() => process.emit("SIGHUP"), 100);
    setTimeout(() => process.emit("SIGHUP"), 2200);
  });
  expect(code).toBe(0);
  expect(Date.now() - began).toBeGreaterThan(2000);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(pids.map(identityOf)).toEqual([undefined]);
});

describe("a child", () => {
  test("that does not stop within its grace period is killed, with what it started itself", async () => {
    const code = `const { spawn } = require("node:child_process");
      const below = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
      process.on("SIGTERM", () => console.log("no"));
      console.log("ready " + below.pid); setInterval(() => {}, 1000);`;
    const child = await launch(program("stubborn", code, { graceMs: 300 }));
    await child.ready;
    const log = () => readFileSync(child.spec.logFile, "utf8");
    const below = Number(/ready (\d+)/.exec(log())?.[1]);
    expect(identityOf(below)).toBeDefined();
    await child.stop();
    expect((await child.exited).signal).toBe("SIGKILL");
    expect(log()).toContain("no");
    await expect.poll(() => identityOf(below), { timeout: 3000 }).toBeUndefined();
  });

  test("keeps the log of the run before, and only that", async () => {
    for (const word of ["first", "second", "third"]) {
      const child = await launch(
        program("diary", `console.log("ready ${word}"); setInterval(() => {}, 1000)`),
      );
      await child.ready;
      await child.stop();
    }
    const file = join(folder, "logs", "diary.log");
    expect([readFileSync(file, "utf8").trim(), readFileSync(`${file}.1`, "utf8").trim()]).toEqual([
      "ready third",
      "ready second",
    ]);
  });
});
