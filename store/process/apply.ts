import type { Change } from "../../handoff/process/change.ts";
import { runsBy } from "../../handoff/clocks/terms.ts";
import { answerOpenMs, responseOf } from "../../handoff/process/clocks.ts";
import type { Decision } from "../../handoff/process/decide.ts";
import { frozenFacts, meaningfulSignals } from "../../handoff/process/frozen.ts";
import type { Handoff, ProcessState, Situation } from "../../handoff/process/situation.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import { addEffects, type NewEffect } from "../effects/effects.ts";
import { endOpenTasks, openTask, scheduleTask } from "./human-tasks.ts";
import { mailsToReaders } from "../../handoff/process/mail-of-reader.ts";
import { mailEffect } from "../effects/mail-message.ts";
import { endFlag } from "../accounts/flags.ts";
import { recordDecision } from "../reviews/reviews.ts";
import { enqueueAll, enqueuePriority, leadSignal } from "../postgres/outbox.ts";
import { releaseHeld, reverseCredit } from "../routing/routing.ts";

const tz = process.versions.tz ?? "unknown";
const date = (at: number | null) => (at === null ? null : new Date(at));

/**
 * Writes what was decided: the only code that writes process rows. Statements are sent one behind
 * the other; a failure fails the transaction when it commits. Gives whether effects were wanted.
 */
export async function applyChanges(
  tx: Tx,
  before: Situation,
  decision: Decision,
  hears: Hearing = "not",
): Promise<{ effects: boolean }> {
  const { after, changes } = decision;
  const numbered: Numbered = {
    tx,
    before,
    after,
    cycle: before.process.cycle,
    step: before.process.step + 1,
  };
  await saveHandoff(numbered, changes);
  await saveClocks(numbered, changes);
  for (const change of changes) await write(numbered, change);
  await saveProcess(numbered, hears);
  const effects = effectsOf(numbered, changes);
  await addEffects(tx, before.subject, effects, after.now);
  // Who has room is counted from rows: those of this decision are written before.
  for (const change of changes) {
    if (change.do === "reverse-credit") {
      await reverseCredit(tx, change.handoffId ?? handoffOf(before).id, change.round, after.now);
    }
  }
  const pools = changes.flatMap((change) => (change.do === "free-room" ? change.pools : []));
  if (pools.length > 0) await releaseIn(tx, [...new Set(pools)], after.now);
  return { effects: effects.length > 0 };
}

/**
 * How the process hears of the decision: as the answer that it asked for, or by a signal; or it
 * need not know. Whether it has heard is compared later either way.
 */
export type Hearing = "answered" | "told" | "not";

/** A decision under its number: rows that it leaves carry cycle and step. */
interface Numbered {
  readonly tx: Tx;
  readonly before: Situation;
  readonly after: Situation;
  readonly cycle: number;
  readonly step: number;
}

async function saveProcess({ tx, after }: Numbered, hears: Hearing): Promise<void> {
  const p: ProcessState = after.process;
  const mustHear = hears !== "not";
  await send(
    tx,
    sql`
    update process set stage = ${p.stage}, stage_since = ${new Date(p.stageSince)},
      waiting_on = ${p.waitingOn},
      owner_id = ${p.owner}, queue = ${p.queue}, next_step = ${p.nextStep},
        next_at = ${date(p.nextAt)},
      due_at = ${date(p.dueAt)}, lead_type = ${p.leadType}, band = ${p.band},
        territory = ${p.territory},
      cycle = ${p.cycle}, step = ${p.step}, handoff_id = ${p.handoffId},
        review_at = ${date(p.reviewAt)},
      exit_at = ${date(p.exitAt)}, exit_intent = ${p.exitIntent}, exit_reason = ${p.exitReason},
      revisit_on = ${p.revisitOn}, closed_reason = ${p.closedReason}, merged_into = ${p.mergedInto},
      signalled_cycle = case when ${mustHear} then ${p.cycle} else signalled_cycle end,
      signalled_step = case when ${mustHear} then ${p.step} else signalled_step end,
      signalled_at = case when ${mustHear} then ${new Date(after.now)} else signalled_at end
    where subject_kind = ${after.subject.kind} and subject_id = ${after.subject.id}`,
  );
}

