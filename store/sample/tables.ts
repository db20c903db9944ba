import type { Instant } from "../../handoff/time/calendar.ts";
import type { SampleCompany, SampleHandoff, SampleLead } from "../../sample/model.ts";

/** Rows of one table, by the names of its columns; made when they are written, a table at a time. */
export interface TableRows {
  readonly table: string;
  readonly rows: () => readonly Readonly<Record<string, unknown>>[];
}

/** Under which ids the sample's agreements, by their place, and its calendars, by name, are kept. */
export interface KeptIds {
  readonly agreements: readonly string[];
  readonly calendars: ReadonlyMap<string, string>;
}

/** The rows of a sample company as decisions would have written them, in the order to write them. */
export function sampleTables(company: SampleCompany, kept: KeptIds): readonly TableRows[] {
  const { accounts, leads } = company;
  const handoffs = leads.flatMap((lead) => lead.handoffs.map((h) => ({ lead, h })));
  return [
    {
      table: "account",
      rows: () =>
        accounts.map(({ id, domain, facts, createdAt }) => ({
          id,
          domain,
          facts,
          created_at: date(createdAt),
        })),
    },
    { table: "lead", rows: () => leads.map(leadRow) },
    { table: "lead_alias", rows: () => leads.map(aliasRow) },
    { table: "process", rows: () => leads.map(processRow) },
    { table: "transition", rows: () => leads.flatMap(transitionRows) },
    {
      table: "score",
      rows: () => leads.map(({ id, score }) => ({ ...score, lead_id: id, at: date(score.at) })),
    },
    { table: "engagement", rows: () => leads.flatMap(engagementRows) },
    {
      table: "duplicate",
      rows: () =>
        leads
          .filter(({ arrivedAgainAt }) => arrivedAgainAt !== null)
          .map(({ id, arrivedAgainAt }) => ({
            kind: "arrived-again",
            lead_id: id,
            witness: "form",
            at: date(arrivedAgainAt),
          })),
    },
    { table: "handoff", rows: () => handoffs.map(({ lead, h }) => handoffRow(lead, h, kept)) },
    { table: "clock", rows: () => handoffs.flatMap(({ h }) => clockRows(h, kept)) },
    { table: "clock_event", rows: () => handoffs.flatMap(({ h }) => clockEventRows(h, kept)) },
    { table: "assignment", rows: () => handoffs.flatMap(({ h }) => assignmentRows(h)) },
    { table: "outreach", rows: () => handoffs.flatMap(({ h }) => outreachRows(h)) },
    { table: "answer", rows: () => handoffs.flatMap(({ h }) => answerRows(h)) },
    {
      table: "opportunity",
      rows: () => handoffs.flatMap(({ lead, h }) => opportunityRows(lead, h)),
    },
    { table: "opportunity_stage", rows: () => handoffs.flatMap(({ h }) => dealRows(h)) },
  ];
}

type Row = Readonly<Record<string, unknown>>;

function date(at: Instant | null | undefined): Date | null {
  return at === null || at === undefined ? null : new Date(at);
}

function leadRow(lead: SampleLead): Row {
  const { id, accountId, email, facts, source, campaign, arrivedAt } = lead;
  return {
    id,
    account_id: accountId,
    email,
    facts,
    source,
    campaign,
    intake_source: source,
    intake_campaign: campaign,
    imported: true,
    arrived_at: date(arrivedAt),
  };
}

function aliasRow({ id, email, arrivedAt }: SampleLead): Row {
  return { kind: "email", value: email, lead_id: id, since: date(arrivedAt) };
}

