import type { FieldPath } from "../../handoff/facts/facts.ts";
import { mergeDatedFacts as mergedFacts } from "../../handoff/facts/merge-facts.ts";
import { isClosed, type Stage } from "../../handoff/stage.ts";
import {
  addAccountAliases,
  claimAccounts,
  crmIdsKnown,
  makeCrmAccount,
  saveAccounts,
  type AccountAlias,
  type AccountState,
} from "./accounts.ts";
import {
  prepare,
  type Arrival,
  type IntakeContext,
  type NotUnderstood,
  type Prepared,
  type ArrivalRefused,
} from "./arrivals.ts";
import { enqueueAccountNews } from "./facts.ts";
import { lookUpByKey, type Tx } from "../postgres/db.ts";
import { bindAnonymous, handsRaised, storeEngagements } from "./engagements.ts";
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
import { newId } from "../postgres/ids.ts";
import { closedLeadNews, leadSignal, enqueueAll } from "../postgres/outbox.ts";
import {
  absorb,
  auditMoves,
  holdClosed,
  lockPeople,
  moveOf,
  newPerson,
  placedBy,
  placingOf,
  savePeople,
  type AccountClues,
  type Move,
  type IntakePerson,
} from "./people.ts";
import { addConflicts, type Conflict } from "./conflicts.ts";
import { noteDuplicates } from "./duplicates.ts";
import { rescore, type NewLead } from "./scores.ts";
import { flatFacts } from "../process/subject.ts";
import { withCompany } from "../../spellings/domain.ts";

export type { Arrival, IntakeContext } from "./arrivals.ts";
export { saveFacts, PlacementRefused } from "./facts.ts";
export { auditMoves } from "./people.ts";

export type TakenIn =
  | {
      readonly outcome: "created" | "merged" | "unchanged";
      readonly leadId: string;
      readonly stage: Stage;
      readonly changed: readonly FieldPath[];
      /**
       * Other leads that one of the arrival's names belongs to; the unique-match gate fails until a
       * person settles it. Those that a person has called two people are not among them.
       */
      readonly conflictsWith: readonly string[];
      readonly notUnderstood: readonly NotUnderstood[];
    }
  /** The person asked to be forgotten: nothing is stored. */
  | { readonly outcome: "erased" }
  | ArrivalRefused;

/**
 * Takes in arrivals in the caller's transaction: lead, account, facts, engagements and the telling
 * that starts or informs the lead's process, all or nothing. The answers stand in the order of the
 * arrivals. A known person (our id, the CRM's id, e-mail, the sender's id, in this order) is one
 * lead however often and however concurrently it arrives; an open one is told when something
 * changed, a closed one is stored and nothing starts (docs/process.md, "Intake").
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
  const { accounts, moves } = await attachAccounts(tx, met, context);
  for (const { person, arrival, conflicts } of met) takeName(person, arrival, leadOf, conflicts);

  await savePeople(tx, [...people.values()], context.now);
  await addAliases(
    tx,
    met.flatMap(({ person, names }) => names.map((name) => ({ ...name, leadId: person.id }))),
    context.now,
  );
  await noteDuplicates(
    tx,
    met
      .filter(({ first, arrival }) => !first && isArrivedAgain(arrival, context))
      .map(({ person, arrival }) => ({
        kind: "arrived-again" as const,
        leadId: person.id,
        witness: context.from,
        by: arrival.by,
      })),
    context.now,
  );
  const open = await addConflicts(
    tx,
    met.flatMap((one) => one.conflicts),
    context,
  );
  const engaged = await takeEngagements(tx, met, people, context);
  await tellProcesses(
    tx,
    [...people.values()],
    engaged,
    newLeads(met, accounts, engaged, context),
    context,
  );
  await enqueueAccountNews(tx, accounts, [...people.keys()], context.now);
  await auditMoves(tx, moves, context.now);

  return work.map((one) => ("person" in one ? answer(one, engaged, open) : one));
}

/** An arrival and the lead it belongs to; `names` are those that were new to us when it came. */
export interface Met {
  readonly person: IntakePerson;
  readonly arrival: Prepared;
  readonly names: readonly Identity[];
  readonly conflicts: readonly Conflict[];
  readonly first: boolean;
  changed: FieldPath[];
}

