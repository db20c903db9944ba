import { fragment, sql, type Db } from "../postgres/db.ts";
import { rowsAsGiven } from "../postgres/planned.ts";
import { normalEmail } from "../../spellings/email.ts";
import { precedence } from "../intake/identities.ts";
import { emailOfLead, nameOfLead } from "./names.ts";
import { versionOfProcess } from "./version.ts";
import { reachValues, type Reach } from "./reach.ts";
import { mostFound, type LeadFilter, type ListedLead } from "./leads.ts";

/** A lead with its place in the order of deadlines, exactly as the next page needs it. */
export type LeadByDue = ListedLead & { readonly place: string };

/**
 * Leads with a deadline that the people have now (everybody's for `all`), the earliest first, after
 * a place. A statement of its own beside `listLeads`, so that either order has its index.
 */
export async function leadsByDue(
  db: Db,
  filter: LeadFilter,
  reach: Reach,
  page: { after?: { due: string; id: string } | undefined; limit: number; now: number },
): Promise<LeadByDue[]> {
  const { ids, team } = reachValues(reach);
  const { stage = null, waitingOn = null, owner = null, overdue = null, q = null } = filter;
  const chosen = filter.ids === undefined ? null : [...filter.ids];
  const before = filter.dueBefore === undefined ? null : new Date(filter.dueBefore);
  const now = new Date(page.now);
  return rowsAsGiven<LeadByDue>(
    db,
    sql`
    select l.id, p.stage, p.stage_since, p.waiting_on, p.owner_id, p.queue, p.next_step, p.next_at,
      p.due_at, p.lead_type, p.band, p.territory, p.due_at::text as place,
      l.source, l.arrived_at, ${fragment(nameOfLead)} as name, ${fragment(emailOfLead)} as email,
      a.domain as account_domain,
      ${fragment(versionOfProcess("p"))} as agreement_id
    from process p join lead l on l.id = p.subject_id left join account a on a.id = l.account_id
    where p.subject_kind = 'lead' and p.due_at is not null
      and (${page.after?.due ?? null}::timestamptz is null
        or (p.due_at, p.subject_id) > (${page.after?.due ?? null}::timestamptz,
          ${page.after?.id ?? null}::text))
      and (${before}::timestamptz is null or p.due_at < ${before}::timestamptz)
      and (${overdue}::boolean is null or ${overdue}::boolean = (p.due_at < ${now}::timestamptz))
      and (${stage}::text is null or p.stage = ${stage}::text)
      and (${waitingOn}::text is null or p.waiting_on = ${waitingOn}::text)
      and (${owner}::text is null or p.owner_id = ${owner}::text
        or (${owner}::text = 'none' and p.owner_id is null))
      and (${chosen}::text[] is null or p.subject_id = any(${chosen}::text[]))
      and (${q}::text is null or p.subject_id = any(array(
        select id from lead where id = ${q}::text or crm_id = ${q}::text
        union (select id from lead where email ^@ ${q === null ? null : normalEmail(q)}::text
          order by email using ~<~ limit ${mostFound})
        union select lead_id from lead_alias where kind = any(${[...precedence]}::text[])
          and value = ${q}::text
        union select b.id from lead b join account c on c.id = b.account_id
          where c.domain = lower(${q}::text))))
      and (${ids}::text[] is null or p.owner_id = any(${ids}::text[])
        or (${team}::boolean and p.owner_id is null and (p.waiting_on = 'queue'
          or p.subject_id in (select subject_id from task where subject_kind = 'lead'
            and state = 'open' and (assignee_id = any(${ids}::text[])
              or (assignee_id is null and role = 'manager')))
          or p.handoff_id in (select h.id from handoff h join pool_member m on m.pool_id = h.pool
            where h.state = 'open' and m.rep_id = any(${ids}::text[])))))
    order by p.due_at, p.subject_id limit ${page.limit}`,
  );
}
