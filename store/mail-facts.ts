import type { LeadForMail, MailFacts, MailKind, PoolLead } from "../mail/message.ts";
import { rows, sql, type Db } from "./db.ts";
import type { Effect, EffectPayload } from "./effects.ts";
import { inOrder, numbered, shared } from "./shared.ts";
import type { StoredFact } from "./subject.ts";

/** Everything a message can say, as it stands now, but for the reader; and what decides whether it is still wanted. */
export interface MailContext {
  readonly facts: Omit<MailFacts, "reader" | "publicUrl">;
  /** The zone of the calendar on which the handoff's clock runs, for readers who have none of their own. */
  readonly zone: string | null;
  readonly erased: boolean;
  readonly merged: boolean;
  readonly handoff: { readonly repId: string | null; readonly isOpen: boolean } | null;
}

/** Reads the lead, its handoff and the people around it in one statement. A subject that is not there gives empty facts. */
export async function mailContext(db: Db, effect: Effect, kind: MailKind): Promise<MailContext> {
  const { repId } = effect.payload;
  const row =
    effect.subject.kind === "lead"
      ? await rowTogether(db, {
          leadId: effect.subject.id,
          handoffId: effect.handoffId,
          repId: typeof repId === "string" ? repId : null,
        })
      : undefined;
  const dueAt = effect.payload["dueAt"];
  return {
    facts: {
      lead: row && row.erased_at === null ? leadForMail(row) : null,
      leadType: row?.handoff_type ?? row?.lead_type ?? null,
      band: row?.handoff_band ?? row?.band ?? null,
      owner: row?.owner_name ?? null,
      reason: row?.rejection_reason ?? null,
      dueAt: typeof dueAt === "number" ? dueAt : (row?.due_at?.getTime() ?? null),
      said: effect.payload,
      pool:
        kind === "renurture-review"
          ? await poolForReview(db, effect.payload["reviewId"] ?? null)
          : [],
    },
    zone: row?.zone ?? null,
    erased: (row?.erased_at ?? null) !== null,
    merged: (row?.merged_into ?? null) !== null,
    handoff: row?.handoff_state
      ? { repId: row.rep_id, isOpen: row.handoff_state === "open" }
      : null,
  };
}

const rowTogether = shared(
  async (
    db,
    asked: readonly {
      readonly leadId: string;
      readonly handoffId: string | null;
      readonly repId: string | null;
    }[],
  ): Promise<(ContextRow | undefined)[]> => {
    const found = await rows<ContextRow & { n: number }>(
      db,
      sql`
    select asked.n, l.id, l.facts, a.facts as account_facts, l.lead_type, l.band, l.due_at, l.erased_at, l.merged_into,
      h.rep_id, h.state as handoff_state, h.rejection_reason, h.lead_type as handoff_type, h.band as handoff_band, r.name as owner_name,
      (select v.definition #>> '{hours,zone}' from clock c join calendar_version v on v.id = c.calendar_id where c.handoff_id = h.id order by c.id limit 1) as zone
    from jsonb_to_recordset(${numbered(asked)}::jsonb) as asked(n int, "leadId" text, "handoffId" text, "repId" text)
      join lead l on l.id = asked."leadId" left join account a on a.id = l.account_id left join handoff h on h.id = asked."handoffId"
      left join rep r on r.id = coalesce(asked."repId", h.rep_id)`,
    );
    return inOrder(found, asked);
  },
);

type StoredFacts = Readonly<Record<string, StoredFact>>;
type ContextRow = {
  id: string;
  facts: StoredFacts;
  account_facts: StoredFacts | null;
  lead_type: string | null;
  band: string | null;
  due_at: Date | null;
  erased_at: Date | null;
  merged_into: string | null;
  rep_id: string | null;
  handoff_state: "open" | "closed" | null;
  rejection_reason: string | null;
  handoff_type: string | null;
  handoff_band: string | null;
  owner_name: string | null;
  zone: string | null;
};

function leadForMail(row: ContextRow): LeadForMail {
  const facts: StoredFacts = { ...row.account_facts, ...row.facts };
  const text = (field: string) => {
    const value = facts[field]?.value;
    return value === undefined ? null : String(value);
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

/** The review's leads that are in the pool and undecided, those who wait longest first, with what they did since they came in. */
async function poolForReview(db: Db, reviewId: EffectPayload[string]): Promise<PoolLead[]> {
  return rows<PoolLead>(
    db,
    sql`
    select l.id, l.facts #>> '{lead.name,value}' as name, a.facts #>> '{account.name,value}' as company, l.exit_reason as reason,
      (select count(*)::int from engagement e where e.lead_id = l.id and e.occurred_at > l.exit_at) as "engagementsSince"
    from review_decision d join lead l on l.id = d.subject_id left join account a on a.id = l.account_id
    where d.review_id = ${reviewId} and d.decision is null and l.stage = 'renurture' and l.erased_at is null order by l.exit_at, l.id limit 50`,
  );
}
