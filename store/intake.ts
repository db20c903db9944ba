import type { Instant } from "../handoff/calendar.ts";
import type { FieldPath } from "../handoff/facts.ts";
import { mergeFacts as mergedFacts } from "../handoff/merge-facts.ts";
import { isClosed, type Stage } from "../handoff/stage.ts";
import { claimAccounts, saveAccounts, type AccountState } from "./accounts.ts";
import {
  prepare,
  type Arrival,
  type IntakeContext,
  type Prepared,
  type Refused,
} from "./arrivals.ts";
import { tellAccountNews } from "./facts.ts";
import { lookUpByKey, type Tx } from "./db.ts";
import { bindAnonymous, storeEngagements, storeNewEngagements } from "./engagements.ts";
import type { ArrivingEngagement } from "./engagement-rules.ts";
import { findErased } from "./erased.ts";
import {
  addAliases,
  findLeads,
  identityKey,
  lockIdentities,
  precedence,
  type Identity,
} from "./identities.ts";
import { newId } from "./ids.ts";
import { aboutLead, tellAll } from "./outbox.ts";
import { absorb, lockPeople, newPerson, savePeople, wantedDomain, type Person } from "./people.ts";
import { addConflicts, type Conflict } from "./conflicts.ts";
import { rescore, type NewLead } from "./scores.ts";
import { flatFacts } from "./subject.ts";

export type { Arrival, IntakeContext } from "./arrivals.ts";
export { mergeFacts } from "./facts.ts";

export type TakenIn =
  | {
      readonly outcome: "created" | "merged" | "unchanged";
      readonly leadId: string;
      readonly stage: Stage;
      readonly changed: readonly FieldPath[];
      /** Other leads that one of the arrival's names belongs to; the unique-match gate fails until a person settles it. */
      readonly conflictsWith: readonly string[];
    }
  /** The person asked to be forgotten: nothing is stored. */
  | { readonly outcome: "erased" }
  | Refused;

/**
 * Takes in arrivals in the caller's transaction: lead, account, facts, engagements and the telling that starts or informs
 * the lead's process, all or nothing. The answers stand in the order of the arrivals. A known person (our id, the CRM's
 * id, e-mail, the sender's id, in this order) is one lead however often and however concurrently it arrives; an open one
 * is told when something changed, a closed one is stored and nothing starts (process.md, "Intake").
 */
export async function takeIn(
  tx: Tx,
  arrivals: readonly Arrival[],
  context: IntakeContext,
): Promise<TakenIn[]> {
  // To plan anew for each batch cost Postgres more than to do it.
  await lookUpByKey(tx);
  const prepared = arrivals.map((arrival) => prepare(arrival, context));
  const readable = prepared.filter((one): one is Prepared => !("outcome" in one));
  const identities = readable.flatMap((one) => one.identities);
  await lockIdentities(tx, identities, context.lane === 2);
  const [leadOf, erased] = await Promise.all([
    findLeads(tx, identities),
    findErased(tx, identities),
  ]);
  const people = await lockPeople(tx, [...new Set(leadOf.values())]);

  const work = prepared.map((one) =>
    "outcome" in one ? one : meet(one, leadOf, people, erased, context),
  );
  const met = work.filter((one): one is Met => "person" in one);
  const accounts = await attachAccounts(tx, met, context);
  for (const { person, arrival, conflicts } of met) takeName(person, arrival, leadOf, conflicts);

  await savePeople(tx, [...people.values()], context.now);
  await addAliases(
    tx,
    met.flatMap(({ person, names }) => names.map((name) => ({ ...name, leadId: person.id }))),
    context.now,
  );
  await addConflicts(
    tx,
    met.flatMap((one) => one.conflicts),
    context.now,
  );
  const engaged = await takeEngagements(tx, met, people, context);
  await tellProcesses(
    tx,
    [...people.values()],
    engaged,
    newLeads(met, accounts, engaged, context.now),
    context,
  );
  await tellAccountNews(tx, accounts, [...people.keys()], context.now);

  return work.map((one) => ("person" in one ? answer(one, engaged) : one));
}

/** An arrival and the lead it belongs to; `names` are those that were new to us when it came. */
interface Met {
  readonly person: Person;
  readonly arrival: Prepared;
  readonly names: readonly Identity[];
  readonly conflicts: readonly Conflict[];
  readonly first: boolean;
  changed: FieldPath[];
}

