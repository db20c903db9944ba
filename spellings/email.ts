import { domainToASCII } from "node:url";

/**
 * The one form under which an address is compared and stored: the name in NFC and lower case, the
 * domain in ASCII (`info@bücher.de` is `info@xn--bcher-kva.de`). What is no address stays as it
 * is, in lower case; `checkEmail` refuses it.
 */
export function normalEmail(address: string): string {
  const text = address.trim();
  const at = text.lastIndexOf("@");
  if (at < 0) return text.toLowerCase();
  return `${lowerNfc(text.slice(0, at))}@${asciiDomain(text.slice(at + 1))}`;
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
  return text.normalize("NFC").toLowerCase().normalize("NFC");
}
