import { parseArgs } from "node:util";
import { parseAgreement, printProblem } from "../../agreement/parse.ts";
import { missingPoolPlaces, missingPools, parseRoster } from "../../agreement/roster.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { agreementChanges } from "../../handoff/governance/agreement-changes.ts";
import { printRuleChange } from "../../handoff/governance/rule-change.ts";
import { judgeByBoth } from "../../handoff/qualify/compare.ts";
import { tryDraft, type DraftTrial } from "../../store/intake/trial.ts";
import { saySignatures } from "../../handoff/governance/signers.ts";
import { publishUnsigned } from "../../store/governance/signed-versions.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { listPools } from "../../store/routing/roster.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { fileRefused, oneFile, yamlText } from "../yaml-file.ts";
import { byApi, runByApi } from "./agreement-versions.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

const usage = `baton agreement check FILE [--roster FILE] [--json]
baton agreement diff FILE [OTHER] [--json]
baton agreement try FILE [--json]
baton agreement publish FILE [--note TEXT] [--json]
baton agreement propose FILE [--note TEXT] [--json]
baton agreement plan VERSION [--cancel] [--json]
baton agreement sign VERSION [--json]
baton agreement activate VERSION [--rejudge-clocks] [--json]
baton agreement rollback VERSION [--note TEXT] [--json]
baton agreement export VERSION [--json]
baton agreement versions [--json]

check reads an agreement and names every mistake with its line and what was expected there.
  --roster FILE   also read a roster, and say which pools the agreement names and the roster lacks
  --json          { ok, problems, warnings } instead of lines
Ends with 0 when the agreement can be used, with 1 when it cannot.

diff says what a file changes, rule by rule: against the active agreement, or what OTHER changes against FILE.
Comments, the order of keys and other spellings of a rule are no change.

try judges today's open leads by the file and by the active agreement, says what would change, and writes nothing.

publish checks it and makes it the active version at once: the first version, and those of agreements that nobody signs
(signedBy: []). Where the active version or this one names who signs, it has to be proposed. Open handoffs keep the
version they began under. The same content again changes nothing.
All these work on DATABASE_URL, else on the database of BATON_HOME. The others ask the API:

propose         keeps a version for its parties to sign, and makes its plan; then they are asked by mail
plan            what a version would do: open leads, deadlines, last quarter judged again, load. Makes it where there is
                none of today and shows how far it is; --cancel stops that
sign            with --token of a leader: signs for that leader's party
activate        makes a signed version the active one; open handoffs keep theirs, or with --rejudge-clocks their running
                clocks go on by the targets and hours of this one, used time stays used
rollback        proposes the content of a version that was active before, as a new one
export          the text of a version, to be edited and proposed as another one
versions        every version, the newest first
  --url, --token  the API and a token; else the operator's on the Baton that runs on BATON_HOME and PORT`;

export const command: Command = {
  name: "agreement",
  summary: "check, compare, try, propose, sign or publish a handoff agreement",
  usage,
  run(args, io) {
    const [what, ...rest] = args;
    const run = what !== undefined && Object.hasOwn(actions, what) ? actions[what] : undefined;
    if (what !== undefined && Object.hasOwn(byApi, what)) return runByApi(what, rest, io);
    if (!run)
      throw new CommandError(
        `Say what to do with the agreement: ${[...Object.keys(actions), ...Object.keys(byApi)].join(", ")}.\n\n${usage}`,
      );
    return run(rest, io);
  },
};

const actions: Readonly<Record<string, (args: string[], io: Io) => Promise<number>>> = {
  check,
  diff,
  try: tryFile,
  publish,
};

async function check(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: "boolean", default: false }, roster: { type: "string" } },
  });
  const file = oneFile(positionals, "agreement", usage);
  const source = await yamlText(file);
  const parsed = parseAgreement(source);
  const roster = values.roster === undefined ? null : parseRoster(await yamlText(values.roster));
  const rosterProblems = roster && !roster.ok ? roster.problems : [];
  const lacking = roster?.ok ? missingPoolPlaces(source, roster.roster) : [];
  const problems = [...(parsed.ok ? [] : parsed.problems), ...lacking].toSorted(
    (a, b) => a.line - b.line || a.column - b.column,
  );
  const ok = problems.length === 0 && rosterProblems.length === 0;

  if (values.json) {
    io.out(
      JSON.stringify(
        {
          ok,
          problems,
          warnings: parsed.warnings,
          ...(roster ? { rosterProblems } : {}),
        },
        null,
        2,
      ),
    );
    return ok ? 0 : 1;
  }
  for (const problem of problems) io.err(`${file}:${printProblem(problem)}`);
  for (const problem of rosterProblems) io.err(`${values.roster}:${printProblem(problem)}`);
  for (const warning of parsed.warnings) io.err(`${file}:${printProblem(warning)} (warning)`);
  io.out(
    ok
      ? `${file} can be used${counted(parsed.warnings.length, "warning", ", ")}.`
      : `${file} cannot be ` +
          `used${counted(problems.length + rosterProblems.length, "error", ": ")}.`,
  );
  return ok ? 0 : 1;
}

