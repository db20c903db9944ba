import { disposableDomains, freeDomains, freeFamilies } from "./email-domains.ts";

export type EmailKind = "business" | "free" | "disposable" | "invalid";

/** Domains an agreement adds to the built-in lists. */
export interface EmailDomains {
  readonly free: readonly string[];
  readonly disposable: readonly string[];
}

export type EmailCheck =
  { readonly ok: true; readonly domain: string } | { readonly ok: false; readonly because: string };

/**
 * Whether an address can be delivered to, judged by its form alone: one `@`, the lengths of RFC
 * 5321, a name of ordinary characters, a domain of at least two labels in ASCII. Quoted names and
 * comments are legal but in a lead they are mistakes or attempts to smuggle in a second recipient,
 * so they are refused. A domain of other letters is asked in the form that `normalEmail` gives it;
 * what has none stays as it was, and is no domain. The reason never quotes the address.
 */
export function checkEmail(text: string): EmailCheck {
  const address = text.trim();
  if (address.length > 254) return { ok: false, because: "longer than 254 characters" };
  const parts = address.split("@");
  if (parts.length !== 2) return { ok: false, because: "expected exactly one @" };
  const [name, domain] = parts as [string, string];
  if (
    !/^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u.test(name)
  ) {
    return { ok: false, because: "expected letters, digits and single dots before the @" };
  }
  if (name.length > 64) return { ok: false, because: "more than 64 characters before the @" };
  const labels = domain.toLowerCase().split(".");
  if (labels.length < 2)
    return { ok: false, because: "expected a domain such as company.com after the @" };
  if (!labels.every(isLabel)) {
    return { ok: false, because: "expected a domain of letters, digits and hyphens after the @" };
  }
  if (!/^(?:[a-z]{2,}|xn--[a-z0-9-]+)$/.test(labels.at(-1) ?? ""))
    return { ok: false, because: "expected a top-level domain such as .com" };
  return { ok: true, domain: labels.join(".") };
}

function isLabel(label: string): boolean {
  if (label.length > 63 || !/^[a-z\d](?:[a-z\d-]*[a-z\d])?$/.test(label)) return false;
  return !label.startsWith("xn--") || standsForText(label.slice(4));
}

/** Whether Punycode (RFC 3492) stands for letters of some script, and not for nothing. */
function standsForText(code: string): boolean {
  const points: number[] = [];
  const dash = code.lastIndexOf("-");
  if (dash > 0) points.push(...Array.from(code.slice(0, dash), (char) => char.charCodeAt(0)));
  let [point, place, bias] = [128, 0, 72];
  for (let at = dash + 1; at < code.length;) {
    const before = place;
    for (let [weight, k] = [1, 36]; ; k += 36) {
      const digit = "abcdefghijklmnopqrstuvwxyz0123456789".indexOf(code[at++] ?? "-");
      if (digit < 0) return false;
      place += digit * weight;
      const least = Math.min(26, Math.max(1, k - bias));
      if (digit < least) break;
      weight *= 36 - least;
    }
    const length = points.length + 1;
    let delta = Math.floor((place - before) / (before === 0 ? 700 : 2));
    delta += Math.floor(delta / length);
    for (bias = 0; delta > 455; bias += 36) delta = Math.floor(delta / 35);
    bias += Math.floor((36 * delta) / (delta + 38));
    point += Math.floor(place / length);
    place %= length;
    if (point > 0x10_ffff) return false;
    points.splice(place++, 0, point);
  }
  const text = String.fromCodePoint(...points);
  return /[^\x00-\x7f]/.test(text) && !/[\p{C}\p{Z}]|^\p{M}/u.test(text);
}

/**
 * Disposable is asked before free: public free lists contain the disposable ones. Subdomains count
 * as their domain.
 */
export function emailKind(
  address: string,
  added: EmailDomains = { free: [], disposable: [] },
): EmailKind {
  const checked = checkEmail(address);
  if (!checked.ok) return "invalid";
  const names = withParents(checked.domain);
  const listed = (builtIn: ReadonlySet<string>, more: readonly string[]) =>
    names.some(
      (name) => builtIn.has(name) || more.some((one) => one.trim().toLowerCase() === name),
    );
  if (listed(disposableDomains, added.disposable)) return "disposable";
  return listed(freeDomains, added.free) || freeFamilies.has(familyOf(checked.domain))
    ? "free"
    : "business";
}

/**
 * The name before the ending of a country or of all countries: `yahoo` of `mail.yahoo.co.uk`. The
 * endings that the families use; the domain of a company comes from the public suffix list
 * (`spellings/domain.ts`).
 */
function familyOf(domain: string): string {
  const labels = domain.split(".");
  const [second, top] = [labels.at(-2) ?? "", labels.at(-1) ?? ""];
  const suffix = top.length === 2 && secondLevel.has(second) ? 2 : 1;
  return labels.at(-(suffix + 1)) ?? "";
}

const secondLevel = new Set(["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"]);

function withParents(domain: string): string[] {
  const labels = domain.split(".");
  return labels.slice(0, -1).map((_, i) => labels.slice(i).join("."));
}
