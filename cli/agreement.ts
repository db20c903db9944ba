import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { parseAgreement, printProblem } from "../agreement/parse.ts";
import { missingPools, parseRoster } from "../agreement/roster.ts";
import { Problem, type Command, type Io } from "./command.ts";

const usage = `baton agreement check FILE [--roster FILE] [--json]

Reads an agreement and names every mistake with its line and what was expected there.
  --roster FILE   also read a roster, and say which pools the agreement names and the roster lacks
  --json          { ok, problems, warnings } instead of lines
Ends with 0 when the agreement can be used, with 1 when it cannot.`;

export const command: Command = {
  name: "agreement",
  summary: "check a handoff agreement",
  usage,
  run(args, io) {
    const [what, ...rest] = args;
    const run = what !== undefined && Object.hasOwn(actions, what) ? actions[what] : undefined;
    if (!run) throw new Problem(`Say what to do with the agreement: ${Object.keys(actions).join(", ")}.\n\n${usage}`);
    return run(rest, io);
  },
};

const actions: Readonly<Record<string, (args: string[], io: Io) => Promise<number>>> = { check };

async function check(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: "boolean", default: false }, roster: { type: "string" } } });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new Problem(`Name one agreement file.\n\n${usage}`);
  const parsed = parseAgreement(await textOf(file));
  const roster = values.roster === undefined ? null : parseRoster(await textOf(values.roster));
  const rosterProblems = roster && !roster.ok ? roster.problems : [];
  const lacking = parsed.ok && roster?.ok ? missingPools(parsed.agreement, roster.roster) : [];
  const problems = parsed.ok ? [] : parsed.problems;
  const ok = problems.length === 0 && rosterProblems.length === 0 && lacking.length === 0;

  if (values.json) {
    io.out(JSON.stringify({ ok, problems, warnings: parsed.warnings, ...(roster ? { rosterProblems, missingPools: lacking } : {}) }, null, 2));
    return ok ? 0 : 1;
  }
  for (const problem of problems) io.err(`${file}:${printProblem(problem)}`);
  for (const problem of rosterProblems) io.err(`${values.roster}:${printProblem(problem)}`);
  for (const pool of lacking) io.err(`${file}: expected a pool that the roster has, found "${pool}"`);
  for (const warning of parsed.warnings) io.err(`${file}:${printProblem(warning)} (warning)`);
  io.out(ok ? `${file} can be used${counted(parsed.warnings.length, "warning", ", ")}.` : `${file} cannot be used${counted(problems.length + rosterProblems.length + lacking.length, "error", ": ")}.`);
  return ok ? 0 : 1;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Problem(`Cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? "unknown error"}); give the path of a readable YAML file.`);
  }
}

function counted(count: number, noun: string, before: string): string {
  return count === 0 ? "" : `${before}${count} ${noun}${count === 1 ? "" : "s"}`;
}
