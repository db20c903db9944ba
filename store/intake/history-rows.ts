import { createHash } from "node:crypto";
import type { Agreement } from "../../handoff/agreement.ts";
import type { Facts } from "../../handoff/facts/facts.ts";
import { deriveFacts } from "../../handoff/facts/lead.ts";
import { withCompany } from "../../spellings/domain.ts";
import { courseOf, pastSaid, type PastHandoff } from "../../handoff/facts/past.ts";
import { frozenFacts, meaningfulSignals } from "../../handoff/process/frozen.ts";
import { evaluate } from "../../handoff/qualify/condition.ts";
import { judgeNow, leadTypeOf } from "../../handoff/qualify/qualify.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import type { IntakeContext, Prepared } from "./arrivals.ts";
import type { Met } from "./intake.ts";

/** A handoff that is new. */
export interface Taken {
  readonly met: Met;
  readonly past: PastHandoff;
  readonly id: string;
}

/** A word for all that was said of a handoff: the same word, the same handoff. */
export function hashOfPast(past: PastHandoff): string {
  return createHash("sha256").update(pastSaid(past)).digest("hex");
}

/** Handoffs with their milestones, and what the person was known for when they began. */
export async function writeHandoffs(
  tx: Tx,
  taken: readonly Taken[],
  cycleOf: ReadonlyMap<string, number>,
  { agreement, now }: IntakeContext,
): Promise<void> {
  const date = (at: Instant | null) => (at === null ? null : new Date(at));
  const versions = await rows<{ id: string }>(
    tx,
    sql`select id from agreement_version where state = 'active'`,
  );
  const [active] = versions;
  if (!active) throw new Error("no agreement is active");
  const handoffs = taken.map(({ met, past, id }) => {
    const { person, arrival } = met;
    // What the row told, and nothing that became known later or by another one.
    const facts: Facts = Object.fromEntries(
      Object.entries(arrival.facts)
        .filter(([name]) => name !== "lead.firstTouchAt" || !arrival.firstTouchIsOurs)
        .map(([name, { value }]) => [name, value]),
    );
    const frozen = frozenFacts({ facts, engagements: [], now: past.mqlAt, agreement });
    const { closedAt, because } = courseOf(past);
    const judged = closedAt === null ? judgedThen(agreement, facts, arrival, past) : past;
    const type = leadTypeOf(agreement, past.leadType ?? "");
    const text = (name: string) => (typeof facts[name] === "string" ? facts[name] : null);
    return {
      id,
      lead: person.id,
      cycle: cycleOf.get(id),
      type: past.leadType,
      path: type?.path ?? null,
      priority: type?.priority ?? null,
      band: judged.band,
      fit: judged.fit,
      intent: judged.intent,
      icp: judged.icp,
      source: text("lead.source"),
      campaign: text("lead.campaign"),
      motion: text("lead.motion"),
      language: text("lead.language"),
      product: text("lead.product"),
      segment: past.segment,
      territory: past.territory,
      rep: past.repId,
      round: past.offeredAt === null ? 0 : 1,
      mql: date(past.mqlAt),
      offered: date(past.offeredAt),
      outreach: date(past.firstOutreachAt),
      connected: date(past.connectedAt),
      meeting: date(past.meetingAt),
      sal: date(past.salAt),
      sql: date(past.sqlAt),
      opportunity: date(past.opportunityAt),
      won: date(past.outcome === "won" ? past.endedAt : null),
      lost: date(past.outcome === "lost" ? past.endedAt : null),
      rejected: date(past.outcome === "rejected" ? past.endedAt : null),
      reason: past.reason,
      group: past.reasonGroup,
      state: closedAt === null ? "open" : "closed",
      outcome: closedAt === null ? null : because,
      closed: date(closedAt),
      said: hashOfPast(past),
      role: frozen.role,
      seniority: frozen.seniority,
      stack: frozen.techStack,
      match: frozen.techMatch,
      touch: date(frozen.firstTouchAt),
      engaged: arrival.engagements.length > 0,
      messages: arrival.engagements.map(({ messageId }) => messageId),
    };
  });
  const told = new Date(now);
  await send(
    tx,
    sql`
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
      priority, band, fit, intent, icp, source, campaign, motion, language, product, segment,
      territory, state, rep_id, round, mql_at, mql_told_at, offered_at, offered_told_at,
      first_outreach_at, first_outreach_told_at, connected_at, connected_told_at, meeting_at,
      meeting_told_at, sal_at, sal_told_at, sql_at, sql_told_at, opportunity_at,
      opportunity_told_at, won_at, won_told_at, lost_at, lost_told_at, rejected_at,
      rejected_told_at, rejection_reason, rejection_group, outcome, closed_at, closed_told_at,
      imported, imported_as, role, seniority, tech_stack, tech_match, first_touch_at, signals,
      assets, first_signal, first_signal_at, first_asset)
    select n.id, 'lead', n.lead, n.cycle, ${active.id}, n.type, n.path, n.priority, n.band, n.fit,
      n.intent, n.icp, n.source, n.campaign, n.motion, n.language, n.product, n.segment,
      n.territory, n.state, n.rep, n.round, n.mql, ${told},
      n.offered, case when n.offered is not null then ${told}::timestamptz end,
      n.outreach, case when n.outreach is not null then ${told}::timestamptz end,
      n.connected, case when n.connected is not null then ${told}::timestamptz end,
      n.meeting, case when n.meeting is not null then ${told}::timestamptz end,
      n.sal, case when n.sal is not null then ${told}::timestamptz end,
      n.sql, case when n.sql is not null then ${told}::timestamptz end,
      n.opportunity, case when n.opportunity is not null then ${told}::timestamptz end,
      n.won, case when n.won is not null then ${told}::timestamptz end,
      n.lost, case when n.lost is not null then ${told}::timestamptz end,
      n.rejected, case when n.rejected is not null then ${told}::timestamptz end,
      n.reason, n."group", n.outcome, n.closed,
      case when n.closed is not null then ${told}::timestamptz end, true, n.said,
      n.role, n.seniority, n.stack, n.match, n.touch,
      case when n.engaged then e.signals end, case when n.engaged then e.assets end,
      e.first_signal, e.first_signal_at, e.first_asset
    from jsonb_to_recordset(${JSON.stringify(handoffs)}::jsonb) as n(id text, lead text, cycle int,
      type text, path text, priority smallint, band text, fit float8, intent float8, icp boolean,
      source text, campaign text, motion text, language text, product text, segment text,
      territory text, rep text, round int, mql timestamptz, offered timestamptz,
      outreach timestamptz, connected timestamptz, meeting timestamptz, sal timestamptz,
      sql timestamptz, opportunity timestamptz, won timestamptz, lost timestamptz,
      rejected timestamptz, reason text, "group" text, state text, outcome text, closed timestamptz,
      said text,
      role text, seniority text, stack text[], match boolean, touch timestamptz, engaged boolean,
      messages text[])
    left join lateral (
      select coalesce(array_agg(distinct type), '{}') as signals,
        coalesce(array_agg(distinct asset) filter (where asset is not null), '{}') as assets,
        (array_agg(type order by occurred_at, message_id))[1] as first_signal,
        min(occurred_at) as first_signal_at,
        (array_agg(asset order by occurred_at, message_id) filter (where asset is not null))[1]
          as first_asset
      from engagement where n.engaged and lead_id = n.lead and message_id = any(n.messages)
        and type = any(${meaningfulSignals(agreement)}) and occurred_at <= n.mql) e on true`,
  );
}

