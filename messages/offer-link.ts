import { createHmac, timingSafeEqual } from "node:crypto";
import type { Instant } from "../handoff/time/calendar.ts";

/** What a link in a mail stands for: one offer, to one person, for a time. Ids only. */
export interface OfferLink {
  readonly repId: string;
  readonly leadId: string;
  readonly cycle: number;
  readonly round: number;
  /** In whole seconds. */
  readonly until: Instant;
}

/** How long a link outlives the deadline that its mail names. */
export const linkOutlivesMs = 7 * 86_400_000;

/** The link as a word of an address, signed: nobody without the secret can make one. */
export function signOffer(secret: Uint8Array, link: OfferLink): string {
  const { repId, leadId, cycle, round, until } = link;
  const said = Buffer.from(
    JSON.stringify([repId, leadId, cycle, round, Math.floor(until / 1_000)]),
  ).toString("base64url");
  return `${said}.${macOf(secret, said).toString("base64url")}`;
}

/** What a signed word stands for; null when it was not signed with this secret. */
export function readOffer(secret: Uint8Array, token: string): OfferLink | null {
  const [said, mac, ...rest] = token.split(".");
  if (said === undefined || mac === undefined || rest.length > 0) return null;
  const [given, expected] = [Buffer.from(mac, "base64url"), macOf(secret, said)];
  // The text is compared as well: base64 has several spellings of some bytes.
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  if (given.toString("base64url") !== mac) return null;
  const [repId, leadId, cycle, round, seconds] = JSON.parse(
    Buffer.from(said, "base64url").toString("utf8"),
  ) as [string, string, number, number, number];
  return { repId, leadId, cycle, round, until: seconds * 1_000 };
}

function macOf(secret: Uint8Array, said: string): Buffer {
  return createHmac("sha256", secret).update(`baton offer\n${said}`).digest();
}
