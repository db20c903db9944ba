import type { Facts } from "../../handoff/facts/facts.ts";
import type { Subject } from "../../handoff/process/words.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, sql, type Tx } from "../postgres/db.ts";

/** What few situations need. */
interface Rare {
  /** Who in the pool would take over from a rep who is gone; null: nobody would, or none is gone. */
  readonly suggested: string | null;
  /** Engagements that were known when it was closed; null while it is open. */
  readonly knownAtEnd: readonly string[] | null;
  /** Facts as they were when a rep rejected them; null: no rep did. */
  readonly rejectedFacts: Facts | null;
}

/**
 * Reads what is wanted of it, each by a statement of its own: as parts of the statement that every
 * decision asks, Postgres would prepare them each time and carry them out hardly ever. The caller
 * holds the process row.
 */
export async function readRare(
  tx: Tx,
  subject: Subject,
  now: Instant,
  wanted: Readonly<Record<keyof Rare, boolean>>,
): Promise<Rare> {
  const [suggested, knownAtEnd, rejectedFacts] = await Promise.all([
    wanted.suggested ? readSuggested(tx, subject, now) : null,
    wanted.knownAtEnd ? readKnownAtEnd(tx, subject) : null,
    wanted.rejectedFacts ? readRejectedFacts(tx, subject) : null,
  ]);
  return { suggested, knownAtEnd, rejectedFacts };
}

/** Of the pool whoever works on a colleague already, then whoever has the fewest handoffs. */
async function readSuggested(tx: Tx, subject: Subject, now: Instant): Promise<string | null> {
  const at = new Date(now);
  const row = await firstRow<{ rep_id: string }>(
    tx,
    sql`
    select m.rep_id from process p
      left join lead l on p.subject_kind = 'lead' and l.id = p.subject_id
      join handoff h on h.id = p.handoff_id
      join pool_member m on m.pool_id = h.pool and m.rep_id <> h.rep_id and m.weight > 0
      join rep other on other.id = m.rep_id and other.active
    where p.subject_kind = ${subject.kind} and p.subject_id = ${subject.id}
      and not exists (select from absence b where b.rep_id = other.id and b.from_at <= ${at}
        and b.to_at > ${at})
    order by exists (select from lead c join handoff w on w.subject_kind = 'lead'
        and w.subject_id = c.id and w.state = 'open' and w.rep_id = m.rep_id
        where c.account_id = case p.subject_kind when 'lead' then l.account_id else p.subject_id end
          and c.id is distinct from l.id) desc,
      (select count(*) from handoff o where o.rep_id = m.rep_id and o.state = 'open'),
      m.rep_id limit 1`,
  );
  return row?.rep_id ?? null;
}

async function readKnownAtEnd(tx: Tx, subject: Subject): Promise<readonly string[] | null> {
  const row = await firstRow<{ ids: readonly string[] }>(
    tx,
    sql`
    select coalesce((select json_agg(e ->> 'id')
        from jsonb_array_elements(d.situation -> 'engagements') e), '[]') as ids
    from process p join transition x on x.subject_kind = p.subject_kind
        and x.subject_id = p.subject_id and x.to_stage = p.stage
      join decision d on d.subject_kind = x.subject_kind and d.subject_id = x.subject_id
        and d.cycle = x.cycle and d.step = x.step
    where p.subject_kind = ${subject.kind} and p.subject_id = ${subject.id}
      and d.situation is not null order by x.at desc limit 1`,
  );
  return row?.ids ?? null;
}

async function readRejectedFacts(tx: Tx, subject: Subject): Promise<Facts | null> {
  const row = await firstRow<{ facts: Facts | null }>(
    tx,
    sql`
    select d.situation -> 'facts' as facts from task t join decision d
      on d.subject_kind = t.subject_kind and d.subject_id = t.subject_id and d.at <= t.since
    where t.subject_kind = ${subject.kind} and t.subject_id = ${subject.id} and t.state = 'open'
      and t.kind = 'fix-data' and t.detail ? 'reason'
    order by d.at desc, d.cycle desc, d.step desc limit 1`,
  );
  return row?.facts ?? null;
}
