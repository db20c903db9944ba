import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { ask } from "../../chaos/ask.ts";
import { checkAll } from "../../chaos/checks.ts";
import { drained } from "../../chaos/drain.ts";
import { RehearsalLedger } from "../../chaos/ledger.ts";
import { sendLeads, type Crowd } from "../../chaos/people.ts";
import { untilAcknowledged } from "../../chaos/standings.ts";
import { openWorld, processNames, type ChaosWorld } from "../../chaos/world.ts";

const pausedMs = 15_000;
/** They arrive all the time, so that a pause meets the processes in the middle of their work. */
const leads = 60;

/** The process and all below it: each session of Postgres is one. */
function tree(pid: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])]];
      } catch {
        return [];
      }
    });
  const below = (one: number): number[] =>
    parents.flatMap(([child, parent]) => (parent === one && child ? [child, ...below(child)] : []));
  return [pid, ...below(pid)];
}

async function untilHealthy(world: ChaosWorld, withinMs: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const answer = await ask(world.url, { method: "GET", path: "/readyz", token: "" });
    const ms = Math.round(performance.now() - began);
    if (answer.kind === "answer" && answer.body["healthy"] === true) return ms;
    if (ms > withinMs) throw new Error(`not healthy after ${ms} ms: ${JSON.stringify(answer)}`);
    await pause(200);
  }
}

test.runIf(process.platform === "linux")(
  "each process goes on after it stood still for 15 seconds, and nothing is lost or done twice",
  { timeout: 500_000 },
  async () => {
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    );
    const world = await openWorld(environment, () => undefined);
    try {
      const ledger = new RehearsalLedger();
      const crowd: Crowd = {
        world,
        ledger,
        seed: 57,
        isOver: () => false,
        isHopeless: () => false,
      };
      await untilHealthy(world, 60_000);
      const backAfterMs: Record<string, number> = {};
      const sent = sendLeads(crowd, leads, (pausedMs + 1_000) * processNames.length);
      for (const name of processNames) {
        await pause(1_000);
        const stopped = tree(world.processes[name].pid() ?? 0);
        for (const pid of stopped) process.kill(pid, "SIGSTOP");
        await pause(pausedMs);
        for (const pid of stopped.toReversed()) process.kill(pid, "SIGCONT");
        backAfterMs[name] = await untilHealthy(world, 60_000);
      }
      await sent;
      const rest = await drained(world.pool, 180_000);
      const told = await untilAcknowledged(world);
      const said = `healthy again after ${JSON.stringify(backAfterMs)} ms, worked off in ${rest.ms} ms`;
      process.stdout.write(`${said}\n`);
      expect([rest.left, told.apart], said).toEqual([null, []]);
      expect(await checkAll(world, ledger), said).toEqual([]);
      expect(ledger.leads.length).toBe(leads);
      for (const name of processNames)
        expect([name, world.processes[name].starts()]).toEqual([name, 1]);
    } finally {
      await world.close();
    }
  },
);