/** Finds or makes the arrival's lead. Names found for an earlier arrival of the batch count for the later ones. */
function meet(
  arrival: Prepared,
  leadOf: Map<string, string>,
  people: Map<string, Person>,
  erased: ReadonlySet<string>,
  context: IntakeContext,
): Met | Refused | { outcome: "erased" } {
  const hits = arrival.identities
    .flatMap((name) => ({ name, leadId: leadOf.get(identityKey(name)) }))
    .filter((hit): hit is { name: Identity; leadId: string } => hit.leadId !== undefined);
  const ours = arrival.identities.find((name) => name.kind === "lead");
  if (ours && !leadOf.has(identityKey(ours)))
    return { outcome: "refused", field: "id", message: "expected the id of a lead that exists" };
  // A browser says who it is only when nothing better does: two people may share one.
  const telling = arrival.identities.some((name) => name.kind !== "anonymous")
    ? hits.filter((hit) => hit.name.kind !== "anonymous")
    : hits;
  const best = telling.sort(
    (a, b) => precedence.indexOf(a.name.kind) - precedence.indexOf(b.name.kind),
  )[0];
  const known = best && people.get(best.leadId);
  if (known?.erased || arrival.identities.some((name) => erased.has(identityKey(name))))
    return { outcome: "erased" };
  const person =
    known ?? newPerson(newId("ld", context.now), context.now, context.importId !== undefined);
  people.set(person.id, person);
  const names = arrival.identities.filter(
    (name) => name.kind !== "lead" && (!leadOf.has(identityKey(name)) || name.kind === "anonymous"),
  );
  for (const name of names) leadOf.set(identityKey(name), person.id);
  const conflicts = hits
    .filter(
      (hit) =>
        hit.leadId !== person.id &&
        hit.name.kind !== "anonymous" &&
        hit.name.kind !== "lead" &&
        !people.get(hit.leadId)?.erased,
    )
    .map((hit) => ({
      leadId: person.id,
      otherId: hit.leadId,
      kind: hit.name.kind as Conflict["kind"],
    }));
  return { person, arrival, names, conflicts, first: known === undefined, changed: [] };
}

/** Finds each person's account, makes missing ones, and merges the facts. */
async function attachAccounts(
  tx: Tx,
  met: readonly Met[],
  context: IntakeContext,
): Promise<Map<string, { state: AccountState; before: AccountState["facts"] }>> {
  // The second arrival of a person in one batch may name another account than the first: plan with the facts merged so far.
  const plan = new Map(met.map(({ person }) => [person, { ...person }]));
  const domains = met.map(({ person, arrival }) => {
    const planned = plan.get(person) ?? person;
    const domain = wantedDomain(planned, arrival.facts, arrival.emailDomain);
    const given = arrival.facts["account.domain"];
    if (given) planned.facts = mergedFacts(planned.facts, { "account.domain": given }).facts;
    if (domain !== undefined) planned.accountId = "planned";
    return domain;
  });
  const claimed = await claimAccounts(
    tx,
    {
      domains: domains.filter((domain) => domain !== undefined),
      ids: met.flatMap(({ person }) => person.accountId ?? []),
    },
    context.from,
    context.now,
  );
  const accounts = new Map(
    [...claimed.byId].map(([id, state]) => [id, { state, before: state.facts }]),
  );
  met.forEach((one, n) => {
    const domain = domains[n];
    const account =
      domain === undefined
        ? claimed.byId.get(one.person.accountId ?? "")
        : claimed.byDomain.get(domain);
    const before = new Set(one.person.changed);
    one.person.changed.clear();
    absorb(one.person, account, one.arrival.facts);
    one.changed = [...one.person.changed];
    for (const field of before) one.person.changed.add(field);
  });
  await saveAccounts(
    tx,
    [...accounts.values()]
      .filter(({ state, before }) => state.facts !== before)
      .map(({ state }) => state),
  );
  return accounts;
}

/** The row's own e-mail and CRM id, unless the name belongs to somebody else. */
function takeName(
  person: Person,
  arrival: Prepared,
  leadOf: ReadonlyMap<string, string>,
  conflicts: readonly Conflict[],
): void {
  for (const { kind, value } of arrival.identities) {
    if (
      conflicts.some((conflict) => conflict.kind === kind) ||
      leadOf.get(`${kind}:${value}`) !== person.id
    )
      continue;
    if (kind === "crm" && person.crmId === null)
      Object.assign(person, { crmId: value, dirty: true });
    // An older address that arrives late stays an alias.
    if (kind === "email" && person.email !== value && person.facts["lead.email"]?.value === value)
      Object.assign(person, { email: value, dirty: true });
  }
}

