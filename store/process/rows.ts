import type { Band, Path } from "../../handoff/agreement.ts";
import type { HandoffTerms } from "../../handoff/clocks/terms.ts";
import type { Handoff, ProcessState } from "../../handoff/process/situation.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";

/** The row of table `process`, as Postgres gives it. */
export interface ProcessRow {
  readonly stage: Stage;
  readonly stage_since: Date;
  readonly waiting_on: WaitingOn;
  readonly owner_id: string | null;
  readonly queue: string | null;
  readonly next_step: string | null;
  readonly next_at: Date | null;
  readonly due_at: Date | null;
  readonly lead_type: string | null;
  readonly band: Band | null;
  readonly territory: string | null;
  readonly cycle: number;
  readonly step: number;
  readonly handoff_id: string | null;
  readonly review_at: Date | null;
  readonly exit_at: Date | null;
  readonly exit_intent: number | null;
  readonly exit_reason: string | null;
  readonly revisit_on: string | null;
  readonly closed_reason: string | null;
  readonly merged_into: string | null;
}

const ms = (at: Date | null) => (at === null ? null : at.getTime());
/** Instants inside JSON come as text. */
const parsed = (at: string | null) => (at === null ? null : Date.parse(at));

export function processOf(row: ProcessRow): ProcessState {
  return {
    stage: row.stage,
    stageSince: row.stage_since.getTime(),
    waitingOn: row.waiting_on,
    owner: row.owner_id,
    queue: row.queue,
    nextStep: row.next_step,
    nextAt: ms(row.next_at),
    dueAt: ms(row.due_at),
    leadType: row.lead_type,
    band: row.band,
    territory: row.territory,
    cycle: row.cycle,
    step: row.step,
    handoffId: row.handoff_id,
    reviewAt: ms(row.review_at),
    exitAt: ms(row.exit_at),
    exitIntent: row.exit_intent,
    exitReason: row.exit_reason,
    revisitOn: row.revisit_on,
    closedReason: row.closed_reason,
    mergedInto: row.merged_into,
  };
}

/** The row of table `handoff` as JSON. */
export interface HandoffJson {
  readonly id: string;
  readonly cycle: number;
  readonly agreement_id: string;
  readonly lead_type: string;
  readonly path: Path;
  readonly priority: number;
  readonly band: Band;
  readonly fit: number;
  readonly intent: number;
  readonly icp: boolean;
  readonly source: string | null;
  readonly campaign: string | null;
  readonly motion: string | null;
  readonly language: string | null;
  readonly product: string | null;
  readonly segment: string | null;
  readonly territory: string | null;
  readonly pool: string | null;
  readonly state: "open" | "closed";
  readonly rep_id: string | null;
  readonly round: number;
  readonly mql_at: string;
  readonly offered_at: string | null;
  readonly first_outreach_at: string | null;
  readonly connected_at: string | null;
  readonly meeting_at: string | null;
  readonly sal_at: string | null;
  readonly sql_at: string | null;
  readonly opportunity_at: string | null;
  readonly rejected_at: string | null;
  readonly rejection_reason: string | null;
  readonly rejection_group: string | null;
  readonly contested_at: string | null;
  readonly overturned_at: string | null;
  readonly attempts: number;
  readonly attempts_until: string | null;
  readonly paused_until: string | null;
  readonly reassignments: number;
  readonly assign_to: string | null;
  readonly outcome: string | null;
  readonly closed_at: string | null;
  readonly terms: HandoffTerms | null;
  readonly imported: boolean;
  readonly mql_told_at: string | null;
  readonly tier: number | null;
  readonly account_handoff_id: string | null;
  readonly propensity: number | null;
}

export function handoffOf(row: HandoffJson, rejectionRevisitOn: string | null): Handoff {
  return {
    id: row.id,
    cycle: row.cycle,
    agreementId: row.agreement_id,
    leadType: row.lead_type,
    path: row.path,
    priority: row.priority,
    band: row.band,
    fit: row.fit,
    intent: row.intent,
    icp: row.icp,
    source: row.source,
    campaign: row.campaign,
    motion: row.motion,
    language: row.language,
    product: row.product,
    segment: row.segment,
    territory: row.territory,
    pool: row.pool,
    state: row.state,
    repId: row.rep_id,
    round: row.round,
    mqlAt: Date.parse(row.mql_at),
    offeredAt: parsed(row.offered_at),
    firstOutreachAt: parsed(row.first_outreach_at),
    connectedAt: parsed(row.connected_at),
    meetingAt: parsed(row.meeting_at),
    salAt: parsed(row.sal_at),
    sqlAt: parsed(row.sql_at),
    opportunityAt: parsed(row.opportunity_at),
    rejectedAt: parsed(row.rejected_at),
    rejectionReason: row.rejection_reason,
    rejectionGroup: row.rejection_group,
    rejectionRevisitOn,
    contestedAt: parsed(row.contested_at),
    overturnedAt: parsed(row.overturned_at),
    attempts: row.attempts,
    attemptsUntil: parsed(row.attempts_until),
    pausedUntil: parsed(row.paused_until),
    reassignments: row.reassignments,
    assignTo: row.assign_to,
    outcome: row.outcome,
    closedAt: parsed(row.closed_at),
    ...(row.terms === null ? {} : { terms: row.terms }),
    ...(row.tier === null ? {} : { tier: row.tier }),
    ...(row.account_handoff_id === null ? {} : { accountHandoffId: row.account_handoff_id }),
    ...(row.propensity === null ? {} : { propensity: row.propensity }),
    // What is open was told of when it was taken over.
    ...(row.imported && row.mql_told_at !== null
      ? { takenOverAt: Date.parse(row.mql_told_at) }
      : {}),
  };
}
