import type { Band, Path } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import { firstRow, send, sql, type Db, type Tx } from "./db.ts";
import { newId } from "./ids.ts";
import type { Subject } from "../workflows/contract.ts";

/** The row of a handoff, as decisions read and change it. */
export interface HandoffRow {
  id: string;
  subject_kind: "lead" | "account";
  subject_id: string;
  cycle: number;
  agreement_id: string;
  lead_type: string;
  path: Path;
  priority: number;
  band: Band;
  segment: string | null;
  territory: string | null;
  language: string | null;
  product: string | null;
  motion: string | null;
  pool: string | null;
  state: "open" | "closed";
  rep_id: string | null;
  round: number;
  mql_at: Date;
  offered_at: Date | null;
  first_outreach_at: Date | null;
  connected_at: Date | null;
  meeting_at: Date | null;
  sal_at: Date | null;
  sql_at: Date | null;
  opportunity_at: Date | null;
  rejected_at: Date | null;
  rejection_reason: string | null;
  rejection_group: string | null;
  contested_at: Date | null;
  overturned_at: Date | null;
  attempts: number;
  attempts_until: Date | null;
  paused_until: Date | null;
  reassignments: number;
  assign_to: string | null;
  outcome: string | null;
  closed_at: Date | null;
}

export async function openHandoff(
  tx: Tx,
  subject: Subject,
  cycle: number,
  now: Instant,
  row: {
    agreementId: string;
    leadType: string;
    path: Path;
    priority: number;
    band: Band;
    fit: number;
    intent: number;
    icp: boolean;
    source: string | null;
    campaign: string | null;
    motion: string | null;
    language: string | null;
    product: string | null;
  },
): Promise<string> {
  const id = newId("ho", now);
  await send(
    tx,
    sql`
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path, priority, band, fit, intent, icp,
      source, campaign, motion, language, product, mql_at)
    values (${id}, ${subject.kind}, ${subject.id}, ${cycle}, ${row.agreementId}, ${row.leadType}, ${row.path}, ${row.priority}, ${row.band},
      ${row.fit}, ${row.intent}, ${row.icp}, ${row.source}, ${row.campaign}, ${row.motion}, ${row.language}, ${row.product}, ${new Date(now)})`,
  );
  return id;
}

/** The subject's latest handoff, open or closed. */
export async function lastHandoff(db: Db, subject: Subject): Promise<HandoffRow | undefined> {
  return firstRow<HandoffRow>(
    db,
    sql`
    select * from handoff where subject_kind = ${subject.kind} and subject_id = ${subject.id} order by cycle desc limit 1`,
  );
}

export async function saveHandoff(tx: Tx, h: HandoffRow): Promise<void> {
  await send(
    tx,
    sql`
    update handoff set segment = ${h.segment}, territory = ${h.territory}, pool = ${h.pool}, state = ${h.state}, rep_id = ${h.rep_id}, round = ${h.round},
      offered_at = ${h.offered_at}, first_outreach_at = ${h.first_outreach_at}, connected_at = ${h.connected_at}, meeting_at = ${h.meeting_at},
      sal_at = ${h.sal_at}, sql_at = ${h.sql_at}, opportunity_at = ${h.opportunity_at}, rejected_at = ${h.rejected_at},
      rejection_reason = ${h.rejection_reason}, rejection_group = ${h.rejection_group}, contested_at = ${h.contested_at}, overturned_at = ${h.overturned_at},
      attempts = ${h.attempts}, attempts_until = ${h.attempts_until}, paused_until = ${h.paused_until}, reassignments = ${h.reassignments},
      assign_to = ${h.assign_to}, outcome = ${h.outcome}, closed_at = ${h.closed_at}
    where id = ${h.id}`,
  );
}
