import type { Agreement } from "../agreement.ts";

/** How many people sign a version: one for each of two parties, one for a single party, nobody. */
export type SignaturesNeeded = 0 | 1 | 2;

/**
 * How many signatures a version needs before it becomes active. Whoever signs today decides also
 * about a version that asks fewer: nobody can take the signatures away alone. The very first
 * version needs none, because nobody has agreed on anything yet.
 */
export function signaturesNeeded(
  active: Pick<Agreement, "signedBy"> | null,
  version: Pick<Agreement, "signedBy">,
): SignaturesNeeded {
  if (active === null) return 0;
  const most = Math.max(active.signedBy.length, version.signedBy.length);
  return most === 0 ? 0 : most === 1 ? 1 : 2;
}

/** The same in words: who has to sign. */
export function saySignatures(needed: SignaturesNeeded): string {
  switch (needed) {
    case 0:
      return "nobody's signature";
    case 1:
      return "one signature";
    case 2:
      return "one signature of each party";
    default:
      return needed satisfies never;
  }
}
