import { readFile } from "node:fs/promises";
import { parseRoster } from "../agreement/roster.ts";
import { printProblem } from "../agreement/parse.ts";
import { agreementOf } from "../agreement/stored.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { Pool } from "../store/postgres/db.ts";
import {
  refuseSample,
  SampleRefused,
  writeSample,
  type SampleWritten,
} from "../store/sample/write.ts";
import { sampleAgreements, sampleRoster } from "../sample/agreement.ts";
import { generateCompany } from "../sample/company.ts";
import { samplePeriods, type SamplePeriods } from "../sample/periods.ts";
import type { SampleOptions } from "../sample/patterns.ts";
import type { SampleVersion } from "../sample/model.ts";
import { CommandError } from "./command.ts";

export interface SampleDone extends SampleWritten {
  readonly periods: SamplePeriods;
}

/**
 * Makes a sample company whose history ends at the beginning of this hour, and writes it. Throws a
 * `CommandError` where the database holds anything real.
 */
export async function writeSampleCompany(
  pool: Pool,
  options: SampleOptions,
  now: Instant,
): Promise<SampleDone> {
  const example = await fileText("../agreement/example.yaml");
  const texts = sampleAgreements(example, options.plant);
  const roster = rosterOf(sampleRoster(await fileText("../sample/roster.yaml"), options.plant));
  const periods = samplePeriods(options.months, Math.floor(now / hour) * hour);
  const { begin, quarter } = periods;
  // The first version is older than the first lead.
  const since = [begin - 30 * day, quarter.from, quarter.to] as const;
  const versions = texts.map((text, n): SampleVersion => ({
    agreement: agreementOf(text),
    from: since[n] ?? begin,
  }));
  const agreements = texts.map((content, n) => ({ content, from: since[n] ?? begin }));
  const known = { agreement: example };
  const { seed, months, plant } = options;
  try {
    await refuseSample(pool, { roster }, known);
    const company = generateCompany({
      ...options,
      periods,
      versions: versions as [SampleVersion, SampleVersion, SampleVersion],
      roster: {
        reps: Object.fromEntries(
          roster.reps.map((rep) => [rep.id, { ...rep, absences: roster.absences[rep.id] ?? [] }]),
        ),
        pools: Object.fromEntries(roster.pools.map((one) => [one.id, one])),
      },
    });
    const made = { seed, months, plant: [...plant] };
    const written = await writeSample(pool, { agreements, roster, company, made }, known, now);
    return { ...written, periods };
  } catch (error) {
    if (!(error instanceof SampleRefused)) throw error;
    throw new CommandError(
      `No sample is written into this database: ${error.message}. A sample is for an empty ` +
        "installation, so that nothing real is mixed with it; give it a BATON_HOME or " +
        "DATABASE_URL of its own.",
    );
  }
}

/** What was written, for people. */
export function sampleLines(
  { accounts, leads, handoffs, open, periods }: SampleDone,
  { plant }: Pick<SampleOptions, "plant">,
): string[] {
  const [from, to] = [periods.begin, periods.until].map((at) =>
    new Date(at).toISOString().slice(0, 10),
  );
  return [
    `Sample company: ${leads} leads of ${accounts} accounts and ${handoffs} handoffs from ` +
      `${from} to ${to}; ${open} leads are in nurture or re-nurture.`,
    `Planted: ${plant.join(", ") || "nothing"} (docs/sample.md).`,
  ];
}

const hour = 3_600_000;
const day = 24 * hour;

function fileText(path: string): Promise<string> {
  return readFile(new URL(path, import.meta.url), "utf8");
}

function rosterOf(text: string) {
  const parsed = parseRoster(text);
  if (parsed.ok) return parsed.roster;
  throw new Error(`sample/roster.yaml: ${parsed.problems.map(printProblem).join("; ")}`);
}
