import type { Agreement } from "../handoff/agreement.ts";
import { parseStored, printProblem } from "./parse.ts";

/**
 * The agreement of a stored version. Only text that parsed is ever stored, and what is checked since
 * is not asked of it, so a problem here is ours: it throws.
 */
export function agreementOf(text: string): Agreement {
  const parsed = parseStored(text);
  if (parsed.ok) return parsed.agreement;
  throw new Error(
    `a stored agreement does not parse: ${parsed.problems.map(printProblem).join("; ")}`,
  );
}
