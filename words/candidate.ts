import type { Candidate } from "../handoff/routing/route.ts";
import type { Reader } from "./reader.ts";

/** Somebody who was looked at for a lead: could they take it, and if not, why. */
export function sayCandidate(one: Candidate, reader: Pick<Reader, "person">): string {
  const { repId, as, eligible, credit, why } = one;
  const verdict = eligible
    ? `could take it${credit === undefined ? "" : `, credit ${credit / 1e6}`}`
    : `not, because ${why}`;
  return `${reader.person(repId)}${as === "member" ? "" : ` (${as})`}: ${verdict}`;
}
