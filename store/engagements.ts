import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import { prepared, rows, send, sql, type Tx } from "./db.ts";
import type { ArrivingEngagement } from "./engagement-rules.ts";
import { aboutLead, tellAll } from "./outbox.ts";
import { lockPeople, type Person } from "./people.ts";
import { rescore } from "./scores.ts";

/** Who did it: a lead, or somebody who has not said yet who they are. */
export type Engaged = ArrivingEngagement & {
  readonly who: { readonly leadId: string } | { readonly anonymousId: string };
};

/**
 * Stores engagements, each message id once, whatever order and however often they come. Locks the leads first, unless the
 * caller holds them and passes them as `held`. Gives the message ids that were new, by lead. Scores and signals are the
 * caller's next step (`scoreAndSignal`).
 */
export async function storeEngagements(
  tx: Tx,
  engagements: readonly Engaged[],
  now: Instant,
  held?: ReadonlyMap<string, Person>,
): Promise<Map<string, Set<string>>> {
  const once = inOrder(engagements);
  if (once.length === 0) return new Map();
  const leads =
    held ?? (await lockPeople(tx, [...new Set(once.flatMap((one) => leadOf(one) ?? []))]));
  const stored = await rows<{ message_id: string; lead_id: string | null }>(
    tx,
    prepared("engagements", {
      text: `${insertEngagements} on conflict (message_id) do nothing returning message_id, lead_id`,
      values: valuesOf(once, leads, now),
    }),
  );
  return byLead(stored);
}

/** The same without waiting to hear which of them were new: all are taken to be. When one is not, the transaction fails (`isKnownEngagement`). */
export async function storeNewEngagements(
  tx: Tx,
  engagements: readonly Engaged[],
  now: Instant,
  held: ReadonlyMap<string, Person>,
): Promise<Map<string, Set<string>>> {
  const once = inOrder(engagements);
  if (once.length > 0)
    await send(
      tx,
      prepared("new-engagements", { text: insertEngagements, values: valuesOf(once, held, now) }),
    );
  return byLead(once.map((one) => ({ message_id: one.messageId, lead_id: leadOf(one) })));
}

export function isKnownEngagement(error: unknown): boolean {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown };
  return code === "23505" && constraint === "engagement_pkey";
}

const insertEngagements = `
  insert into engagement (message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at, received_at)
  select message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at, $9
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
    as t(message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at)
  order by message_id`;

function valuesOf(
  once: readonly Engaged[],
  leads: ReadonlyMap<string, Person>,
  now: Instant,
): unknown[] {
  return [
    once.map((one) => one.messageId),
    once.map(leadOf),
    once.map((one) => leads.get(leadOf(one) ?? "")?.accountId ?? null),
    once.map(({ who }) => ("anonymousId" in who ? who.anonymousId : null)),
    once.map((one) => one.type),
    once.map((one) => one.topic ?? null),
    once.map((one) => one.asset ?? null),
    once.map((one) => new Date(Math.min(one.occurredAt, now))),
    new Date(now),
  ];
}

/** Each message once, in one order, so that two transactions never wait for each other. */
function inOrder(engagements: readonly Engaged[]): Engaged[] {
  return [...new Map(engagements.map((one) => [one.messageId, one])).values()].sort((a, b) =>
    a.messageId < b.messageId ? -1 : 1,
  );
}

function leadOf({ who }: Engaged): string | null {
  return "leadId" in who ? who.leadId : null;
}

/** Gives the engagements of somebody anonymous to the lead they turned out to be, which the caller holds; the message ids that moved. */
export async function bindAnonymous(
  tx: Tx,
  anonymousIds: readonly string[],
  leadId: string,
): Promise<Map<string, Set<string>>> {
  if (anonymousIds.length === 0) return new Map();
  const moved = await rows<{ message_id: string; lead_id: string }>(
    tx,
    sql`
    update engagement set lead_id = ${leadId}, account_id = (select account_id from lead where id = ${leadId})
    where lead_id is null and anonymous_id = any(${anonymousIds}::text[]) returning message_id, lead_id`,
  );
  return byLead(moved);
}

/**
 * Updates the scores of leads that have engaged, and tells the processes of those for whom a threshold of the agreement
 * was crossed: thousands of page views are thousands of rows, and one signal. Gives the leads that were told.
 */
export async function scoreAndSignal(
  tx: Tx,
  newOnes: ReadonlyMap<string, ReadonlySet<string>>,
  agreement: Agreement,
  now: Instant,
): Promise<string[]> {
  const judged = await rescore(tx, [...newOnes.keys()], newOnes, agreement, now);
  const crossed = [...judged].filter(([, one]) => one.crossed).map(([id]) => id);
  await tellAll(
    tx,
    crossed.map((id) => aboutLead(id, "signal", "engaged", { id }, 1)),
    now,
  );
  return crossed;
}

function byLead(
  stored: readonly { message_id: string; lead_id: string | null }[],
): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { message_id, lead_id } of stored) {
    if (lead_id === null) continue;
    found.set(lead_id, (found.get(lead_id) ?? new Set()).add(message_id));
  }
  return found;
}