/**
 * Finds or makes the arrival's lead. Names found for an earlier arrival of the batch count for the
 * later ones.
 */
function meet(
  given: Prepared,
  leadOf: Map<string, string>,
  people: Map<string, IntakePerson>,
  erased: ReadonlySet<string>,
  context: IntakeContext,
): Met | ArrivalRefused | { outcome: "erased" } {
  const hits = given.identities
    .flatMap((name) => ({ name, leadId: leadOf.get(identityKey(name)) }))
    .filter((hit): hit is { name: Identity; leadId: string } => hit.leadId !== undefined);
  const ours = given.identities.find((name) => name.kind === "lead");
  if (ours && !leadOf.has(identityKey(ours)))
    return { outcome: "refused", field: "id", message: "expected the id of a lead that exists" };
  // A browser says who it is only when nothing better does: two people may share one.
  const telling = given.identities.some((name) => name.kind !== "anonymous")
    ? hits.filter((hit) => hit.name.kind !== "anonymous")
    : hits;
  const best = telling.sort(
    (a, b) => precedence.indexOf(a.name.kind) - precedence.indexOf(b.name.kind),
  )[0];
  const known = best && people.get(best.leadId);
  if (known?.erased || given.identities.some((name) => erased.has(identityKey(name))))
    return { outcome: "erased" };
  const person =
    known ?? newPerson(newId("ld", context.now), context.now, context.importId !== undefined);
  people.set(person.id, person);
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
  const counted = countedPart(given, known, conflicts.length > 0, context);
  const arrival = conflicts.some(({ kind }) => kind === "email") ? withoutEmail(counted) : counted;
  const names = arrival.identities.filter(
    (name) => name.kind !== "lead" && (!leadOf.has(identityKey(name)) || name.kind === "anonymous"),
  );
  for (const name of names) leadOf.set(identityKey(name), person.id);
  return { person, arrival, names, conflicts, first: known === undefined, changed: [] };
}

/** An address that is somebody else's does not become this person's too, nor places them. */
function withoutEmail(arrival: Prepared): Prepared {
  const { "lead.email": _, ...facts } = arrival.facts;
  return { ...arrival, facts, email: null, emailDomain: null };
}

/**
 * What counts of an arrival. Tracking cannot join two people, put somebody known at a company, or
 * name somebody by another address than the one that a better witness told: whoever wrote from
 * there later would be taken for them.
 */
function countedPart(
  arrival: Prepared,
  known: IntakePerson | undefined,
  joinsTwo: boolean,
  { from }: IntakeContext,
): Prepared {
  const isTracked = from === "tracking";
  if (isTracked && joinsTwo) {
    const nothing = { identities: [], email: null, facts: {}, engagements: [] };
    return { ...arrival, ...nothing, emailDomain: null, crmAccountId: null };
  }
  const { "lead.firstTouchAt": _, ...others } = arrival.facts;
  const hasTouched = known?.facts["lead.firstTouchAt"] !== undefined;
  const facts = arrival.firstTouchIsOurs && hasTouched ? others : arrival.facts;
  if (!isTracked || !known) return { ...arrival, facts };
  const address = known.facts["lead.email"];
  const isBetter = address !== undefined && address.from !== "tracking";
  const hasOther = isBetter && address.value !== arrival.email;
  const identities = arrival.identities.filter(({ kind }) => kind !== "email" || !hasOther);
  return { ...arrival, facts, identities, emailDomain: null };
}

type Accounts = Map<string, { state: AccountState; before: AccountState["facts"] }>;

/**
 * Finds each person's account, makes missing ones, and merges the facts. Gives who went from one
 * account to another.
 */
