import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { printProblem } from "../../agreement/parse.ts";
import {
  publishRoster,
  rosterWith,
  standingRoster,
  takenSentence,
} from "../../agreement/publish-roster.ts";
import { parseRoster, type ParsedRoster } from "../../agreement/roster.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { rosterDocument, rosterText } from "../../agreement/roster-text.ts";
import { printRuleChange } from "../../handoff/governance/rule-change.ts";
import { rosterChanges } from "../../handoff/governance/roster-changes.ts";
import { movedByRoster } from "../../store/governance/moved-by-roster.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { fileRefused, oneFile, yamlText } from "../yaml-file.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

const usage = `baton roster check FILE [--json]
baton roster diff FILE [--json]
baton roster publish FILE [--preview] [--json]
baton roster export [FILE] [--json]

The file has the form of agreement/roster.yaml: hours by name, people, pools.

check names every mistake with its line and what was expected there. Ends with 0 when the file can be used, else with 1.
diff says what publishing it would change: weights, hours, people, absences that are not over.
publish checks it and puts it: people, their absences and pools become as the file says, and work under way is told in
the same transaction. Whoever is not in the file stays as before; nobody is ever removed: who leaves has active: false.
The same file again changes nothing. --preview writes nothing: it says which deadlines of open handoffs would move.
export writes the roster as it stands, with its named hours, to FILE or to the screen; published again it changes nothing.
  --json   the answer, or the roster, as JSON
diff, publish and export work on DATABASE_URL, else on the database of BATON_HOME.`;

export const command: Command = {
  name: "roster",
  summary: "check, compare, publish or export who takes leads",
  usage,
  run(args, io) {
    const [what, ...rest] = args;
    const run = what !== undefined && Object.hasOwn(actions, what) ? actions[what] : undefined;
    if (!run)
      throw new CommandError(
        `Say what to do with the roster: ${Object.keys(actions).join(", ")}.\n\n${usage}`,
      );
    const { values, positionals } = parseArgs({
      args: rest,
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        preview: { type: "boolean", default: false },
      },
    });
    if (values.preview && what !== "publish")
      throw new CommandError("--preview goes with `baton roster publish FILE`.");
    return values.preview
      ? preview(positionals, values.json, io)
      : run(positionals, values.json, io);
  },
};

type Action = (files: readonly string[], json: boolean, io: Io) => Promise<number>;

const actions: Readonly<Record<string, Action>> = {
  async check(files, json, io) {
    const { file, parsed } = await readOne(files);
    const problems = parsed.ok ? [] : parsed.problems;
    if (json) io.out(JSON.stringify({ ok: parsed.ok, problems }, null, 2));
    else {
      for (const problem of problems) io.err(`${file}:${printProblem(problem)}`);
      const errors = `${problems.length} error${problems.length === 1 ? "" : "s"}`;
      io.out(parsed.ok ? `${file} can be used.` : `${file} cannot be used: ${errors}.`);
    }
    return parsed.ok ? 0 : 1;
  },

  async diff(files, json, io) {
    const { file, parsed } = await readOne(files);
    if (!parsed.ok) throw fileRefused(file, parsed.problems);
    const standing = await withPool(databaseUrlOf(readSettings()), standingRoster);
    const changes = rosterChanges(standing, parsed.roster, Date.now());
    if (json) io.out(JSON.stringify({ changes }, null, 2));
    else if (changes.length === 0) io.out("Nothing changes.");
    else for (const change of changes) io.out(printRuleChange(change));
    return 0;
  },

  async publish(files, json, io) {
    const { file, parsed } = await readOne(files);
    if (!parsed.ok) throw fileRefused(file, parsed.problems);
    const done = await withPool(databaseUrlOf(readSettings()), (pool) =>
      inTransaction(pool, (tx) => publishRoster(tx, parsed.roster, "cli", Date.now())),
    );
    if ("taken" in done)
      throw new CommandError(done.taken.map((one) => `${file}: ${takenSentence(one)}`).join("\n"));
    const { changed, told, released, untouched } = done;
    if (json) {
      io.out(JSON.stringify({ changed, told, released, untouched }));
      return 0;
    }
    if (untouched.length > 0)
      io.err(`Not in the file, so they stay as they are: ${untouched.join(", ")}.`);
    io.out(
      changed
        ? `The roster is as ${file} says. Leads told: ${told}; offered from hold: ${released}.`
        : `The roster is as ${file} says already; nothing changed.`,
    );
    return 0;
  },

  async export(files, json, io) {
    const [file, ...more] = files;
    if (more.length > 0) throw new CommandError(`Name one file at most.\n\n${usage}`);
    const now = Date.now();
    const roster = await withPool(databaseUrlOf(readSettings()), standingRoster);
    const text = json
      ? `${JSON.stringify(rosterDocument(roster, now), null, 2)}\n`
      : rosterText(roster, now);
    if (file === undefined) io.out(text.trimEnd());
    else await writeFile(file, text);
    return 0;
  },
};

const mostShown = 20;

/** What other hours do to deadlines, before anything is published. */
const preview: Action = async (files, json, io) => {
  const { file, parsed } = await readOne(files);
  if (!parsed.ok) throw fileRefused(file, parsed.problems);
  const { roster } = parsed;
  const moved = await withPool(databaseUrlOf(readSettings()), async (pool) =>
    movedByRoster(pool, createAgreements(agreementOf), await rosterWith(pool, roster), Date.now()),
  );
  if (json) {
    io.out(JSON.stringify(moved));
    return 0;
  }
  const { handoffs, earlier, later, list } = moved;
  io.out(
    `${handoffs} open handoffs: ${earlier} deadlines would come earlier, ${later} later. ` +
      "Nothing was written.",
  );
  const at = (instant: number | null) =>
    instant === null ? "none" : new Date(instant).toISOString();
  for (const { clock, scope, from, to, ...of } of list.slice(0, mostShown))
    io.out(
      `  ${"lead" in of ? of.lead : of.account}: ${clock} (${scope} clock) ${at(from)} -> ${at(to)}`,
    );
  if (list.length > mostShown) io.out(`  … ${earlier + later - mostShown} more; --json has them`);
  return 0;
};

async function readOne(
  files: readonly string[],
): Promise<{ readonly file: string; readonly parsed: ParsedRoster }> {
  const file = oneFile(files, "roster", usage);
  return { file, parsed: parseRoster(await yamlText(file)) };
}
