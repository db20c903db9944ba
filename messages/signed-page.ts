import type { Instant } from "../handoff/time/calendar.ts";
import { signingKey } from "../store/access/signing-key.ts";
import type { Pool } from "../store/postgres/db.ts";
import { offerPage } from "./link.ts";
import { linkOutlivesMs, signOffer, type OfferLink } from "./offer-link.ts";

/** The signed address of an offer's page, good until a while after its deadline. */
export async function signedOfferPage(
  { pool, publicUrl }: { readonly pool: Pool; readonly publicUrl: string },
  offer: Omit<OfferLink, "until"> & { readonly dueAt: Instant | null },
  now: Instant,
): Promise<string> {
  const { repId, leadId, cycle, round, dueAt } = offer;
  const until = Math.max(now, dueAt ?? 0) + linkOutlivesMs;
  const link = { repId, leadId, cycle, round, until };
  return offerPage(publicUrl, signOffer(await signingKey(pool, now), link));
}
