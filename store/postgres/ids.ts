import { randomBytes } from "node:crypto";

/** Prefixes of ids, so that an id tells what it names. */
export type IdKind =
  "ld" | "ac" | "af" | "ho" | "rp" | "rv" | "ag" | "tk" | "op" | "tn" | "im" | "rs" | "lg" | "sn";
export type Id<K extends IdKind = IdKind> = `${K}_${string}`;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's: no i, l, o, u

/**
 * A new id: prefix, ten characters of time (milliseconds, so that rows lie in order of arrival),
 * ten random ones (50 bits). Sorting ids sorts by the time they were made.
 */
export function newId<K extends IdKind>(kind: K, now: number): Id<K> {
  let time = "";
  for (let rest = now, n = 0; n < 10; n++, rest = Math.floor(rest / 32))
    time = alphabet[rest % 32] + time;
  let random = "";
  for (const byte of tenRandom()) random += alphabet[byte % 32];
  return `${kind}_${time}${random}`;
}

/**
 * Fetched for many ids at once: to ask the system takes longer than all the rest of an id. No byte
 * is used twice.
 */
let stock = Buffer.alloc(0);

function tenRandom(): Buffer {
  if (stock.length < 10) stock = randomBytes(1000);
  const ten = stock.subarray(0, 10);
  stock = stock.subarray(10);
  return ten;
}
