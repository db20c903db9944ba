import { z } from "@hono/zod-openapi";
import type { AccountTold } from "../store/accounts/told.ts";
import type { ListedAccount } from "../store/views/accounts.ts";
import type { SeenProcess } from "../store/views/account-process.ts";
import { actionPlaces } from "./action-places.ts";
import { possibleNow } from "./action-routes.ts";
import type { ApiDeps, Caller } from "./deps.ts";
import { iso, isoDuration } from "./http/format.ts";

const instant = z.string().openapi({ format: "date-time" });

export const listedAccountSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    domain: z.string().nullable(),
    name: z.string().nullable(),
    tier: z.number().int().nullable().openapi({
      description: "as it is told, or while it is flagged the flag's where that is better",
    }),
    flag: z.object({ id: z.string(), raisedAt: instant }).nullable(),
    contacts: z.number().int().openapi({
      description: "people who had engaged when the account was judged last",
    }),
    engaged: z.boolean(),
  })
  .openapi("ListedAccount");

/** A line of a list. */
export function listedAccount(
  row: ListedAccount,
  { publicUrl }: Pick<ApiDeps, "publicUrl">,
): z.output<typeof listedAccountSchema> {
  const { id, domain, name, tier, flag_id: flag, flagged_at: raisedAt } = row;
  return {
    id,
    url: `${publicUrl}/accounts/${id}`,
    domain,
    name,
    tier,
    flag: flag === null || raisedAt === null ? null : { id: flag, raisedAt: iso(raisedAt) },
    contacts: row.contacts ?? 0,
    engaged: row.engaged ?? false,
  };
}

const depth = z.enum(["high", "mid", "low"]);

export const accountSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    domain: z.string().nullable(),
    createdAt: instant,
    mergedInto: z
      .string()
      .nullable()
      .openapi({ description: "the account that it is part of now" }),
    owner: z.string().nullable().openapi({
      description: "its owner by the CRM, else who works on most of its leads",
    }),
    ownerName: z.string().nullable(),
    tier: z.number().int().nullable(),
    names: z
      .array(z.object({ kind: z.enum(["domain", "crm", "account"]), name: z.string() }))
      .openapi({ description: "other names, and the accounts that became part of it" }),
    facts: z.record(z.string(), z.object({ value: z.unknown(), from: z.string(), at: z.string() })),
    score: z
      .object({
        agreement: z.string().nullable().openapi({ description: "the version that judges" }),
        contacts: z.number().int(),
        needed: z.number().int(),
        depth,
        within: z.string().openapi({ description: "ISO 8601 duration" }),
        engaged: z.boolean(),
        holds: z.boolean().openapi({ description: "`accounts.when` of the agreement" }),
        changesAt: instant
          .nullable()
          .openapi({ description: "when time alone changes it; null: never" }),
        intent: z.number().openapi({ description: "the sum over the people that are listed" }),
        trace: z.array(z.record(z.string(), z.unknown())),
      })
      .nullable()
      .openapi({ description: "null: the agreement has no account rules" }),
    people: z.array(
      z.object({
        id: z.string(),
        url: z.string(),
        name: z.string().nullable(),
        email: z.string().nullable(),
        title: z.string().nullable(),
        stage: z.string(),
        owner: z.string().nullable(),
        ownerName: z.string().nullable(),
        placedBy: z.string().nullable(),
        intent: z.number(),
        depth: depth
          .nullable()
          .openapi({ description: "the deepest signal within the agreement's window" }),
        lastEngagedAt: instant.nullable(),
      }),
    ),
    flags: z.array(
      z.object({
        id: z.string(),
        agreement: z.string(),
        tier: z.number().int(),
        contacts: z.number().int(),
        raisedAt: instant,
        endedAt: instant.nullable(),
        how: z.string().nullable(),
        by: z.string().nullable(),
        byName: z.string().nullable(),
      }),
    ),
    handoff: z
      .object({
        agreement: z.string().nullable().openapi({
          description: "the version that it began under; null: none has begun yet",
        }),
        stage: z.string(),
        stageSince: instant,
        waitingOn: z.string(),
        owner: z.string().nullable(),
        queue: z.string().nullable(),
        next: z.object({ step: z.string().nullable(), at: instant.nullable() }),
        dueAt: instant.nullable(),
        pausedUntil: instant
          .nullable()
          .openapi({ description: "until when its clocks stand still" }),
        endedBecause: z.string().nullable(),
        seen: z
          .object({ stage: z.string(), cycle: z.number().int(), round: z.number().int() })
          .openapi({ description: "to be sent with an action, as with a lead's" }),
        actions: z
          .array(z.object({ action: z.string(), url: z.string() }))
          .openapi({ description: "what the caller can do now" }),
        reasons: z.array(z.string()).openapi({
          description: "for which it may be rejected, by the agreement of its handoff",
        }),
        pauses: z
          .array(z.string())
          .openapi({ description: "for which its clocks may stand still" }),
      })
      .nullable()
      .openapi({
        description:
          "where the account's own handoff stands, or how the last one ended; null: it was never flagged",
      }),
    handoffs: z.array(
      z.object({
        id: z.string(),
        lead: z.string().nullable().openapi({ description: "null: the account's own" }),
        partOf: z.string().nullable().openapi({
          description: "the account's own handoff that was open when a lead's began",
        }),
        agreement: z.string().openapi({ description: "the version that it began under" }),
        leadType: z.string().nullable(),
        state: z.string(),
        rep: z.string().nullable(),
        repName: z.string().nullable(),
        mqlAt: instant,
        outcome: z.string().nullable(),
      }),
    ),
  })
  .openapi("Account");

