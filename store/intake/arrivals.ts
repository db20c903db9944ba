import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import { checkEmail } from "../../handoff/facts/email.ts";
import { derivedProblem, maySet, tellerOf } from "../../handoff/facts/fact-rights.ts";
import type { FactSource, FieldPath } from "../../handoff/facts/facts.ts";
import { asOfReceipt, type DatedFact, type DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { isStorable, withoutEdges } from "../../handoff/facts/text.ts";
import { domainOfEmail } from "../../spellings/domain.ts";
import { readFact } from "../../spellings/fact.ts";
import { checkEngagement, type ArrivingEngagement } from "./engagement-rules.ts";
import type { Identity } from "./identities.ts";

/**
 * One person as a form, a file, the CRM or tracking tells of them. Facts are raw: they are parsed
 * here.
 */
export interface Arrival {
  /** Our id, when the sender knows it. */
  readonly id?: string;
  readonly crmId?: string;
  /** The CRM's id of the company. */
  readonly crmAccountId?: string;
  readonly email?: string;
  /** The sender's own id of the person. */
  readonly externalId?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly facts: Readonly<Record<FieldPath, unknown>>;
  /** When this was true; the time of intake when absent. */
  readonly occurredAt?: Instant;
  readonly engagements?: readonly ArrivingEngagement[];
  /** Who sends it, for the audit trail: a token's id. */
  readonly by?: string;
}

export interface IntakeContext {
  readonly now: Instant;
  readonly from: FactSource;
  /** 1 for people and forms, 2 for imports. */
  readonly lane: 1 | 2;
  readonly agreement: Agreement;
  readonly importId?: string;
}

/**
 * An arrival that was read: names in order of precedence, dated facts, and what names the account:
 * the registrable domain of its e-mail, whosever it is, and the CRM's id.
 */
export interface Prepared {
  readonly identities: readonly Identity[];
  readonly email: string | null;
  readonly facts: DatedFacts;
  /**
   * The first touch was not told: it is the time of this arrival, and says nothing against one
   * that is known.
   */
  readonly firstTouchIsOurs: boolean;
  readonly emailDomain: string | null;
  readonly crmAccountId: string | null;
  readonly occurredAt: Instant;
  readonly engagements: readonly ArrivingEngagement[];
  /** Facts that are kept as they came, for want of a word that is known. */
  readonly notUnderstood: readonly NotUnderstood[];
  readonly by: string;
}

/** A value that no list knows, and what was expected; it never quotes what came. */
export interface NotUnderstood {
  readonly field: string;
  readonly message: string;
}

export interface ArrivalRefused {
  readonly outcome: "refused";
  readonly field: string;
  /** What was expected; never quotes what came. */
  readonly message: string;
  /** What else is not as expected, when several facts are. */
  readonly others?: readonly NotUnderstood[];
}

/** Reads an arrival, or says which field is not as expected. */
export function prepare(arrival: Arrival, context: IntakeContext): Prepared | ArrivalRefused {
  // What a sender dates ahead counts as of its receipt: nothing that comes later could beat it.
  const occurredAt = Math.min(arrival.occurredAt ?? context.now, context.now);
  const read = readFacts(arrival, context, occurredAt);
  if (isRefused(read)) return read;
  const told = read.facts;
  const firstTouchIsOurs = !told["lead.firstTouchAt"];
  const facts = firstTouchIsOurs
    ? { ...told, "lead.firstTouchAt": firstTouch(arrival, context, occurredAt) }
    : told;
  const given = facts["lead.email"]?.value;
  const checked = typeof given === "string" ? checkEmail(given) : null;
  const email = typeof given === "string" && checked?.ok ? given : null;
  const identities = readIdentities(arrival, email);
  if (isRefused(identities)) return identities;
  // Whoever comes under no name would be a new lead each time.
  if (identities.length === 0)
    return refused(
      "facts.lead.email",
      "lead.email: " +
        `${checked && !checked.ok ? checked.because : "expected one e-mail address"}; or id, ` +
        "crmId or externalId, so that the person can be recognised",
    );
  for (const [n, engagement] of (arrival.engagements ?? []).entries()) {
    const problem = checkEngagement(engagement);
    if (problem) return refused(`engagements.${n}.${problem.field}`, problem.message);
  }
  const crmAccountId = withoutEdges(arrival.crmAccountId ?? "") || null;
  const problem = crmAccountId === null ? null : nameProblem(crmAccountId);
  if (problem) return refused("crmAccountId", problem);
  return {
    identities,
    email,
    facts,
    firstTouchIsOurs,
    occurredAt,
    emailDomain: email === null ? null : domainOfEmail(email),
    crmAccountId,
    engagements: arrival.engagements ?? [],
    notUnderstood: read.notUnderstood,
    by: arrival.by ?? context.importId ?? "baton",
  };
}

function readFacts(
  arrival: Arrival,
  context: IntakeContext,
  occurredAt: Instant,
): { facts: DatedFacts; notUnderstood: readonly NotUnderstood[] } | ArrivalRefused {
  const facts: Record<FieldPath, DatedFact> = {};
  const notUnderstood: NotUnderstood[] = [];
  const raw =
    arrival.email === undefined ? arrival.facts : { ...arrival.facts, "lead.email": arrival.email };
  const teller = tellerOf[context.from];
  const wrong: NotUnderstood[] = [];
  for (const [field, value] of Object.entries(raw)) {
    const derived = derivedProblem(field);
    if (derived !== null) {
      wrong.push({ field: `facts.${field}`, message: derived });
      continue;
    }
    const normal = readFact(field, value, context.agreement, raw);
    if ("problem" in normal) {
      wrong.push({ field: `facts.${field}`, message: normal.problem });
      continue;
    }
    if ("missing" in normal) continue;
    if (normal.notUnderstood !== undefined)
      notUnderstood.push({ field: `facts.${field}`, message: normal.notUnderstood });
    if (!maySet(teller, field, normal.value, context.agreement)) {
      // The holder of a public key does not learn which facts count.
      if (teller === "tracking") continue;
      wrong.push({
        field: `facts.${field}`,
        message: `${field}: it is not for this sender to set`,
      });
      continue;
    }
    facts[field] = { value: normal.value, from: context.from, at: isoOf(occurredAt) };
  }
  const [first, ...others] = wrong;
  return first
    ? { ...refused(first.field, first.message), others }
    : { facts: asOfReceipt(facts, context.now), notUnderstood };
}

function firstTouch(arrival: Arrival, context: IntakeContext, occurredAt: Instant): DatedFact {
  const done = (arrival.engagements ?? []).map(({ occurredAt: at }) => Math.min(at, context.now));
  const first = Math.min(occurredAt, ...done);
  return { value: isoOf(first), from: context.from, at: isoOf(occurredAt) };
}

function readIdentities(arrival: Arrival, email: string | null): Identity[] | ArrivalRefused {
  const names = [
    ["lead", "id", arrival.id],
    ["crm", "crmId", arrival.crmId],
    ["email", "email", email ?? undefined],
    ["external", "externalId", arrival.externalId],
    ["user", "userId", arrival.userId],
    ["anonymous", "anonymousId", arrival.anonymousId],
  ] as const;
  const identities: Identity[] = [];
  for (const [kind, field, given] of names) {
    const value = withoutEdges(given ?? "");
    if (!value) continue;
    const problem = nameProblem(value);
    if (problem) return refused(field, problem);
    identities.push({ kind, value });
  }
  return identities;
}

/** Why a text cannot be a key, or null. Halves of surrogate pairs would all become one key. */
export function nameProblem(text: string): string | null {
  if (!isStorable(text)) return "expected text without NUL characters or broken surrogates";
  return text.length > 300 ? "expected at most 300 characters" : null;
}

function isRefused(read: object): read is ArrivalRefused {
  return (read as Partial<ArrivalRefused>).outcome === "refused";
}

function refused(field: string, message: string): ArrivalRefused {
  return { outcome: "refused", field, message };
}
