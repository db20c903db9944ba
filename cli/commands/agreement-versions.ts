import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parseAgreement, printProblem } from "../../agreement/parse.ts";
import { printRuleChange, type RuleChange } from "../../handoff/governance/rule-change.ts";
import { acceptedBody, apiClient, apiOptions, type ApiClient } from "../api-client.ts";
import { CommandError, type Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { fileRefused, yamlText } from "../yaml-file.ts";

/** What is read of the API's answers. */
interface Listed {
  readonly id: string;
  readonly number: number;
  readonly state: string;
  readonly createdBy: string;
  readonly createdByName: string | null;
  readonly activatedAt: string | null;
  readonly note: string | null;
}
interface Standing {
  readonly id: string;
  readonly number: number;
  readonly state: string;
  readonly contentHash: string;
  readonly signaturesNeeded: number;
  readonly signatures: readonly { readonly party: string; readonly signedBy: string }[];
  readonly activation: {
    readonly openHandoffs: string;
    readonly looked: number;
    readonly state: string;
  } | null;
  readonly planning: Planning | null;
  readonly plan: Plan | null;
}
interface Planning {
  readonly state: string;
  readonly done: number;
  readonly of: number | null;
  readonly failure: string | null;
}
interface Plan {
  readonly against: string;
  readonly hash: string;
  readonly isOutOfDate: boolean;
  readonly changes: readonly RuleChange[];
  readonly newWarnings: readonly { readonly path: string; readonly message: string }[];
  readonly trial: {
    readonly leads: number;
    readonly same: number;
    readonly changes: readonly {
      readonly from: Outcome;
      readonly to: Outcome;
      readonly count: number;
      readonly examples: readonly string[];
    }[];
  };
  readonly flags: {
    readonly accounts: number;
    readonly inWords: readonly string[];
    readonly flagged: ChangedAccounts;
    readonly spared: ChangedAccounts;
  } | null;
  readonly deadlines: {
    readonly handoffs: number;
    readonly moved: number;
    readonly earlier: number;
    readonly later: number;
  };
  readonly history: {
    readonly handoffs: number;
    readonly notJudged: number;
    readonly inWords: readonly string[];
  };
  readonly closedHours: readonly {
    readonly leadType: string;
    readonly clock: string;
    readonly before: Share;
    readonly after: Share;
  }[];
  readonly load: readonly {
    readonly pool: string;
    readonly rep: string;
    readonly before: number;
    readonly after: number;
  }[];
  readonly missingPools: readonly string[];
}
interface ChangedAccounts {
  readonly list: readonly { readonly account: string }[];
}
interface Share {
  readonly numerator: number;
  readonly denominator: number;
}
interface Outcome {
  readonly verdict: string;
  readonly leadType?: string;
  readonly band: string;
  readonly pool?: string | null;
}

interface Asked {
  readonly api: ApiClient;
  /** A file or a version; empty where none is named. */
  readonly about: string;
  readonly given: {
    readonly json: boolean;
    readonly note?: string | undefined;
    readonly cancel?: boolean | undefined;
    readonly "rejudge-clocks"?: boolean | undefined;
  };
  readonly io: Io;
}

/** What a verb takes, and what it does by the API. */
interface Verb {
  readonly takes: "a file" | "a version" | "nothing";
  readonly run: (asked: Asked) => Promise<number>;
}

/** The commands about versions that ask the API, as whoever's token is given. */
export const byApi: Readonly<Record<string, Verb>> = {
  propose: { takes: "a file", run: propose },
  plan: { takes: "a version", run: plan },
  sign: { takes: "a version", run: sign },
  activate: { takes: "a version", run: activate },
  rollback: { takes: "a version", run: rollback },
  export: { takes: "a version", run: exportText },
  versions: { takes: "nothing", run: versions },
};

/** Runs one of them with its arguments; `what` is its name. */
export async function runByApi(what: string, args: string[], io: Io): Promise<number> {
  const verb = byApi[what];
  if (!verb) throw new Error(`there is no command ${what}`);
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      note: { type: "string" },
      cancel: { type: "boolean", default: false },
      "rejudge-clocks": { type: "boolean", default: false },
      ...apiOptions,
    },
  });
  const [about = "", ...more] = positionals;
  if (more.length > 0 || (about === "") !== (verb.takes === "nothing"))
    throw new CommandError(
      verb.takes === "nothing"
        ? `\`baton agreement ${what}\` takes no argument but options.`
        : `Name ${verb.takes}: \`baton agreement ${what} ` +
            `${verb.takes === "a file" ? "FILE" : "VERSION"}\`; \`baton agreement versions\` lists ` +
            "versions.",
    );
  const api = await apiClient(readSettings(), values);
  return verb.run({ api, about, given: values, io });
}