export async function attachAccounts(
  tx: Tx,
  met: readonly Met[],
  context: IntakeContext,
): Promise<{ accounts: Accounts; moves: (Move & { readonly by: string })[] }> {
  const known = await crmIdsKnown(
    tx,
    met.flatMap(({ arrival }) => arrival.crmAccountId ?? []),
  );
  const cluesOf = ({ emailDomain, crmAccountId }: Prepared): AccountClues => ({
    emailDomain,
    crmAccountId: crmAccountId !== null && known.has(crmAccountId) ? crmAccountId : null,
    domains: context.agreement.emailDomains,
  });
  // The second arrival of a person in one batch may name another account than the first: plan with
  // the facts merged so far.
  const plan = new Map(met.map(({ person }) => [person, { ...person }]));
  const placings = met.map(({ person, arrival }) => {
    const planned = plan.get(person) ?? person;
    const placing = placingOf(planned, arrival.facts, cluesOf(arrival));
    const given = arrival.facts["account.domain"];
    if (given) planned.facts = mergedFacts(planned.facts, { "account.domain": given }).facts;
    if (placing.wanted !== null) {
      planned.accountId = "planned";
      planned.placed = placedBy(placing, placing.wanted, { domain: null }, context.now);
    }
    return placing;
  });
  const wanted = placings.flatMap((one) => one.wanted ?? []);
  const claimed = await claimAccounts(
    tx,
    {
      domains: wanted.flatMap(({ by, name }) => (by === "crm-id" ? [] : [name])),
      crmIds: wanted.flatMap(({ by, name }) => (by === "crm-id" ? [name] : [])),
      ids: met.flatMap(({ person }) => person.accountId ?? []),
    },
    context.from,
    context.now,
  );
  const named = [claimed.byId, claimed.byDomain, claimed.byCrmId];
  const found = new Map(named.flatMap((names) => [...names.values()].map((one) => [one.id, one])));
  const accounts: Accounts = new Map(
    [...found.values()].map((state) => [state.id, { state, before: state.facts }]),
  );
  const made = new Map<string, AccountState>();
  const aliases: AccountAlias[] = [];
  const moves: (Move & { readonly by: string })[] = [];
  for (const [n, one] of met.entries()) {
    const { person, arrival } = one;
    const { crmAccountId } = arrival;
    const placing = placings[n];
    const name = placing?.wanted ?? null;
    let account =
      name === null
        ? // An earlier arrival of the batch may have given them one.
          (found.get(person.accountId ?? "") ?? claimed.byId.get(person.accountId ?? ""))
        : (name.by === "crm-id" ? claimed.byCrmId : claimed.byDomain).get(name.name);
    if (placing && name !== null && account && isNews(person, account))
      Object.assign(person, { placed: placedBy(placing, name, account, context.now), dirty: true });
    if (crmAccountId !== null && !known.has(crmAccountId)) {
      account ??= made.get(crmAccountId);
      if (account)
        aliases.push({ kind: "crm", value: crmAccountId, accountId: account.id, by: null });
      else {
        account = await makeCrmAccount(tx, crmAccountId, context.now);
        made.set(crmAccountId, account);
        accounts.set(account.id, { state: account, before: account.facts });
        found.set(account.id, account);
      }
      if (placing && person.accountId === null && name === null) {
        const by = { by: "crm-id" as const, name: crmAccountId };
        const all = {
          ...placing,
          candidates: [{ ...by, passedOver: null }, ...placing.candidates],
        };
        Object.assign(person, { placed: placedBy(all, by, account, context.now), dirty: true });
      }
    }
    const before = new Set(person.changed);
    person.changed.clear();
    person.toldBy = arrival.by;
    const accountBefore = person.accountId;
    absorb(person, account, arrival.facts);
    const move = moveOf(person, accountBefore);
    if (move) moves.push({ ...move, by: arrival.by });
    one.changed = [...person.changed];
    for (const field of before) person.changed.add(field);
  }
  await addAccountAliases(tx, aliases, context.now);
  await saveAccounts(
    tx,
    [...accounts.values()]
      .filter(({ state, before }) => state.facts !== before)
      .map(({ state }) => state),
  );
  return { accounts, moves };
}

/** The account is another than before, or how it came was not kept. */
function isNews({ accountId, placed }: IntakePerson, account: AccountState): boolean {
  return account.id !== accountId || placed === null;
}

/**
 * Whether a known person was recorded anew. Tracking repeats whom it knows, and whoever names our
 * id speaks of the record that is there.
 */
