import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { rehearseDeployment } from "./deployment/rehearsal.ts";
import { rehearse, type RehearsalOutcome } from "./rehearsal.ts";

const usage = `npm run chaos -- [--seed N] [--minutes M] [--leads L] [--silent SECONDS]
npm run chaos -- deployment [--seed N] [--minutes M] [--rate LEADS A SECOND]

Runs everything on its own ports with troubled links between, kills and restarts it, then checks that nothing
acknowledged was lost or done twice (docs/chaos.md). Ends with 0 when all is as promised, with 1 otherwise.
--minutes  how long faults strike (default 5)   --leads   how many arrive (default 500)
--silent   how long each outside system is silent afterwards, in seconds (default 20; 0: not at all)

deployment: two workers and two APIs beside Temporal's own server on a Postgres 15 with 100 connections, a
kill -9, an upgrade. It needs Go and Postgres 15. --rate  how many leads a second arrive (default 2)`;

/** Reads the wishes, runs, prints, ends. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: "string" },
      minutes: { type: "string" },
      leads: { type: "string" },
      silent: { type: "string" },
      rate: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const [seed, minutes, leads, silent] = [
    number(values.seed, randomInt(1, 1_000_000)),
    number(values.minutes, 5),
    number(values.leads, 500),
    number(values.silent, 20),
  ];
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  if (positionals[0] === "deployment") {
    const breaches = await rehearseDeployment(
      { seed, minutes, rate: number(values.rate, 2), environment },
      print,
    );
    for (const words of breaches) print(`BREACH ${words}`);
    print(
      breaches.length === 0 ? "nothing lost, nothing done twice" : `${breaches.length} breaches`,
    );
    return breaches.length === 0 ? 0 : 1;
  }
  if (positionals.length > 0) throw new Error(`unknown: ${positionals.join(" ")}\n\n${usage}`);
  // The least is what even a slow machine reaches: a fault every ten seconds, an action for every
  // fourth lead.
  const least = {
    faults: Math.floor(minutes * 6),
    kinds: Math.min(16, Math.floor(minutes * 6)),
    actions: Math.floor(leads / 4),
  };
  const outcome = await rehearse(
    { seed, minutes, leads, silentMs: silent * 1_000, least, environment },
    print,
  );
  process.stdout.write(report(outcome));
  return outcome.breaches.length === 0 ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function number(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new Error(`expected a number of 0 or more, not "${text}"\n\n${usage}`);
  return value;
}

function report({ seed, hits, figures, outages, breaches }: RehearsalOutcome): string {
  const lines = [
    "",
    "faults that met somebody:",
    ...Object.entries(hits)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, count]) => `  ${what.padEnd(34)} ${count}`),
    "",
    "figures:",
    ...Object.entries(figures).map(([what, count]) => `  ${what.padEnd(34)} ${count}`),
    "",
    ...outages.map(
      (one) =>
        `${one.silent} silent: ${one.requests} requests, ${one.accepted} 2xx, ` +
        `${one.unavailable} 503, ${one.decided} leads decided about, slowest ${one.slowestMs} ` +
        `ms, action ${one.slowestActionMs} ms (/healthz ${one.machineMs} ms); ready ` +
        `${one.readyAfterMs} ms worked off ${one.drainedAfterMs} ms and heard ` +
        `${one.acknowledgedAfterMs} ms after it was back; ` +
        `MiB before/most/after: API ${one.memory.api.join("/")}, worker ${one.memory.worker.join("/")}`,
    ),
    "",
    ...breaches.map((words) => `BREACH ${words}`),
    `seed ${seed}: ${breaches.length === 0 ? "nothing lost, nothing done twice" : `${breaches.length} breaches; again with --seed ${seed}`}`,
    "",
  ];
  return lines.join("\n");
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
}
