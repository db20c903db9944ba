import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, rows, sql, type Db, type Tx } from "../postgres/db.ts";
import { lockReview, tellReview } from "./reviews.ts";

/** Who signs, for which party: a person of the roster, for two tokens may be one person's. */
export interface Signer {
  readonly party: Party;
  readonly tokenId: string;
  readonly repId: string;
}

/** Why somebody cannot sign beside who has signed. */
export type SignatureRefusal =
  | { readonly why: "signed-by-another"; readonly by: string }
  | { readonly why: "signed-for-the-other-party" };

/** Why a signature was not given. */
export type NotSigned = SignatureRefusal | { readonly why: "closed" };

/**
 * What a signature is beside those that were given: the same again, a new one, or refused, because
 * another person of the party has signed, or this person for the other party.
 */
export function besideSignatures(
  given: readonly { readonly party: Party; readonly signedBy: string }[],
  party: Party,
  by: string,
): "same" | "new" | SignatureRefusal {
  const same = given.find((one) => one.party === party);
  if (same?.signedBy === by) return "same";
  if (same) return { why: "signed-by-another", by: same.signedBy };
  if (given.some(({ signedBy }) => signedBy === by)) return { why: "signed-for-the-other-party" };
  return "new";
}

/**
 * Signs a review for a party. The same person again is the same signature; another one of the party,
 * or one person for both parties, is refused. When enough have signed it is noted, and the review's
 * process hears of it.
 */
export async function signReview(
  tx: Tx,
  reviewId: string,
  { party, tokenId, repId: by }: Signer,
  now: Instant,
): Promise<{ readonly isNew: boolean } | NotSigned> {
  const review = await lockReview(tx, reviewId);
  const given = await rows<{ party: Party; signedBy: string }>(
    tx,
    sql`select party, signed_by as "signedBy" from review_signature where review_id = ${reviewId}`,
  );
  const asked = besideSignatures(given, party, by);
  if (asked === "same") return { isNew: false };
  if (asked !== "new") return asked;
  if (review.state === "closed") return { why: "closed" };
  const at = new Date(now);
  await tx.query(sql`
    insert into review_signature (review_id, party, signed_by, token_id, signed_at)
    values (${reviewId}, ${party}, ${by}, ${tokenId}, ${at})`);
  if (given.length + 1 >= review.signatures_needed)
    await tx.query(sql`
      update review set signed_at = coalesce(signed_at, ${at}) where id = ${reviewId}`);
  const { kind, period } = review;
  const detail = { party, by, kind, period, figures: await figuresHash(tx, reviewId) };
  await audit(tx, { actor: tokenId, what: "review.signed", subject: reviewId, detail }, now);
  await tellReview(tx, review, now);
  return { isNew: true };
}

/** The parties that have signed a review. */
export async function partiesOf(db: Db, reviewId: string): Promise<readonly Party[]> {
  const found = await rows<{ party: Party }>(
    db,
    sql`select party from review_signature where review_id = ${reviewId} order by party`,
  );
  return found.map(({ party }) => party);
}

async function figuresHash(db: Db, reviewId: string): Promise<string | null> {
  const row = await firstRow<{ hash: string }>(
    db,
    sql`select hash from review_figures where review_id = ${reviewId}`,
  );
  return row?.hash ?? null;
}
