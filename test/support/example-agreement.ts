import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAgreement, printProblem, type AgreementProblem } from "../../agreement/parse.ts";
import type { Agreement } from "../../handoff/agreement.ts";

/** The text of the example agreement that ships with the product. */
export const exampleText: string = readFileSync(
  fileURLToPath(new URL("../../agreement/example.yaml", import.meta.url)),
  "utf8",
);

/**
 * The example agreement, after replacing text in it; throws when the text is absent or the result
 * has problems.
 */
export function exampleAgreement(
  ...edits: readonly (readonly [from: string, to: string])[]
): Agreement {
  const parsed = parseAgreement(edited(...edits));
  if (!parsed.ok) throw new Error(parsed.problems.map(printProblem).join("\n"));
  return parsed.agreement;
}

/** The problems of the example agreement after replacing text in it; none when it is still good. */
export function problemsOf(
  ...edits: readonly (readonly [from: string, to: string])[]
): AgreementProblem[] {
  const parsed = parseAgreement(edited(...edits));
  return parsed.ok ? [] : parsed.problems;
}

export function edited(...edits: readonly (readonly [from: string, to: string])[]): string {
  return edits.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The example agreement does not contain: ${from}`);
    return text.replace(from, () => to);
  }, exampleText);
}
