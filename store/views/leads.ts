import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { firstRow, fragment, sql, type Db } from "../postgres/db.ts";
import { rowsAsGiven } from "../postgres/planned.ts";
import { normalEmail } from "../../spellings/email.ts";
import { precedence } from "../intake/identities.ts";
import { emailOfLead, nameOfLead } from "./names.ts";
import { versionOfProcess } from "./version.ts";
import { reachValues, type Reach } from "./reach.ts";
import type { LeadRow } from "../process/subject.ts";

/**
 * A lead and whether it is the asker's (or the team's) now; somebody who had it before may look but
 * not act.
 */
export type SeenLead = LeadRow & {
  readonly is_theirs: boolean;
  readonly imported: boolean;
  readonly owner_name: string | null;
  readonly account_domain: string | null;
};

/**
 * The lead within reach, or undefined: it does not exist, or it is somebody else's. Within reach is
 * what the people have, have had, or have an open task for, and who belongs to an account whose
 * handoff they have; for a team also what nobody owns in its pools and the fallback queue.
 */
export async function seeLead(db: Db, leadId: string, reach: Reach): Promise<SeenLead | undefined> {
  const { ids, team } = reachValues(reach);
  const row = await firstRow<SeenLead & { is_past: boolean; is_of_account: boolean }>(
    db,
    sql`
    select l.*, r.name as owner_name, a.domain as account_domain,
      (${ids}::text[] is null or l.owner_id = any(${ids}::text[])
        or exists (select from task t where t.subject_kind = 'lead' and t.subject_id = l.id
          and t.state = 'open'
            and (t.assignee_id = any(${ids}::text[])
              or (${team}::boolean and t.assignee_id is null and t.role = 'manager')))
        or (${team}::boolean and l.owner_id is null and (l.waiting_on = 'queue' or exists (
          select from handoff h join pool_member m on m.pool_id = h.pool where h.id = l.handoff_id
            and m.rep_id = any(${ids}::text[]))))) as is_theirs,
      (${ids}::text[] is not null and exists (
        select from handoff h join assignment s on s.handoff_id = h.id
        where h.subject_kind = 'lead' and h.subject_id = l.id and s.rep_id = any(${ids}::text[])))
          as is_past,
      (${ids}::text[] is not null and exists (
        select from process p where p.subject_kind = 'account' and p.subject_id = l.account_id
          and p.owner_id = any(${ids}::text[]))) as is_of_account
    from lead_standing l left join rep r on r.id = l.owner_id left join account a
      on a.id = l.account_id
    where l.id = ${leadId}`,
  );
  if (!row || !(row.is_theirs || row.is_past || row.is_of_account)) return undefined;
  // A manager's team includes the one who answered: a closed or returned lead stays the team's to
  // decide about.
  return { ...row, is_theirs: row.is_theirs || (team && row.owner_id === null && row.is_past) };
}

/** What a list shows of a lead. */
export interface ListedLead {
  readonly id: string;
  readonly stage: Stage;
  readonly stage_since: Date;
  readonly waiting_on: WaitingOn;
  readonly owner_id: string | null;
  readonly queue: string | null;
  readonly next_step: string | null;
  readonly next_at: Date | null;
  readonly due_at: Date | null;
  readonly lead_type: string | null;
  readonly band: string | null;
  readonly territory: string | null;
  readonly source: string | null;
  readonly arrived_at: Date;
  readonly name: string | null;
  readonly email: string | null;
  readonly account_domain: string | null;
  /** The version that it stands under; null: nothing was decided about it yet. */
  readonly agreement_id: string | null;
}

export interface LeadFilter {
  readonly stage?: Stage | undefined;
  readonly waitingOn?: string | undefined;
  /** A rep's id, or `none`. */
  readonly owner?: string | undefined;
  readonly overdue?: boolean | undefined;
  /** Due before this moment; what has no deadline is not. */
  readonly dueBefore?: number | undefined;
  /**
   * An id, a CRM id, the beginning of an e-mail address, another known name as a whole, or an
   * account's domain. Of addresses with one beginning those of the first thousand are found.
   */
  readonly q?: string | undefined;
  /** These and no others, as a report names those that it counts. */
  readonly ids?: readonly string[] | undefined;
}

/** Of one beginning there may be as many as leads. */
export const mostFound = 1_000;

/**
 * Leads the people have now (everybody's for `all`), newest first, after the lead `after`; a page
 * begins there in either table.
 */
