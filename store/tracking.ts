import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import { isoOf } from "../handoff/dates.ts";
import type { FieldPath } from "../handoff/facts.ts";
import { normalizeFact } from "../handoff/lead.ts";
import type { DatedFact } from "../handoff/merge-facts.ts";
import { isClosed } from "../handoff/stage.ts";
import { sql, type Tx } from "./db.ts";
import type { ArrivingEngagement } from "./engagement-rules.ts";
import { scoreAndSignal, storeEngagements, type Engaged } from "./engagements.ts";
import { findErased } from "./erased.ts";
import { findLeads, identityKey, lockIdentities, type Identity } from "./identities.ts";
import { mergeFacts, takeIn } from "./intake.ts";
import { aboutLead, tellAll } from "./outbox.ts";
import { keepForVisitor, takeFromVisitors } from "./visitors.ts";

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
 * Takes in a tracker's messages, in their order, in the caller's transaction. Somebody with an e-mail becomes a lead;
 * until then what they do is kept under their user or anonymous id and follows when they say who they are. Repeats,
 * late and reordered messages change nothing twice. Gives the leads whose process was told of a crossed threshold.
 */
export async function track(
  tx: Tx,
  messages: readonly TrackedMessage[],
  context: { readonly now: Instant; readonly agreement: Agreement },
): Promise<{ told: string[] }> {
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
  return { told };
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

async function identify(tx: Tx, message: Told, context: Context): Promise<void> {
  const hasEmail =
    typeof message.facts["lead.email"] === "string" && message.facts["lead.email"].trim() !== "";
  const known = await leadBehind(tx, message);
  if (!hasEmail && known === undefined) return await keep(tx, message, context);
  // Without an e-mail a new user id on a known browser is that browser's person.
  const id = !hasEmail && known !== undefined ? { id: known } : {};
  const [taken] = await takeIn(
    tx,
    [{ ...id, ...message.who, facts: message.facts, occurredAt: message.occurredAt }],
    { ...context, from: "tracking", lane: 1 },
  );
  const kept = await takeFromVisitors(tx, keysOf(message.who));
  if (!taken || !("leadId" in taken) || Object.keys(kept).length === 0) return;
  const { changed } = await mergeFacts(tx, taken.leadId, kept, context.now);
  // A new lead's process has not read anything yet.
  if (changed.length > 0 && taken.outcome !== "created" && !isClosed(taken.stage))
    await tellAll(
      tx,
      [aboutLead(taken.leadId, "signal", "factsChanged", { id: taken.leadId }, 1)],
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

async function leadBehind(tx: Tx, message: Told): Promise<string | undefined> {
  const leadOf = await findLeads(tx, namesOf(message));
  return (
    leadOf.get(`user:${message.who.userId}`) ?? leadOf.get(`anonymous:${message.who.anonymousId}`)
  );
}

/** Nobody we can name yet: facts and doings are kept under the user id, or the browser's, which will be named one day. */
async function keep(tx: Tx, message: Told, context: Context): Promise<void> {
  const at = isoOf(message.occurredAt);
  const facts: Record<FieldPath, DatedFact> = {};
  for (const [field, raw] of Object.entries(message.facts)) {
    const normal = normalizeFact(field, raw, context.agreement);
    if ("value" in normal) facts[field] = { value: normal.value, from: "tracking", at };
  }
  if ((await findErased(tx, namesOf(message))).size > 0) return;
  await keepForVisitor(tx, keyOf(message.who), facts, context.now);
  const { userId, anonymousId } = message.who;
  if (userId === undefined || anonymousId === undefined) return;
  await keepForVisitor(
    tx,
    keyOf(message.who),
    await takeFromVisitors(tx, [anonymousId]),
    context.now,
  );
  await tx.query(
    sql`update engagement set anonymous_id = ${keyOf(message.who)} where lead_id is null and anonymous_id = ${anonymousId}`,
  );
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
