import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";

/** An offer as the person it was made to finds it later. */
export interface OfferState {
  readonly leadId: string;
  readonly repId: string;
  /** The person is on the roster and works. */
  readonly isActive: boolean;
  readonly isErased: boolean;
  readonly isMerged: boolean;
  /** The offer is the one under way, and the lead is with the person. */
  readonly isTheirs: boolean;
  readonly stage: Stage;
  readonly waitingOn: WaitingOn;
  readonly owner: { readonly id: string; readonly name: string } | null;
  readonly queue: string | null;
  readonly dueAt: Date | null;
  readonly handoffId: string | null;
  readonly agreementId: string | null;
  readonly attempts: number;
  /** Why and when it was taken from the person; null when it was not. */
  readonly ended: { readonly why: string | null; readonly at: Date } | null;
  /** What the person answered last in this offer. */
  readonly answer: {
    readonly kind: string;
    readonly reason: string | null;
    readonly at: Date;
  } | null;
}

/** Undefined when there is no such person or lead. */
export async function offerState(
  db: Db,
  asked: {
    readonly repId: string;
    readonly leadId: string;
    readonly cycle: number;
    readonly round: number;
  },
): Promise<OfferState | undefined> {
  const { repId, leadId, cycle, round } = asked;
  const row = await firstRow<OfferRow>(
    db,
    sql`
    select r.active, l.erased_at, p.merged_into, p.stage, p.waiting_on, p.queue, p.due_at,
      p.owner_id, o.name as owner_name, h.id as handoff_id, h.agreement_id, h.attempts,
      p.handoff_id = h.id and h.state = 'open' and h.round = ${round} and p.cycle = ${cycle}
        and p.owner_id = r.id as is_theirs,
      s.ended_at, s.ended_why, a.kind, a.reason, a.received_at
    from rep r join lead l on l.id = ${leadId}
      join process p on p.subject_kind = 'lead' and p.subject_id = l.id
      left join rep o on o.id = p.owner_id
      left join handoff h on h.subject_kind = 'lead' and h.subject_id = l.id and h.cycle = ${cycle}
      left join assignment s on s.handoff_id = h.id and s.round = ${round} and s.rep_id = r.id
      left join lateral (
        select kind, reason, received_at from answer
        where handoff_id = h.id and round = ${round} and by_id = r.id
        order by received_at desc limit 1) a on true
    where r.id = ${repId}`,
  );
  if (!row) return undefined;
  const isErased = row.erased_at !== null;
  const isMerged = row.merged_into !== null;
  return {
    leadId,
    repId,
    isActive: row.active,
    isErased,
    isMerged,
    isTheirs: row.active && !isErased && !isMerged && row.is_theirs === true,
    stage: row.stage,
    waitingOn: row.waiting_on,
    owner:
      row.owner_id === null ? null : { id: row.owner_id, name: row.owner_name ?? row.owner_id },
    queue: row.queue,
    dueAt: row.due_at,
    handoffId: row.handoff_id,
    agreementId: row.agreement_id,
    attempts: row.attempts ?? 0,
    ended: row.ended_at && { at: row.ended_at, why: row.ended_why },
    answer:
      row.kind === null || row.received_at === null
        ? null
        : { kind: row.kind, reason: row.reason, at: row.received_at },
  };
}

type OfferRow = {
  active: boolean;
  erased_at: Date | null;
  merged_into: string | null;
  stage: Stage;
  waiting_on: WaitingOn;
  queue: string | null;
  due_at: Date | null;
  owner_id: string | null;
  owner_name: string | null;
  handoff_id: string | null;
  agreement_id: string | null;
  attempts: number | null;
  is_theirs: boolean | null;
  ended_at: Date | null;
  ended_why: string | null;
  kind: string | null;
  reason: string | null;
  received_at: Date | null;
};

/** The offer that somebody has of a lead now, for a link to it; undefined when it is not theirs. */
export async function offerNow(
  db: Db,
  leadId: string,
  repId: string,
): Promise<
  { readonly cycle: number; readonly round: number; readonly dueAt: Date | null } | undefined
> {
  return firstRow(
    db,
    sql`
    select p.cycle, h.round, p.due_at as "dueAt" from process p
      join handoff h on h.id = p.handoff_id join rep r on r.id = p.owner_id
      join lead l on l.id = p.subject_id
    where p.subject_kind = 'lead' and p.subject_id = ${leadId} and p.owner_id = ${repId}
      and h.state = 'open' and h.rep_id = ${repId} and r.active and l.erased_at is null
      and p.merged_into is null`,
  );
}
