import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { withoutEdges } from "../../handoff/facts/text.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import { maySet } from "../../handoff/facts/fact-rights.ts";
import type { FactValue, FieldPath } from "../../handoff/facts/facts.ts";
import { readFact } from "../../spellings/fact.ts";
import type { DatedFact, DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { isClosed } from "../../handoff/stage.ts";
import type { Tx } from "../postgres/db.ts";
import type { ArrivingEngagement } from "./engagement-rules.ts";
import { renameVisitor, scoreAndSignal, storeEngagements, type Engaged } from "./engagements.ts";
import { findErased } from "./erased.ts";
import { findLeads, identityKey, lockIdentities, type Identity } from "./identities.ts";
import { saveFacts, takeIn } from "./intake.ts";
import { leadSignal, enqueueAll } from "../postgres/outbox.ts";
import { saveVisitorFacts, takeFromVisitors } from "./visitors.ts";

/** Who a tracker speaks of: the site's own user id, its browser, or both. */
export interface Tracked {
  readonly userId?: string;
  readonly anonymousId?: string;
}

/** What a tracker tells: something done, who somebody is, or which company they belong to. */
export type TrackedMessage =
  | { readonly kind: "engagement"; readonly who: Tracked; readonly engagement: ArrivingEngagement }
  | {
      readonly kind: "identify";
      readonly who: Tracked;
      readonly facts: Readonly<Record<FieldPath, unknown>>;
      readonly occurredAt: Instant;
    }
  | {
      readonly kind: "group";
      readonly who: Tracked;
      readonly facts: Readonly<Record<FieldPath, unknown>>;
      readonly occurredAt: Instant;
    };

/**
 * Takes in a tracker's messages, in their order, in the caller's transaction. Somebody with an
 * e-mail becomes a lead; until then what they do is kept under their user or anonymous id and
 * follows when they say who they are. Repeats, late and reordered messages change nothing twice.
 * Facts that a write key may not set are passed over. Gives the leads whose process was told of a
 * crossed threshold, and the fields of the facts that were passed over.
 */
export async function track(
  tx: Tx,
  given: readonly TrackedMessage[],
  context: Context,
): Promise<{ told: string[]; refused: FieldPath[] }> {
  const refused: FieldPath[] = [];
  const messages = given.map((message) =>
    message.kind === "engagement" ? message : permitted(message, context, refused),
  );
  await lockIdentities(tx, messages.flatMap(namesOf), false);
  const told: string[] = [];
  let run: Engagement[] = [];
  const settle = async () => {
    told.push(...(await engage(tx, run, context)));
    run = [];
  };
  for (const message of messages) {
    if (message.kind === "engagement") {
      run.push(message);
      continue;
    }
    await settle();
    if (message.kind === "identify") await identify(tx, message, context);
    else await group(tx, message, context);
  }
  await settle();
  return { told, refused };
}

type Engagement = Extract<TrackedMessage, { kind: "engagement" }>;
type Context = { readonly now: Instant; readonly agreement: Agreement };

async function engage(tx: Tx, run: readonly Engagement[], context: Context): Promise<string[]> {
  if (run.length === 0) return [];
  const names = run.flatMap(namesOf);
  const leadOf = await findLeads(tx, names);
  const erased = await findErased(tx, names);
  const engaged = run.flatMap((message): Engaged[] => {
    const [user, browser] = [message.who.userId, message.who.anonymousId];
    if (namesOf(message).some((name) => erased.has(identityKey(name)))) return [];
    const leadId =
      leadOf.get(`user:${user}`) ??
      (user === undefined ? leadOf.get(`anonymous:${browser}`) : undefined);
    return [
      {
        ...message.engagement,
        who: leadId === undefined ? { anonymousId: keyOf(message.who) } : { leadId },
      },
    ];
  });
  return scoreAndSignal(
    tx,
    await storeEngagements(tx, engaged, context.now),
    context.agreement,
    context.now,
  );
}

type Told = Extract<TrackedMessage, { kind: "identify" | "group" }>;

/**
 * The message with the facts that a write key may set, as typed values; the fields of the others
 * are added to `refused`.
 */
function permitted(message: Told, { agreement }: Context, refused: FieldPath[]): Told {
  const facts: Record<FieldPath, FactValue> = {};
  for (const [field, raw] of Object.entries(message.facts)) {
    const normal = readFact(field, raw, agreement, message.facts);
    if (!("value" in normal)) continue;
    if (maySet("tracking", field, normal.value, agreement)) facts[field] = normal.value;
    else refused.push(field);
  }
  return { ...message, facts };
}

async function identify(tx: Tx, message: Told, context: Context): Promise<void> {
  const hasEmail =
    typeof message.facts["lead.email"] === "string" &&
    withoutEdges(message.facts["lead.email"]) !== "";
  const known = await leadBehind(tx, message);
  if (!hasEmail && known === undefined) return await keep(tx, message, context);
  // Without an e-mail a new user id on a known browser is that browser's person.
  const id = !hasEmail && known !== undefined ? { id: known } : {};
  const [taken] = await takeIn(
    tx,
    [{ ...id, ...message.who, facts: message.facts, occurredAt: message.occurredAt }],
    { ...context, from: "tracking", lane: 1 },
  );
  // Whose it was that was kept is not clear while the names belong to two people.
  if (taken && "leadId" in taken && taken.conflictsWith.length > 0) return;
  const kept = permittedOf(await takeFromVisitors(tx, keysOf(message.who)), context);
  if (!taken || !("leadId" in taken) || Object.keys(kept).length === 0) return;
  const { changed } = await saveFacts(tx, taken.leadId, kept, context.now, context);
  // A new lead's process has not read anything yet.
  if (changed.length > 0 && taken.outcome !== "created" && !isClosed(taken.stage))
    await enqueueAll(
      tx,
      [leadSignal(taken.leadId, "signal", "factsChanged", { id: taken.leadId }, 1)],
      context.now,
    );
}

/** A company may be told before the person is named: batches of a tracker overtake each other. */
async function group(tx: Tx, message: Told, context: Context): Promise<void> {
  const id = await leadBehind(tx, message);
  if (id === undefined) return await keep(tx, message, context);
  await takeIn(tx, [{ id, facts: message.facts, occurredAt: message.occurredAt }], {
    ...context,
    from: "tracking",
    lane: 1,
  });
}

/** What was kept may be older than the agreement of today. */
function permittedOf(kept: DatedFacts, { agreement }: Context): DatedFacts {
  const facts = Object.entries(kept);
  const taken = facts.filter(([field, { value }]) => maySet("tracking", field, value, agreement));
  return Object.fromEntries(taken);
}

async function leadBehind(tx: Tx, message: Told): Promise<string | undefined> {
  const leadOf = await findLeads(tx, namesOf(message));
  return (
    leadOf.get(`user:${message.who.userId}`) ?? leadOf.get(`anonymous:${message.who.anonymousId}`)
  );
}

/**
 * Nobody we can name yet: facts and doings are kept under the user id, or the browser's, which will
 * be named one day.
 */
async function keep(tx: Tx, message: Told, context: Context): Promise<void> {
  const at = isoOf(message.occurredAt);
  const facts: Record<FieldPath, DatedFact> = {};
  for (const [field, raw] of Object.entries(message.facts)) {
    const normal = readFact(field, raw, context.agreement, message.facts);
    if ("value" in normal) facts[field] = { value: normal.value, from: "tracking", at };
  }
  if ((await findErased(tx, namesOf(message))).size > 0) return;
  await saveVisitorFacts(tx, keyOf(message.who), facts, context.now);
  const { userId, anonymousId } = message.who;
  if (userId === undefined || anonymousId === undefined) return;
  await saveVisitorFacts(
    tx,
    keyOf(message.who),
    await takeFromVisitors(tx, [anonymousId]),
    context.now,
  );
  await renameVisitor(tx, anonymousId, keyOf(message.who));
}

function namesOf({ who }: TrackedMessage): Identity[] {
  return [
    ...(who.userId === undefined ? [] : [{ kind: "user" as const, value: who.userId }]),
    ...(who.anonymousId === undefined
      ? []
      : [{ kind: "anonymous" as const, value: who.anonymousId }]),
  ];
}

/** The name under which the doings of somebody unknown are kept. */
function keyOf(who: Tracked): string {
  return who.userId === undefined ? (who.anonymousId ?? "") : `user:${who.userId}`;
}

function keysOf(who: Tracked): string[] {
  return [
    ...(who.userId === undefined ? [] : [`user:${who.userId}`]),
    ...(who.anonymousId === undefined ? [] : [who.anonymousId]),
  ];
}
