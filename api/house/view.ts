import { z } from "@hono/zod-openapi";
import type { AccountHandoffRecord } from "../../crm/crm.ts";
import type {
  HouseAccount,
  HouseLead,
  HouseNote,
  HouseOpportunity,
  HouseTask,
} from "../../store/house/rows.ts";
import { stages } from "../../handoff/stage.ts";
import { shownBy } from "../../store/house/user.ts";
import { iso } from "../http/format.ts";

/** Records of the built-in CRM as its API shows them. */
const fact = z.object({
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
  at: z.string(),
});
const facts = z.record(z.string(), fact);

function factsView(known: HouseLead["facts"]): z.infer<typeof facts> {
  return Object.fromEntries(
    Object.entries(known).map(([field, { value, at }]) => [
      field,
      { value: typeof value === "object" ? [...value] : value, at },
    ]),
  );
}

const agreement = z.string().nullable().openapi({
  description: "the version of the agreement that the latest handoff began under",
});

const seen = z
  .object({
    stage: z.enum(stages).optional(),
    cycle: z.number().int().optional(),
    round: z.number().int().optional(),
  })
  .openapi({
    description:
      "what this record shows; sent back as `seen` with a change of status or owner, or with an " +
      "attempt",
  });

export const houseLeadSchema = z
  .object({
    id: z.string(),
    leadId: z.string().nullable(),
    accountId: z.string().nullable(),
    email: z.string().nullable(),
    status: z.string(),
    statusSince: z.string(),
    seen,
    owner: z.string().nullable(),
    queue: z.string().nullable(),
    leadType: z.string().nullable(),
    band: z.string().nullable(),
    fit: z
      .number()
      .nullable()
      .openapi({ description: "the score with which it was handed off last" }),
    intent: z.number().nullable(),
    slaState: z
      .string()
      .nullable()
      .openapi({ description: "running, paused, met, met-late or breached" }),
    territory: z.string().nullable(),
    dueAt: z.string().nullable(),
    reason: z.string().nullable(),
    agreement,
    facts,
    version: z.number().int(),
    changedAt: z.string(),
  })
  .openapi("HouseLead");

export function houseLeadView(lead: HouseLead) {
  return {
    id: lead.id,
    leadId: lead.leadId,
    accountId: lead.accountId,
    email: lead.email,
    status: lead.status,
    statusSince: iso(lead.statusSince),
    seen: shownBy(lead),
    owner: lead.ownerId,
    queue: lead.queue,
    leadType: lead.leadType,
    band: lead.band,
    fit: lead.fit,
    intent: lead.intent,
    slaState: lead.slaState,
    territory: lead.territory,
    dueAt: iso(lead.dueAt),
    reason: lead.reason,
    agreement: lead.agreement,
    facts: factsView(lead.facts),
    version: lead.version,
    changedAt: iso(lead.changedAt),
  };
}

export const houseAccountSchema = z
  .object({
    id: z.string(),
    accountId: z.string(),
    facts,
    handoff: z
      .object({
        status: z.string(),
        statusSince: z.string(),
        cycle: z.number().int(),
        round: z.number().int().nullable(),
        owner: z.string().nullable(),
        queue: z.string().nullable(),
        leadType: z.string().nullable(),
        dueAt: z.string().nullable(),
        slaState: z.string().nullable(),
        reason: z.string().nullable(),
        agreement,
        seen,
      })
      .nullable()
      .openapi({ description: "of the account itself; null: it was never flagged" }),
    version: z.number().int(),
    changedAt: z.string(),
  })
  .openapi("HouseAccount");

export function houseAccountView({
  id,
  accountId,
  facts: known,
  handoff,
  version,
  changedAt,
}: HouseAccount) {
  return {
    id,
    accountId,
    facts: factsView(known),
    handoff: handoff && handoffView(handoff),
    version,
    changedAt: iso(changedAt),
  };
}

function handoffView({ ownerId: owner, statusSince, dueAt, ...one }: AccountHandoffRecord) {
  // Records that were written before they named their version have none.
  const version = (one as Partial<AccountHandoffRecord>).agreement ?? null;
  return {
    ...one,
    owner,
    statusSince: iso(statusSince),
    dueAt: iso(dueAt),
    agreement: version,
    seen: shownBy(one),
  };
}

export const houseTaskSchema = z
  .object({
    id: z.string(),
    leadId: z.string(),
    owner: z.string().nullable(),
    subject: z.string(),
    dueAt: z.string().nullable(),
    state: z.enum(["open", "done"]),
    version: z.number().int(),
  })
  .openapi("HouseTask");

export function houseTaskView({ id, leadId, ownerId, subject, dueAt, state, version }: HouseTask) {
  return { id, leadId, owner: ownerId, subject, dueAt: iso(dueAt), state, version };
}

export const houseNoteSchema = z
  .object({
    id: z.string(),
    leadId: z.string().nullable().openapi({ description: "null of a note about a company" }),
    accountId: z.string().nullable().openapi({ description: "null of a note about a lead" }),
    body: z.string(),
    by: z.string(),
    at: z.string(),
  })
  .openapi("HouseNote");

export function houseNoteView({ id, leadId, accountId, body, by, at }: HouseNote) {
  return { id, leadId, accountId, body, by, at: iso(at) };
}

export const houseOpportunitySchema = z
  .object({
    id: z.string(),
    opportunityId: z.string().nullable(),
    leadId: z.string(),
    stage: z.enum(["open", "won", "lost"]),
    dealStage: z.string().nullable(),
    amountMinor: z.number().int().nullable(),
    currency: z.string().nullable(),
    version: z.number().int(),
    createdAt: z.string(),
    changedAt: z.string(),
  })
  .openapi("HouseOpportunity");

export function houseOpportunityView(one: HouseOpportunity) {
  return { ...one, createdAt: iso(one.createdAt), changedAt: iso(one.changedAt) };
}
