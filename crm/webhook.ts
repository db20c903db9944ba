import { createHmac, timingSafeEqual } from "node:crypto";
import type { Instant } from "../handoff/time/calendar.ts";

/**
 * The three headers of a signed webhook (standard-webhooks): its id, Unix seconds, and signatures,
 * separated by spaces.
 */
export interface WebhookHeaders {
  readonly "webhook-id": string;
  readonly "webhook-timestamp": string;
  readonly "webhook-signature": string;
}

export type VerifiedWebhook =
  { readonly ok: true; readonly id: string } | { readonly ok: false; readonly because: string };

/**
 * A clock may differ by so much, either way: an old request cannot be played again, one from the
 * future is a wrong clock.
 */
export const toleranceMs = 5 * 60_000;

/**
 * Signs `body` as sent at `at` with a secret `whsec_<base64>`. Throws a RangeError for a secret of
 * another form.
 */
export function signWebhook(
  secret: string,
  message: { readonly id: string; readonly at: Instant; readonly body: string | Uint8Array },
): WebhookHeaders {
  const timestamp = String(Math.floor(message.at / 1000));
  const signature = signatureOf(secret, message.id, timestamp, Buffer.from(message.body)).toString(
    "base64",
  );
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}

/**
 * Whether the bytes come from somebody who knows one of the secrets (several while one is being
 * replaced), now. Asks the bytes as they came, never a parsed and rewritten body.
 */
export function verifyWebhook(
  secrets: readonly string[],
  headers: { readonly [Name in keyof WebhookHeaders]: string | undefined },
  body: Uint8Array,
  now: Instant,
): VerifiedWebhook {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^[\x21-\x7e]{1,200}$/.test(id))
    return { ok: false, because: "webhook-id: expected 1 to 200 visible characters" };
  if (!/^\d{1,12}$/.test(timestamp))
    return { ok: false, because: "webhook-timestamp: expected seconds since 1970" };
  if (Math.abs(now - Number(timestamp) * 1000) > toleranceMs)
    return {
      ok: false,
      because: "webhook-timestamp: expected the present time, within five minutes",
    };
  const given = (headers["webhook-signature"] ?? "")
    .split(" ")
    .filter((one) => one.startsWith("v1,"))
    .slice(0, 10)
    .map((one) => Buffer.from(one.slice(3), "base64"));
  const expected = secrets.map((secret) => signatureOf(secret, id, timestamp, body));
  // Every pair is compared, in constant time, so that the time taken tells nothing.
  const matches = given
    .flatMap((one) =>
      expected.map((other) => one.length === other.length && timingSafeEqual(one, other)),
    )
    .filter(Boolean);
  return matches.length > 0
    ? { ok: true, id }
    : {
        ok: false,
        because: "webhook-signature: expected a signature of these bytes with a secret we share",
      };
}

/** Whether a text is a secret to sign with: `whsec_` and base64 of 16 bytes at least. */
export function isWebhookSecret(text: string): boolean {
  const key = /^whsec_((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(text);
  return key?.[1] !== undefined && Buffer.from(key[1], "base64").length >= 16;
}

function signatureOf(secret: string, id: string, timestamp: string, body: Uint8Array): Buffer {
  const key = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (key === undefined) throw new RangeError("a webhook secret is expected as whsec_ and base64");
  return createHmac("sha256", Buffer.from(key, "base64"))
    .update(`${id}.${timestamp}.`)
    .update(body)
    .digest();
}