/** One statement for whatever was set of the handoff. */
async function saveHandoff(
  { tx, before, after }: Numbered,
  changes: readonly Change[],
): Promise<void> {
  const opened = changes.find((change) => change.do === "open-handoff");
  if (opened) {
    const { subject } = before;
    const h = opened.handoff;
    const frozen = frozenFacts(before);
    await send(
      tx,
      sql`
      insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
        priority, band, fit,
        intent, icp, source, campaign, motion, language, product, mql_at, mql_told_at,
        tier, propensity, account_handoff_id, role, seniority, tech_stack, tech_match, first_touch_at, held,
        signals, assets, first_signal, first_signal_at, first_asset)
      select ${h.id}, ${subject.kind}, ${subject.id}, ${h.cycle}, ${h.agreementId}, ${h.leadType},
        ${h.path},
        ${h.priority}, ${h.band}, ${h.fit}, ${h.intent}, ${h.icp}, ${h.source}, ${h.campaign},
          ${h.motion},
        ${h.language}, ${h.product}, ${new Date(h.mqlAt)}, ${new Date(after.now)},
        ${h.tier ?? null}::smallint, ${h.propensity ?? null}::float8, ${h.accountHandoffId ?? null}, ${frozen.role}, ${frozen.seniority}, ${frozen.techStack}::text[], ${frozen.techMatch},
        ${date(frozen.firstTouchAt)}, ${[...frozen.held]}::text[],
        coalesce(array_agg(distinct type) filter (where type is not null), '{}'),
        coalesce(array_agg(distinct asset) filter (where asset is not null), '{}'),
        (array_agg(type order by occurred_at, message_id))[1], min(occurred_at),
        (array_agg(asset order by occurred_at, message_id) filter (where asset is not null))[1]
      from engagement where ${subject.kind} = 'lead' and lead_id = ${subject.id}
        and type = any(${meaningfulSignals(before.agreement)})
          and occurred_at <= ${new Date(h.mqlAt)}`,
    );
  }
  const h = after.handoff;
  if (h === null || !changes.some((change) => change.do === "set-handoff")) return;
  // A milestone that this decision sets is told by it.
  const told = (milestone: Milestone) =>
    h[milestone] !== null && h[milestone] !== (before.handoff?.[milestone] ?? null)
      ? new Date(after.now)
      : null;
  const response = told("firstOutreachAt") === null ? null : responseOf(after);
  await send(
    tx,
    sql`
    update handoff set segment = ${h.segment}, territory = ${h.territory}, pool = ${h.pool},
      state = ${h.state},
      rep_id = ${h.repId}, round = ${h.round}, offered_at = ${date(h.offeredAt)},
      first_outreach_at = ${date(h.firstOutreachAt)}, connected_at = ${date(h.connectedAt)},
      meeting_at = ${date(h.meetingAt)}, sal_at = ${date(h.salAt)}, sql_at = ${date(h.sqlAt)},
      opportunity_at = ${date(h.opportunityAt)}, rejected_at = ${date(h.rejectedAt)},
      rejection_reason = ${h.rejectionReason}, rejection_group = ${h.rejectionGroup},
      contested_at = ${date(h.contestedAt)}, overturned_at = ${date(h.overturnedAt)},
        attempts = ${h.attempts},
      attempts_until = ${date(h.attemptsUntil)}, paused_until = ${date(h.pausedUntil)},
      reassignments = ${h.reassignments}, assign_to = ${h.assignTo}, outcome = ${h.outcome},
      closed_at = ${date(h.closedAt)},
      terms = ${h.terms === undefined ? null : JSON.stringify(h.terms)}::jsonb,
      offered_told_at = coalesce(${told("offeredAt")}, offered_told_at),
      first_outreach_told_at = coalesce(${told("firstOutreachAt")}, first_outreach_told_at),
      connected_told_at = coalesce(${told("connectedAt")}, connected_told_at),
      meeting_told_at = coalesce(${told("meetingAt")}, meeting_told_at),
      sal_told_at = coalesce(${told("salAt")}, sal_told_at),
      sql_told_at = coalesce(${told("sqlAt")}, sql_told_at),
      opportunity_told_at = coalesce(${told("opportunityAt")}, opportunity_told_at),
      rejected_told_at = coalesce(${told("rejectedAt")}, rejected_told_at),
      closed_told_at = coalesce(${told("closedAt")}, closed_told_at),
      response_system_ms = coalesce(${response?.systemMs ?? null}, response_system_ms),
      response_human_ms = coalesce(${response?.humanMs ?? null}, response_human_ms)
    where id = ${h.id}`,
  );
}

