import { courseOf, overlaps, type PastHandoff } from "../../handoff/facts/past.ts";
import { inForm } from "../../handoff/facts/text.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import type { LeadStart } from "../../handoff/process/words.ts";
import { leadTypeOf } from "../../handoff/qualify/qualify.ts";
import { lookUpByKey, rows, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import { enqueue, leadSignal } from "../postgres/outbox.ts";
import type { Agreements } from "../process/agreements.ts";
import { takeWithin } from "../process/take.ts";
import { holdTallies } from "../reports/tallies.ts";
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
import { lockHistories, writeCourses, type History } from "./history-courses.ts";
import {
  hashOfPast,
  writeAnswers,
  writeHandoffs,
  writeOpportunities,
  type Taken,
} from "./history-rows.ts";
import { addAliases, findLeads, identityKey, lockIdentities } from "./identities.ts";
import { attachAccounts, takeName } from "./intake.ts";
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
  return inForm(word, "NFKC").trim().replaceAll(/\s+/g, " ").toLowerCase();
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
  // To plan anew for each batch cost Postgres more than to do it.
  await lookUpByKey(tx);
  const prepared = told.map(({ arrival, past }) => touchedAt(prepare(arrival, context), past));
  const identities = prepared.flatMap((one) => ("outcome" in one ? [] : one.identities));
  // First, because a tally may be long under way, and whoever arrives waits for these names.
  await holdTallies(tx);
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

/** A first touch that nobody told is when the person became a lead, or an engagement before it. */
function touchedAt(
  arrival: Prepared | ArrivalRefused,
  { arrivedAt }: PastHandoff,
): Prepared | ArrivalRefused {
  if ("outcome" in arrival || !arrival.firstTouchIsOurs) return arrival;
  const { "lead.firstTouchAt": touch, ...others } = arrival.facts;
  if (touch === undefined) return arrival;
  const value = isoOf(Math.min(arrivedAt, Date.parse(String(touch.value))));
  return { ...arrival, facts: { ...others, "lead.firstTouchAt": { ...touch, value } } };
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
  const saidHash = hashOfPast(past);
  const same = history.known.find((one) => one.course.mqlAt === course.mqlAt);
  if (known && same) {
    if (same.saidHash === saidHash)
      return { outcome: "unchanged", leadId: known.id, notUnderstood: arrival.notUnderstood };
    return refused(
      "handoff.mqlAt",
      "expected the same as before: a handoff of this person that began then is known, and the " +
        "past does not change",
    );
  }
  if (known && history.isBatons)
    return refused(
      "externalId",
      "expected somebody whom Baton does not know yet: this person's process is Baton's own, " +
        "and its past is closed",
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
  await writeCourses(tx, people, meeting.histories, async (cycleOf) => {
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
