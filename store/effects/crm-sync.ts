import type { Fact } from "../../crm/change.ts";
import type { AccountRecord, SlaState } from "../../crm/crm.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { FieldPath } from "../../handoff/facts/facts.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { firstRow, fragment, rows, sql, type Db } from "../postgres/db.ts";
import type { SyncedLead } from "./effects.ts";
import { inOrder, numbered, coalesce } from "../postgres/coalesce.ts";
import type { StoredFact } from "../process/subject.ts";

/** What Postgres says about a lead now, as far as the CRM shows it. */
export interface LeadForCrm {
  readonly leadId: string;
  /**
   * All that the CRM shows of the lead, as one word: it is another one as soon as there is
   * something else to write.
   */
  readonly shown: string;
  readonly stage: Stage;
  readonly stageSince: Instant;
  readonly cycle: number;
  readonly waitingOn: WaitingOn;
  readonly ownerId: string | null;
  readonly ownerCrmId: string | null;
  readonly ownerZone: string | null;
  readonly queue: string | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly territory: string | null;
  readonly dueAt: Instant | null;
  readonly slaState: SlaState | null;
  readonly email: string | null;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
  readonly account: {
    readonly id: string;
    readonly facts: Readonly<Record<FieldPath, Fact>>;
    readonly link: { readonly crmId: string; readonly written: string | null } | null;
  } | null;
  /** It goes on as another lead. */
  readonly isMerged: boolean;
  /** Leads that were merged into this one. */
  readonly replaces: readonly string[];
  /** Its record in the CRM, once there is one. */
  readonly link: { readonly crmId: string; readonly isGone: boolean } | null;
  /** Our tasks (as far as Baton has not closed them) and notes there. */
  readonly linked: readonly {
    readonly kind: "task" | "note";
    readonly key: string;
    readonly written: string | null;
  }[];
  readonly handoff: HandoffForCrm | null;
  /** A hand that was raised and that somebody still has a task about. */
  readonly raised: {
    readonly taskId: string;
    readonly at: Instant;
    readonly signal: string | null;
  } | null;
  /** What people wanted in the CRM and did not get, the latest twenty. */
  readonly refusals: readonly {
    readonly id: string;
    readonly action: string;
    readonly why: string;
    readonly at: string;
  }[];
  /** Opportunities made in Baton that the CRM does not know yet. */
  readonly opportunities: readonly {
    readonly id: string;
    readonly stage: string;
    readonly amountMinor: number | null;
    readonly currency: string | null;
    readonly isWon: boolean;
    readonly isLost: boolean;
  }[];
}

/** The latest handoff. */
export interface HandoffForCrm {
  readonly id: string;
  readonly isOpen: boolean;
  readonly round: number;
  readonly leadType: string;
  readonly path: string;
  readonly band: string;
  readonly fit: number;
  readonly intent: number;
  readonly mqlAt: Instant;
  readonly rejectedAt: Instant | null;
  readonly rejectionReason: string | null;
  /** The version that it stands under. */
  readonly agreement: string;
}

/** The lead and what stands around it, as far as the CRM shows it. */
const standingOfAsked =
  fragment(`lead_standing l on l.id = asked."leadId" left join account a on a.id = l.account_id left join rep r on r.id = l.owner_id
  left join lateral (select *, xmin as version from handoff where subject_kind = 'lead' and subject_id = l.id order by cycle desc limit 1) h on true`);

/** Said beside the join: a record set looks to the planner as if it were large. */
const idsOf = (asked: readonly { readonly leadId: string }[]) => asked.map(({ leadId }) => leadId);

/** How the clock stands that the lead waits for, else the last that ran in its latest handoff. */
const slaState = fragment(`(select case
    when c.state = 'met' and c.breached_at is not null then 'met-late' else c.state end
  from clock c where c.handoff_id = h.id and c.state <> 'cancelled'
  order by c.kind = l.waiting_on or (c.kind = 'status' and l.waiting_on = 'answer') desc,
    c.state in ('running', 'paused') desc, c.kind desc, c.scope desc, c.round desc limit 1)`);