function isArrivedAgain({ identities }: Prepared, { from }: IntakeContext): boolean {
  return from !== "tracking" && !identities.some(({ kind }) => kind === "lead");
}

/** The row's own e-mail and CRM id, unless the name belongs to somebody else. */
export function takeName(
  person: IntakePerson,
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
  people: ReadonlyMap<string, IntakePerson>,
  { now }: IntakeContext,
): Promise<Map<string, Set<string>>> {
  const came = met.flatMap(({ person, arrival }) =>
    arrival.engagements.map((one) => ({ ...one, who: { leadId: person.id } })),
  );
  const engaged = await storeEngagements(tx, came, now, people);
  for (const { person, arrival } of met) {
    const anonymous = arrival.identities.flatMap(({ kind, value }) =>
      kind === "anonymous" ? [value] : kind === "user" ? [`user:${value}`] : [],
    );
    for (const [id, messages] of await bindAnonymous(tx, anonymous, person.id))
      engaged.set(id, new Set([...(engaged.get(id) ?? []), ...messages]));
  }
  return engaged;
}

/**
 * The new people of whom nothing is stored but what came just now: no conflict, and nothing done
 * before anybody knew them.
 */
function newLeads(
  met: readonly Met[],
  accounts: ReadonlyMap<string, { state: AccountState }>,
  engaged: ReadonlyMap<string, ReadonlySet<string>>,
  { now, agreement: { emailDomains } }: IntakeContext,
): NewLead[] {
  const doubted = new Set(
    met.flatMap(({ conflicts }) => conflicts.flatMap((one) => [one.leadId, one.otherId])),
  );
  const engagementsOf = new Map<IntakePerson, Map<string, ArrivingEngagement>>();
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
      facts: withCompany(
        flatFacts(person, accounts.get(person.accountId ?? "")?.state),
        emailDomains,
      ),
      engagements: [...own.values()].map(({ messageId, type, topic, occurredAt }) => ({
        id: messageId,
        type,
        occurredAt: Math.min(occurredAt, now),
        ...(topic === undefined ? {} : { topic }),
      })),
    }));
}

/**
 * Starts the process of new leads; tells an open one when facts changed or its engagements crossed
 * a threshold.
 */
async function tellProcesses(
  tx: Tx,
  people: readonly IntakePerson[],
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
  const closed = await holdClosed(
    tx,
    touched.flatMap((person) => (isClosed(person.stage) ? [person.id] : [])),
  );
  const raised = await handsRaised(
    tx,
    new Map([...engaged].filter(([id]) => people.some((one) => one.id === id && !one.isNew))),
    context.agreement,
  );
  const tellings = touched.flatMap((person) => {
    if (person.isNew) {
      // Imports never overtake: whatever their lead type, people who ask today come first.
      const priority = lane === 2 ? 5 : (judged.get(person.id)?.now.priority ?? 4);
      return [
        leadSignal(
          person.id,
          "start",
          "leadHandoff",
          { leadId: person.id, cycle: 1, step: 0, from: "intake", priority },
          lane,
        ),
      ];
    }
    const { id } = person;
    if (raised.get(id) === "closed") return [closedLeadNews(id, "engaged", lane)];
    if (closed.has(id)) return [];
    // The rules say nothing about a closed lead; whether it is being reopened is not known here. An
    // open one of which a hand was raised may be closing in this moment.
    const hasChanged = person.changed.size > 0;
    const isEngaged =
      raised.has(id) || (!hasChanged && (isClosed(person.stage) || judged.get(id)?.crossed));
    return [
      ...(hasChanged ? [leadSignal(id, "signal", "factsChanged", { id }, lane)] : []),
      ...(isEngaged ? [leadSignal(id, "signal", "engaged", { id }, lane)] : []),
    ];
  });
  await enqueueAll(tx, tellings, now);
}

function answer(
  { person, arrival, changed, names, conflicts, first }: Met,
  engaged: ReadonlyMap<string, ReadonlySet<string>>,
  open: ReadonlySet<string>,
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
    conflictsWith: [...new Set(conflicts.map(({ otherId }) => otherId))].filter((otherId) =>
      open.has(`${person.id}/${otherId}`),
    ),
    notUnderstood: arrival.notUnderstood,
  };
}