/** What a handoff that goes on was judged to be: as told, else as the active agreement says. */
function judgedThen(
  agreement: Agreement,
  facts: Facts,
  { engagements }: Prepared,
  past: PastHandoff,
): Pick<PastHandoff, "band" | "fit" | "intent" | "icp"> {
  const known = {
    facts: deriveFacts(withCompany(facts, agreement.emailDomains), agreement.emailDomains),
    engagements: engagements.map(({ messageId, ...one }) => ({ ...one, id: messageId })),
    now: past.mqlAt,
  };
  const { band, fit, intent } = judgeNow(agreement, known);
  const icp = { kind: "named", name: "icp", at: "icp" } as const;
  return {
    band: past.band ?? band,
    fit: past.fit ?? fit,
    intent: past.intent ?? intent,
    icp: past.icp ?? evaluate(icp, known, agreement).result === true,
  };
}

/** What sales answered, as answers of Baton's own are kept: reports of rejections count them. */
export async function writeAnswers(
  tx: Tx,
  taken: readonly Taken[],
  now: Instant,
  importId: string,
): Promise<void> {
  const answers = taken.flatMap(({ past, id }) => {
    const by = past.repId ?? importId;
    const one = (kind: "accept" | "reject", at: Instant) => ({
      id: `${id}/${kind}`,
      handoff: id,
      kind,
      by,
      at: new Date(at),
      reason: kind === "reject" ? past.reason : null,
      group: kind === "reject" ? past.reasonGroup : null,
    });
    return [
      ...(past.salAt === null ? [] : [one("accept", past.salAt)]),
      ...(past.outcome === "rejected" && past.endedAt !== null
        ? [one("reject", past.endedAt)]
        : []),
    ];
  });
  if (answers.length === 0) return;
  await send(
    tx,
    sql`
    insert into answer (id, handoff_id, round, kind, by_id, reason, reason_group, received_at,
      told_at)
    select id, handoff, 1, kind, by, reason, "group", at, ${new Date(now)}
    from jsonb_to_recordset(${JSON.stringify(answers)}::jsonb) as a(id text, handoff text,
      kind text, by text, reason text, "group" text, at timestamptz)`,
  );
}

