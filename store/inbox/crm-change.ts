import { z } from "zod";
import type { AccountDeed, CrmChange } from "../../crm/change.ts";
import { longestDealStage } from "../../handoff/facts/past.ts";
import { stages } from "../../handoff/stage.ts";
import { canHaveHappened } from "../../handoff/time/dates.ts";

/**
 * A change as it lies in the inbox and travels in a webhook of the built-in CRM: CrmChange with ISO
 * instants. Adapters of other CRMs turn their own events into this shape before they are stored.
 */
const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .refine(canHaveHappened);
const id = z.string().min(1).max(200);
const value = z.union([
  z.string().max(10_000),
  z.number(),
  z.boolean(),
  z.array(z.string().max(1_000)).max(200),
]);

/** As an export of the CRM writes it too (handoff/facts/past.ts). */
const dealStageName = z.string().trim().min(1).max(longestDealStage);

const facts = z.record(z.string().regex(/^(lead|account)\.[A-Za-z]\w*$/), value);

const deed = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("created"), facts }),
  z.strictObject({ kind: z.literal("facts"), facts }),
  z.strictObject({ kind: z.literal("owner"), owner: id.nullable() }),
  z.strictObject({
    kind: z.literal("status"),
    status: id,
    reason: z.string().max(200).optional(),
    revisitOn: z.iso.date().optional(),
    note: z.string().max(5_000).optional(),
    fitRating: z.int().min(1).max(5).optional(),
    timeline: z.string().max(200).optional(),
    buyingSignals: z.array(z.string().max(200)).max(50).optional(),
  }),
  z.strictObject({
    kind: z.literal("outreach"),
    channel: z.string().max(50),
    outcome: z.string().max(50),
    occurredAt: instant,
  }),
  z.strictObject({
    kind: z.literal("opportunity"),
    opportunity: z.strictObject({
      crmId: id,
      stage: z.enum(["open", "won", "lost"]),
      dealStage: dealStageName.nullable().default(null),
      amountMinor: z.int().min(0).nullable(),
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/)
        .nullable(),
      createdAt: instant,
    }),
  }),
  z.strictObject({ kind: z.literal("merged"), into: id }),
  z.strictObject({ kind: z.literal("deleted") }),
]);

/** Which record it is about, and which of its changes it is. */
const turn = {
  crmId: id,
  record: z.literal("account").optional(),
  leadId: id.nullable(),
  accountId: id.nullable().optional(),
  sequence: z.int().min(1).nullable(),
};

const told = z.strictObject({
  id,
  ...turn,
  at: instant,
  by: id.nullable(),
  seen: z
    .strictObject({
      stage: z.enum(stages).optional(),
      cycle: z.int().min(1).optional(),
      round: z.int().min(0).optional(),
    })
    .optional(),
  what: deed,
});
const accountDeeds: readonly AccountDeed["kind"][] = ["owner", "status", "outreach"];

/** Of a company its handoff hears what such people do; nothing else is known of one here. */
const change = told
  .refine(({ record, leadId }) => record === undefined || leadId === null, { path: ["leadId"] })
  .refine(({ record, accountId }) => record !== undefined || accountId == null, {
    path: ["accountId"],
  })
  .refine(({ record, what }) => record === undefined || isAccountDeed(what.kind), {
    path: ["what", "kind"],
  });

function isAccountDeed(kind: z.output<typeof deed>["kind"]): boolean {
  return accountDeeds.some((one) => one === kind);
}

/** Throws a ChangeError that names the first field that is not as expected, without quoting it. */
export function parseCrmChange(payload: unknown): CrmChange {
  const parsed = change.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ChangeError(issue?.path.map(String).join(".") || "event");
}

/** What a change says of its record and of its turn among the record's changes. */
export type ChangeTurn = Pick<CrmChange, "crmId" | "record" | "leadId" | "accountId" | "sequence">;

/**
 * The turn of a change of which the rest may not be as expected: whoever waits for it need not wait
 * for what never comes. Throws a ChangeError as `parseCrmChange` does.
 */
export function parseTurn(payload: unknown): ChangeTurn {
  const parsed = z.object(turn).safeParse(payload);
  return parsed.success ? parsed.data : parseCrmChange(payload);
}

/** An event that is no change of a lead or account as we know them. Trying again cannot help. */
export class ChangeError extends Error {
  override readonly name = "ChangeError";
  readonly field: string;
  constructor(field: string) {
    super(`the event's field ${field} is not as expected`);
    this.field = field;
  }
}

/** The wire's shape of a change. */
export type CrmChangePayload = z.input<typeof change>;

/** A change as it goes into the inbox: the inverse of `parseCrmChange`. */
export function changePayload(change: CrmChange): CrmChangePayload {
  const at = new Date(change.at).toISOString();
  const { what } = change;
  switch (what.kind) {
    case "outreach":
      return {
        ...change,
        at,
        what: { ...what, occurredAt: new Date(what.occurredAt).toISOString() },
      };
    case "opportunity": {
      const { dealStage, createdAt, ...seen } = what.opportunity;
      return {
        ...change,
        at,
        what: {
          kind: what.kind,
          opportunity: {
            ...seen,
            // Left out where none is named: a worker of before this field reads that as well.
            ...(dealStage === null ? {} : { dealStage }),
            createdAt: new Date(createdAt).toISOString(),
          },
        },
      };
    }
    case "status": {
      const { buyingSignals, ...rest } = what;
      return {
        ...change,
        at,
        what: buyingSignals ? { ...rest, buyingSignals: [...buyingSignals] } : rest,
      };
    }
    case "created":
    case "facts":
      return {
        ...change,
        at,
        what: {
          kind: what.kind,
          facts: Object.fromEntries(
            Object.entries(what.facts).map(([field, told]) => [
              field,
              typeof told === "object" ? [...told] : told,
            ]),
          ),
        },
      };
    case "owner":
    case "merged":
    case "deleted":
      return { ...change, at, what };
  }
}