/** What a handoff comes to, with an instant of its own. */
type Milestone =
  | "offeredAt"
  | "firstOutreachAt"
  | "connectedAt"
  | "meetingAt"
  | "salAt"
  | "sqlAt"
  | "opportunityAt"
  | "rejectedAt"
  | "closedAt";

/** Clocks that were started, their events, and what they show now: three statements at most. */
async function saveClocks(
  { tx, before, after }: Numbered,
  changes: readonly Change[],
): Promise<void> {
  const started = changes.flatMap((change) => (change.do === "start-clocks" ? change.clocks : []));
  const shown = changes.findLast((change) => change.do === "show-clocks")?.clocks ?? [];
  const rows = shown.map((one) => {
    const clock = after.clocks.find(({ id }) => id === one.id);
    return {
      ...one,
      warned: clock?.warned ?? 0,
      rung: clock?.rung ?? 0,
      dueAt: date(one.dueAt),
      endedAt: date(one.endedAt),
      breachedAt: date(one.breachedAt),
      startedAt: new Date(one.startedAt),
      target: clock && runsBy(clock).target,
    };
  });
  if (started.length > 0) {
    const made = started.map((clock) => {
      const now = rows.find(({ id }) => id === clock.id);
      const target = now?.target ?? clock.target;
      return { state: "running", startedAt: new Date(clock.at), ...clock, ...now, target };
    });
    await send(
      tx,
      sql`
      insert into clock (id, handoff_id, kind, scope, round, rep_id, target, calendar_id,
        started_at, state, due_at, ended_at, breached_at, used_ms, warned, rung)
      select id, ${handoffOf(after).id}, kind, scope, round, "repId", target, "calendarId",
        "startedAt", state, "dueAt", "endedAt", "breachedAt", "usedMs", coalesce(warned, 0),
        coalesce(rung, 0)
      from jsonb_to_recordset(${JSON.stringify(made)}::jsonb) as s(id text, kind text, scope text,
        round int, "repId" text, target jsonb, "calendarId" text, "startedAt" timestamptz,
        state text, "dueAt" timestamptz, "endedAt" timestamptz, "breachedAt" timestamptz,
        "usedMs" bigint, warned smallint, rung smallint)`,
    );
  }
  const events = after.clocks.flatMap((clock) => {
    const known = before.clocks.find(({ id }) => id === clock.id)?.events.length ?? 0;
    return clock.events.slice(known).map(({ kind, at, ...detail }, n) => ({
      clock: clock.id,
      n: known + n + 1,
      kind,
      at: new Date(at),
      detail,
    }));
  });
  if (events.length > 0) {
    await send(
      tx,
      sql`
      insert into clock_event (clock_id, n, kind, at, detail, tz_version)
      select clock, n, kind, at, detail, ${tz}::text
      from jsonb_to_recordset(${JSON.stringify(events)}::jsonb) as e(clock text, n int, kind text,
        at timestamptz, detail jsonb)`,
    );
  }
  const going = rows.filter(({ id }) => !started.some((clock) => clock.id === id));
  if (going.length === 0) return;
  // By id as well: a record set looks to the planner as if it were large. Most show what they did.
  await send(
    tx,
    sql`
    update clock set state = s.state, due_at = s."dueAt", ended_at = s."endedAt",
      breached_at = s."breachedAt",
      used_ms = s."usedMs", warned = s.warned, rung = s.rung, calendar_id = s."calendarId",
        started_at = s."startedAt", target = coalesce(s.target, clock.target)
    from jsonb_to_recordset(${JSON.stringify(going)}::jsonb) as
      s(id text, state text, "dueAt" timestamptz,
      "endedAt" timestamptz, "breachedAt" timestamptz, "usedMs" bigint, warned smallint,
        rung smallint,
      "calendarId" text, "startedAt" timestamptz, target jsonb)
    where clock.id = s.id and clock.id = any(${going.map(({ id }) => id)})
      and (clock.state, clock.due_at, clock.ended_at, clock.breached_at, clock.used_ms,
        clock.warned, clock.rung, clock.calendar_id, clock.started_at, clock.target) is distinct from
        (s.state, s."dueAt", s."endedAt", s."breachedAt", s."usedMs", s.warned, s.rung,
        s."calendarId", s."startedAt", coalesce(s.target, clock.target))`,
  );
}

