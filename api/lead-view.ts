import { z } from "@hono/zod-openapi";
import { viewOf } from "../handoff/clocks/escalation.ts";
import { correctableBy } from "../handoff/facts/fact-rights.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import { clocksOf } from "../store/process/clocks.ts";
import { accountOf, placedOf } from "../store/process/subject.ts";
import { unplacedBy } from "../store/intake/people.ts";
import { scoreOf, type HandoffView, type ListedLead, type SeenLead } from "../store/views/leads.ts";
import { openTasksOf } from "../store/views/tasks.ts";
import type { ApiDeps, Asker } from "./deps.ts";
import { scopeOf, tellerOfRole } from "./http/authorisation.ts";
import { inWords, iso, isoDuration } from "./http/format.ts";
import { handoffHere } from "./http/reach.ts";
import { actionsSchema, actionsShown, seenSchema } from "./lead-actions.ts";

const instant = z.string().openapi({ format: "date-time" });

/** In lists: one version for each row. */
export const standsUnder = z
  .string()
  .nullable()
  .openapi({
    description:
      "the version of the agreement that it stands under: that of its open handoff, else the one by " +
      "which it was decided about last",
  });

export const listedLeadSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    name: z.string().nullable(),
    email: z.string().nullable(),
    account: z.string().nullable(),
    stage: z.string(),
    stageSince: instant,
    waitingOn: z.string(),
    owner: z.string().nullable(),
    ownerName: z.string().nullable(),
    queue: z.string().nullable(),
    leadType: z.string().nullable(),
    band: z.string().nullable(),
    territory: z.string().nullable(),
    source: z.string().nullable(),
    agreement: standsUnder,
    due: instant.nullable(),
    dueInWords: z.string(),
    overdue: z.boolean(),
    arrivedAt: instant,
    next: z.object({ step: z.string().nullable(), at: instant.nullable() }),
  })
  .openapi("ListedLead");

/** A line of a list. */
export function listedLead(
  row: ListedLead,
  deps: Pick<ApiDeps, "publicUrl">,
  owners: Readonly<Record<string, string>>,
  now: Instant,
): z.output<typeof listedLeadSchema> {
  const due = row.due_at?.getTime() ?? null;
  return {
    id: row.id,
    url: `${deps.publicUrl}/leads/${row.id}`,
    name: row.name,
    email: row.email,
    account: row.account_domain,
    stage: row.stage,
    stageSince: iso(row.stage_since),
    waitingOn: row.waiting_on,
    owner: row.owner_id,
    ownerName: row.owner_id === null ? null : (owners[row.owner_id] ?? null),
    queue: row.queue,
    leadType: row.lead_type,
    band: row.band,
    territory: row.territory,
    source: row.source,
    agreement: row.agreement_id,
    due: iso(due),
    dueInWords: inWords(due, now),
    overdue: due !== null && due < now,
    arrivedAt: iso(row.arrived_at),
    next: { step: row.next_step, at: iso(row.next_at) },
  };
}

const placedBy = z.enum(["person", "crm-id", "told-domain", "email-domain"]);
const namedBy = z.object({ by: placedBy, name: z.string(), passedOver: z.string().nullable() });

