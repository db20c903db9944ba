import { createHash } from "node:crypto";
import {
  courseOf,
  overlaps,
  pastMoves,
  pastSaid,
  type PastCourse,
  type PastHandoff,
} from "../../handoff/facts/past.ts";
import type { Facts } from "../../handoff/facts/facts.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { deriveFacts } from "../../handoff/facts/lead.ts";
import { evaluate } from "../../handoff/qualify/condition.ts";
import { judgeNow, leadTypeOf } from "../../handoff/qualify/qualify.ts";
import type { LeadStart } from "../../handoff/process/words.ts";
import type { WaitingOn } from "../../handoff/stage.ts";
import { enqueue, leadSignal } from "../postgres/outbox.ts";
import type { Agreements } from "../process/agreements.ts";
import { takeWithin } from "../process/take.ts";
import { frozenFacts, meaningfulSignals } from "../../handoff/process/frozen.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, send, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import {
  prepare,
  type Arrival,
  type ArrivalRefused,
  type IntakeContext,
  type NotUnderstood,
  type Prepared,
} from "./arrivals.ts";
import { storeEngagements } from "./engagements.ts";
import { findErased } from "./erased.ts";
import { enqueueAccountNews } from "./facts.ts";
import { addAliases, findLeads, identityKey, lockIdentities } from "./identities.ts";
import { attachAccounts, takeName, type Met } from "./intake.ts";
import { auditMoves, lockPeople, newPerson, savePeople, type IntakePerson } from "./people.ts";

/** A handoff of the past and whose it was. */
export interface ToldPast {
  readonly arrival: Arrival;
  readonly past: PastHandoff;
}

export type PastTaken =
  | {
      readonly outcome: "created" | "unchanged";
      readonly leadId: string;
      readonly notUnderstood: readonly NotUnderstood[];
    }
  | { readonly outcome: "erased" }
  | ArrivalRefused;

/** Ids of the roster by everything that a file may call people: id, the CRM's id, e-mail, name. */
export async function rosterByName(db: Db): Promise<(name: string) => readonly string[]> {
  const people = await rows<{ id: string; crm_id: string | null; email: string; name: string }>(
    db,
    sql`select id, crm_id, email, name from rep order by id`,
  );
  const ids = new Map<string, Set<string>>();
  for (const { id, crm_id, email, name } of people)
    for (const word of [id, crm_id, email, name])
      if (word !== null) ids.set(called(word), (ids.get(called(word)) ?? new Set()).add(id));
  return (name) => [...(ids.get(called(name)) ?? [])];
}

function called(word: string): string {
  return word.normalize("NFKC").trim().replaceAll(/\s+/g, " ").toLowerCase();
}

/**
 * Takes in handoffs of the past in the caller's transaction: lead, account, facts, handoff, answer,
 * opportunity and the moves from stage to stage, dated when they happened and told now. The process
 * stands where the last handoff of the person ended, no workflow starts and nobody is told; one
 * that is open goes on in its stage, with clocks from now. What is known changes nothing; what
 * contradicts it, overlaps with another one, or belongs to a person whose process is Baton's own is
 * refused. The answers stand in the order of what was told.
 */
export async function takeInPast(
  tx: Tx,
  told: readonly ToldPast[],
  context: IntakeContext,
  agreements: Agreements,
): Promise<PastTaken[]> {
  const prepared = told.map(({ arrival }) => prepare(arrival, context));
  const identities = prepared.flatMap((one) => ("outcome" in one ? [] : one.identities));
  await lockIdentities(tx, identities, true);
  const [leadOf, erased] = await Promise.all([
    findLeads(tx, identities),
    findErased(tx, identities),
  ]);
  const ids = [...new Set(leadOf.values())];
  const histories = await lockHistories(tx, ids);
  const people = await lockPeople(tx, ids);
  const crmIds = await knownOpportunities(tx, told);
  const meeting: Meeting = { leadOf, erased, people, histories, crmIds, context, agreements };
  const answers = told.map(({ past }, n) => {
    const arrival = prepared[n];
    if (arrival === undefined || "outcome" in arrival) return arrival ?? nobody;
    return meet(meeting, arrival, past);
  });
  const taken = answers.flatMap((one) => ("met" in one ? [one] : []));
  if (taken.length > 0) await write(tx, taken, meeting);
  return answers.map((one) =>
    "met" in one
      ? {
          outcome: "created",
          leadId: one.met.person.id,
          notUnderstood: one.met.arrival.notUnderstood,
        }
      : one,
  );
}

