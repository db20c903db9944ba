import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import { isoOf } from "../handoff/dates.ts";
import { checkEmail } from "../handoff/email.ts";
import type { FactSource, FieldPath } from "../handoff/facts.ts";
import { deriveFacts, normalizeFact } from "../handoff/lead.ts";
import type { DatedFact, DatedFacts } from "../handoff/merge-facts.ts";
import { isStorable } from "../handoff/text.ts";
import { allowedAhead, checkEngagement, type ArrivingEngagement } from "./engagement-rules.ts";
import type { Identity } from "./identities.ts";

/** One person as a form, a file, the CRM or tracking tells of them. Facts are raw: they are parsed here. */
export interface Arrival {
  /** Our id, when the sender knows it. */
  readonly id?: string;
  readonly crmId?: string;
  readonly email?: string;
  /** The sender's own id of the person. */
  readonly externalId?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly facts: Readonly<Record<FieldPath, unknown>>;
  /** When this was true; the time of intake when absent. */
  readonly occurredAt?: Instant;
  readonly engagements?: readonly ArrivingEngagement[];
}

export interface IntakeContext {
  readonly now: Instant;
  readonly from: FactSource;
  /** 1 for people and forms, 2 for imports. */
  readonly lane: 1 | 2;
  readonly agreement: Agreement;
  readonly importId?: string;
  /** Take what new people did to be news, which saves a wait. When it is not, the transaction fails (`isKnownEngagement`): do it again without. */
  readonly expectsNew?: boolean;
}

/** An arrival that was read: names in order of precedence, dated facts, and the domain its e-mail points to. */
export interface Prepared {
  readonly identities: readonly Identity[];
  readonly email: string | null;
  readonly facts: DatedFacts;
  readonly emailDomain: string | null;
  readonly occurredAt: Instant;
  readonly engagements: readonly ArrivingEngagement[];
}

export interface Refused {
  readonly outcome: "refused";
  readonly field: string;
  /** What was expected; never quotes what came. */
  readonly message: string;
}

/** Reads an arrival, or says which field is not as expected. */
export function prepare(arrival: Arrival, context: IntakeContext): Prepared | Refused {
  const occurredAt = Math.min(arrival.occurredAt ?? context.now, context.now);
  if (arrival.occurredAt !== undefined && arrival.occurredAt > context.now + allowedAhead) {
    return refused("occurredAt", "expected a time in the past, at most five minutes ahead");
  }
  const facts = readFacts(arrival, context, occurredAt);
  if (isRefused(facts)) return facts;
  const given = facts["lead.email"]?.value;
  const email = typeof given === "string" && checkEmail(given).ok ? given : null;
  const identities = readIdentities(arrival, email);
  if (isRefused(identities)) return identities;
  for (const [n, engagement] of (arrival.engagements ?? []).entries()) {
    const problem = checkEngagement(engagement, context.now);
    if (problem) return refused(`engagements.${n}.${problem.field}`, problem.message);
  }
  const derived =
    email === null
      ? undefined
      : deriveFacts({ "lead.email": email }, context.agreement.emailDomains)["account.domain"];
  return {
    identities,
    email,
    facts,
    emailDomain: typeof derived === "string" ? derived : null,
    occurredAt,
    engagements: arrival.engagements ?? [],
  };
}

function readFacts(
  arrival: Arrival,
  context: IntakeContext,
  occurredAt: Instant,
): Record<FieldPath, DatedFact> | Refused {
  const facts: Record<FieldPath, DatedFact> = {};
  const raw =
    arrival.email === undefined ? arrival.facts : { ...arrival.facts, "lead.email": arrival.email };
  for (const [field, value] of Object.entries(raw)) {
    const normal = normalizeFact(field, value, context.agreement);
    if ("problem" in normal) return refused(`facts.${field}`, normal.problem);
    if ("missing" in normal) continue;
    const kept =
      field === "lead.email" && typeof normal.value === "string"
        ? normalEmail(normal.value)
        : normal.value;
    facts[field] = { value: kept, from: context.from, at: isoOf(occurredAt) };
  }
  if (!facts["lead.firstTouchAt"]) {
    const first = Math.min(
      occurredAt,
      ...(arrival.engagements ?? []).map((engagement) => engagement.occurredAt),
    );
    facts["lead.firstTouchAt"] = { value: isoOf(first), from: context.from, at: isoOf(occurredAt) };
  }
  return facts;
}

function readIdentities(arrival: Arrival, email: string | null): Identity[] | Refused {
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
    const value = given?.trim();
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

/** The form under which addresses are compared and stored. */
export function normalEmail(address: string): string {
  return address.trim().toLowerCase();
}

function isRefused(read: object): read is Refused {
  return (read as Partial<Refused>).outcome === "refused";
}

function refused(field: string, message: string): Refused {
  return { outcome: "refused", field, message };
}
