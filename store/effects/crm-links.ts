import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, send, sql, type Db } from "../postgres/db.ts";
import { coalesce } from "../postgres/coalesce.ts";

export type LinkKind = "lead" | "account" | "opportunity" | "task" | "note";

export interface CrmLink {
  readonly ourId: string;
  readonly crmId: string;
  /** Leads and accounts: the sequence of the last change by people that was taken over. */
  readonly seenSequence: number;
  /** Deleted in the CRM: never made again. */
  readonly isGone: boolean;
}

const columns =
  `our_id as "ourId", crm_id as "crmId", seen_version as "seenSequence", gone_at is not null ` +
  `as "isGone"`;

/**
 * The link of a CRM's record; `lock` keeps it until the transaction ends, so that changes of one
 * record are taken in turn.
 */
export async function crmLinkOf(
  db: Db,
  crm: string,
  kind: LinkKind,
  crmId: string,
  lock = false,
): Promise<CrmLink | undefined> {
  return firstRow(db, {
    text: `
      select ${columns} from crm_link where crm = $1 and kind = $2
        and crm_id = $3 ${lock ? "for update" : ""}`,
    values: [crm, kind, crmId],
  });
}

/** Whether the CRM has a record of the lead. */
export async function hasRecord(db: Db, crm: string, leadId: string): Promise<boolean> {
  const found = await firstRow(
    db,
    sql`select from crm_link where crm = ${crm} and kind = 'lead' and our_id = ${leadId}`,
  );
  return found !== undefined;
}

/** Remembers which record is which; a repeat changes nothing. */
export async function linkCrm(
  db: Db,
  crm: string,
  kind: LinkKind,
  ourId: string,
  crmId: string,
): Promise<void> {
  await saveLinks(db, crm, { made: [{ kind, ourId, crmId, written: null }], gone: [] });
}

/**
 * A record in the CRM that was made or written; `written`: hash of what was written to it, where it
 * is kept.
 */
export interface NewLink {
  readonly kind: LinkKind;
  readonly ourId: string;
  readonly crmId: string;
  readonly written: string | null;
}

/**
 * What a sync has written: records by our names for them, and the tasks (by our key) that it has
 * closed.
 */
export interface Written {
  readonly made: readonly NewLink[];
  readonly gone: readonly string[];
}

/**
 * Remembers what a sync has written, and forgets the tasks that it has closed; a repeat changes
 * nothing.
 */
export async function saveLinks(db: Db, crm: string, written: Written): Promise<void> {
  if (written.made.length + written.gone.length > 0) await saveTogether(db, { crm, ...written });
}

const saveTogether = coalesce(
  async (db, asked: readonly (Written & { readonly crm: string })[]): Promise<void[]> => {
    // Leads of one account may all have written it: of one record the last word counts.
    const made = new Map(
      asked.flatMap(({ crm, made: own }) =>
        own.map((one) => [`${crm}/${one.kind}/${one.ourId}`, { crm, ...one }]),
      ),
    );
    const gone = asked.flatMap(({ crm, gone: own }) => own.map((ourId) => ({ crm, ourId })));
    await send(
      db,
      sql`
    with gone as (
      delete from crm_link using jsonb_to_recordset(${JSON.stringify(gone)}::jsonb) as
        g(crm text, "ourId" text)
      where crm_link.crm = g.crm and kind = 'task' and our_id = g."ourId"
        and our_id = any(${gone.map(({ ourId }) => ourId)}::text[]))
    insert into crm_link (crm, kind, our_id, crm_id, written)
    select m.crm, m.kind, m."ourId", m."crmId", m.written
    from jsonb_to_recordset(${JSON.stringify([...made.values()])}::jsonb) as
      m(crm text, kind text, "ourId" text, "crmId" text, written text)
    order by 1, 2, 3
    on conflict (crm, kind, our_id) do update
      set crm_id = excluded.crm_id, written = excluded.written
    where (crm_link.crm_id, crm_link.written) is distinct from (excluded.crm_id, excluded.written)`,
    );
    return asked.map(() => undefined);
  },
);