/** When it is due: while nobody has the lead or account, on hold or in a queue, by its own clocks. */
const slaDue = fragment(`coalesce(l.due_at, (select min(c.due_at) from clock c
  where c.handoff_id = h.id and c.scope = 'lead' and c.state = 'running'))`);

// Of the lead itself only what is shown: the link to its record, which a first sync writes, is no
// change. A version of the other rows is enough.
const shown =
  fragment(`md5(concat_ws('|', l.stage, l.stage_since, l.waiting_on, coalesce(l.owner_id, '-'),
    coalesce(l.queue, '-'), coalesce(l.lead_type, '-'), coalesce(l.band, '-'),
  coalesce(l.territory, '-'), coalesce(${slaDue.text}::text, '-'), coalesce(l.email, '-'), l.facts,
    coalesce(a.xmin::text, '-'), coalesce(h.version::text, '-'), coalesce(r.xmin::text, '-'),
  coalesce(${slaState.text}, '-'),
    (select t.id from task t where t.kind = 'hand-raise' and t.subject_kind = 'lead'
      and t.subject_id = l.id and t.state = 'open'),
  case when l.stage = 'opportunity'
    then (select string_agg(concat_ws(' ', o.id, o.stage, o.amount_minor, o.won_at, o.lost_at), ','
      order by o.id) from opportunity o where o.lead_id = l.id) end))`);

/** Undefined when there is no such lead. */
export async function leadForCrm(
  db: Db,
  crm: string,
  leadId: string,
): Promise<LeadForCrm | undefined> {
  const row = await rowTogether(db, { crm, leadId });
  if (!row) return undefined;
  // Only after a handoff can there be one: most leads are spared the question.
  const opportunities =
    row.stage === "opportunity"
      ? await rows<LeadForCrm["opportunities"][number]>(
          db,
          sql`
    select id, stage, amount_minor as "amountMinor", currency, won_at is not null as "isWon",
      lost_at is not null as "isLost"
    from opportunity where lead_id = ${leadId} and crm_id is null order by id`,
        )
      : [];
  return leadOf(row, opportunities);
}

/** What Postgres says about an account that was flagged; undefined where there is no such. */
export async function accountForCrm(db: Db, accountId: string): Promise<AccountRecord | undefined> {
  const row = await firstRow<AccountSyncRow>(
    db,
    sql`
    select a.facts, l.stage, l.stage_since, l.cycle, l.owner_id, r.crm_id as owner_crm_id, l.queue,
      l.lead_type, ${slaDue} as due_at, ${slaState} as sla_state, h.state, h.round,
      h.rejection_reason, h.agreement_id as agreement
    from account a join process l on l.subject_kind = 'account' and l.subject_id = a.id
      left join rep r on r.id = l.owner_id
      left join lateral (select * from handoff where subject_kind = 'account'
        and subject_id = a.id order by cycle desc limit 1) h on true
    where a.id = ${accountId}`,
  );
  return (
    row && {
      accountId,
      facts: factsOf(row.facts),
      handoff: {
        status: row.stage,
        statusSince: row.stage_since.getTime(),
        cycle: row.cycle,
        round: row.state === "open" && row.round !== null && row.round > 0 ? row.round : null,
        ownerId: row.owner_crm_id ?? row.owner_id,
        queue: row.queue,
        leadType: row.lead_type,
        dueAt: row.due_at?.getTime() ?? null,
        slaState: row.sla_state,
        reason: row.rejection_reason,
        agreement: row.agreement,
      },
    }
  );
}

