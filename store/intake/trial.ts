import { tierOf } from "../../handoff/accounts/standing.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { appliedCalendar } from "../../handoff/time/applied-calendar.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Engagement, Facts, FactValue } from "../../handoff/facts/facts.ts";
import { decide, type Decision } from "../../handoff/process/decide.ts";
import type { Event } from "../../handoff/process/event.ts";
import { openHandoff, type Situation } from "../../handoff/process/situation.ts";
import { followUp } from "../../handoff/process/words.ts";
import { calendarId } from "../process/calendars.ts";
import type { judgeByBoth, DraftVerdict } from "../../handoff/qualify/compare.ts";
import type { KnownLead } from "../../handoff/qualify/qualify.ts";
import { isClosed, stages } from "../../handoff/stage.ts";
import { inTransaction, rows, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
import { knownLeads } from "./scores.ts";
import { requestOf, routedBy, withPlace } from "../process/ask-routing.ts";
import type { RouteResult } from "../routing/route-request.ts";
import { routeHandoff } from "../routing/routing.ts";

/** A lead that nobody took in. */
export interface Hypothetical {
  readonly agreementId: string;
  readonly agreement: Agreement;
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
  /** When it would arrive. */
  readonly now: Instant;
}

/** What would be decided about it. */
export interface Trial {
  readonly arrival: Decision;
  /** Null when it would not be handed off. */
  readonly routing: { readonly answer: RouteResult; readonly decision: Decision } | null;
}

/**
 * Takes the decisions that the arrival of such a lead would begin with: the same functions on a
 * situation of its own. It is routed exactly as a real one in a transaction that is always rolled
 * back: roster, room, turns and leads on hold are those of this moment, and nothing is written.
 */
export async function tryArrival(pool: Pool, hypothetical: Hypothetical): Promise<Trial> {
  const isFlagged = await isFlaggedDomain(pool, hypothetical.facts["account.domain"]);
  const arrival = decided(newcomer(hypothetical, isFlagged), { kind: "arrived" });
  if (followUp(arrival.after.process) !== "route") return { arrival, routing: null };
  const before = arrival.after;
  return inTransaction(
    pool,
    async (tx) => {
      await insertHandoff(tx, before);
      const answer = await routeHandoff(tx, await requestOf(tx, before, 1));
      const placed = await withPlace(tx, before, answer.routed);
      return { arrival, routing: { answer, decision: decided(placed, routedBy(answer, 1)) } };
    },
    "rollback",
  );
}

type Judged = ReturnType<typeof judgeByBoth>;

/** What a draft of the agreement would change about today's leads. */
export interface DraftTrial {
  /** Open leads that were judged; the newest ones. */
  readonly leads: number;
  /** Those that come to the same under both. */
  readonly same: number;
  /** The most frequent first; `examples` are ids. */
  readonly changes: readonly {
    readonly from: DraftVerdict;
    readonly to: DraftVerdict;
    readonly count: number;
    readonly examples: readonly string[];
  }[];
}

const mostTried = 10_000;
const triedTogether = 250;

/**
 * Judges today's open leads by the active agreement and by a draft, some hundred at a time, with
 * the functions that judge real arrivals. Nothing is written. `judge` is `judgeByBoth`, wherever it
 * runs: a draft may have so many rules that judging takes long.
 */
export async function tryDraft(
  pool: Pool,
  now: Instant,
  judge: (leads: readonly KnownLead[]) => Judged | Promise<Judged>,
): Promise<DraftTrial> {
  const changes = new Map<
    string,
    { from: DraftVerdict; to: DraftVerdict; count: number; examples: string[] }
  >();
  let [leads, after] = [0, null as string | null];
  while (leads < mostTried) {
    const ids = await openLeadIds(pool, after, Math.min(triedTogether, mostTried - leads));
    after = ids.at(-1) ?? null;
    if (after === null) break;
    const known = await knownLeads(pool, ids, now);
    const judged = await judge(known.map((one) => one.known));
    for (const [n, [from, to]] of judged.entries()) {
      const id = known[n]?.id ?? "";
      leads++;
      const key = JSON.stringify([from, to]);
      if (JSON.stringify(from) === JSON.stringify(to)) continue;
      const change = changes.get(key) ?? { from, to, count: 0, examples: [] };
      change.count++;
      if (change.examples.length < 5) change.examples.push(id);
      changes.set(key, change);
    }
  }
  const found = [...changes.values()].sort((a, b) => b.count - a.count);
  return { leads, same: leads - found.reduce((sum, { count }) => sum + count, 0), changes: found };
}

async function openLeadIds(pool: Pool, before: string | null, limit: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    pool,
    sql`
    select id from lead_standing
    where erased_at is null and merged_into is null and not stage = any(${closedStages}::text[])
      and (${before}::text is null or id < ${before}::text)
    order by id desc limit ${limit}`,
  );
  return found.map(({ id }) => id);
}

