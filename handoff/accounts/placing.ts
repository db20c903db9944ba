import { emailKind, type EmailDomains } from "../facts/email.ts";
import { pageHosts } from "../facts/email-domains.ts";
import type { DatedFact } from "../facts/merge-facts.ts";
import type { FactSource } from "../facts/facts.ts";
import type { Instant } from "../time/calendar.ts";

/** By what a lead came to its account; who it was that said so decides who may say otherwise. */
export type PlacedBy = "person" | "crm-id" | "told-domain" | "email-domain";

/** How a lead came to its account, kept with the lead. */
export interface Placed {
  readonly by: PlacedBy;
  readonly at: string;
  /** The domain or the CRM's id that named the account. */
  readonly name: string;
  /** The name was another one of the account than its own domain. */
  readonly isAlias?: true;
  /** Who said so, where a person did. */
  readonly who?: string;
  /** All that could have named an account, the one that did first. */
  readonly candidates: readonly NamedBy[];
}

/** Something that could have named the lead's account. */
export interface NamedBy {
  readonly by: PlacedBy;
  readonly name: string;
  /** Null: it names the account. */
  readonly passedOver: string | null;
}

/** What is known of where a lead belongs, its domains as they are registered. */
export interface Clues {
  /** The account that it has, and how it came there; null where that is not known. */
  readonly accountId: string | null;
  readonly placed: Placed | null;
  /** The CRM's id of the account, told now. */
  readonly crmAccountId: string | null;
  /** The company's domain, the latest that was told. */
  readonly told: Pick<DatedFact, "value" | "from" | "at"> | undefined;
  /** The domain of the address, whosever it is. */
  readonly emailDomain: string | null;
}

/** Where a lead belongs: under a name that the store looks up; null: where it is. */
export interface Placing {
  readonly wanted: { readonly by: PlacedBy; readonly name: string } | null;
  readonly candidates: readonly NamedBy[];
}

/**
 * To which account a lead belongs: what a person decided, else the CRM's id, else the domain that
 * was told last, else the domain of the address while it has no account. Domains of mail providers
 * make no account, nor does the domain of a site where a company has a page. Whom a person or the
 * CRM has placed, only they move.
 */
export function placing(clues: Clues, domains?: EmailDomains): Placing {
  const { crmAccountId, told, emailDomain, placed } = clues;
  const found: { by: PlacedBy; name: string; no: string | null }[] = [];
  const isByHand = placed?.by === "person";
  if (isByHand) found.push({ by: "person", name: placed.name, no: null });
  if (crmAccountId !== null)
    found.push({
      by: "crm-id",
      name: crmAccountId,
      no: isByHand ? "a person has said where the lead belongs" : null,
    });
  if (typeof told?.value === "string")
    found.push({
      by: "told-domain",
      name: told.value,
      no:
        providerOf(told.value, domains) ??
        pageOnly(told.value, emailDomain) ??
        standing(clues, told),
    });
  if (emailDomain !== null)
    found.push({ by: "email-domain", name: emailDomain, no: providerOf(emailDomain, domains) });
  return chosen(clues, found);
}

function chosen(
  { accountId, placed }: Clues,
  found: readonly { by: PlacedBy; name: string; no: string | null }[],
): Placing {
  const possible = found.filter(({ no }) => no === null);
  // Against a person's word counts only what was told later, by a person or the CRM.
  const best =
    possible.find(({ by }) => by === "told-domain" && placed?.by === "person") ?? possible[0];
  const candidates = found.map(({ by, name, no }) => ({
    by,
    name,
    passedOver: no ?? (by === best?.by ? null : "something better names the account"),
  }));
  return {
    wanted: best && !stays(best) ? { by: best.by, name: best.name } : null,
    candidates: candidates.toSorted(
      (a, b) => Number(a.passedOver !== null) - Number(b.passedOver !== null),
    ),
  };

  function stays({ by, name }: { readonly by: PlacedBy; readonly name: string }): boolean {
    if (by === "person") return true;
    // An address places who is nowhere; nobody moves by it.
    if (by === "email-domain") return accountId !== null;
    return accountId !== null && placed?.by === by && placed.name === name;
  }
}

/** Why a told domain does not count against who placed the lead; null: it does. */
function standing(
  { placed }: Clues,
  told: { readonly from: FactSource; readonly at: string },
): string | null {
  if (placed?.by !== "person" && placed?.by !== "crm-id") return null;
  const mayMove = told.from === "person" || told.from === "crm";
  const isLater = instant(told.at) > instant(placed.at);
  if (mayMove && isLater) return null;
  return placed.by === "person"
    ? "a person has said where the lead belongs"
    : "the CRM has said where the lead belongs";
}

/** Why a domain makes no account. */
function providerOf(domain: string, domains: EmailDomains | undefined): string | null {
  switch (emailKind(`a@${domain}`, domains)) {
    case "free":
      return "a provider of free mail is no company";
    case "disposable":
      return "a provider of throw-away mail is no company";
    case "invalid":
      return "it is no domain";
    case "business":
      return null;
  }
}

/** Who writes from such a site works there. */
function pageOnly(told: string, emailDomain: string | null): string | null {
  if (!pageHosts.has(told) || told === emailDomain) return null;
  return "a page on a site of many companies does not say which domain the company has";
}

/** Whether a domain can have an account. */
export function isCompany(domain: string, domains?: EmailDomains): boolean {
  return providerOf(domain, domains) === null;
}

function instant(text: string): Instant {
  return Date.parse(text);
}
