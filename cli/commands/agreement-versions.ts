import { randomUUID } from "node:crypto";
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
  readonly plan: Plan | null;
}
interface Plan {
  readonly against: string;
  readonly changes: readonly RuleChange[];
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
  readonly missingPools: readonly string[];
}
interface Outcome {
  readonly verdict: string;
  readonly leadType?: string;
  readonly band: string;
}

interface Asked {
  readonly api: ApiClient;
  /** A file or a version; empty where none is named. */
  readonly about: string;
  readonly given: { readonly json: boolean; readonly note?: string | undefined };
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
  return said(made, given, io);
}

async function plan({ api, about: id, given, io }: Asked): Promise<number> {
  return said(await standingOf(api, id), given, io);
}

async function sign({ api, about: id, given, io }: Asked): Promise<number> {
  const { contentHash, state, number } = await standingOf(api, id);
  if (state === "retired")
    throw new CommandError(`Version ${number} is retired; propose its text again to sign it.`);
  const signed = await api<Standing>("POST", `${path(id)}/sign`, { contentHash }, randomUUID());
  if (signed.status === 403)
    throw new CommandError(
      "Only who leads a party signs: give a leader's token with --token " +
        "(`baton token create --role leader --party sales --rep rp_…`).",
    );
  return said(acceptedBody(signed), given, io);
}

async function activate({ api, about: id, given, io }: Asked): Promise<number> {
  const done = await api<Standing>("POST", `${path(id)}/activate`, {}, randomUUID());
  return said(acceptedBody(done), given, io);
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
    for (const { id, number, state, createdBy, activatedAt, note } of all)
      io.out(
        [
          `${id}  version ${number}  ${state}`,
          `by ${createdBy}`,
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

function planLines(made: Plan | null): string[] {
  if (made === null) return [];
  const { changes, trial, missingPools } = made;
  return [
    `Changes against ${made.against}:`,
    ...(changes.length === 0
      ? ["  no rule changes"]
      : changes.map((one) => `  ${printRuleChange(one)}`)),
    `${trial.leads} open leads: ${trial.same} come to the same`,
    ...trial.changes.map(
      ({ from, to, count, examples }) =>
        `  ${count}: ${outcome(from)} becomes ${outcome(to)} (${examples.join(", ")})`,
    ),
    ...missingPools.map((pool) => `The roster has no pool "${pool}".`),
  ];
}

function outcome({ verdict, leadType, band }: Outcome): string {
  return [verdict, ...(leadType === undefined ? [] : [leadType]), `band ${band}`].join(" ");
}

/** Where it stands, and what is to be done next. */
function stateLines({ id, number, state, signatures, signaturesNeeded }: Standing): string[] {
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
      return [line];
  }
}
