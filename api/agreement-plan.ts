import { z } from "@hono/zod-openapi";
import { sayBackTest, type BackTest } from "../handoff/governance/back-test.ts";
import { sayFlags } from "../handoff/governance/planning-accounts.ts";
import type { PlannedOutcome } from "../handoff/governance/planning.ts";
import type { Rate } from "../handoff/reviews/figures.ts";
import type { MadePlan } from "../store/governance/plans.ts";
import { iso } from "./http/format.ts";

const instant = z.string().openapi({ format: "date-time" });
const count = z.number().int();
const leadId = z.string().openapi({ description: "ld_…" });

const outcome = z.object({
  verdict: z.enum(["hand-off", "nurture", "disqualify", "needs-data"]),
  leadType: z.string().optional(),
  band: z.string(),
  pool: z
    .string()
    .nullable()
    .optional()
    .openapi({ description: "looked in first; null: the fallback queue" }),
  explored: z.literal(true).optional().openapi({ description: "of the share that is explored" }),
});
const rate = z.object({
  numerator: count,
  denominator: count,
  rate: z.number().nullable(),
  low: z.number().nullable().openapi({ description: "of Wilson's 95 % interval" }),
  high: z.number().nullable(),
});
const observed = z.object({
  handoffs: count,
  undecided: count,
  acceptance: rate,
  qualification: rate,
});
const bounds = z
  .object({ handoffs: count, low: z.number(), high: z.number() })
  .openapi({ description: "between these; a rate is not known, and none is said" });

const changedAccounts = z.object({
  count,
  handedOff: count.openapi({ description: "whose handoff is open: it goes on as it began" }),
  cooling: count.openapi({
    description: "that are flagged only when the cool-down is over; 0 of those spared",
  }),
  list: z
    .array(
      z.object({
        account: z.string().openapi({ description: "ac_…" }),
        contacts: z
          .object({ from: count, to: count })
          .openapi({ description: "people who count, by the active version and by this one" }),
        isHandedOff: z.boolean(),
        coolsUntil: instant.nullable(),
      }),
    )
    .openapi({ description: "the first 500" }),
});

/** How the making of a plan stands. */
export const planningSchema = z
  .object({
    state: z.enum(["making", "made", "cancelled", "failed", "stopped"]).openapi({
      description: "`stopped`: its process ended; ask for it again",
    }),
    done: count,
    of: count.nullable().openapi({ description: "leads and handoffs to look at" }),
    failure: z.string().nullable(),
  })
  .openapi("AgreementPlanning");

/** What a version would do, as it was worked out. */
export const planSchema = z
  .object({
    against: z.string().openapi({ description: "the version that was active" }),
    madeAt: instant,
    hash: z.string().openapi({ description: "of content and plan: what is signed" }),
    isOutOfDate: z.boolean().openapi({ description: "another version became active since" }),
    changes: z.array(z.object({ about: z.string(), change: z.string() })),
    newWarnings: z.array(z.object({ path: z.string(), message: z.string() })).openapi({
      description: "rules that overlap or are never used, since this version",
    }),
    trial: z
      .object({
        leads: count,
        same: count,
        changes: z.array(
          z.object({ from: outcome, to: outcome, count, examples: z.array(leadId) }),
        ),
        list: z
          .array(z.object({ lead: leadId, from: outcome, to: outcome }))
          .openapi({ description: "the first 500 that change" }),
      })
      .openapi({ description: "today's open leads by both versions" }),
    flags: z
      .object({
        accounts: count.openapi({ description: "with people enough for one of the versions" }),
        flagged: changedAccounts.openapi({
          description: "this version would flag them, and the active one does not",
        }),
        spared: changedAccounts.openapi({
          description: "the active version flags such an account, and this one would not",
        }),
        inWords: z.array(z.string()),
      })
      .nullable()
      .openapi({
        description: "today's engaged accounts by both versions; null: the plan is of before",
      }),
    deadlines: z
      .object({
        handoffs: count,
        moved: count,
        earlier: count,
        later: count,
        list: z.array(
          z.object({
            lead: leadId.optional(),
            account: z.string().optional().openapi({ description: "where it is one's: `ac_…`" }),
            clock: z.enum(["outreach", "status"]),
            scope: z.enum(["lead", "rep"]),
            from: instant.nullable(),
            to: instant.nullable(),
          }),
        ),
      })
      .openapi({
        description: "open handoffs of leads and accounts, should their clocks be re-judged",
      }),
    history: z
      .object({
        from: instant,
        to: instant,
        handoffs: count,
        notJudged: count.openapi({ description: "without the decision that opened them" }),
        kept: observed,
        dropped: observed.extend({ leads: z.array(leadId) }),
        added: bounds
          .extend({
            explored: z
              .object({
                handoffs: count,
                of: count.openapi({ description: "could have been drawn" }),
                undecided: count,
                decided: count,
                accepted: count,
                rate: z.number(),
                low: z.number(),
                high: z.number(),
              })
              .optional()
              .openapi({
                description: "estimated from those that were handed off to explore",
              }),
          })
          .nullable(),
        addedLeads: z.array(leadId),
        version: bounds.nullable().openapi({ description: "of all that it hands off" }),
        inWords: z.array(z.string()),
      })
      .openapi({ description: "the last 13 weeks, judged from what was known then" }),
    closedHours: z.array(
      z.object({
        leadType: z.string(),
        clock: z.enum(["outreach", "status"]),
        before: rate,
        after: rate,
      }),
    ),
    load: z
      .array(z.object({ pool: z.string(), rep: z.string(), before: z.number(), after: z.number() }))
      .openapi({ description: "handoffs a week to expect, by weight" }),
    missingPools: z.array(z.string()).openapi({ description: "that the roster lacks" }),
  })
  .openapi("AgreementPlan");