const closedStages = stages.filter((stage) => isClosed(stage));

function decided(situation: Situation, event: Event): Decision {
  const decision = decide(situation, event);
  if ("refused" in decision) throw new Error(`${event.kind} was refused: ${decision.refused.code}`);
  return decision;
}

/** Whether a flag stands for the account that has this domain. */
async function isFlaggedDomain(db: Db, domain: FactValue | undefined): Promise<boolean> {
  if (typeof domain !== "string") return false;
  const found = await rows(
    db,
    sql`
    select from account a join account_flag f on f.account_id = coalesce(a.merged_into, a.id)
    where f.ended_at is null and a.id in (
      select id from account where domain = ${domain}
      union select account_id from account_alias where kind = 'domain' and value = ${domain})
    limit 1`,
  );
  return found.length > 0;
}

/** The subject as intake would leave it. */
function newcomer(
  { agreementId, agreement, facts, engagements, now }: Hypothetical,
  isFlagged: boolean,
): Situation {
  const text = (path: string) => (typeof facts[path] === "string" ? facts[path] : null);
  const tier = tierOf(agreement.accounts, facts, isFlagged);
  const hours = appliedCalendar(agreement, null, null);
  const poolCalendarId = calendarId(hours);
  return {
    subject: { kind: "lead", id: "ld_trial" },
    now,
    agreementId,
    agreement,
    arrivedAt: now,
    process: {
      stage: "new",
      stageSince: now,
      waitingOn: "assessment",
      owner: null,
      queue: "intake",
      nextStep: "assess",
      nextAt: now,
      dueAt: null,
      leadType: null,
      band: null,
      territory: null,
      cycle: 1,
      step: 0,
      handoffId: null,
      reviewAt: null,
      exitAt: null,
      exitIntent: null,
      exitReason: null,
      revisitOn: null,
      closedReason: null,
      mergedInto: null,
    },
    source: text("lead.source"),
    campaign: text("lead.campaign"),
    erased: false,
    mergeInto: null,
    facts,
    engagements,
    ...(tier === null ? {} : { tier }),
    matches: 1,
    handoff: null,
    lastLeadType: null,
    clocks: [],
    calendars: { [poolCalendarId]: hours },
    poolCalendarId,
    people: {},
    tasks: [],
    offers: [],
    answeredAt: null,
    lastActivityAt: null,
    stalledAt: null,
    rejectionsToday: 0,
    opportunity: null,
  };
}

/** What the assignment and the hold that routing writes refer to. */
async function insertHandoff(tx: Tx, situation: Situation): Promise<void> {
  const h = openHandoff(situation);
  const { kind, id } = situation.subject;
  await tx.query(sql`
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
      priority, band, fit, intent, icp, mql_at)
    values (${h.id}, ${kind}, ${id}, ${h.cycle}, ${h.agreementId}, ${h.leadType}, ${h.path},
      ${h.priority}, ${h.band},
      ${h.fit}, ${h.intent}, ${h.icp}, ${new Date(h.mqlAt)})`);
}
