import { parseArgs } from "node:util";
import {
  fewestMonths,
  mostLeads,
  mostMonths,
  patternNames,
  type PatternName,
  type SampleOptions,
} from "../../sample/patterns.ts";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { sampleLines, writeSampleCompany } from "../sample-company.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { bulkWaits, withPool } from "../servers/servers.ts";

const usage = `baton sample [--leads N] [--months M] [--seed S] [--without PATTERN]... [--json]

Writes a made-up company into an empty installation, so that every report has something to say: accounts, contacts, reps in
three zones, engagements, handoffs and opportunities of the last months. Nothing that was handed off is under way; leads in
nurture and re-nurture are, and their processes start with the worker. docs/sample.md says what is planted in it and where
it is seen. Nothing is written where there are leads, or an agreement or a roster that did not come with Baton.
  --leads N    how many leads arrive (default 10000, at most ${mostLeads}); patterns are plain from 5000 on
  --months M   over how many months up to now, from ${fewestMonths} to ${mostMonths} (default 12)
  --seed S     another company; the same seed gives the same one within the same hour (default 1)
  --without    leave a pattern out: ${patternNames.join(", ")}
  --json       what was written, as JSON
Works on DATABASE_URL, else on the database of BATON_HOME.`;

export const command: Command = {
  name: "sample",
  summary: "fill an empty installation with a made-up company",
  usage,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        leads: { type: "string", default: "10000" },
        months: { type: "string", default: "12" },
        seed: { type: "string", default: "1" },
        without: { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
      },
    });
    const options: SampleOptions = {
      leads: whole("--leads", values.leads, 1, mostLeads),
      months: whole("--months", values.months, fewestMonths, mostMonths),
      seed: whole("--seed", values.seed, 0, 2 ** 32 - 1),
      plant: plantedWithout(values.without),
    };
    const done = await withPool(
      databaseUrlOf(readSettings()),
      (pool) => writeSampleCompany(pool, options, Date.now()),
      bulkWaits,
    );
    if (values.json) io.out(JSON.stringify({ ...done, ...options }));
    else for (const line of sampleLines(done, options)) io.out(line);
    return 0;
  },
};

function plantedWithout(names: readonly string[]): PatternName[] {
  const unknown = names.find((name) => !patternNames.some((one) => one === name));
  if (unknown !== undefined)
    throw new CommandError(
      `--without is "${unknown}"; expected one of ${patternNames.join(", ")}.`,
    );
  return patternNames.filter((one) => !names.includes(one));
}

function whole(name: string, given: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(given) ? Number(given) : NaN;
  if (value >= least && value <= most) return value;
  throw new CommandError(
    `${name} is "${given}"; expected a whole number from ${least} to ${most}.`,
  );
}