async function propose({ api, about: file, given, io }: Asked): Promise<number> {
  const content = await yamlText(file);
  const parsed = parseAgreement(content);
  for (const warning of parsed.warnings) io.err(`${file}:${printProblem(warning)} (warning)`);
  if (!parsed.ok) throw fileRefused(file, parsed.problems);
  const body = { content, ...(given.note === undefined ? {} : { note: given.note }) };
  const made = acceptedBody(
    await api<Standing>("POST", "/agreement/versions/propose", body, randomUUID()),
  );
  return said(await untilPlanned(api, made.id, io), given, io);
}

async function plan({ api, about: id, given, io }: Asked): Promise<number> {
  const before = await standingOf(api, id);
  if (given.cancel) {
    const left = acceptedBody(await api<Standing>("POST", `${path(id)}/plan/cancel`, {}));
    io.out(given.json ? JSON.stringify(left) : `The plan of ${id} is not made any more.`);
    return 0;
  }
  const isOpen = before.state === "proposed" || before.state === "signed";
  if (!isOpen || (before.plan && !before.plan.isOutOfDate)) return said(before, given, io);
  if (before.planning?.state !== "making")
    acceptedBody(await api<Standing>("POST", `${path(id)}/plan`, {}, randomUUID()));
  return said(await untilPlanned(api, id, io), given, io);
}

const lookMs = 500;
/** Longer than the largest plan takes; whoever waits can come again. */
const mostLooks = 3_600;

/** Shows how far the plan is until it is made. */
async function untilPlanned(api: ApiClient, id: string, io: Io): Promise<Standing> {
  let shown = "";
  for (let looks = 0; looks < mostLooks; looks++) {
    const standing = await standingOf(api, id);
    const { planning } = standing;
    if (planning?.state !== "making") {
      if (planning === null || planning.state === "made") return standing;
      throw new CommandError(
        `The plan is not made: ${planning.state}${planning.failure === null ? "" : ` (${planning.failure})`}; ` +
          `\`baton agreement plan ${id}\` begins it again.`,
      );
    }
    const now = `${planning.done} of ${planning.of ?? "?"} leads and handoffs`;
    if (now !== shown) io.err(now);
    shown = now;
    await pause(lookMs);
  }
  throw new CommandError(`It is still being made; ask again with \`baton agreement plan ${id}\`.`);
}

async function sign({ api, about: id, given, io }: Asked): Promise<number> {
  const { contentHash, state, number, plan: read } = await standingOf(api, id);
  if (state === "retired")
    throw new CommandError(`Version ${number} is retired; propose its text again to sign it.`);
  if (state === "proposed" && (read === null || read.isOutOfDate))
    throw new CommandError(
      `Version ${number} has no plan of today; make it and read it: \`baton agreement plan ${id}\`.`,
    );
  const body = { contentHash, planHash: read?.hash ?? "" };
  const signed = await api<Standing>("POST", `${path(id)}/sign`, body, randomUUID());
  if (signed.status === 403)
    throw new CommandError(
      "Only who leads a party signs: give a leader's token with --token " +
        "(`baton token create --role leader --party sales --rep rp_…`).",
    );
  return said(acceptedBody(signed), given, io);
}

async function activate({ api, about: id, given, io }: Asked): Promise<number> {
  const openHandoffs = given["rejudge-clocks"] ? "re-judge clocks" : "keep";
  const body = { openHandoffs };
  const done = await api<Standing>("POST", `${path(id)}/activate`, body, randomUUID());
  return said(acceptedBody(done), given, io);
}

async function rollback({ api, about: id, given, io }: Asked): Promise<number> {
  const body = given.note === undefined ? {} : { note: given.note };
  const made = await api<Standing>("POST", `${path(id)}/rollback`, body, randomUUID());
  if (made.status === 404) await standingOf(api, id);
  return said(await untilPlanned(api, acceptedBody(made).id, io), given, io);
}

/** The text as it was proposed: what somebody edits to propose another version. */
async function exportText({ api, about: id, given, io }: Asked): Promise<number> {
  const found = acceptedBody(await api<{ content: string }>("GET", path(id)));
  if (given.json) io.out(JSON.stringify(found));
  else io.out(found.content.replace(/\n$/, ""));
  return 0;
}

const mostPages = 1_000;

async function versions({ api, given, io }: Asked): Promise<number> {
  const all: Listed[] = [];
  let after = "";
  for (let page = 0; page < mostPages; page++) {
    const found = acceptedBody(
      await api<{ items: readonly Listed[]; next: string | null }>(
        "GET",
        `/agreement/versions?limit=100${after}`,
      ),
    );
    all.push(...found.items);
    if (found.next === null) break;
    after = `&cursor=${encodeURIComponent(found.next)}`;
  }
  if (given.json) io.out(JSON.stringify({ versions: all }));
  else if (all.length === 0) io.out("There is no version yet; `baton agreement publish FILE`.");
  else
    for (const { id, number, state, createdBy, createdByName, activatedAt, note } of all)
      io.out(
        [
          `${id}  version ${number}  ${state}`,
          `by ${createdByName ?? createdBy}`,
          ...(activatedAt === null ? [] : [`active since ${activatedAt}`]),
          ...(note === null ? [] : [note]),
        ].join(", "),
      );
  return 0;
}