type AccountSyncRow = Pick<
  LeadSyncRow,
  | "facts"
  | "stage"
  | "stage_since"
  | "cycle"
  | "owner_id"
  | "owner_crm_id"
  | "queue"
  | "lead_type"
  | "due_at"
  | "sla_state"
  | "state"
  | "round"
  | "rejection_reason"
  | "agreement"
>;

const rowTogether = coalesce(
  async (
    db,
    asked: readonly { readonly crm: string; readonly leadId: string }[],
  ): Promise<(LeadSyncRow | undefined)[]> => {
    const found = await rows<LeadSyncRow & { n: number }>(
      db,
      sql`
    select asked.n, l.id, l.stage, l.stage_since, l.cycle, l.waiting_on, l.owner_id,
      r.crm_id as owner_crm_id, r.hours ->> 'zone' as owner_zone, l.queue, l.lead_type, l.band,
      l.territory, ${slaDue} as due_at, l.email, l.facts, a.id as account_id,
        a.facts as account_facts, ${shown} as shown, ${slaState} as sla_state,
      h.id as handoff_id, h.state, h.round, h.lead_type as handoff_type, h.path,
        h.band as handoff_band, h.fit, h.intent, h.mql_at, h.rejected_at, h.rejection_reason,
      h.agreement_id as agreement,
      l.merged_into is not null as is_merged,
      (select json_agg(x order by x.at) from (
        select id, name as action, result ->> 'message' as why, settled_at as at from action
        where lead_id = l.id and via = 'crm' and result ->> 'done' = 'false'
        order by settled_at desc limit 20) x) as refusals,
      (select json_agg(m.subject_id order by m.subject_id) from process m
        where m.merged_into = l.id and m.subject_kind = 'lead') as replaces,
      ll.crm_id as link_id, ll.gone_at, al.crm_id as account_link_id, al.written,
      (select json_agg(json_build_object('kind', kind, 'key', our_id, 'written', written)
        order by our_id)
        from crm_link where crm = asked.crm and kind in ('task', 'note')
          and split_part(our_id, '/', 1) = l.id) as linked,
      (select json_build_object('taskId', t.id, 'at', t.since, 'signal', t.detail ->> 'signal')
        from task t where t.kind = 'hand-raise' and t.subject_kind = 'lead'
          and t.subject_id = l.id and t.state = 'open') as raised
    from jsonb_to_recordset(${numbered(asked)}::jsonb) as asked(n int, crm text, "leadId" text)
      join ${standingOfAsked}
      left join crm_link ll on ll.crm = asked.crm and ll.kind = 'lead' and ll.our_id = l.id
      left join crm_link al on al.crm = asked.crm and al.kind = 'account' and al.our_id = a.id
    where l.id = any(${idsOf(asked)}::text[])`,
    );
    return inOrder(found, asked);
  },
);

function leadOf(row: LeadSyncRow, opportunities: LeadForCrm["opportunities"]): LeadForCrm {
  return {
    leadId: row.id,
    shown: row.shown,
    stage: row.stage,
    stageSince: row.stage_since.getTime(),
    cycle: row.cycle,
    waitingOn: row.waiting_on,
    ownerId: row.owner_id,
    ownerCrmId: row.owner_crm_id,
    ownerZone: row.owner_zone,
    queue: row.queue,
    leadType: row.lead_type,
    band: row.band,
    territory: row.territory,
    dueAt: row.due_at?.getTime() ?? null,
    slaState: row.sla_state,
    email: row.email,
    facts: factsOf(row.facts),
    account:
      row.account_id === null
        ? null
        : {
            id: row.account_id,
            facts: factsOf(row.account_facts ?? {}),
            link:
              row.account_link_id === null
                ? null
                : { crmId: row.account_link_id, written: row.written },
          },
    linked: row.linked ?? [],
    raised: row.raised && { ...row.raised, at: Date.parse(row.raised.at) },
    isMerged: row.is_merged,
    refusals: row.refusals ?? [],
    replaces: row.replaces ?? [],
    link: row.link_id === null ? null : { crmId: row.link_id, isGone: row.gone_at !== null },
    handoff:
      row.handoff_id === null
        ? null
        : {
            id: row.handoff_id,
            isOpen: row.state === "open",
            round: row.round ?? 0,
            leadType: row.handoff_type ?? "",
            path: row.path ?? "",
            band: row.handoff_band ?? "",
            fit: row.fit ?? 0,
            intent: row.intent ?? 0,
            mqlAt: row.mql_at?.getTime() ?? 0,
            rejectedAt: row.rejected_at?.getTime() ?? null,
            rejectionReason: row.rejection_reason,
            agreement: row.agreement ?? "",
          },
    opportunities,
  };
}

