import type { LeadForMail, MailMessage, MailNames, PoolLeadLine } from "../../messages/message.ts";
import { firstRow, fragment, rows, sql, type Db } from "../postgres/db.ts";
import { emailOfLead, nameOfLead } from "../views/names.ts";
import { versionOfLastDecision } from "../views/version.ts";
import type { Effect } from "./effects.ts";
import { inOrder, numbered, coalesce } from "../postgres/coalesce.ts";
import type { StoredFact } from "../process/subject.ts";

/** What a mail looks up when it is sent, but for its reader; and whether it is still wanted. */
export interface MailContext {
  readonly names: Omit<MailNames, "reader" | "page" | "console">;
  /**
   * The zone of the calendar on which the handoff's clock runs, for readers who have none of their
   * own.
   */
  readonly zone: string | null;
  readonly erased: boolean;
  readonly merged: boolean;
  readonly handoff: {
    readonly repId: string | null;
    readonly isOpen: boolean;
    readonly cycle: number;
    readonly round: number;
  } | null;
}

/**
 * Reads the lead, the terms of its handoff and the names of the people whom the message names, in
 * one statement. A subject that is not there gives no names.
 */
export async function mailContext(
  db: Db,
  effect: Pick<Effect, "subject" | "handoffId">,
  message: MailMessage,
  also: readonly MailMessage[] = [],
): Promise<MailContext> {
  const { subject, handoffId } = effect;
  const people = [message, ...also].flatMap(peopleOf);
  const row =
    subject.kind === "lead"
      ? await rowTogether(db, { leadId: subject.id, handoffId, people })
      : subject.kind === "account"
        ? await rowOfAccount(db, { accountId: subject.id, handoffId, people })
        : undefined;
  const isErased = (row?.erased_at ?? null) !== null;
  return {
    names: {
      lead: row && !isErased ? leadForMail(row) : null,
      people: row?.people ?? {},
      terms:
        row?.lead_type == null
          ? null
          : { leadType: row.lead_type, band: row.band, because: row.because },
      version: row?.version ?? null,
      pool: message.what === "renurture-review" ? await poolForReview(db, message.reviewId) : [],
    },
    zone: row?.zone ?? null,
    erased: isErased,
    merged: (row?.merged_into ?? null) !== null,
    handoff: row?.handoff_state
      ? {
          repId: row.rep_id,
          isOpen: row.handoff_state === "open",
          cycle: row.handoff_cycle ?? 0,
          round: row.round ?? 0,
        }
      : null,
  };
}

/** The people whom a message names by their ids. */
function peopleOf(message: MailMessage): string[] {
  const {
    repId = null,
    owner = null,
    withRep = null,
    assigneeId = null,
  } = message as {
    repId?: string | null;
    owner?: string | null;
    withRep?: string | null;
    assigneeId?: string | null;
  };
  return [repId, owner, withRep, assigneeId].filter((id) => id !== null);
}

type Asked = {
  readonly leadId: string;
  readonly handoffId: string | null;
  readonly people: readonly string[];
};

/**
 * Type, band and opening of a handoff never change, so they are as true later as when it was
 * decided.
 */
const rowTogether = coalesce(
  async (db, asked: readonly Asked[]): Promise<(ContextRow | undefined)[]> => {
    const found = await rows<ContextRow & { n: number }>(
      db,
      sql`
    select asked.n, l.id, l.facts, a.facts as account_facts, l.erased_at, l.merged_into,
      h.rep_id, h.state as handoff_state, h.cycle as handoff_cycle, h.round, h.lead_type, h.band,
      ${versionOf("lead", "l.id")} as version,
      (select t.because from transition t where t.subject_kind = 'lead' and t.subject_id = l.id
        and t.cycle = h.cycle and t.to_stage = 'mql' order by t.step limit 1) as because,
      (select jsonb_object_agg(r.id, r.name) from rep r
        where r.id in (select jsonb_array_elements_text(asked.people))) as people,
      (select v.definition #>> '{hours,zone}' from clock c join calendar_version v
        on v.id = c.calendar_id
        where c.handoff_id = h.id order by c.id limit 1) as zone
    from jsonb_to_recordset(${numbered(asked)}::jsonb)
        as asked(n int, "leadId" text, "handoffId" text, people jsonb)
      join lead_standing l on l.id = asked."leadId" left join account a on a.id = l.account_id
      left join handoff h on h.id = asked."handoffId"
        and h.id = any(${asked.flatMap(({ handoffId }) => handoffId ?? [])}::text[])
    where l.id = any(${asked.map(({ leadId }) => leadId)}::text[])`,
    );
    return inOrder(found, asked);
  },
);