function processRow({ id, standing: s }: SampleLead): Row {
  return {
    subject_kind: "lead",
    subject_id: id,
    stage: s.stage,
    stage_since: date(s.stageSince),
    waiting_on: s.waitingOn,
    owner_id: s.ownerId,
    queue: s.queue,
    next_step: s.nextStep,
    next_at: date(s.nextAt),
    lead_type: s.leadType,
    band: s.band,
    territory: s.territory,
    cycle: s.cycle,
    step: s.step,
    review_at: date(s.reviewAt),
    exit_at: date(s.exitAt),
    exit_intent: s.exitIntent,
    exit_reason: s.exitReason,
    revisit_on: s.revisitOn,
    closed_reason: s.closedReason,
    signalled_cycle: 0,
    signalled_step: 0,
    known_cycle: 0,
    known_step: 0,
  };
}

function transitionRows({ id, moves }: SampleLead): Row[] {
  return moves.map(({ cycle, step, from, to, because, at }) => ({
    subject_kind: "lead",
    subject_id: id,
    cycle,
    step,
    from_stage: from,
    to_stage: to,
    because,
    at: date(at),
  }));
}

function engagementRows({ id, accountId, engagements, arrivedAt }: SampleLead): Row[] {
  return engagements.map((one) => ({
    message_id: one.id,
    lead_id: id,
    account_id: accountId,
    type: one.type,
    topic: one.topic,
    asset: one.asset,
    occurred_at: date(one.occurredAt),
    received_at: date(arrivedAt),
  }));
}

/** Instants that are told as they happen: nobody was late in telling them. */
const toldAtOnce = [
  "mql",
  "offered",
  "sal",
  "sql",
  "opportunity",
  "won",
  "lost",
  "rejected",
  "closed",
] as const;

function handoffRow({ id, source, campaign }: SampleLead, h: SampleHandoff, kept: KeptIds): Row {
  const { at, frozen, signals } = h;
  const told = (outcomes: readonly string[]) =>
    date(h.outreach.find(({ outcome }) => outcomes.includes(outcome))?.toldAt);
  return {
    id: h.id,
    subject_kind: "lead",
    subject_id: id,
    cycle: h.cycle,
    agreement_id: kept.agreements[h.version],
    lead_type: h.leadType,
    path: h.path,
    priority: h.priority,
    band: h.band,
    fit: h.fit,
    intent: h.intent,
    icp: h.icp,
    source,
    campaign,
    motion: h.motion,
    segment: h.segment,
    territory: h.territory,
    pool: h.pool,
    state: "closed",
    rep_id: h.repId,
    round: h.offers.length,
    ...Object.fromEntries(
      toldAtOnce.flatMap((step) => [
        [`${step}_at`, date(at[step])],
        [`${step}_told_at`, date(at[step])],
      ]),
    ),
    first_outreach_at: date(at.firstOutreach),
    first_outreach_told_at: date(h.outreach[0]?.toldAt),
    connected_at: date(at.connected),
    connected_told_at: at.connected === undefined ? null : told(["connected"]),
    meeting_at: date(at.meeting),
    meeting_told_at: at.meeting === undefined ? null : told(["meeting_booked"]),
    contested_at: date(at.contested),
    rejection_reason: h.rejection?.reason ?? null,
    rejection_group: h.rejection?.group ?? null,
    attempts: h.outreach.length,
    reassignments: 0,
    outcome: h.outcome,
    // Its offers, clocks and attempts are on record, as of those that Baton led.
    imported: false,
    role: frozen.role,
    seniority: frozen.seniority,
    tech_stack: frozen.techStack,
    tech_match: frozen.techMatch,
    first_touch_at: date(frozen.firstTouchAt),
    held: frozen.held,
    signals: [...new Set(signals.map(({ type }) => type))].sort(),
    assets: [...new Set(signals.flatMap(({ asset }) => asset ?? []))].sort(),
    first_signal: signals[0]?.type ?? null,
    first_signal_at: date(signals[0]?.occurredAt),
    first_asset: signals.find(({ asset }) => asset !== null)?.asset ?? null,
    response_system_ms: h.systemMs,
    response_human_ms: h.humanMs,
  };
}

type Clock = SampleHandoff["clocks"][number];