/** What a person has of handoffs, known and just told. */
interface History {
  /** Baton itself has decided about this person: the past is closed. */
  readonly isBatons: boolean;
  readonly known: KnownHandoff[];
}

interface KnownHandoff {
  readonly id: string;
  readonly course: PastCourse;
  readonly saidHash: string | null;
  readonly repId: string | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly territory: string | null;
  /** The cycle under which it is stored; 0: it is not stored yet. */
  readonly cycle: number;
}

interface Meeting {
  readonly leadOf: Map<string, string>;
  readonly erased: ReadonlySet<string>;
  readonly people: Map<string, IntakePerson>;
  readonly histories: Map<string, History>;
  /** The CRM's ids of opportunities that are taken. */
  readonly crmIds: Set<string>;
  readonly context: IntakeContext;
  readonly agreements: Agreements;
}

/** A handoff that is new. */
interface Taken {
  readonly met: Met;
  readonly past: PastHandoff;
  readonly id: string;
}

const nobody: ArrivalRefused = {
  outcome: "refused",
  field: "externalId",
  message: "expected a value that says who it is",
};

/** Whose handoff it is, and whether it is new, known, or cannot be. */
function meet(
  { leadOf, erased, people, histories, crmIds, context }: Meeting,
  arrival: Prepared,
  past: PastHandoff,
): Taken | Exclude<PastTaken, { outcome: "created" }> {
  const hits = new Set(arrival.identities.flatMap((name) => leadOf.get(identityKey(name)) ?? []));
  if (arrival.identities.some((name) => erased.has(identityKey(name))))
    return { outcome: "erased" };
  if (hits.size > 1)
    return refused("externalId", "expected names of one person; these belong to two leads");
  const ours = arrival.identities.find(({ kind }) => kind === "lead");
  if (ours && hits.size === 0) return refused("id", "expected the id of a lead that exists");
  const [hit] = hits;
  const known = hit === undefined ? undefined : people.get(hit);
  if (known?.erased) return { outcome: "erased" };
  const history = (known && histories.get(known.id)) ?? { isBatons: false, known: [] };
  const course = courseOf(past);
  const saidHash = createHash("sha256").update(pastSaid(past)).digest("hex");
  const same = history.known.find((one) => one.course.mqlAt === course.mqlAt);
  if (known && same) {
    if (same.saidHash === saidHash)
      return { outcome: "unchanged", leadId: known.id, notUnderstood: arrival.notUnderstood };
    return refused(
      "handoff.mqlAt",
      "expected the same as before: a handoff of this person that began then is known, and the past does not change",
    );
  }
  if (known && history.isBatons)
    return refused(
      "externalId",
      "expected somebody whom Baton does not know yet: this person's process is Baton's own, and its past is closed",
    );
  if (history.known.some((one) => overlaps(one.course, course)))
    return refused(
      "handoff.mqlAt",
      "expected no other handoff of this person at that time: one ends before the next begins",
    );
  const { opportunityCrmId } = past;
  if (opportunityCrmId !== null && crmIds.has(opportunityCrmId))
    return refused(
      "handoff.opportunityCrmId",
      "expected an opportunity that belongs to no other handoff",
    );
  if (opportunityCrmId !== null) crmIds.add(opportunityCrmId);

  const person = known ?? newPerson(newId("ld", context.now), past.arrivedAt, true);
  person.arrivedAt = Math.min(person.arrivedAt, past.arrivedAt);
  people.set(person.id, person);
  histories.set(person.id, history);
  const names = arrival.identities.filter(
    (name) => name.kind !== "lead" && !leadOf.has(identityKey(name)),
  );
  for (const name of names) leadOf.set(identityKey(name), person.id);
  const id = newId("ho", context.now);
  const { repId, leadType, band, territory } = past;
  history.known.push({ id, course, saidHash, repId, leadType, band, territory, cycle: 0 });
  return {
    met: { person, arrival, names, conflicts: [], first: known === undefined, changed: [] },
    past,
    id,
  };
}

