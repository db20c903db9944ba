import type { Agreement } from "../handoff/agreement.ts";
import type { AgreementProblem } from "./source.ts";
import { checkWhole } from "./checks.ts";
import { documentShape, readableSections } from "./document.ts";
import { Reading } from "./place.ts";
import { readSource, wordsOf } from "./source.ts";
import { vocabularyOf } from "./vocabulary.ts";

export type { AgreementProblem } from "./source.ts";

export type Parsed =
  | { readonly ok: true; readonly agreement: Agreement; readonly warnings: AgreementProblem[] }
  | {
      readonly ok: false;
      readonly problems: AgreementProblem[];
      readonly warnings: AgreementProblem[];
    };

/**
 * Reads an agreement (docs/agreement.md). Never throws on any text: whatever is wrong comes back as
 * problems, all that one pass can find, each with line, column, path and what was expected, in the
 * order of the file. Warnings leave the agreement usable.
 */
export function parseAgreement(text: string): Parsed {
  return parse(text, { isStored: false });
}

/**
 * Reads a stored version by what it was accepted under: it must have the shape of an agreement, and
 * what is only demanded of new documents is not asked of it (docs/decisions/0100).
 */
export function parseStored(text: string): Parsed {
  return parse(text, { isStored: true });
}

function parse(text: string, { isStored }: { readonly isStored: boolean }): Parsed {
  const read = readSource(text);
  if ("problems" in read) return { ok: false, problems: inOrder(read.problems), warnings: [] };
  const reading = new Reading(read.source, { isStored });
  const { root } = read.source;
  const words = vocabularyOf(root);
  const agreement = documentShape(words).read(root, reading.place());
  if (!isStored)
    checkWhole(
      agreement ?? readableSections(words, root, new Reading(read.source).place()),
      reading,
      wordsOf(root),
    );
  const warnings = inOrder(reading.warnings);
  if (agreement && reading.problems.length === 0) return { ok: true, agreement, warnings };
  return { ok: false, problems: inOrder(reading.problems), warnings };
}

/** `12:5 leadTypes[0].path: expected fast or standard, found "slow"` */
export function printProblem(problem: AgreementProblem): string {
  return (
    `${problem.line}:${problem.column} ` +
    `${problem.path ? `${problem.path}: ` : ""}${problem.message}`
  );
}

function inOrder(problems: readonly AgreementProblem[]): AgreementProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
