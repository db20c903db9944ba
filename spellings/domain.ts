import { getDomain } from "tldts";
import { checkEmail, emailKind, type EmailDomains } from "../handoff/facts/email.ts";
import type { Facts } from "../handoff/facts/facts.ts";
import { withoutEdges } from "../handoff/facts/text.ts";
import { asciiDomain } from "./email.ts";

/**
 * The domain that a company can register, which identifies its account, by the public suffix list:
 * `mail.acme.co.uk` is `acme.co.uk`, and of `acme.github.io` it is all. Null for what nobody can
 * register: `co.uk`, an address of numbers, a name without a dot. Whoever runs a suffix under which
 * others register (`github.io`) has it as their own domain.
 */
export function registrableDomain(host: string): string | null {
  const name = asciiDomain(host.trim()).replace(/\.$/, "");
  if (!checkEmail(`a@${name}`).ok) return null;
  return getDomain(name, { allowPrivateDomains: true }) ?? getDomain(name);
}

/**
 * The registrable domain in what people send as one: a domain, a host, or a web address, also with
 * a remark in brackets. Null for several, of which nobody said which counts.
 */
export function domainIn(text: string): string | null {
  const host =
    /^(?:(?:[a-z][a-z0-9+.-]*:)?\/\/)?(?:[^/@\s]*@)?([^/:?#\s]+)(?:[/:?#].*|\s*\([^()]*\))?$/i.exec(
      withoutEdges(text),
    )?.[1];
  return host === undefined ? null : registrableDomain(host);
}

/** The registrable domain of an address, whosever it is; null where there is none. */
export function domainOfEmail(email: string): string | null {
  const checked = checkEmail(email);
  return checked.ok ? registrableDomain(checked.domain) : null;
}

/** The facts of a person whom no account has yet, with the company that a business address names. */
export function withCompany(facts: Facts, domains?: EmailDomains): Facts {
  const email = facts["lead.email"];
  if (facts["account.domain"] !== undefined || typeof email !== "string") return facts;
  if (emailKind(email, domains) !== "business") return facts;
  const domain = domainOfEmail(email);
  return domain === null ? facts : { ...facts, "account.domain": domain };
}
