import { randomBytes } from "node:crypto";
import { WorkflowUpdateFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { noteAction, type ActionBodies } from "../store/actions.ts";
import { firstRow, inTransaction, sql } from "../store/db.ts";
import { takeIn } from "../store/intake.ts";
import { leadWorkflowId, updates } from "../workflows/contract.ts";
import { answer } from "./bare-workflow.ts";
import { atOnce, median, type Report } from "./numbers.ts";
import { demoRequest } from "./opening.ts";
import type { Cpu, Process } from "./process.ts";

const clients = 8;

/**
 * Lives from intake to SAL with everything that belongs to them (offer, outreach, acceptance, mail, CRM), against bare
 * workflows: in turns, on the same servers, by as many clients, in the same process. The ratio is the figure; both
 * rates move with the machine. The ratio of processor time says the same and does not mind who else is at work.
 */
export async function benchLives(
  world: Process,
  { trials = 5, lives = 300 } = {},
): Promise<Report> {
  await oneTrialOfLives(world, 50);
  await oneTrialOfBare(world, 50);
  const ours: Trial[] = [];
  const theirs: Trial[] = [];
  for (let trial = 0; trial < trials; trial++) {
    theirs.push(await measured(world, lives, oneTrialOfBare));
    ours.push(await measured(world, lives, oneTrialOfLives));
  }
  const ratios = ours.map(({ rate }, i) => rate / (theirs[i]?.rate ?? rate));
  const cpuOf = (list: readonly Trial[], who: keyof Cpu) =>
    median(list.map((one) => one.cpu?.[who] ?? 0));
  const whole = (one: Trial) => (one.cpu ? one.cpu.node + one.cpu.postgres + one.cpu.temporal : 0);
  return {
    figures: [
      {
        name: "lives to SAL",
        value: median(ours.map((one) => one.rate)),
        unit: "1/s",
        beside: { name: "bare workflows", value: median(theirs.map((one) => one.rate)) },
      },
      {
        name: `lives to SAL / bare workflows, median of ${trials}`,
        value: median(ratios),
        unit: "",
        goal: { atLeast: 0.4 },
      },
      ...(world.cpu() === null
        ? []
        : [
            {
              name: "the same by processor time",
              value: median(ours.map((one, i) => whole(theirs[i] ?? one) / whole(one))),
              unit: "",
            },
            ...(["node", "postgres", "temporal"] as const).map((who) => ({
              name: `processor time of a life, ${who}`,
              value: cpuOf(ours, who),
              unit: "ms",
              beside: { name: "bare", value: cpuOf(theirs, who) },
            })),
          ]),
    ],
    notes: [
      `ratios of the trials: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}; ${lives} lives each, ${clients} clients`,
    ],
  };
}

interface Trial {
  readonly rate: number;
  readonly cpu: Cpu | null;
}

async function measured(
  world: Process,
  lives: number,
  trial: (world: Process, lives: number) => Promise<number>,
): Promise<Trial> {
  const before = world.cpu();
  const rate = await trial(world, lives);
  const after = world.cpu();
  const each = (who: keyof Cpu) => (before && after ? (after[who] - before[who]) / lives : 0);
  return {
    rate,
    cpu: before && { node: each("node"), postgres: each("postgres"), temporal: each("temporal") },
  };
}

async function oneTrialOfLives(world: Process, lives: number): Promise<number> {
  const tag = randomBytes(4).toString("hex");
  const began = performance.now();
  await atOnce(
    clients,
    Array.from({ length: lives }, (_, n) => n),
    (n) => live(world, tag, n),
  );
  await effectsDone(world);
  return lives / ((performance.now() - began) / 1000);
}

/** One lead from intake to SAL. Gives its id. */
export async function live(world: Process, tag: string, n: number): Promise<string> {
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
  let offered: Promise<void> | undefined;
  const leadId = await inTransaction(world.pool, async (tx) => {
    const [taken] = await takeIn(tx, [arrival], {
      now,
      from: "form",
      lane: 1,
      agreement: world.agreement,
      expectsNew: true,
    });
    if (!taken || !("leadId" in taken)) throw new Error("the lead was not taken in");
    offered = world.decided("assess", taken.leadId);
    return taken.leadId;
  });
  await offered;
  await act(world, leadId, "logOutreach", { channel: "call", outcome: "connected" });
  await act(world, leadId, "accept", { fitRating: 4 });
  return leadId;
}

/** What a person does, stored and put to the process as the API does it. Throws when it was refused. */
export async function act<A extends "logOutreach" | "accept" | "advance">(
  world: Process,
  leadId: string,
  name: A,
  body: ActionBodies[A],
): Promise<void> {
  const lead = await firstRow<{ owner_id: string | null }>(
    world.pool,
    sql`select owner_id from lead where id = ${leadId}`,
  );
  const by = lead?.owner_id ?? "nobody";
  const id = `ax_${randomBytes(16).toString("hex")}`;
  const receivedAt = Date.now();
  await noteAction(world.pool, { id, leadId, name, by, role: "rep", body, via: "api", receivedAt });
  const handle = world.client.workflow.getHandle(leadWorkflowId(leadId));
  for (let tries = 1; ; tries++) {
    try {
      const result = await handle.executeUpdate(updates[name], {
        updateId: id,
        args: [{ id, name, by, role: "rep", receivedAt }],
      });
      if (!result.done) throw new Error(`${name} was refused: ${result.message}`);
      return;
    } catch (error) {
      // The rows say that it is offered a moment before its process knows: a person is never that quick.
      const isEarly =
        error instanceof WorkflowUpdateFailedError &&
        error.cause instanceof ApplicationFailure &&
        error.cause.type === "Refused";
      if (!isEarly || tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Until everybody outside has been told, at most a minute. */
export async function effectsDone(world: Process): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 20) {
    const row = await firstRow<{ n: number }>(
      world.pool,
      sql`select count(*)::int as n from effect where state = 'open'`,
    );
    if (row?.n === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("effects are still open after a minute");
}

async function oneTrialOfBare(world: Process, lives: number): Promise<number> {
  const tag = randomBytes(4).toString("hex");
  const began = performance.now();
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
  return lives / ((performance.now() - began) / 1000);
}
