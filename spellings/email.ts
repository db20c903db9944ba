import { domainToASCII } from "node:url";
import { inForm, withoutEdges } from "../handoff/facts/text.ts";

/**
 * The one form under which an address is compared and stored: the name in NFC and lower case, the
 * domain in ASCII (`info@bücher.de` is `info@xn--bcher-kva.de`). What is no address stays as it
 * is, in lower case; `checkEmail` refuses it.
 */
export function normalEmail(address: string): string {
  const text = withoutName(withoutEdges(address));
  const at = text.lastIndexOf("@");
  if (at < 0) return text.toLowerCase();
  // The dot of the root, or of a sentence.
  const domain = text.slice(at + 1).replace(/[.。．｡]$/, "");
  return `${lowerNfc(text.slice(0, at))}@${asciiDomain(domain)}`;
}

/** Whether an address is of ASCII characters alone, as mail servers take it. */
export function isAsciiEmail(address: string): boolean {
  return /^[\x21-\x7e]+$/.test(address);
}

/**
 * `Ada <ada@acme.com>`, `mailto:ada@acme.com`, `ada@acme.com <ada@acme.com>`: one address. Another
 * name with an @ may be another address.
 */
function withoutName(text: string): string {
  const [, name = "", inner = text] = /^([^<>]*)<([^<>]*)>$/.exec(text) ?? [];
  const address = withoutEdges(withoutEdges(inner).replace(/^mailto:/i, ""));
  const isOne = !name.includes("@") || isSame(name, address);
  // Around nothing it is the text itself: a search for it must not become one for everybody.
  return (isOne ? address : "") || text;
}

function isSame(name: string, address: string): boolean {
  const bare = withoutEdges(name).replace(/^(["'])(.*)\1$/s, "$2");
  return lowerNfc(withoutEdges(bare)) === lowerNfc(address);
}

/** A domain in ASCII and lower case; what is no domain stays as it is, in lower case. */
export function asciiDomain(domain: string): string {
  const lower = lowerNfc(domain);
  if (/^[\x20-\x7e]*$/.test(lower)) return lower;
  // The function reads a host of a web address: it would cut at `/` and drop line breaks.
  return (isDomainText.test(lower) && domainToASCII(lower)) || lower;
}

const isDomainText = /^[\p{L}\p{M}\p{N}.。．｡-]+$/u;

/** Lower case can take letters apart again (`İ`), so NFC comes last. */
function lowerNfc(text: string): string {
  return inForm(inForm(text, "NFC").toLowerCase(), "NFC");
}