/** The people of ours whom an account's page names. */
export function staffOf({ owner, people, flags, handoffs }: AccountTold): string[] {
  return [
    owner,
    ...people.map(({ owner_id }) => owner_id),
    ...flags.map(({ ended_by }) => ended_by),
    ...handoffs.map(({ rep_id }) => rep_id),
  ].filter((id) => id !== null);
}

/**
 * The account's page: who is there, how it stands and why, its flags and handoffs. `staff` has the
 * names of `staffOf`.
 */
export function accountView(
  told: AccountTold,
  staff: Readonly<Record<string, string>>,
  handoff: HandoffSeen | undefined,
  caller: Caller,
  { publicUrl }: Pick<ApiDeps, "publicUrl">,
): z.output<typeof accountSchema> {
  const { account, standing, asked } = told;
  const nameOf = (id: string | null) => (id === null ? null : (staff[id] ?? null));
  return {
    id: account.id,
    url: `${publicUrl}/accounts/${account.id}`,
    domain: account.domain,
    createdAt: iso(account.created_at),
    mergedInto: account.merged_into,
    owner: told.owner,
    ownerName: nameOf(told.owner),
    tier: told.tier,
    names: told.names.map((one) => ({ ...one })),
    facts: { ...account.facts },
    score:
      standing === null || asked === null
        ? null
        : {
            agreement: told.agreementId,
            contacts: standing.contacts,
            needed: asked.contacts,
            depth: asked.depth,
            within: isoDuration(asked.withinMs),
            engaged: standing.engaged,
            holds: standing.holds,
            changesAt: iso(standing.nextChangeAt),
            intent: told.intent,
            trace: standing.trace.map((line) => ({ ...line })),
          },
    people: told.people.map((one) => ({
      id: one.id,
      url: `${publicUrl}/leads/${one.id}`,
      name: one.name,
      email: one.email,
      title: one.title,
      stage: one.stage,
      owner: one.owner_id,
      ownerName: nameOf(one.owner_id),
      placedBy: one.placed_by,
      intent: one.intent,
      depth: one.depth,
      lastEngagedAt: iso(one.last_at),
    })),
    flags: told.flags.map((one) => ({
      id: one.id,
      agreement: one.agreement_id,
      tier: one.tier,
      contacts: one.contacts,
      raisedAt: iso(one.raised_at),
      endedAt: iso(one.ended_at),
      how: one.ended_how,
      by: one.ended_by,
      byName: nameOf(one.ended_by),
    })),
    handoff: handoff === undefined ? null : handoffNow(account.id, handoff, caller, publicUrl),
    handoffs: told.handoffs.map((one) => ({
      id: one.id,
      lead: one.lead_id,
      partOf: one.account_handoff_id,
      agreement: one.agreement_id,
      leadType: one.lead_type,
      state: one.state,
      rep: one.rep_id,
      repName: nameOf(one.rep_id),
      mqlAt: iso(one.mql_at),
      outcome: one.outcome,
    })),
  };
}

/** Where the account's own handoff stands, and the agreement's reasons to reject or pause it. */
export interface HandoffSeen {
  readonly process: SeenProcess;
  readonly reasons: readonly string[];
  /** Reasons for which the clocks may stand still. */
  readonly pauses: readonly string[];
}

function handoffNow(
  accountId: string,
  { process, reasons, pauses }: HandoffSeen,
  caller: Caller,
  publicUrl: string,
): z.output<typeof accountSchema>["handoff"] {
  const { stage, waiting_on: waitingOn, cycle, round } = process;
  const possible = process.is_theirs ? possibleNow({ stage, waitingOn }, caller, "account") : [];
  return {
    agreement: process.agreement_id,
    stage,
    stageSince: iso(process.stage_since),
    waitingOn,
    owner: process.owner_id,
    queue: process.queue,
    next: { step: process.next_step, at: iso(process.next_at) },
    dueAt: iso(process.due_at),
    pausedUntil: iso(process.paused_until),
    endedBecause: process.closed_reason,
    seen: { stage, cycle, round },
    actions: possible.map((action) => ({
      action,
      url: `${publicUrl}/accounts/${accountId}/${actionPlaces[action]}`,
    })),
    reasons: [...reasons],
    pauses: [...pauses],
  };
}