/** The same of an account and its own handoff. */
function rowOfAccount(
  db: Db,
  asked: Omit<Asked, "leadId"> & { readonly accountId: string },
): Promise<ContextRow | undefined> {
  return firstRow<ContextRow>(
    db,
    sql`
    select a.id, true as is_account, '{}'::jsonb as facts, jsonb_build_object('account.name',
        jsonb_build_object('value', coalesce(a.facts #>> '{account.name,value}', a.domain)))
        as account_facts,
      null as erased_at, a.merged_into, h.rep_id, h.state as handoff_state,
      h.cycle as handoff_cycle, h.round, h.lead_type, h.band,
      ${versionOf("account", "a.id")} as version,
      (select t.because from transition t where t.subject_kind = 'account' and t.subject_id = a.id
        and t.cycle = h.cycle and t.to_stage = 'mql' order by t.step limit 1) as because,
      (select jsonb_object_agg(r.id, r.name) from rep r
        where r.id = any(${asked.people}::text[])) as people,
      (select v.definition #>> '{hours,zone}' from clock c join calendar_version v
        on v.id = c.calendar_id
        where c.handoff_id = h.id order by c.id limit 1) as zone
    from account a left join handoff h on h.id = ${asked.handoffId}
    where a.id = ${asked.accountId}`,
  );
}

/**
 * The version of the handoff that the mail is about, which may be over by now; else the one by which
 * its subject was decided about last.
 */
function versionOf(kind: "lead" | "account", id: string) {
  return fragment(`coalesce(h.agreement_id, ${versionOfLastDecision(`'${kind}'`, id)})`);
}

type StoredFacts = Readonly<Record<string, StoredFact>>;
type ContextRow = {
  is_account?: boolean;
  id: string;
  facts: StoredFacts;
  account_facts: StoredFacts | null;
  erased_at: Date | null;
  merged_into: string | null;
  rep_id: string | null;
  handoff_state: "open" | "closed" | null;
  handoff_cycle: number | null;
  round: number | null;
  lead_type: string | null;
  band: string | null;
  version: string | null;
  because: string | null;
  people: Record<string, string> | null;
  zone: string | null;
};

function leadForMail(row: ContextRow): LeadForMail {
  const facts: StoredFacts = { ...row.account_facts, ...row.facts };
  const text = (field: string) => {
    const value = facts[field]?.value;
    return value === undefined || value === null ? null : String(value);
  };
  if (row.is_account === true)
    return {
      id: row.id,
      isAccount: true,
      name: text("account.name"),
      title: null,
      company: null,
      email: null,
      phone: null,
      source: null,
    };
  return {
    id: row.id,
    name: nameIn(text),
    title: text("lead.title"),
    company: text("account.name"),
    email: text("lead.email"),
    phone: text("lead.phone"),
    source: text("lead.source"),
  };
}

function nameIn(text: (field: string) => string | null): string | null {
  return (
    text("lead.name") ??
    ([text("lead.firstName"), text("lead.lastName")].filter(Boolean).join(" ") || null)
  );
}

/**
 * The review's leads that are in the pool and undecided, those who wait longest first, with what
 * they did since they came in.
 */
async function poolForReview(db: Db, reviewId: string): Promise<PoolLeadLine[]> {
  return rows<PoolLeadLine>(
    db,
    sql`
    select l.id, ${fragment(nameOfLead)} as name, ${fragment(emailOfLead)} as email,
      a.facts #>> '{account.name,value}' as company, l.exit_reason as reason,
      (select count(*)::int from engagement e where e.lead_id = l.id and e.occurred_at > l.exit_at)
        as "engagementsSince"
    from review_decision d join lead_standing l on l.id = d.subject_id left join account a
      on a.id = l.account_id
    where d.review_id = ${reviewId} and d.decision is null and l.stage = 'renurture'
      and l.erased_at is null order by l.exit_at, l.id limit 50`,
  );
}