/**
 * Ends the effect of a sync if the lead is as it was seen. False when it changed meanwhile: what
 * was written is not true any more and must be written again; the effect stays open.
 */
export async function endSync(
  db: Db,
  effectId: number,
  seen: SyncedLead,
  now: Instant,
): Promise<boolean> {
  return endTogether(db, { effectId, ...seen, at: new Date(now) });
}

const endTogether = coalesce(
  async (
    db,
    asked: readonly (SyncedLead & { readonly effectId: number; readonly at: Date })[],
  ): Promise<boolean[]> => {
    const found = await rows<{ n: number; is_same: boolean }>(
      db,
      sql`
    with seen as materialized (
      select asked.n, asked."effectId", asked.at, ${shown} = asked.shown as is_same
      from jsonb_to_recordset(${numbered(asked)}::jsonb) as asked(n int, "effectId" bigint,
        "leadId" text, shown text, at timestamptz) join ${standingOfAsked}
      where l.id = any(${idsOf(asked)}::text[])),
    ended as (
      update effect set state = 'done', done_at = seen.at, claimed_until = null, error = null
        from seen where effect.id = seen."effectId" and seen.is_same and effect.state = 'open'
          and effect.id = any(${asked.map(({ effectId }) => effectId)}::bigint[]))
    select n, is_same from seen`,
    );
    return inOrder(found, asked).map((row) => row?.is_same ?? false);
  },
);

export async function noteOpportunityCrmId(
  db: Db,
  opportunityId: string,
  crmId: string,
): Promise<void> {
  await db.query(
    sql`
      update opportunity set crm_id = ${crmId} where id = ${opportunityId} and crm_id is null
        and not exists (select from opportunity where crm_id = ${crmId})`,
  );
}

type LeadSyncRow = {
  id: string;
  shown: string;
  stage: Stage;
  stage_since: Date;
  cycle: number;
  waiting_on: WaitingOn;
  owner_id: string | null;
  owner_crm_id: string | null;
  owner_zone: string | null;
  queue: string | null;
  lead_type: string | null;
  band: string | null;
  territory: string | null;
  due_at: Date | null;
  sla_state: SlaState | null;
  email: string | null;
  facts: Record<string, StoredFact>;
  account_id: string | null;
  account_facts: Record<string, StoredFact> | null;
  handoff_id: string | null;
  state: string | null;
  round: number | null;
  handoff_type: string | null;
  path: string | null;
  handoff_band: string | null;
  fit: number | null;
  intent: number | null;
  mql_at: Date | null;
  rejected_at: Date | null;
  rejection_reason: string | null;
  agreement: string | null;
  link_id: string | null;
  gone_at: Date | null;
  account_link_id: string | null;
  written: string | null;
  linked: LeadForCrm["linked"] | null;
  raised: { taskId: string; at: string; signal: string | null } | null;
  is_merged: boolean;
  refusals: LeadForCrm["refusals"] | null;
  replaces: readonly string[] | null;
};

function factsOf(stored: Readonly<Record<string, StoredFact>>): Record<FieldPath, Fact> {
  return Object.fromEntries(
    Object.entries(stored).map(([field, { value, at }]) => [field, { value, at }]),
  );
}