/** A plan as answers show it. */
export function planShown({
  plan,
  hash,
  madeAt,
  isOutOfDate,
}: MadePlan): z.output<typeof planSchema> {
  const { trial, flags, deadlines, history } = plan;
  return {
    against: plan.against,
    madeAt: iso(madeAt),
    hash,
    isOutOfDate,
    changes: plan.changes.map((one) => ({ ...one })),
    newWarnings: plan.newWarnings.map((one) => ({ ...one })),
    trial: {
      ...trial,
      changes: trial.changes.map(({ from, to, count: n, examples }) => ({
        from: outcomeShown(from),
        to: outcomeShown(to),
        count: n,
        examples: [...examples],
      })),
      list: trial.list.map(({ lead, from, to }) => ({
        lead,
        from: outcomeShown(from),
        to: outcomeShown(to),
      })),
    },
    flags: flags === undefined ? null : flagsShown(flags),
    deadlines: {
      ...deadlines,
      list: deadlines.list.map(({ from, to, ...one }) => ({
        ...one,
        from: from === null ? null : iso(from),
        to: to === null ? null : iso(to),
      })),
    },
    history: historyShown(history),
    closedHours: plan.closedHours.map(({ before, after, ...one }) => ({
      ...one,
      before: rateShown(before),
      after: rateShown(after),
    })),
    load: plan.load.map(({ pool, repId: rep, before, after }) => ({ pool, rep, before, after })),
    missingPools: [...plan.missingPools],
  };
}

function flagsShown({ accounts, flagged, spared }: NonNullable<MadePlan["plan"]["flags"]>) {
  const shown = ({ list, ...counts }: typeof flagged) => ({
    ...counts,
    list: list.map(({ coolsUntil, contacts, ...one }) => ({
      ...one,
      contacts: { ...contacts },
      coolsUntil: coolsUntil === null ? null : iso(coolsUntil),
    })),
  });
  return {
    accounts,
    flagged: shown(flagged),
    spared: shown(spared),
    inWords: sayFlags({ flagged, spared }),
  };
}

function historyShown({
  test,
  ...history
}: MadePlan["plan"]["history"]): z.output<typeof planSchema>["history"] {
  return {
    from: iso(history.from),
    to: iso(history.to),
    handoffs: history.handoffs,
    notJudged: history.notJudged,
    kept: observedShown(test.kept),
    dropped: { ...observedShown(test.dropped), leads: [...history.dropped] },
    added: test.added && addedShown(test.added),
    addedLeads: [...history.added],
    version: test.version && { ...test.version },
    inWords: sayBackTest(test),
  };
}

function addedShown({ handoffs, low, high, explored }: NonNullable<BackTest["added"]>) {
  return { handoffs, low, high, ...(explored && { explored: { ...explored } }) };
}

function observedShown({ handoffs, undecided, acceptance, qualification }: BackTest["kept"]) {
  return {
    handoffs,
    undecided,
    acceptance: rateShown(acceptance),
    qualification: rateShown(qualification),
  };
}

function rateShown({ numerator, denominator, rate: share, low, high }: Rate) {
  return { numerator, denominator, rate: share, low, high };
}

function outcomeShown({ verdict, leadType, band, pool, explored }: PlannedOutcome) {
  return {
    verdict,
    band,
    ...(leadType === undefined ? {} : { leadType }),
    ...(pool === undefined ? {} : { pool }),
    ...(explored && { explored }),
  };
}