export async function listLeads(
  db: Db,
  filter: LeadFilter,
  reach: Reach,
  page: { after?: string | undefined; limit: number; now: number },
): Promise<ListedLead[]> {
  const { ids, team } = reachValues(reach);
  const { stage = null, waitingOn = null, owner = null, overdue = null, q = null } = filter;
  const chosen = filter.ids === undefined ? null : [...filter.ids];
  const dueBefore = filter.dueBefore === undefined ? null : new Date(filter.dueBefore);
  return rowsAsGiven<ListedLead>(
    db,
    sql`
    select l.id, p.stage, p.stage_since, p.waiting_on, p.owner_id, p.queue, p.next_step, p.next_at,
      p.due_at, p.lead_type, p.band, p.territory,
      l.source, l.arrived_at, ${fragment(nameOfLead)} as name, ${fragment(emailOfLead)} as email,
      a.domain as account_domain,
      ${fragment(versionOfProcess("p"))} as agreement_id
    from lead l join process p on p.subject_kind = 'lead' and p.subject_id = l.id left
      join account a on a.id = l.account_id
    where (${page.after ?? null}::text is null
      or (l.id < ${page.after ?? null}::text and p.subject_id < ${page.after ?? null}::text))
      and (${stage}::text is null or p.stage = ${stage}::text)
      and (${waitingOn}::text is null or p.waiting_on = ${waitingOn}::text)
      and (${owner}::text is null or p.owner_id = ${owner}::text
        or (${owner}::text = 'none' and p.owner_id is null))
      and (${overdue}::boolean is null
        or ${overdue}::boolean = coalesce(p.due_at < ${new Date(page.now)}::timestamptz, false))
      and (${overdue}::boolean is distinct from true
        or p.due_at < ${new Date(page.now)}::timestamptz)
      and (${dueBefore}::timestamptz is null or p.due_at < ${dueBefore}::timestamptz)
      and (${chosen}::text[] is null or l.id = any(${chosen}::text[]))
      and (${q}::text is null or l.id = any(array(
        select id from lead where id = ${q}::text or crm_id = ${q}::text
        union (select id from lead where email ^@ ${q === null ? null : normalEmail(q)}::text
          order by email using ~<~ limit ${mostFound})
        union select lead_id from lead_alias where kind = any(${[...precedence]}::text[])
          and value = ${q}::text
        union select b.id from lead b join account c on c.id = b.account_id
          where c.domain = lower(${q}::text))))
      and (${ids}::text[] is null or p.owner_id = any(${ids}::text[])
        or (${team}::boolean and p.owner_id is null and (p.waiting_on = 'queue'
          or l.id in (select subject_id from task where subject_kind = 'lead' and state = 'open'
            and (assignee_id = any(${ids}::text[]) or (assignee_id is null and role = 'manager')))
          or p.handoff_id in (select h.id from handoff h join pool_member m on m.pool_id = h.pool
            where h.state = 'open' and m.rep_id = any(${ids}::text[])))))
    order by l.id desc limit ${page.limit}`,
  );
}

/** The open handoff, or the last one when none is open. */
export interface HandoffView {
  readonly id: string;
  readonly cycle: number;
  readonly state: "open" | "closed";
  readonly agreement_id: string;
  /** What it was judged to be; null: it was imported, and that was not told. */
  readonly lead_type: string | null;
  readonly path: string | null;
  readonly priority: number | null;
  /** Of its account when it began; null: none. */
  readonly tier: number | null;
  /** How likely it was that it began to explore; null: a rule or a person began it. */
  readonly propensity: number | null;
  readonly band: string | null;
  readonly fit: number | null;
  readonly intent: number | null;
  readonly segment: string | null;
  readonly territory: string | null;
  readonly pool: string | null;
  readonly rep_id: string | null;
  readonly round: number;
  readonly attempts: number;
  readonly mql_at: Date;
  readonly offered_at: Date | null;
  readonly first_outreach_at: Date | null;
  readonly connected_at: Date | null;
  readonly meeting_at: Date | null;
  readonly sal_at: Date | null;
  readonly sql_at: Date | null;
  readonly opportunity_at: Date | null;
  readonly rejected_at: Date | null;
  readonly rejection_reason: string | null;
  readonly contested_at: Date | null;
  readonly overturned_at: Date | null;
  readonly paused_until: Date | null;
  readonly outcome: string | null;
  readonly closed_at: Date | null;
}

export async function currentHandoff(
  db: Db,
  lead: Pick<LeadRow, "id" | "handoff_id">,
): Promise<HandoffView | undefined> {
  return firstRow<HandoffView>(
    db,
    sql`
    select * from handoff where subject_kind = 'lead' and subject_id = ${lead.id}
      order by (id = ${lead.handoff_id}) desc nulls last, cycle desc limit 1`,
  );
}

/** The latest handoff of an account as a whole; undefined where it was never flagged. */
export async function handoffOfAccount(
  db: Db,
  accountId: string,
): Promise<Pick<HandoffView, "id" | "agreement_id"> | undefined> {
  return firstRow(
    db,
    sql`
    select id, agreement_id from handoff
      where subject_kind = 'account' and subject_id = ${accountId} order by cycle desc limit 1`,
  );
}

export async function scoreOf(
  db: Db,
  leadId: string,
): Promise<
  { fit: number; intent: number; band: string; at: Date; agreement: string | null } | undefined
> {
  return firstRow(
    db,
    sql`
    select fit, intent, band, at, (select v.id from agreement_version v
      where v.activated_at <= score.at order by v.activated_at desc, v.number desc limit 1) as agreement
    from score where lead_id = ${leadId}`,
  );
}