/** Changes that each leave a row of their own. */
async function write(numbered: Numbered, change: Change): Promise<void> {
  const { tx, before, after, cycle, step } = numbered;
  const { subject } = before;
  const { now } = after;
  switch (change.do) {
    case "move":
      return send(
        tx,
        sql`
        insert into transition (subject_kind, subject_id, cycle, step,
          from_stage, to_stage, because, at)
        values (${subject.kind}, ${subject.id}, ${cycle}, ${step}, ${change.from}, ${change.to},
          ${change.because}, ${new Date(now)})`,
      );
    case "open-offer":
      if (change.repId === null) return;
      await enqueuePriority(tx, subject.id, handoffOf(after).priority, now);
      if (subject.kind === "account") await tellPartsOnHold(tx, handoffOf(after).id, now);
      if (change.by === "routing") return;
      return send(
        tx,
        sql`
        insert into assignment (handoff_id, round, rep_id, pool, via, candidates, at)
        values (${handoffOf(after).id}, ${change.round}, ${change.repId}, ${change.pool}, 'manager',
          '[]', ${new Date(now)})`,
      );
    case "end-offer":
      return send(
        tx,
        sql`
        update assignment set ended_at = ${new Date(now)}, ended_why = ${change.why}
        where handoff_id = ${change.handoffId ?? handoffOf(before).id} and round = ${change.round}
          and ended_at is null`,
      );
    case "end-hold":
      return send(tx, sql`delete from held where handoff_id = ${handoffOf(before).id}`);
    case "open-task":
      return openTask(tx, { ...change.task, subject }, now);
    case "schedule-task":
      return scheduleTask(tx, subject, change);
    case "end-tasks":
      return endOpenTasks(tx, subject, change.kinds, change, now);
    case "record-outreach":
      return send(
        tx,
        sql`
        insert into outreach (id, handoff_id, rep_id, channel, outcome, occurred_at, received_at,
          told_at, on_time)
        values (${change.id}, ${handoffOf(before).id}, ${change.repId}, ${change.channel},
          ${change.outcome},
          ${new Date(change.occurredAt)}, ${new Date(change.receivedAt)}, ${new Date(now)},
          ${change.onTime})`,
      );
    case "record-answer": {
      const openMs =
        change.kind === "accept" || change.kind === "reject"
          ? answerOpenMs(after, change.round, change.receivedAt)
          : null;
      const { fitRating = null, timeline = null, buyingSignals = [], note = null } = change.learnt;
      return send(
        tx,
        sql`
        insert into answer (id, handoff_id, round, kind, by_id, reason, revisit_on, note,
          fit_rating, timeline,
          buying_signals, contested, received_at, told_at, on_time, reason_group,
          open_ms)
        values (${change.id}, ${handoffOf(before).id}, ${change.round}, ${change.kind},
          ${change.by}, ${change.reason},
          ${change.revisitOn}, ${note}, ${fitRating}, ${timeline}, ${buyingSignals},
            ${change.contested},
          ${new Date(change.receivedAt)}, ${new Date(now)}, ${change.onTime},
          ${change.kind === "reject" ? groupOf(after, change.reason) : null},
          ${openMs})`,
      );
    }
    case "learn-timeline":
      return send(
        tx,
        sql`
        update lead set facts = facts || jsonb_build_object('lead.timeline', jsonb_build_object(
          'value', ${change.timeline}::text, 'from', 'person', 'at',
            ${new Date(change.at).toISOString()}::text))
        where id = ${subject.id}`,
      );
    case "record-review":
      return recordDecision(tx, subject.id, change, now);
    case "open-opportunity":
      return send(
        tx,
        sql`
        with opened as (
          insert into opportunity (id, lead_id, handoff_id, stage, amount_minor, currency,
            created_at, changed_at)
          values (${change.id}, ${subject.id}, ${handoffOf(before).id}, 'open',
            ${change.amountMinor}, ${change.currency}, ${new Date(now)}, ${new Date(now)})
          returning *)
        insert into opportunity_stage (opportunity_id, stage, amount_minor, currency, happened_at,
          told_at)
        select id, stage, amount_minor, currency, created_at, ${new Date(now)} from opened`,
      );
    case "link-opportunity":
      return send(
        tx,
        sql`
        update opportunity set handoff_id = ${handoffOf(before).id} where id = ${change.id}
          and handoff_id is null`,
      );
    case "end-flag":
      return endFlag(tx, subject.id, change, now);
    case "remember-score":
      return send(
        tx,
        sql`
        insert into score (lead_id, fit, intent, band, at)
        values (${subject.id}, ${change.fit}, ${change.intent}, ${change.band}, ${new Date(now)})
        on conflict (lead_id) do update
          set fit = excluded.fit, intent = excluded.intent, band = excluded.band,
          at = excluded.at`,
      );
    // Written as a whole, from the situation after the decision.
    case "stand":
    case "next-cycle":
    case "open-handoff":
    case "set-handoff":
    case "start-clocks":
    case "clock-event":
    case "note-clock":
    case "show-clocks":
    case "free-room":
    case "reverse-credit":
    case "send":
    case "sync-crm":
      return;
    default:
      return change satisfies never;
  }
}

