import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { firstRow, sql } from "../store/postgres/db.ts";
import { benchActions, effectsDone } from "./act.ts";
import { usageOf } from "./cpu.ts";
import { offered } from "./lives.ts";
import { atOnce, median, percentile, type Figure, type Report } from "./numbers.ts";
import { startProcess, type Cpu, type Process } from "./process.ts";
import type { BenchStack } from "./stack.ts";

const clients = 8;
const smallCache = 20;
const sides = ["cached", "evicted"] as const;
type Side = (typeof sides)[number];

/** One set of open leads with its worker, and how much the process grew while they were opened. */
interface World {
  readonly process: Process;
  readonly leads: string[];
  readonly grownMiB: number;
}

/**
 * A rep's action on an open lead whose workflow is in the worker's cache, against one whose
 * workflow was evicted and is replayed from its history: two workers in this process, each with as
 * many open leads, one with room for all of them and one with room for twenty. Leads come in random
 * order, each once, one after the other; the two sides take turns.
 */
export async function benchEvicted(
  stack: BenchStack,
  { leads = 1_500, rounds = 5, actions = 100 } = {},
): Promise<Report> {
  const worlds: Partial<Record<Side, World>> = {};
  try {
    worlds.evicted = await opened(stack, leads, smallCache);
    worlds.cached = await opened(stack, leads, leads + 100);
    const { cached, evicted } = worlds as Record<Side, World>;
    const found: Record<Side, Round>[] = [];
    for (let n = 0; n < rounds; n++) {
      found.push({ evicted: await round(evicted, actions), cached: await round(cached, actions) });
    }
    return reportOf(
      found,
      { cached, evicted },
      `${leads} open leads on each side, a cache of ` +
        `${smallCache}; ${rounds} rounds of ${actions} actions, one client`,
    );
  } finally {
    for (const side of sides) await worlds[side]?.process.close();
  }
}

async function opened(stack: BenchStack, leads: number, cached: number): Promise<World> {
  const before = usageOf(process.pid)?.rss ?? 0;
  const world = await startProcess(stack, { cached });
  const tag = randomBytes(4).toString("hex");
  const ids: string[] = [];
  await atOnce(
    clients,
    Array.from({ length: leads }, (_, n) => n),
    async (n) => {
      ids.push(await offered(world, tag, n));
    },
  );
  await atRest(world);
  const after = usageOf(process.pid)?.rss ?? 0;
  return { process: world, leads: shuffled(ids), grownMiB: (after - before) / 2 ** 20 };
}

interface Round {
  readonly took: readonly number[];
  readonly cpu: Cpu;
}

async function round({ process: world, leads }: World, actions: number): Promise<Round> {
  const before = world.cpu();
  const took: number[] = [];
  for (const leadId of leads.splice(0, actions)) {
    const began = performance.now();
    await benchActions(world, leadId, "logOutreach", { channel: "call", outcome: "connected" });
    took.push(performance.now() - began);
  }
  await atRest(world);
  const after = world.cpu();
  const each = (who: keyof Cpu) => (before && after ? (after[who] - before[who]) / took.length : 0);
  return {
    took,
    cpu: { node: each("node"), postgres: each("postgres"), temporal: each("temporal") },
  };
}

/** What an action sets going belongs to its cost: effects, tellings, and the tasks they wake. */
async function atRest(world: Process): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 50) {
    await effectsDone(world);
    const untold = sql`select count(*)::int as n from outbox where done_at is null`;
    const row = await firstRow<{ n: number }>(world.pool, untold);
    if (row?.n === 0) return pause(500);
    await pause(50);
  }
  throw new Error("the outbox is not empty after a minute");
}

function reportOf(
  found: readonly Record<Side, Round>[],
  worlds: Readonly<Record<Side, World>>,
  note: string,
): Report {
  const took = (side: Side) => found.flatMap((one) => one[side].took);
  const cpu = (side: Side, who: keyof Cpu) => median(found.map((one) => one[side].cpu[who]));
  const whole = ({ cpu: { node, postgres, temporal } }: Round) => node + postgres + temporal;
  const beside = (name: string, unit: string, of: (side: Side) => number): Figure => ({
    name,
    unit,
    value: of("evicted"),
    beside: [{ name: "cached", value: of("cached") }],
  });
  const hasCpu = worlds.cached.process.cpu() !== null;
  return {
    figures: [
      beside("action on an evicted lead, p50", "ms", (side) => percentile(took(side), 0.5)),
      beside("action on an evicted lead, p95", "ms", (side) => percentile(took(side), 0.95)),
      ...(hasCpu
        ? [
            {
              name: "processor time of an action, evicted / cached",
              unit: "",
              value: median(found.map((one) => whole(one.evicted) / whole(one.cached))),
            },
            ...(["node", "postgres", "temporal"] as const).map((who) =>
              beside(`processor time of an action, ${who}`, "ms", (side) => cpu(side, who)),
            ),
            beside(
              "memory grown while the leads were opened",
              "MiB",
              (side) => worlds[side].grownMiB,
            ),
          ]
        : []),
    ],
    notes: [note],
  };
}

/** In random order (Fisher and Yates). */
function shuffled<T>(list: readonly T[]): T[] {
  const all = [...list];
  for (let at = all.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [all[at], all[other]] = [all[other] as T, all[at] as T];
  }
  return all;
}