function clockId({ id }: SampleHandoff, { kind, scope, round }: Clock): string {
  return `${id}/${kind}/${scope === "lead" ? "lead" : `rep/${round}`}`;
}

function clockRows(h: SampleHandoff, kept: KeptIds): Row[] {
  return h.clocks.map((clock) => ({
    id: clockId(h, clock),
    handoff_id: h.id,
    kind: clock.kind,
    scope: clock.scope,
    round: clock.round,
    rep_id: clock.repId,
    target: clock.target,
    calendar_id: kept.calendars.get(clock.calendar),
    started_at: date(clock.startedAt),
    due_at: date(clock.dueAt),
    state: clock.state,
    ended_at: date(clock.endedAt),
    breached_at: date(clock.breachedAt),
    used_ms: clock.usedMs,
    warned: 0,
    rung: clock.breachedAt === null ? 0 : 1,
  }));
}

function clockEventRows(h: SampleHandoff, kept: KeptIds): Row[] {
  const tz = process.versions.tz ?? "unknown";
  return h.clocks.flatMap((clock) => {
    const common = { clock_id: clockId(h, clock), tz_version: tz };
    const calendar = kept.calendars.get(clock.calendar);
    const end = clock.state === "cancelled" ? "cancel" : "stop";
    return [
      {
        ...common,
        n: 1,
        kind: "start",
        at: date(clock.startedAt),
        detail: { target: clock.target, calendar },
      },
      { ...common, n: 2, kind: end, at: date(clock.endedAt), detail: {} },
    ];
  });
}

function assignmentRows(h: SampleHandoff): Row[] {
  return h.offers.map((one, n) => ({
    handoff_id: h.id,
    round: n + 1,
    rep_id: one.repId,
    queue: one.queue,
    pool: one.pool,
    via: one.via,
    candidates: [],
    at: date(one.at),
    ended_at: date(one.endedAt),
    ended_why: one.endedWhy,
  }));
}

function outreachRows(h: SampleHandoff): Row[] {
  return h.outreach.map((one, n) => ({
    id: `ou_${h.id}_${n}`,
    handoff_id: h.id,
    rep_id: h.repId,
    channel: one.channel,
    outcome: one.outcome,
    occurred_at: date(one.at),
    received_at: date(one.toldAt),
    told_at: date(one.toldAt),
    on_time: one.onTime,
  }));
}

function answerRows(h: SampleHandoff): Row[] {
  return h.answers.map((one, n) => ({
    id: `an_${h.id}_${n}`,
    handoff_id: h.id,
    round: h.offers.length,
    kind: one.kind,
    by_id: one.by,
    reason: one.reason,
    reason_group: one.group,
    revisit_on: one.revisitOn,
    fit_rating: one.fitRating,
    timeline: one.timeline,
    buying_signals: one.buyingSignals,
    contested: one.contested,
    received_at: date(one.at),
    told_at: date(one.at),
    on_time: one.onTime,
    open_ms: one.openMs,
  }));
}

function opportunityId({ id }: SampleHandoff): string {
  return `op_${id.slice("ho_".length)}`;
}

function opportunityRows(lead: SampleLead, h: SampleHandoff): Row[] {
  const [opened, last] = [h.deal[0], h.deal.at(-1)];
  if (!opened || !last) return [];
  return [
    {
      id: opportunityId(h),
      lead_id: lead.id,
      handoff_id: h.id,
      stage: last.stage,
      deal_stage: last.dealStage,
      amount_minor: last.amountMinor,
      currency: last.currency,
      created_at: date(opened.at),
      changed_at: date(last.at),
      won_at: date(h.at.won),
      lost_at: date(h.at.lost),
    },
  ];
}

function dealRows(h: SampleHandoff): Row[] {
  return h.deal.map(({ stage, dealStage, amountMinor, currency, at }) => ({
    opportunity_id: opportunityId(h),
    stage,
    deal_stage: dealStage,
    amount_minor: amountMinor,
    currency,
    happened_at: date(at),
    told_at: date(at),
  }));
}