function refused(field: string, message: string): ArrivalRefused {
  return { outcome: "refused", field, message };
}

/** Locks the processes, as decisions do before anything else of a lead, and reads their past. */
async function lockHistories(tx: Tx, ids: readonly string[]): Promise<Map<string, History>> {
  if (ids.length === 0) return new Map();
  const found = await rows<{ id: string; batons: boolean }>(
    tx,
    sql`
    select p.subject_id as id, p.origin <> 'history' or p.merged_into is not null or exists (
      select from decision d where d.subject_kind = 'lead' and d.subject_id = p.subject_id) as batons
    from process p where p.subject_kind = 'lead' and p.subject_id = any(${[...ids]}::text[])
    order by p.subject_id for no key update`,
  );
  const handoffs = await rows<{
    id: string;
    subject_id: string;
    cycle: number;
    mql_at: Date;
    sal_at: Date | null;
    sql_at: Date | null;
    opportunity_at: Date | null;
    closed_at: Date | null;
    outcome: string | null;
    imported_as: string | null;
    rep_id: string | null;
    lead_type: string | null;
    band: string | null;
    territory: string | null;
  }>(
    tx,
    sql`
    select id, subject_id, cycle, mql_at, sal_at, sql_at, opportunity_at, closed_at, outcome,
      imported_as, rep_id, lead_type, band, territory
    from handoff where subject_kind = 'lead' and subject_id = any(${[...ids]}::text[])`,
  );
  return new Map(
    found.map(({ id, batons }) => [
      id,
      {
        isBatons: batons,
        known: handoffs
          .filter((one) => one.subject_id === id)
          .map((one) => ({
            id: one.id,
            course: {
              mqlAt: one.mql_at.getTime(),
              salAt: one.sal_at?.getTime() ?? null,
              sqlAt: one.sql_at?.getTime() ?? null,
              opportunityAt: one.opportunity_at?.getTime() ?? null,
              closedAt: one.closed_at?.getTime() ?? null,
              because: one.outcome ?? "",
            },
            saidHash: one.imported_as,
            repId: one.rep_id,
            leadType: one.lead_type,
            band: one.band,
            territory: one.territory,
            cycle: one.cycle,
          })),
      },
    ]),
  );
}

async function knownOpportunities(tx: Tx, told: readonly ToldPast[]): Promise<Set<string>> {
  const asked = told.flatMap(({ past }) => past.opportunityCrmId ?? []);
  if (asked.length === 0) return new Set();
  const found = await rows<{ crm_id: string }>(
    tx,
    sql`select crm_id from opportunity where crm_id = any(${asked}::text[])`,
  );
  return new Set(found.map(({ crm_id }) => crm_id));
}

async function write(tx: Tx, taken: readonly Taken[], meeting: Meeting): Promise<void> {
  const { context, leadOf } = meeting;
  const { now } = context;
  const met = taken.map((one) => one.met);
  const people = [...new Set(met.map(({ person }) => person))];
  const { accounts, moves } = await attachAccounts(tx, met, context);
  for (const { person, arrival } of met) takeName(person, arrival, leadOf, []);
  await savePeople(tx, people, now);
  await addAliases(
    tx,
    met.flatMap(({ person, names }) => names.map((name) => ({ ...name, leadId: person.id }))),
    now,
  );
  await storeEngagements(
    tx,
    met.flatMap(({ person, arrival }) =>
      arrival.engagements.map((one) => ({ ...one, who: { leadId: person.id } })),
    ),
    now,
    meeting.people,
  );
  await writeCourses(tx, people, meeting, async (cycleOf) => {
    await writeHandoffs(tx, taken, cycleOf, context);
    await writeAnswers(tx, taken, now, context.importId ?? "history");
    await writeOpportunities(tx, taken, now);
  });
  for (const { met: one, past, id } of taken)
    if (courseOf(past).closedAt === null)
      await takeOver(tx, one.person.id, id, past.leadType, meeting);
  await enqueueAccountNews(
    tx,
    accounts,
    people.map(({ id }) => id),
    now,
  );
  await auditMoves(tx, moves, now);
}