export const leadSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    stage: z.string(),
    stageSince: instant,
    waitingOn: z.string(),
    owner: z.object({ id: z.string(), name: z.string().nullable() }).nullable(),
    queue: z.string().nullable(),
    next: z.object({ step: z.string().nullable(), at: instant.nullable() }),
    due: instant.nullable(),
    dueInWords: z.string(),
    overdue: z.boolean(),
    yours: z.boolean().openapi({
      description: "whether the caller, or their team, has it now; who had it may still look",
    }),
    actions: actionsSchema,
    seen: seenSchema,
    leadType: z.string().nullable(),
    band: z.string().nullable(),
    territory: z.string().nullable(),
    cycle: z.number().int(),
    imported: z.boolean(),
    score: z
      .object({
        fit: z.number(),
        intent: z.number(),
        band: z.string(),
        at: instant,
        agreement: z.string().nullable().openapi({ description: "the version of then" }),
      })
      .nullable(),
    account: z
      .object({
        id: z.string(),
        domain: z.string().nullable(),
        placed: z
          .object({
            by: placedBy,
            name: z.string(),
            at: instant,
            alias: z.boolean().openapi({
              description: "the name is another one of the account than its own domain",
            }),
            who: z.string().nullable(),
            candidates: z.array(namedBy).openapi({
              description: "all that could have named an account; `passedOver` says why not",
            }),
          })
          .nullable()
          .openapi({ description: "how the lead came there; null: that was not kept" }),
      })
      .nullable(),
    noAccount: z.array(namedBy).nullable().openapi({
      description: "of a lead that is at no account: what could have named one, and why it did not",
    }),
    correctable: z.array(z.string()).openapi({
      description: "facts that the caller may give another value, known or not",
    }),
    facts: z.record(z.string(), z.object({ value: z.unknown(), from: z.string(), at: z.string() })),
    accountFacts: z.record(
      z.string(),
      z.object({ value: z.unknown(), from: z.string(), at: z.string() }),
    ),
    clocks: z.array(
      z.object({
        kind: z.enum(["outreach", "status"]),
        scope: z.enum(["lead", "rep"]),
        state: z.string(),
        due: instant.nullable(),
        dueInWords: z.string(),
        used: z.string().openapi({ description: "ISO 8601 duration in the target's own measure" }),
        left: z.string(),
        late: z.boolean(),
        warnings: z.number().int(),
        pausedFor: z.string().nullable(),
      }),
    ),
    handoff: z.record(z.string(), z.unknown()).nullable(),
    tasks: z.array(
      z.object({
        id: z.string(),
        kind: z.string(),
        role: z.string(),
        assignee: z.string().nullable(),
        assigneeName: z.string().nullable(),
        since: instant,
        due: instant.nullable(),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
    reviewAt: instant.nullable(),
    renurture: z
      .object({ since: instant, because: z.string().nullable(), revisitOn: z.string().nullable() })
      .nullable(),
    closedReason: z.string().nullable(),
    mergedInto: z.string().nullable(),
    erasedAt: instant.nullable(),
  })
  .openapi("Lead");

/**
 * The lead's page: where it stands, whose it is, what runs, what happens next, and what the caller
 * can do about it.
 */
export async function leadView(
  deps: ApiDeps,
  lead: SeenLead,
  c: Asker,
): Promise<z.output<typeof leadSchema>> {
  const { caller, receivedAt: now } = c.var;
  const [handoff, score, account, placed, tasks, active] = await Promise.all([
    handoffHere(deps.keyed, c, lead),
    scoreOf(deps.keyed, lead.id),
    accountOf(deps.keyed, lead),
    placedOf(deps.keyed, lead.id),
    openTasksOf(deps.keyed, lead.id),
    deps.agreements.active(deps.keyed),
  ]);
  const due = lead.due_at?.getTime() ?? null;
  const url = `${deps.publicUrl}/leads/${lead.id}`;
  return {
    id: lead.id,
    url,
    stage: lead.stage,
    stageSince: iso(lead.stage_since),
    waitingOn: lead.waiting_on,
    owner: lead.owner_id === null ? null : { id: lead.owner_id, name: lead.owner_name },
    queue: lead.queue,
    next: { step: lead.next_step, at: iso(lead.next_at) },
    due: iso(due),
    dueInWords: inWords(due, now),
    overdue: due !== null && due < now,
    yours: lead.is_theirs,
    actions: lead.is_theirs
      ? actionsShown({ url, stage: lead.stage, waitingOn: lead.waiting_on }, caller)
      : [],
    // The page falls back to the last handoff; an action is about the open one.
    seen: {
      stage: lead.stage,
      cycle: lead.cycle,
      round: handoff && handoff.id === lead.handoff_id ? handoff.round : 0,
    },
    leadType: lead.lead_type,
    band: lead.band,
    territory: lead.territory,
    cycle: lead.cycle,
    imported: lead.imported,
    score: score ? { ...score, at: iso(score.at) } : null,
    account:
      lead.account_id === null
        ? null
        : {
            id: lead.account_id,
            domain: lead.account_domain,
            placed: placed && {
              by: placed.by,
              name: placed.name,
              at: placed.at,
              alias: placed.isAlias ?? false,
              who: placed.who ?? null,
              candidates: placed.candidates.map((one) => ({ ...one })),
            },
          },
    noAccount:
      lead.account_id === null && lead.erased_at === null
        ? unplacedBy(lead, active?.agreement.emailDomains).map((one) => ({ ...one }))
        : null,
    correctable:
      active === null ||
      !lead.is_theirs ||
      lead.erased_at !== null ||
      scopeOf("PATCH /leads/{id}", caller.role) === undefined
        ? []
        : correctableBy(tellerOfRole[caller.role], active.agreement),
    facts: lead.facts,
    accountFacts: account?.facts ?? {},
    clocks: handoff ? await clocksNow(deps, handoff, now) : [],
    handoff: handoff ? handoffPage(handoff) : null,
    tasks: tasks.map((task) => ({
      id: task.id,
      kind: task.kind,
      role: task.role,
      assignee: task.assignee_id,
      assigneeName: task.assignee_name,
      since: iso(task.since),
      due: iso(task.due_at),
      detail: task.detail,
    })),
    reviewAt: iso(lead.review_at),
    renurture:
      lead.exit_at === null
        ? null
        : { since: iso(lead.exit_at), because: lead.exit_reason, revisitOn: lead.revisit_on },
    closedReason: lead.closed_reason,
    mergedInto: lead.merged_into,
    erasedAt: iso(lead.erased_at),
  };
}

/**
 * The clocks of the handoff folded to this moment, under the agreement the handoff is pinned to.
 */
async function clocksNow(
  deps: ApiDeps,
  handoff: HandoffView,
  now: Instant,
): Promise<z.output<typeof leadSchema>["clocks"]> {
  const [{ clocks, calendars }, version] = await Promise.all([
    clocksOf(deps.keyed, handoff.id, handoff.round),
    deps.agreements.version(deps.keyed, handoff.agreement_id),
  ]);
  return clocks.map((clock) => {
    const view = viewOf(version.agreement, { clocks, calendars, now }, clock);
    return {
      kind: clock.kind,
      scope: clock.scope,
      state: view.state,
      due: iso(view.dueAt),
      dueInWords: view.open ? inWords(view.dueAt, now) : view.state,
      used: isoDuration(view.usedMs),
      left: isoDuration(view.leftMs),
      late: view.late,
      warnings: view.warnings.length,
      pausedFor: view.pauseReason,
    };
  });
}

function handoffPage(h: HandoffView): Record<string, unknown> {
  return {
    id: h.id,
    cycle: h.cycle,
    state: h.state,
    agreement: h.agreement_id,
    leadType: h.lead_type,
    path: h.path,
    priority: h.priority,
    tier: h.tier,
    propensity: h.propensity,
    band: h.band,
    fit: h.fit,
    intent: h.intent,
    segment: h.segment,
    territory: h.territory,
    pool: h.pool,
    rep: h.rep_id,
    round: h.round,
    attempts: h.attempts,
    mqlAt: iso(h.mql_at),
    offeredAt: iso(h.offered_at),
    firstOutreachAt: iso(h.first_outreach_at),
    connectedAt: iso(h.connected_at),
    meetingAt: iso(h.meeting_at),
    salAt: iso(h.sal_at),
    sqlAt: iso(h.sql_at),
    opportunityAt: iso(h.opportunity_at),
    rejectedAt: iso(h.rejected_at),
    rejectionReason: h.rejection_reason,
    contestedAt: iso(h.contested_at),
    overturnedAt: iso(h.overturned_at),
    pausedUntil: iso(h.paused_until),
    outcome: h.outcome,
    closedAt: iso(h.closed_at),
  };
}
