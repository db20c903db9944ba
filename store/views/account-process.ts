import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";
import { reachValues, type Reach } from "./reach.ts";

/** Where the handoff of an account stands: the open one, or how the last one ended. */
export interface SeenProcess {
  readonly stage: Stage;
  readonly stage_since: Date;
  readonly waiting_on: WaitingOn;
  readonly owner_id: string | null;
  readonly queue: string | null;
  readonly next_step: string | null;
  readonly next_at: Date | null;
  readonly due_at: Date | null;
  readonly paused_until: Date | null;
  readonly cycle: number;
  readonly round: number;
  readonly closed_reason: string | null;
  /** By which its handoff goes; null: none has begun. */
  readonly agreement_id: string | null;
  /** It is the asker's, or the team's, to act on. */
  readonly is_theirs: boolean;
}

/** The process of an account; undefined where it was never handed off. */
export async function seeAccountProcess(
  db: Db,
  accountId: string,
  reach: Reach,
): Promise<SeenProcess | undefined> {
  const { ids, team } = reachValues(reach);
  return firstRow<SeenProcess>(
    db,
    sql`
    select p.stage, p.stage_since, p.waiting_on, p.owner_id, p.queue, p.next_step, p.next_at,
      p.due_at, h.paused_until, p.cycle, coalesce(h.round, 0) as round, p.closed_reason, h.agreement_id,
      (${ids}::text[] is null or p.owner_id = any(${ids}::text[])
        or exists (select from task t where t.subject_kind = 'account'
          and t.subject_id = p.subject_id and t.state = 'open'
          and (t.assignee_id = any(${ids}::text[])
            or (${team}::boolean and t.assignee_id is null and t.role = 'manager')))
        or (${team}::boolean and p.owner_id is null and (p.waiting_on = 'queue'
          or exists (select from pool_member m where m.pool_id = h.pool
            and m.rep_id = any(${ids}::text[])) or exists (select from assignment s
            where s.handoff_id = h.id and s.rep_id = any(${ids}::text[]))))) as is_theirs
    from process p left join handoff h on h.subject_kind = 'account'
      and h.subject_id = p.subject_id and h.cycle = p.cycle
    where p.subject_kind = 'account' and p.subject_id = ${accountId}`,
  );
}