/** A handoff that is open goes on from here, by a decision, with a process of its own. */
async function takeOver(
  tx: Tx,
  leadId: string,
  handoffId: string,
  leadType: string | null,
  { agreements, context: { agreement, now } }: Meeting,
): Promise<void> {
  const standing = await takeWithin(
    tx,
    agreements,
    { subject: { kind: "lead", id: leadId }, key: `taken-over/${handoffId}`, now, by: "process" },
    { kind: "takenOver" },
  );
  const priority = leadTypeOf(agreement, leadType ?? "")?.priority ?? 3;
  const start: LeadStart = { leadId, cycle: standing.cycle, from: "resume", priority };
  // In the import lane, where many of them hold up nobody who asks today.
  await enqueue(tx, leadSignal(leadId, "start", "leadHandoff", { ...start }, 2), now);
}

type OpenStage = "mql" | "sal" | "sql";
const takenOverWaits: Readonly<Record<OpenStage, WaitingOn>> = {
  mql: "assessment",
  sal: "attempts",
  sql: "opportunity",
};

/**
 * Cycles, moves and standing of these people, worked out anew from all of their handoffs: an older
 * one may be told after a newer one.
 */
async function writeCourses(
  tx: Tx,
  people: readonly IntakePerson[],
  { histories }: Meeting,
  writeNew: (cycleOf: ReadonlyMap<string, number>) => Promise<void>,
): Promise<void> {
  const all = people.map((person) => {
    const known = (histories.get(person.id)?.known ?? []).toSorted(
      (a, b) => a.course.mqlAt - b.course.mqlAt,
    );
    return {
      person,
      known,
      moves: pastMoves(
        person.arrivedAt,
        known.map(({ course }) => course),
      ),
    };
  });
  const ids = people.map(({ id }) => id);
  const cycles = all.flatMap(({ known }) =>
    known.map(({ id, cycle }, n) => ({ id, cycle: n + 1, isMoved: cycle > 0 && cycle !== n + 1 })),
  );
  const moved = cycles.filter(({ isMoved }) => isMoved);
  if (moved.length > 0) {
    // By way of numbers that nobody has: a person's cycles are unique at every moment.
    await send(
      tx,
      sql`update handoff set cycle = -cycle where id = any(${moved.map(({ id }) => id)}::text[])`,
    );
    await send(
      tx,
      sql`
      update handoff set cycle = m.cycle from jsonb_to_recordset(${JSON.stringify(moved)}::jsonb)
        as m(id text, cycle int) where handoff.id = m.id`,
    );
  }
  await writeNew(new Map(cycles.map(({ id, cycle }) => [id, cycle])));
  await send(
    tx,
    sql`
    update lead set arrived_at = t.at from unnest(${ids}::text[],
      ${people.map(({ arrivedAt }) => new Date(arrivedAt))}::timestamptz[]) as t(id, at)
    where lead.id = t.id and lead.arrived_at is distinct from t.at`,
  );
  await send(
    tx,
    sql`delete from transition where subject_kind = 'lead' and subject_id = any(${ids}::text[])`,
  );
  const transitions = all.flatMap(({ person, moves }) =>
    moves.map((move) => ({ ...move, id: person.id, at: new Date(move.at) })),
  );
  await send(
    tx,
    sql`
    insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because, at)
    select 'lead', id, cycle, step, "from", "to", because, at
    from jsonb_to_recordset(${JSON.stringify(transitions)}::jsonb) as t(id text, cycle int,
      step int, "from" text, "to" text, because text, at timestamptz)`,
  );
  const standings = all.flatMap(({ person, known, moves }) => {
    const [last, move] = [known.at(-1), moves.at(-1)];
    if (last === undefined || move === undefined) return [];
    const isDeal = move.to === "opportunity";
    const goesOn = last.course.closedAt === null;
    return [
      {
        id: person.id,
        stage: move.to,
        since: new Date(move.at),
        // What goes on stands as a fresh MQL does, until the decision that takes it over.
        wait: goesOn ? takenOverWaits[move.to as OpenStage] : "nothing",
        owner: isDeal || goesOn ? last.repId : null,
        queue: goesOn && last.repId === null ? "routing" : null,
        handoff: goesOn ? last.id : null,
        next: goesOn
          ? "it is taken over"
          : isDeal
            ? "nothing; won or lost is recorded from the CRM"
            : "nothing; reopen it to start again",
        type: last.leadType,
        band: last.band,
        territory: last.territory,
        cycle: move.cycle,
        step: move.step,
        closed: isDeal || goesOn ? null : move.because,
      },
    ];
  });
  await send(
    tx,
    sql`
    update process set stage = s.stage, stage_since = s.since, waiting_on = s.wait,
      owner_id = s.owner, queue = s.queue, next_step = s.next, next_at = null, due_at = null,
      lead_type = s.type, band = s.band, territory = s.territory, cycle = s.cycle, step = s.step,
      handoff_id = s.handoff, closed_reason = s.closed, origin = 'history'
    from jsonb_to_recordset(${JSON.stringify(standings)}::jsonb) as s(id text, stage text,
      since timestamptz, wait text, owner text, queue text, handoff text, next text, type text, band text, territory text, cycle int,
      step int, closed text)
    where process.subject_kind = 'lead' and process.subject_id = s.id`,
  );
}