function effectsOf(
  { before, after, cycle, step }: Numbered,
  changes: readonly Change[],
): Omit<NewEffect, "subject">[] {
  const { kind, id } = before.subject;
  const handoffId = before.process.handoffId ?? after.process.handoffId;
  const mails = mailsToReaders(after, changes).map(({ n, message, also }) => ({
    key: `${kind}/${id}/${cycle}/${message.what}/${n}`,
    handoffId,
    ...mailEffect(message, also),
  }));
  // A decision that only notes a breach asks for no sync, but the record shows the clock.
  const isShown = (change: Change) =>
    change.do === "sync-crm" || (change.do === "note-clock" && change.breachedAt !== undefined);
  if (!changes.some(isShown)) return mails;
  return [
    ...mails,
    {
      key: `${kind}/${id}/${cycle}/sync-crm/${step}`,
      handoffId,
      kind: "sync-crm",
      what: kind,
      payload: { [`${kind}Id`]: id },
    },
  ];
}

/** The group of a reason under the agreement of the handoff. */
function groupOf({ agreement }: Situation, reason: string | null): string | null {
  return agreement.answers.reasons[reason ?? ""]?.group ?? null;
}

function handoffOf(situation: Situation): Handoff {
  if (situation.handoff === null) throw new Error(`${situation.subject.id} has no handoff`);
  return situation.handoff;
}

/** Somebody has the account now: its leads that are on hold ask routing again. */
async function tellPartsOnHold(tx: Tx, handoffId: string, now: number): Promise<void> {
  const parts = await rows<{ id: string }>(
    tx,
    sql`
    select h.subject_id as id from handoff h join held on held.handoff_id = h.id
    where h.account_handoff_id = ${handoffId} and h.state = 'open' order by h.subject_id`,
  );
  const told = parts.map(({ id }) => leadSignal(id, "signal", "rosterChanged", { id }, 1));
  await enqueueAll(tx, told, now);
}

/** Leads on hold in these pools are offered in their order; most pools hold none. */
async function releaseIn(tx: Tx, pools: readonly string[], now: number): Promise<void> {
  const found = await tx.query<{ pool: string }>(
    sql`select distinct pool from held where pool = any(${pools})`,
  );
  if (found.rows.length > 0)
    await releaseHeld(
      tx,
      found.rows.map(({ pool }) => pool),
      now,
    );
}
