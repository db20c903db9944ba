import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchCalendar } from "./calendar.ts";
import { benchConsole } from "./console.ts";
import { benchEngagements } from "./engagements.ts";
import { benchEvicted } from "./evicted.ts";
import { benchGrowth } from "./growth.ts";
import { benchHistory } from "./history.ts";
import { benchImport } from "./import-load.ts";
import { benchIntake } from "./intake.ts";
import { benchLives } from "./lives.ts";
import { isReached, type Figure, type Report } from "./numbers.ts";
import { startProcess, type Process } from "./process.ts";
import { benchPlan } from "./plan.ts";
import { benchRates } from "./rates.ts";
import { benchReports } from "./reports.ts";
import { benchRescore } from "./rescore.ts";
import { benchRouting } from "./routing.ts";
import { startStack, type BenchStack } from "./stack.ts";

const usage = `npm run bench -- [NAME ...] [--json] [--quick] [--leads N] [--handoffs N]

Measures on this machine, side by side in one run: calendar, routing, history, lives, evicted,
rates, intake, engagements, rescore, console, plan, import, growth, and reports.
Without a name all but the last five: console needs a Chromium and fills a database of --leads, plan and import take 100,000 leads (--leads), growth fills databases of 10,000 leads
and ten times as many up to --leads, reports the same of handoffs up to --handoffs. --quick takes smaller samples, --json prints
JSON alone. Figures in ratios are comparable between machines; the others are of this one. Nothing else should run.`;

/** What is running while a bench may need it; each part is started when the first one asks. */
interface Parts {
  readonly stack: () => Promise<BenchStack>;
  readonly process: () => Promise<Process>;
  readonly quick: boolean;
  readonly leads: number;
  readonly handoffs: number;
}

const benches: Readonly<Record<string, (parts: Parts) => Promise<Report>>> = {
  calendar: async () => calendarReport(await benchCalendar()),
  routing: async ({ quick }) =>
    routingReport(await benchRouting({ leads: quick ? 1_000 : 10_000 })),
  history: async ({ process, quick }) => benchHistory(await process(), { leads: quick ? 2 : 5 }),
  lives: async ({ process, quick }) =>
    benchLives(await process(), quick ? { trials: 3, lives: 60 } : {}),
  evicted: async ({ stack, quick }) =>
    benchEvicted(await stack(), quick ? { leads: 200, rounds: 3, actions: 40 } : {}),
  rates: async ({ stack, quick }) => benchRates(await stack(), quick ? { seconds: 6 } : {}),
  intake: async ({ stack, quick }) =>
    benchIntake(await stack(), quick ? { rounds: 3, requests: 200 } : {}),
  console: async ({ stack, quick, leads }) =>
    benchConsole(
      await stack(),
      quick
        ? { leads: Math.min(leads, 5_000), requests: 80, seconds: 6, times: 1 }
        : { leads, requests: 300, seconds: 30, times: 3 },
    ),
  engagements: async ({ stack, quick }) =>
    benchEngagements(await stack(), quick ? { requests: 120 } : {}),
  rescore: async ({ quick }) => benchRescore({ leads: quick ? 50_000 : 1_000_000 }),
  plan: async ({ quick, leads }) => benchPlan({ leads: quick ? Math.min(leads, 5_000) : leads }),
  import: async ({ stack, quick, leads }) =>
    benchImport(await stack(), { leads: quick ? Math.min(leads, 5_000) : leads }),
  growth: async ({ quick, leads }) =>
    benchGrowth({ sizes: quick ? [2_000, 20_000] : decadesUpTo(leads) }),
  reports: async ({ quick, handoffs }) =>
    benchReports({ sizes: quick ? [2_000, 20_000] : decadesUpTo(handoffs) }),
};

/** Alone: it takes long, or needs the room. */
const byName = ["console", "plan", "import", "growth", "reports"];