/** Opportunities with their history: open from when they were made, then won or lost. */
export async function writeOpportunities(
  tx: Tx,
  taken: readonly Taken[],
  now: Instant,
): Promise<void> {
  const opportunities = taken.flatMap(({ met, past, id }) => {
    const { opportunityAt, endedAt, outcome } = past;
    if (opportunityAt === null) return [];
    return [
      {
        id: newId("op", now),
        lead: met.person.id,
        handoff: id,
        crm: past.opportunityCrmId,
        stage: outcome,
        dealStage: outcome === "open" ? (past.dealStages?.at(-1)?.name ?? null) : null,
        amount: past.amountMinor,
        currency: past.currency,
        created: new Date(opportunityAt),
        changed: new Date(endedAt ?? past.dealStages?.at(-1)?.at ?? opportunityAt),
        states: dealStatesOf(past, opportunityAt),
      },
    ];
  });
  if (opportunities.length === 0) return;
  const given = JSON.stringify(opportunities);
  await send(
    tx,
    sql`
    insert into opportunity (id, lead_id, handoff_id, crm_id, stage, deal_stage, amount_minor,
      currency, created_at, changed_at, won_at, lost_at)
    select id, lead, handoff, crm, stage, "dealStage", amount, currency, created, changed,
      case when stage = 'won' then changed end, case when stage = 'lost' then changed end
    from jsonb_to_recordset(${given}::jsonb) as o(id text, lead text, handoff text, crm text,
      stage text, "dealStage" text, amount bigint, currency text, created timestamptz,
      changed timestamptz)`,
  );
  await send(
    tx,
    sql`
    insert into opportunity_stage (opportunity_id, stage, deal_stage, amount_minor, currency,
      happened_at, told_at)
    select o.id, s.stage, s."dealStage", s.amount, s.currency, s.at, ${new Date(now)}
    from jsonb_to_recordset(${given}::jsonb) as o(id text, states jsonb),
      jsonb_to_recordset(o.states) as s(stage text, "dealStage" text, amount bigint, currency text,
        at timestamptz)`,
  );
}

interface DealState {
  readonly stage: string;
  readonly dealStage: string | null;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly at: Date;
}

/** How an opportunity of the past stood, from when: open, in which deal stage, and its end. */
function dealStatesOf(past: PastHandoff, opportunityAt: Instant): DealState[] {
  const { outcome, endedAt, amountMinor: amount, currency } = past;
  // Of one that is over the amount is that of its end; what it was before is not known.
  const known = { amount, currency };
  const before = endedAt === null ? known : { amount: null, currency: null };
  const told = past.dealStages ?? [];
  const isNamedAtOnce = told[0]?.at === opportunityAt;
  const open = [...(isNamedAtOnce ? [] : [{ name: null, at: opportunityAt }]), ...told].map(
    ({ name, at }) => ({ stage: "open", dealStage: name, ...before, at: new Date(at) }),
  );
  if (endedAt === null) return open;
  const ended = { stage: outcome, dealStage: null, ...known, at: new Date(endedAt) };
  return [...open.filter(({ at }) => at < ended.at), ended];
}