async function standingOf(api: ApiClient, id: string): Promise<Standing> {
  const found = await api<Standing>("GET", `${path(id)}/plan`);
  if (found.status === 404)
    throw new CommandError(
      `There is no version "${id}"; \`baton agreement versions\` lists those that there are.`,
    );
  return acceptedBody(found);
}

function path(id: string): string {
  return `/agreement/versions/${encodeURIComponent(id)}`;
}

function said(standing: Standing, { json }: Asked["given"], io: Io): number {
  if (json) io.out(JSON.stringify(standing));
  else for (const line of [...planLines(standing.plan), ...stateLines(standing)]) io.out(line);
  return 0;
}

/** Of each change the first five accounts are named. */
function flagLines(flags: Plan["flags"]): string[] {
  if (!flags) return [];
  const named = ({ list }: ChangedAccounts, what: string) =>
    list.length === 0
      ? []
      : [
          `  ${what}: ${list
            .slice(0, 5)
            .map(({ account }) => account)
            .join(", ")}`,
        ];
  return [
    `${flags.accounts} engaged accounts:`,
    ...flags.inWords.map((one) => `  ${one}`),
    ...named(flags.flagged, "newly flagged"),
    ...named(flags.spared, "no longer flagged"),
  ];
}

function planLines(made: Plan | null): string[] {
  if (made === null) return [];
  const { changes, trial, deadlines, history, missingPools } = made;
  return [
    ...(made.isOutOfDate ? ["Out of date: another version became active since."] : []),
    `Changes against ${made.against}:`,
    ...(changes.length === 0
      ? ["  no rule changes"]
      : changes.map((one) => `  ${printRuleChange(one)}`)),
    ...made.newWarnings.map(({ path: where, message }) => `  ${where}: ${message} (new warning)`),
    `${trial.leads} open leads: ${trial.same} come to the same`,
    ...trial.changes.map(
      ({ from, to, count, examples }) =>
        `  ${count}: ${outcome(from)} becomes ${outcome(to)} (${examples.join(", ")})`,
    ),
    ...flagLines(made.flags),
    `${deadlines.handoffs} open handoffs: re-judged, deadlines of ${deadlines.moved} move ` +
      `(${deadlines.earlier} earlier, ${deadlines.later} later)`,
    `${history.handoffs} handoffs of the last 13 weeks, judged again` +
      `${history.notJudged === 0 ? "" : ` but for ${history.notJudged} that were imported or erased`}:`,
    ...history.inWords.map((one) => `  ${one}`),
    ...made.closedHours
      .filter(({ before, after }) => before.numerator + after.numerator > 0)
      .map(
        ({ leadType, clock, before, after }) =>
          `${clock} of ${leadType} due in closed hours: ${share(before)} -> ${share(after)}`,
      ),
    ...made.load
      .filter(({ before, after }) => before !== after)
      .map(
        ({ pool, rep, before, after }) =>
          `${rep} in ${pool}: ${before} -> ${after} handoffs a week to expect`,
      ),
    ...missingPools.map((pool) => `The roster has no pool "${pool}".`),
  ];
}

function share({ numerator, denominator }: Share): string {
  return `${numerator} of ${denominator}`;
}

function outcome({ verdict, leadType, band, pool }: Outcome): string {
  return [
    verdict,
    ...(leadType === undefined ? [] : [leadType]),
    `band ${band}`,
    ...(pool == null ? [] : [`to ${pool}`]),
  ].join(" ");
}

/** Where it stands, and what is to be done next. */
function stateLines(standing: Standing): string[] {
  const { id, number, state, signatures, signaturesNeeded, activation } = standing;
  const by = signatures.map(({ party, signedBy }) => `${party} (${signedBy})`).join(", ");
  const line = `${id}, version ${number}, is ${state}; signed by ${by || "nobody"}.`;
  switch (state) {
    case "proposed":
      return [
        line,
        signaturesNeeded > signatures.length
          ? `It needs ${signaturesNeeded - signatures.length} more: \`baton agreement sign ${id}\``
          : `Nobody has to sign it: \`baton agreement activate ${id}\``,
      ];
    case "signed":
      return [line, `Next: \`baton agreement activate ${id}\``];
    default:
      return activation === null || activation.openHandoffs === "keep"
        ? [line]
        : [line, `Clocks of open handoffs re-judged: ${activation.looked}, ${activation.state}.`];
  }
}