async function writeHandoffs(
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
      Object.entries(arrival.facts).map(([name, { value }]) => [name, value]),
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
      said: createHash("sha256").update(pastSaid(past)).digest("hex"),
      role: frozen.role,
      seniority: frozen.seniority,
      stack: frozen.techStack,
      match: frozen.techMatch,
      touch: date(frozen.firstTouchAt),
      engaged: arrival.engagements.length > 0,
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
      role text, seniority text, stack text[], match boolean, touch timestamptz, engaged boolean)
    left join lateral (
      select coalesce(array_agg(distinct type), '{}') as signals,
        coalesce(array_agg(distinct asset) filter (where asset is not null), '{}') as assets,
        (array_agg(type order by occurred_at, message_id))[1] as first_signal,
        min(occurred_at) as first_signal_at,
        (array_agg(asset order by occurred_at, message_id) filter (where asset is not null))[1]
          as first_asset
      from engagement where n.engaged and lead_id = n.lead
        and type = any(${meaningfulSignals(agreement)}) and occurred_at <= n.mql) e on true`,
  );
}

/** What a handoff that goes on was judged to be: as it is told, else as the active agreement says. */
function judgedThen(
  agreement: Agreement,
  facts: Facts,
  { engagements }: Prepared,
  past: PastHandoff,
): Pick<PastHandoff, "band" | "fit" | "intent" | "icp"> {
  const known = {
    facts: deriveFacts(facts, agreement.emailDomains),
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
async function writeAnswers(
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
async function writeOpportunities(tx: Tx, taken: readonly Taken[], now: Instant): Promise<void> {
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
        amount: past.amountMinor,
        currency: past.currency,
        created: new Date(opportunityAt),
        changed: new Date(endedAt ?? opportunityAt),
      },
    ];
  });
  if (opportunities.length === 0) return;
  const given = JSON.stringify(opportunities);
  await send(
    tx,
    sql`
    insert into opportunity (id, lead_id, handoff_id, crm_id, stage, amount_minor, currency,
      created_at, changed_at, won_at, lost_at)
    select id, lead, handoff, crm, stage, amount, currency, created, changed,
      case when stage = 'won' then changed end, case when stage = 'lost' then changed end
    from jsonb_to_recordset(${given}::jsonb) as o(id text, lead text, handoff text, crm text,
      stage text, amount bigint, currency text, created timestamptz, changed timestamptz)`,
  );
  // Of one that is over the amount is that of its end; what it was before is not known.
  await send(
    tx,
    sql`
    insert into opportunity_stage (opportunity_id, stage, amount_minor, currency, happened_at,
      told_at)
    select id, stage, amount, currency, changed, ${new Date(now)}::timestamptz
      from jsonb_to_recordset(${given}::jsonb) as o(id text, stage text, amount bigint,
        currency text, changed timestamptz)
    union all
    select id, 'open', null::bigint, null::text, created, ${new Date(now)}::timestamptz
      from jsonb_to_recordset(${given}::jsonb) as o(id text, stage text, created timestamptz,
        changed timestamptz)
      where stage <> 'open' and created < changed`,
  );
}
