import { checkHeader, parseImportMap, type ParsedImportMap } from "../../agreement/import-map.ts";
import { parseAgreement, type Parsed } from "../../agreement/parse.ts";
import { parseRoster, type ParsedRoster } from "../../agreement/roster.ts";
import { rosterDocument, rosterText, type StandingRoster } from "../../agreement/roster-text.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import type { ImportMap } from "../../handoff/facts/import-map.ts";
import { judgeByBoth } from "../../handoff/qualify/compare.ts";
import type { KnownLead } from "../../handoff/qualify/qualify.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import {
  checkImport,
  ImportRefused,
  inspectFile,
  type CheckedImport,
} from "../../store/intake/run-import.ts";
import { Problem, type ProblemCode, type ProblemParts } from "../http/errors.ts";
import { checkJson } from "../http/json.ts";
import {
  bodyLimits,
  readRosterJson,
  type RosterBodies,
  type RosterPartName,
} from "../roster-bodies.ts";

/** What a thread does: each export is one kind of work, named by `threads.ts`. */

/** The agreement of a YAML text, or its problems. */
export function readAgreement(text: string): Parsed {
  return parseAgreement(text);
}

/** The agreement of a stored version. */
export function readStored(text: string): Agreement {
  return agreementOf(text);
}

/** How leads are judged by two agreements. */
export function judgeLeads({
  active,
  draft,
  leads,
}: {
  readonly active: Agreement;
  readonly draft: Agreement;
  readonly leads: readonly KnownLead[];
}): ReturnType<typeof judgeByBoth> {
  return judgeByBoth(active, draft, leads);
}

/** The roster of a YAML text, or its problems. */
export function readRosterFile(text: string): ParsedRoster {
  return parseRoster(text);
}

/** A roster in the form of its file: as YAML, or as JSON. */
export function writeRoster({
  roster,
  now,
  as,
}: {
  readonly roster: StandingRoster;
  readonly now: Instant;
  readonly as: "yaml" | "json";
}): string {
  return as === "yaml" ? rosterText(roster, now) : JSON.stringify(rosterDocument(roster, now));
}

/** The column map of a YAML text, or its problems. */
export function readMap({
  text,
  agreement,
}: {
  readonly text: string;
  readonly agreement: Pick<Agreement, "fields" | "nullWords">;
}): ParsedImportMap {
  return parseImportMap(text, agreement);
}

/** A file as it was sent, in pieces. */
export interface SentFile {
  readonly pieces: readonly Uint8Array[];
  readonly map: ImportMap;
  readonly mostRows: number;
}

export type Inspected<T> = { readonly found: T } | { readonly refused: readonly string[] };

/** Reads a file from end to end without understanding its rows; gives their number. */
export function inspect({ pieces, map, mostRows }: SentFile): Promise<Inspected<number>> {
  return orRefused(() =>
    inspectFile(
      { file: { fileHash: "", bytes: () => bytesOf(pieces) }, map, checkHeader },
      mostRows,
    ),
  );
}

/** A dry run of a file. */
export function tryFile({
  pieces,
  map,
  mostRows,
  agreement,
  now,
  mostErrors,
}: SentFile & {
  readonly agreement: Agreement;
  readonly now: Instant;
  readonly mostErrors: number;
}): Promise<Inspected<CheckedImport>> {
  const file = { fileHash: "", bytes: () => bytesOf(pieces) };
  const wish = { file, map, agreement, checkHeader, clock: () => now };
  return orRefused(() => checkImport(wish, mostErrors, mostRows));
}

async function orRefused<T>(work: () => Promise<T>): Promise<Inspected<T>> {
  try {
    return { found: await work() };
  } catch (error) {
    if (error instanceof ImportRefused) return { refused: error.problems };
    throw error;
  }
}

async function* bytesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

/** A JSON body as its schema says, or what is wrong with it. */
export function readRosterPart({
  part,
  text,
}: {
  readonly part: RosterPartName;
  readonly text: string;
}):
  | { readonly body: RosterBodies[RosterPartName] }
  | { readonly problem: { readonly code: ProblemCode; readonly parts: ProblemParts } } {
  try {
    const wrong = checkJson(text, bodyLimits);
    if (wrong)
      throw new Problem(wrong.code, { detail: wrong.detail, field: wrong.field ?? "body" });
    return { body: readRosterJson(part, JSON.parse(text)) };
  } catch (error) {
    if (error instanceof Problem) return { problem: { code: error.code, parts: error.parts } };
    throw error;
  }
}