/**
 * Remembers under which id the CRM has the lead, and the id as one of the names the person is known
 * by; a repeat changes nothing.
 */
export async function linkLead(
  db: Db,
  crm: string,
  leadId: string,
  crmId: string,
  now: Instant,
): Promise<void> {
  await linkTogether(db, { crm, leadId, crmId, at: new Date(now) });
}

const linkTogether = coalesce(
  async (
    db,
    asked: readonly {
      readonly crm: string;
      readonly leadId: string;
      readonly crmId: string;
      readonly at: Date;
    }[],
  ): Promise<void[]> => {
    await send(
      db,
      sql`
    with asked as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as
        a(crm text, "leadId" text, "crmId" text, at timestamptz) order by "leadId"),
    link as (
      insert into crm_link (crm, kind, our_id, crm_id) select crm, 'lead', "leadId", "crmId"
        from asked
      on conflict (crm, kind, our_id) do update set crm_id = excluded.crm_id, written = null
      where (crm_link.crm_id, crm_link.written) is distinct from (excluded.crm_id, null)),
    known as (
      update lead set crm_id = a."crmId" from asked a
      where lead.id = a."leadId" and lead.id = any(${asked.map(({ leadId }) => leadId)}::text[])
        and lead.crm_id is null
        and not exists (select from lead other where other.crm_id = a."crmId"))
    insert into lead_alias (kind, value, lead_id, since) select 'crm', "crmId", "leadId", at
      from asked on conflict (kind, value) do nothing`,
    );
    return asked.map(() => undefined);
  },
);

export async function saveSequence(
  db: Db,
  crm: string,
  kind: LinkKind,
  crmId: string,
  sequence: number,
): Promise<void> {
  await send(
    db,
    sql`
      update crm_link set seen_version = greatest(seen_version, ${sequence}) where crm = ${crm}
        and kind = ${kind} and crm_id = ${crmId}`,
  );
}

export async function markGone(
  db: Db,
  crm: string,
  kind: LinkKind,
  ourId: string,
  now: Instant,
): Promise<void> {
  await send(
    db,
    sql`
      update crm_link set gone_at = coalesce(gone_at, ${new Date(now)}) where crm = ${crm}
        and kind = ${kind} and our_id = ${ourId}`,
  );
}

/**
 * The CRM's users merged two records: the one that they kept is the survivor's from now on, whichever
 * lead it belonged to, and nothing is written to the other one any more. Call in a transaction.
 */
export async function giveRecord(
  db: Db,
  crm: string,
  { survivorId, loserId }: { readonly survivorId: string; readonly loserId: string },
  kept: string,
  now: Instant,
): Promise<void> {
  const rename = (from: string, to: string) =>
    send(
      db,
      sql`
      update crm_link set our_id = ${to} where crm = ${crm} and kind = 'lead'
        and our_id = ${from}`,
    );
  if (kept !== survivorId) {
    await rename(loserId, `${loserId}/swap`);
    await rename(survivorId, loserId);
    await rename(`${loserId}/swap`, survivorId);
  }
  await markGone(db, crm, "lead", loserId, now);
}

/** Where reading the CRM's changes ended; null before the first time. */
export async function readCursor(db: Db, crm: string): Promise<string | null> {
  return (
    (await firstRow<{ cursor: string }>(db, sql`select cursor from crm_cursor where crm = ${crm}`))
      ?.cursor ?? null
  );
}

export async function saveCursor(db: Db, crm: string, cursor: string, now: Instant): Promise<void> {
  await send(
    db,
    sql`
    insert into crm_cursor (crm, cursor, at) values (${crm}, ${cursor}, ${new Date(now)})
      on conflict (crm) do update set cursor = excluded.cursor, at = excluded.at`,
  );
}
