import type { Agreement } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import { rows, sql, type Tx } from "./db.ts";
import type { ArrivingEngagement } from "./engagement-rules.ts";
import { aboutLead, tellAll } from "./outbox.ts";
import { lockPeople, type Person } from "./people.ts";
import { rescore } from "./scores.ts";

/** Who did it: a lead, or somebody who has not said yet who they are. */
export type Engaged = ArrivingEngagement & { readonly who: { readonly leadId: string } | { readonly anonymousId: string } };

/**
 * Stores engagements, each message id once, whatever order and however often they come. Locks the leads first, unless the
 * caller holds them and passes them as `held`. Gives the message ids that were new, by lead. Scores and signals are the
 * caller's next step (`scoreAndSignal`).
 */
export async function storeEngagements(tx: Tx, engagements: readonly Engaged[], now: Instant, held?: ReadonlyMap<string, Person>): Promise<Map<string, Set<string>>> {
  const once = [...new Map(engagements.map((one) => [one.messageId, one])).values()].sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
  if (once.length === 0) return new Map();
  const leadOf = ({ who }: Engaged) => ("leadId" in who ? who.leadId : null);
  const leads = held ?? await lockPeople(tx, [...new Set(once.flatMap((one) => leadOf(one) ?? []))]);
  const stored = await rows<{ message_id: string; lead_id: string | null }>(tx, sql`
    insert into engagement (message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at, received_at)
    select message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at, ${new Date(now)}
    from unnest(${once.map((one) => one.messageId)}::text[], ${once.map(leadOf)}::text[], ${once.map((one) => leads.get(leadOf(one) ?? "")?.accountId ?? null)}::text[],
      ${once.map((one) => ("anonymousId" in one.who ? one.who.anonymousId : null))}::text[], ${once.map((one) => one.type)}::text[],
      ${once.map((one) => one.topic ?? null)}::text[], ${once.map((one) => one.asset ?? null)}::text[],
      ${once.map((one) => new Date(Math.min(one.occurredAt, now)))}::timestamptz[]) as t(message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at)
    order by message_id
    on conflict (message_id) do nothing returning message_id, lead_id`);
  return byLead(stored);
}

/** Gives the engagements of somebody anonymous to the lead they turned out to be, which the caller holds; the message ids that moved. */
export async function bindAnonymous(tx: Tx, anonymousIds: readonly string[], leadId: string): Promise<Map<string, Set<string>>> {
  if (anonymousIds.length === 0) return new Map();
  const moved = await rows<{ message_id: string; lead_id: string }>(tx, sql`
    update engagement set lead_id = ${leadId}, account_id = (select account_id from lead where id = ${leadId})
    where lead_id is null and anonymous_id = any(${anonymousIds}::text[]) returning message_id, lead_id`);
  return byLead(moved);
}

/**
 * Updates the scores of leads that have engaged, and tells the processes of those for whom a threshold of the agreement
 * was crossed: thousands of page views are thousands of rows, and one signal. Gives the leads that were told.
 */
export async function scoreAndSignal(tx: Tx, newOnes: ReadonlyMap<string, ReadonlySet<string>>, agreement: Agreement, now: Instant): Promise<string[]> {
  const judged = await rescore(tx, [...newOnes.keys()], newOnes, agreement, now);
  const crossed = [...judged].filter(([, one]) => one.crossed).map(([id]) => id);
  await tellAll(tx, crossed.map((id) => aboutLead(id, "signal", "engaged", { id }, 1)), now);
  return crossed;
}

function byLead(stored: readonly { message_id: string; lead_id: string | null }[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { message_id, lead_id } of stored) {
    if (lead_id === null) continue;
    found.set(lead_id, (found.get(lead_id) ?? new Set()).add(message_id));
  }
  return found;
}