/** The engagements that came along, and what the person did before anybody knew who it was. */
async function takeEngagements(
  tx: Tx,
  met: readonly Met[],
  people: ReadonlyMap<string, Person>,
  { now, expectsNew = false }: IntakeContext,
): Promise<Map<string, Set<string>>> {
  const came = met.flatMap(({ person, arrival }) =>
    arrival.engagements.map((one) => ({ ...one, who: { leadId: person.id } })),
  );
  // Whoever sends somebody known often repeats what they did before.
  const areNew =
    expectsNew &&
    met.every(({ person, arrival }) => person.isNew || arrival.engagements.length === 0);
  const engaged = await (areNew ? storeNewEngagements : storeEngagements)(tx, came, now, people);
  for (const { person, arrival } of met) {
    const anonymous = arrival.identities.flatMap(({ kind, value }) =>
      kind === "anonymous" ? [value] : kind === "user" ? [`user:${value}`] : [],
    );
    for (const [id, messages] of await bindAnonymous(tx, anonymous, person.id))
      engaged.set(id, new Set([...(engaged.get(id) ?? []), ...messages]));
  }
  return engaged;
}

/** The new people of whom nothing is stored but what came just now: no conflict, and nothing done before anybody knew them. */
function newLeads(
  met: readonly Met[],
  accounts: ReadonlyMap<string, { state: AccountState }>,
  engaged: ReadonlyMap<string, ReadonlySet<string>>,
  now: Instant,
): NewLead[] {
  const doubted = new Set(
    met.flatMap(({ conflicts }) => conflicts.flatMap((one) => [one.leadId, one.otherId])),
  );
  const engagementsOf = new Map<Person, Map<string, ArrivingEngagement>>();
  for (const { person, arrival } of met) {
    if (!person.isNew || doubted.has(person.id)) continue;
    const own = engagementsOf.get(person) ?? new Map<string, ArrivingEngagement>();
    for (const one of arrival.engagements)
      if (engaged.get(person.id)?.has(one.messageId)) own.set(one.messageId, one);
    engagementsOf.set(person, own);
  }
  return [...engagementsOf]
    .filter(([person, own]) => own.size === (engaged.get(person.id)?.size ?? 0))
    .map(([person, own]) => ({
      id: person.id,
      facts: flatFacts(person, accounts.get(person.accountId ?? "")?.state),
      engagements: [...own.values()].map(({ messageId, type, topic, occurredAt }) => ({
        id: messageId,
        type,
        occurredAt: Math.min(occurredAt, now),
        ...(topic === undefined ? {} : { topic }),
      })),
    }));
}

/** Starts the process of new leads; tells an open one when facts changed or its engagements crossed a threshold. */
async function tellProcesses(
  tx: Tx,
  people: readonly Person[],
  engaged: ReadonlyMap<string, ReadonlySet<string>>,
  fresh: readonly NewLead[],
  context: IntakeContext,
): Promise<void> {
  const touched = people.filter(
    (person) => person.isNew || person.changed.size > 0 || engaged.has(person.id),
  );
  const known = new Set(fresh.map(({ id }) => id));
  const judged = await rescore(
    tx,
    touched.flatMap(({ id }) => (known.has(id) ? [] : [id])),
    engaged,
    context.agreement,
    context.now,
    fresh,
  );
  const { lane, now } = context;
  const tellings = touched.flatMap((person) => {
    if (person.isNew) {
      // Imports never overtake: whatever their lead type, people who ask today come first.
      const priority = lane === 2 ? 5 : (judged.get(person.id)?.now.priority ?? 4);
      return [
        aboutLead(
          person.id,
          "start",
          "leadHandoff",
          { leadId: person.id, cycle: 1, step: 0, from: "intake", priority },
          lane,
        ),
      ];
    }
    if (isClosed(person.stage)) return [];
    if (person.changed.size > 0)
      return [aboutLead(person.id, "signal", "factsChanged", { id: person.id }, lane)];
    return judged.get(person.id)?.crossed
      ? [aboutLead(person.id, "signal", "engaged", { id: person.id }, lane)]
      : [];
  });
  await tellAll(tx, tellings, now);
}

function answer(
  { person, arrival, changed, names, conflicts, first }: Met,
  engaged: ReadonlyMap<string, ReadonlySet<string>>,
): TakenIn {
  const news =
    changed.length > 0 ||
    names.length > 0 ||
    arrival.engagements.some((one) => engaged.get(person.id)?.has(one.messageId));
  return {
    outcome: first ? "created" : news ? "merged" : "unchanged",
    leadId: person.id,
    stage: person.stage,
    changed,
    conflictsWith: conflicts.map((conflict) => conflict.otherId),
  };
}