async function diff(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const [file, other, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw new CommandError(`Name one agreement file, or two to compare.\n\n${usage}`);
  const given = await readAgreement(file);
  const [before, after] =
    other === undefined ? [await activeAgreement(), given] : [given, await readAgreement(other)];
  const changes = agreementChanges(before, after);
  if (values.json) io.out(JSON.stringify({ changes }, null, 2));
  else if (changes.length === 0) io.out("No rule changes.");
  else for (const change of changes) io.out(printRuleChange(change));
  return 0;
}

async function readAgreement(file: string): Promise<Agreement> {
  const parsed = parseAgreement(await yamlText(file));
  if (!parsed.ok) throw fileRefused(file, parsed.problems);
  return parsed.agreement;
}

async function activeAgreement(): Promise<Agreement> {
  const active = await withPool(databaseUrlOf(readSettings()), (pool) =>
    createAgreements(agreementOf).active(pool),
  );
  if (!active) throw new CommandError(nothingActive);
  return active.agreement;
}

const nothingActive =
  "No agreement is active to compare with; publish one with `baton agreement publish FILE`.";

async function tryFile(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const file = oneFile(positionals, "agreement", usage);
  const parsed = parseAgreement(await yamlText(file));
  if (!parsed.ok) throw fileRefused(file, parsed.problems);
  for (const warning of parsed.warnings) io.err(`${file}:${printProblem(warning)} (warning)`);
  const draft = parsed.agreement;
  const { tried, lacking, against } = await withPool(
    databaseUrlOf(readSettings()),
    async (pool) => {
      const active = await createAgreements(agreementOf).active(pool);
      if (!active) throw new CommandError(nothingActive);
      return {
        tried: await tryDraft(pool, Date.now(), (leads) =>
          judgeByBoth(active.agreement, draft, leads),
        ),
        lacking: missingPools(draft, { pools: await listPools(pool) }),
        against: active.id,
      };
    },
  );
  if (values.json) {
    io.out(JSON.stringify({ ...tried, missingPools: lacking, against }));
    return 0;
  }
  for (const pool of lacking)
    io.err(
      `The roster has no pool "${pool}"; what the draft sends there goes to ` +
        `${draft.routing.fallback}.`,
    );
  io.out(
    `${tried.leads} open leads judged by ${file} and by ${against}: ${tried.same} come to the ` +
      `same${tried.changes.length === 0 ? "" : ", and"}`,
  );
  for (const { from, to, count, examples } of tried.changes)
    io.out(
      `  ${count}: ${printOutcome(from)} becomes ${printOutcome(to)} (${examples.join(", ")})`,
    );
  io.out("Nothing was written.");
  return 0;
}

function printOutcome({ verdict, leadType, band }: DraftTrial["changes"][number]["from"]): string {
  return [verdict, ...(leadType === undefined ? [] : [leadType]), `band ${band}`].join(" ");
}

async function publish(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: "boolean", default: false }, note: { type: "string" } },
  });
  const file = oneFile(positionals, "agreement", usage);
  const content = await yamlText(file);
  const parsed = parseAgreement(content);
  for (const warning of parsed.warnings) io.err(`${file}:${printProblem(warning)} (warning)`);
  if (!parsed.ok) throw fileRefused(file, parsed.problems);
  const { agreement } = parsed;
  const { done, lacking } = await withPool(databaseUrlOf(readSettings()), (pool) =>
    inTransaction(pool, async (tx) => ({
      done: await publishUnsigned(
        tx,
        createAgreements(agreementOf),
        { content, agreement },
        { by: "cli", note: values.note },
        Date.now(),
      ),
      lacking: missingPools(agreement, { pools: await listPools(tx) }),
    })),
  );
  if ("why" in done)
    throw new CommandError(
      `It needs ${saySignatures(done.needed)} (signedBy): \`baton agreement propose ${file}\`.`,
    );
  const { id, isNew } = done;
  for (const pool of lacking)
    io.err(
      `The roster has no pool "${pool}"; what the agreement sends there goes to ` +
        `${parsed.agreement.routing.fallback}.`,
    );
  if (values.json) io.out(JSON.stringify({ id, isNew, missingPools: lacking }));
  else
    io.out(
      isNew
        ? `${id} is active now, without signatures.`
        : `${id} has this content and is active already.`,
    );
  return 0;
}

function counted(count: number, noun: string, before: string): string {
  return count === 0 ? "" : `${before}${count} ${noun}${count === 1 ? "" : "s"}`;
}
