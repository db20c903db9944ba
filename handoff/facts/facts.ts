import type { Instant } from "../time/calendar.ts";

/**
 * What a fact can hold once parsed. Null words ("Select", "-", …) never get this far: they are
 * missing.
 */
export type FactValue = string | number | boolean | readonly string[];

/** `lead.*` or `account.*`, built in or declared under `fields` of the agreement. */
export type FieldPath = string;

export type FieldType = "text" | "number" | "boolean" | "date" | "list";

/** Facts by path. A key that is absent is a missing fact; conditions on it are unknown. */
export type Facts = Readonly<Record<FieldPath, FactValue>>;

/** Something a person did. `id` is the sender's message id; the same id counts once. */
export interface Engagement {
  readonly id: string;
  readonly type: string;
  readonly occurredAt: Instant;
  readonly topic?: string;
}

/** Where a fact came from, kept beside its value. */
export type FactSource = "form" | "import" | "crm" | "tracking" | "person";

/** The fields that need no declaration under `fields` of the agreement. */
export const builtInFields: Readonly<Record<FieldPath, FieldType>> = {
  "lead.name": "text",
  "lead.firstName": "text",
  "lead.lastName": "text",
  "lead.email": "text",
  "lead.emailKind": "text",
  "lead.phone": "text",
  "lead.title": "text",
  "lead.role": "text",
  "lead.seniority": "text",
  "lead.department": "text",
  "lead.country": "text",
  "lead.region": "text",
  "lead.language": "text",
  "lead.source": "text",
  "lead.campaign": "text",
  "lead.motion": "text",
  "lead.product": "text",
  "lead.timeline": "text",
  "lead.doNotContact": "boolean",
  "lead.firstTouchAt": "date",
  "account.name": "text",
  "account.domain": "text",
  "account.employees": "number",
  "account.industry": "text",
  "account.country": "text",
  "account.region": "text",
  "account.segment": "text",
  "account.techStack": "list",
  "account.customer": "boolean",
  "account.competitor": "boolean",
  "account.owner": "text",
  "account.openOpportunities": "number",
  "account.tier": "number",
};

/**
 * Fields whose first value stands for ever: where a lead came from does not change
 * (docs/metrics.md, "Where a lead came from").
 */
export const firstValueStands: readonly FieldPath[] = ["lead.source", "lead.firstTouchAt"];

/** Fields whose values are a closed list of words. */
export const closedValues: Readonly<Partial<Record<FieldPath, readonly string[]>>> = {
  "lead.emailKind": ["business", "free", "disposable", "invalid"],
  "lead.motion": ["inbound", "outbound", "partner", "self-serve"],
};