/** 10,000, 100,000, … up to `most`. */
function decadesUpTo(most: number): number[] {
  const sizes: number[] = [];
  for (let size = 10_000; size <= most; size *= 10) sizes.push(size);
  return sizes.includes(most) ? sizes : [...sizes, most];
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      leads: { type: "string", default: "100000" },
      handoffs: { type: "string", default: "100000" },
      help: { type: "boolean", default: false },
    },
  });
  const names =
    positionals.length > 0
      ? positionals
      : Object.keys(benches).filter((name) => !byName.includes(name));
  const unknown = names.find((name) => !Object.hasOwn(benches, name));
  const [leads, handoffs] = [Number(values.leads), Number(values.handoffs)];
  const isCount = (n: number) => Number.isInteger(n) && n >= 1;
  if (values.help || unknown !== undefined || !isCount(leads) || !isCount(handoffs)) {
    process.stdout.write(
      `${unknown === undefined ? "" : `There is no bench "${unknown}".\n`}${usage}\n`,
    );
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const say = (line: string) => {
    if (!values.json) process.stdout.write(`${line}\n`);
  };
  const opened: { close(): Promise<void> }[] = [];
  const once = <T extends { close(): Promise<void> }>(open: () => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () =>
      (made ??= open().then((one) => {
        opened.push(one);
        return one;
      }));
  };
  const closeAll = async () => {
    for (const one of opened.splice(0).toReversed()) await one.close();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void closeAll().finally(() => process.exit(1)));

  const stack = once(startStack);
  const parts: Parts = {
    stack,
    process: once(async () => startProcess(await stack())),
    quick: values.quick,
    leads,
    handoffs,
  };
  const reports: Record<string, Report> = {};
  say(
    `Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model ?? "?"}, ` +
      `${Math.round(totalmem() / 2 ** 30)} GiB`,
  );
  try {
    for (const name of names) {
      const report = await benches[name]?.(parts);
      if (!report) continue;
      reports[name] = report;
      say(`\n${name}`);
      for (const figure of report.figures) say(line(figure));
      for (const note of report.notes ?? []) say(`  ${note}`);
    }
  } finally {
    await closeAll();
  }
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ node: process.versions.node, processors: cpus().length, model: cpus()[0]?.model, at: new Date().toISOString(), reports }, null, 2)}\n`,
    );
}

function line(figure: Figure): string {
  const { name, value, unit, goal, beside } = figure;
  const shown = `${number(value)} ${unit}`.trimEnd();
  const reached = isReached(figure);
  const besides = beside?.map((one) => `${one.name}: ${number(one.value)}`).join(", ");
  const aim =
    goal === undefined
      ? ""
      : `  goal ${"atMost" in goal ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`}${reached ? "" : ", missed"}`;
  return `  ${name.padEnd(52)}${shown.padStart(14)}${aim}${besides ? `  (${besides})` : ""}`;
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 100 ? 2 : 0);
}

function calendarReport(rows: Awaited<ReturnType<typeof benchCalendar>>): Report {
  return {
    figures: rows.flatMap(({ name, unit, ours, theirs, ratio, target }): Figure[] => [
      {
        name,
        value: ours,
        unit,
        goal: { atMost: target },
        ...(theirs === null ? {} : { beside: [{ name: "day walking with luxon", value: theirs }] }),
      },
      ...(ratio === null
        ? []
        : [{ name: `${name}, times faster`, value: ratio, unit: "", goal: { atLeast: 100 } }]),
    ]),
  };
}

function routingReport(found: Awaited<ReturnType<typeof benchRouting>>): Report {
  return {
    figures: [
      {
        name: `routing, picks of ${found.clients} clients in one pool`,
        value: found.picksPerSecond,
        unit: "1/s",
        goal: { atLeast: 5_000 },
        beside: [{ name: "a transaction for each", value: found.alonePerSecond }],
      },
      { name: "one pick, from asking to its answer, p50", value: found.medianMs, unit: "ms" },
      { name: "one pick, from asking to its answer, p95", value: found.p95Ms, unit: "ms" },
      ...(found.cpu === null
        ? []
        : [
            { name: "processor time of a pick, node", value: found.cpu.node, unit: "ms" },
            { name: "processor time of a pick, postgres", value: found.cpu.postgres, unit: "ms" },
          ]),
      {
        name: "routing, furthest from entitlement",
        value: found.deviation,
        unit: "leads",
        goal: { atMost: 1.5 },
        beside: [{ name: "fewest first without a lock", value: found.deviationUnlocked }],
      },
    ],
    notes: [`${found.leads} leads, ten reps of unequal weight`],
  };
}

await main();
process.exit();
