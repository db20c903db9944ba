import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { firstRow, inTransaction, sql } from "../store/postgres/db.ts";
import { takeIn } from "../store/intake/intake.ts";
import { benchActions, effectsDone } from "./act.ts";
import { answer } from "./bare-workflow.ts";
import { startNaive, type Naive } from "./naive.ts";
import { atOnce, median, type Figure, type Report } from "./numbers.ts";
import { demoRequest } from "./opening.ts";
import type { Cpu, Process } from "./process.ts";

const clients = 8;

/** Everything that takes a turn in a trial, each with so many lives. */
type Turn = "bare" | "lives" | "remote" | "local";
const order: readonly Turn[] = ["bare", "lives", "remote", "local"];
const besides = {
  bare: "bare",
  remote: "naive with remote activities",
  local: "naive with local activities",
};

/**
 * Lives from intake to SAL with everything that belongs to them (offer, outreach, acceptance, mail,
 * CRM), against bare workflows and against the application that a user would write instead: in
 * turns, on the same servers, by as many clients, in the same process. The ratio is the figure; all
 * rates move with the machine. The ratio of processor time does not mind who else is at work.
 */
export async function benchLives(
  world: Process,
  { trials = 5, lives = 300 } = {},
): Promise<Report> {
  const naive = await startNaive(world);
  try {
    for (const turn of order) await run(turn, world, naive, 50);
    const found: Record<Turn, Trial>[] = [];
    for (let n = 0; n < trials; n++) {
      const trial = {} as Record<Turn, Trial>;
      for (const turn of order) {
        trial[turn] = await measured(world, lives, () => run(turn, world, naive, lives));
      }
      found.push(trial);
    }
    return reportOf(found, world.cpu() !== null, lives);
  } finally {
    await naive.close();
  }
}

interface Trial {
  readonly rate: number;
  readonly cpu: Cpu;
}

async function measured(world: Process, lives: number, work: () => Promise<void>): Promise<Trial> {
  const before = world.cpu();
  const began = performance.now();
  await work();
  const rate = lives / ((performance.now() - began) / 1000);
  const after = world.cpu();
  const each = (who: keyof Cpu) => (before && after ? (after[who] - before[who]) / lives : 0);
  return {
    rate,
    cpu: { node: each("node"), postgres: each("postgres"), temporal: each("temporal") },
  };
}

function reportOf(found: readonly Record<Turn, Trial>[], hasCpu: boolean, lives: number): Report {
  const others = ["bare", "remote", "local"] as const;
  const rateOf = (turn: Turn) => median(found.map((trial) => trial[turn].rate));
  const cpuOf = (turn: Turn, who: keyof Cpu) => median(found.map((trial) => trial[turn].cpu[who]));
  const whole = ({ cpu }: Trial) => cpu.node + cpu.postgres + cpu.temporal;
  const ratios = (other: Turn) => found.map((trial) => trial.lives.rate / trial[other].rate);
  const byCpu = (other: Turn) => found.map((trial) => whole(trial[other]) / whole(trial.lives));
  const names = { bare: "bare workflows", remote: besides.remote, local: besides.local };
  const figures: Figure[] = [
    {
      name: "lives to SAL",
      value: rateOf("lives"),
      unit: "1/s",
      beside: others.map((other) => ({ name: names[other], value: rateOf(other) })),
    },
    ...others.map((other): Figure => ({
      name: `lives to SAL / ${names[other]}`,
      value: median(ratios(other)),
      unit: "",
      ...(other === "bare" ? { goal: { atLeast: 0.45 } } : {}),
      ...(hasCpu
        ? {
            beside: [{ name: "the same by processor time", value: median(byCpu(other)) }],
          }
        : {}),
    })),
  ];
  const parts = hasCpu ? (["node", "postgres", "temporal"] as const) : [];
  figures.push(
    ...parts.map((who): Figure => ({
      name: `processor time of a life, ${who}`,
      value: cpuOf("lives", who),
      unit: "ms",
      beside: others.map((other) => ({ name: besides[other], value: cpuOf(other, who) })),
    })),
  );
  const listed = (other: Turn) =>
    ratios(other)
      .map((ratio) => ratio.toFixed(2))
      .join(", ");
  return {
    figures,
    notes: [
      `medians of ${found.length} trials, ${lives} lives each, ${clients} clients`,
      ...others.map((other) => `ratios to ${names[other]}: ${listed(other)}`),
    ],
  };
}

async function run(turn: Turn, world: Process, naive: Naive, lives: number): Promise<void> {
  switch (turn) {
    case "bare":
      return bareOnes(world, lives);
    case "lives":
      return wholeLives(world, lives);
    case "remote":
    case "local":
      return naive.live(turn, lives, clients);
  }
}

async function wholeLives(world: Process, lives: number): Promise<void> {
  const tag = randomBytes(4).toString("hex");
  const numbers = Array.from({ length: lives }, (_, n) => n);
  await atOnce(clients, numbers, (n) => live(world, tag, n));
  await effectsDone(world);
}

/** One lead from intake to SAL. Gives its id. */
export async function live(world: Process, tag: string, n: number): Promise<string> {
  const leadId = await offered(world, tag, n);
  await benchActions(world, leadId, "logOutreach", { channel: "call", outcome: "connected" });
  await benchActions(world, leadId, "accept", { fitRating: 4 });
  return leadId;
}

/** One lead from intake to its offer, whose clocks run. Gives its id. */
export async function offered(world: Process, tag: string, n: number): Promise<string> {
  const now = Date.now();
  const { facts, engagements } = demoRequest(tag, n, now);
  const arrival = {
    facts,
    engagements: engagements.map(({ id, type, occurredAt }) => ({
      messageId: id,
      type,
      occurredAt: Date.parse(occurredAt),
    })),
  };
  const { agreement } = world;
  let assessed: Promise<void> | undefined;
  const leadId = await inTransaction(world.pool, async (tx) => {
    const how = { now, from: "form", lane: 1, agreement } as const;
    const [taken] = await takeIn(tx, [arrival], how);
    if (!taken || !("leadId" in taken)) throw new Error("the lead was not taken in");
    assessed = world.decided("arrive", taken.leadId);
    return taken.leadId;
  });
  await assessed;
  // Whose turn it is may be decided a moment later than that there is a turn.
  for (let waited = 0; waited < 30_000; waited += 20) {
    const owned = sql`
      select from process where subject_kind = 'lead' and subject_id = ${leadId}
        and owner_id is not null`;
    if (await firstRow(world.pool, owned)) return leadId;
    await pause(20);
  }
  throw new Error(`${leadId} has no owner after half a minute`);
}

async function bareOnes(world: Process, lives: number): Promise<void> {
  const tag = randomBytes(4).toString("hex");
  await atOnce(
    clients,
    Array.from({ length: lives }, (_, n) => n),
    async (n) => {
      const handle = await world.client.workflow.start("bare", {
        workflowId: `bare/${tag}/${n}`,
        taskQueue: world.bareQueue,
        requestEagerStart: true,
      });
      await handle.executeUpdate(answer, { args: ["yes"] });
      await handle.result();
    },
  );
}
