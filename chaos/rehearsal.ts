import { checkAll } from "./checks.ts";
import { drained } from "./drain.ts";
import { closedOnSignal } from "./interrupt.ts";
import { RehearsalLedger } from "./ledger.ts";
import { outage, silentOnes, type Outage } from "./outages.ts";
import { sendLeads, workAsRep, workInCrm, type Crowd } from "./people.ts";
import { strikeUntil, type Hits } from "./strike.ts";
import type { Replayed } from "../test/support/replay.ts";
import { replayAll, startRounds } from "./replay.ts";
import { untilAcknowledged } from "./standings.ts";
import { openWorld, type ChaosWorld } from "./world.ts";

export interface Rehearsal {
  readonly seed: number;
  /** How long faults strike. */
  readonly minutes: number;
  readonly leads: number;
  /** How long each of the outside systems is silent; 0 leaves this part out. */
  readonly silentMs: number;
  /**
   * The least that must happen, or the run has tested nothing. A slow machine gets up to three
   * times the minutes for it.
   */
  readonly least: { readonly faults: number; readonly kinds: number; readonly actions: number };
  readonly environment: Readonly<Record<string, string>>;
}

export interface RehearsalOutcome {
  readonly seed: number;
  readonly hits: Hits;
  readonly figures: RehearsalLedger["figures"] & {
    readonly leads: number;
    readonly done: number;
    readonly refused: number;
    readonly healedAfterMs: number;
    readonly drainedAfterMs: number;
    readonly acknowledgedAfterMs: number;
    readonly replayed: number;
  };
  readonly outages: readonly Outage[];
  /** Everything that was not as promised; empty is the aim. */
  readonly breaches: readonly string[];
}

/**
 * How long the system may take to work off what piled up. Effects that failed wait longer each
 * time, at most five minutes.
 */
const drainMs = 330_000;

/**
 * Leads arrive and reps act while processes are killed and links are troubled; then everything is
 * healed, worked off and held against what was acknowledged. After that each outside system falls
 * silent once.
 */
export async function rehearse(
  how: Rehearsal,
  say: (line: string) => void,
): Promise<RehearsalOutcome> {
  const world = await openWorld(how.environment, say);
  const close = closedOnSignal(() => world.close());
  let isOver = false;
  let isHopeless = false;
  try {
    const ledger = new RehearsalLedger();
    const lasting = how.minutes * 60_000;
    const began = performance.now();
    const isEnough = (hits: Hits): boolean => {
      const passed = performance.now() - began;
      return (
        passed > 3 * lasting || (passed > lasting && tooLittle(how, hits, ledger).length === 0)
      );
    };
    const crowd: Crowd = {
      world,
      ledger,
      seed: how.seed,
      isOver: () => isOver,
      isHopeless: () => isHopeless,
    };
    say(`seed ${how.seed}: ${how.leads} leads, faults for ${how.minutes} min`);
    await startRounds(world);
    const intake = sendLeads(crowd, how.leads, lasting * 0.8);
    const work = [
      ...Object.keys(world.tokens.reps).map((rep) => workAsRep(crowd, rep)),
      workInCrm(crowd),
    ];
    const hits = await strikeUntil(world, how.seed, isEnough, (line) =>
      say(`${stamp(began)} ${line}`),
    );
    const healed = performance.now();
    const little = tooLittle(how, hits, ledger);
    say(`${stamp(began)} healed`);
    await intake;
    isOver = true;
    const giveUp = setTimeout(() => {
      isHopeless = true;
    }, 60_000);
    await Promise.all(work);
    clearTimeout(giveUp);
    const answeredMs = Math.round(performance.now() - healed);
    const rest = await drained(world.pool, drainMs);
    say(`${stamp(began)} worked off`);

    const breaches = rest.left
      ? [`a backlog is left after ${rest.ms} ms: ${JSON.stringify(rest.left)}`]
      : [];
    const told = await untilAcknowledged(world);
    breaches.push(...told.apart.slice(0, 10));
    const outages: Outage[] = [];
    if (how.silentMs > 0) breaches.push(...(await checkAll(world, ledger)));
    for (const silent of how.silentMs > 0 ? silentOnes : []) {
      say(`${stamp(began)} ${silent} falls silent for ${how.silentMs} ms`);
      const one = await outage(world, crowd, silent, how.silentMs, drainMs);
      outages.push(one);
      breaches.push(...one.breaches);
    }
    breaches.push(...(await checkAll(world, ledger)));
    const replayed = await replay(world, breaches, (line) => say(`${stamp(began)} ${line}`));
    const figures = {
      ...ledger.figures,
      leads: ledger.leads.length,
      done: ledger.actions.filter((one) => one.done).length,
      refused: ledger.actions.filter((one) => !one.done).length,
      healedAfterMs: answeredMs,
      drainedAfterMs: answeredMs + rest.ms,
      acknowledgedAfterMs: answeredMs + rest.ms + told.ms,
      replayed,
    };
    return {
      seed: how.seed,
      hits,
      figures,
      outages,
      breaches: [...new Set([...breaches, ...little])],
    };
  } finally {
    // Whatever went wrong: who still asks again and again would keep this process up for ever.
    isOver = true;
    isHopeless = true;
    await close();
  }
}

/**
 * Whatever the run wrote can be replayed, or its process could never go on. Gives how many
 * histories were.
 */
async function replay(
  world: ChaosWorld,
  breaches: string[],
  say: (line: string) => void,
): Promise<number> {
  const { runs, broken } = await replayAll(world).catch((error: unknown): Replayed => {
    breaches.push(
      `not every history could be replayed: ${error instanceof Error ? error.message : String(error)}`,
    );
    return { runs: {}, broken: null };
  });
  const count = Object.values(runs).reduce((sum, n) => sum + n, 0);
  const kinds = Object.entries(runs)
    .map(([type, n]) => `${type} ${n}`)
    .join(", ");
  say(
    `replayed ${count} histories${kinds && ` (${kinds})`}, ${broken ? "the next one failed" : "0 failed"}`,
  );
  if (broken) {
    world.keepHistories();
    breaches.push(
      `run ${broken.runId} of ${broken.workflowId} does not replay, its history is in ` +
        `${broken.file}: ${broken.why}`,
    );
  }
  return count;
}

/** A run that tests nothing must not pass: what counts is what happened while faults struck. */
function tooLittle(
  { least }: Rehearsal,
  hits: Hits,
  { actions }: Pick<RehearsalLedger, "actions">,
): string[] {
  const done = actions.filter((one) => one.done).length;
  const faults = Object.values(hits).reduce((sum, count) => sum + count, 0);
  const kinds = Object.keys(hits).length;
  return [
    ...(faults >= least.faults
      ? []
      : [`only ${faults} faults were hit, expected at least ${least.faults}`]),
    ...(kinds >= least.kinds
      ? []
      : [`only ${kinds} kinds of faults were hit, expected at least ${least.kinds}`]),
    ...(done >= least.actions
      ? []
      : [`only ${done} actions succeeded, expected at least ${least.actions}`]),
  ];
}

function stamp(began: number): string {
  return `${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s`;
}
