import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import type { ArrivingEngagement } from "./engagement-rules.ts";
import { closedLeadNews, leadSignal, enqueueAll } from "../postgres/outbox.ts";
import { lockPeople, type IntakePerson } from "./people.ts";
import { rescore } from "./scores.ts";

/** Who did it: a lead, or somebody who has not said yet who they are. */
export type Engaged = ArrivingEngagement & {
  readonly who: { readonly leadId: string } | { readonly anonymousId: string };
};

/**
 * Stores engagements, each message id of a person once, whatever order and however often they come:
 * ids are their senders', and two people may have the same. Locks the leads first, unless the
 * caller holds them and passes them as `held`. Gives the message ids that were new, by lead. Scores
 * and signals are the caller's next step (`scoreAndSignal`).
 */
export async function storeEngagements(
  tx: Tx,
  engagements: readonly Engaged[],
  now: Instant,
  held?: ReadonlyMap<string, IntakePerson>,
): Promise<Map<string, Set<string>>> {
  const once = inOrder(engagements);
  if (once.length === 0) return new Map();
  const leads =
    held ?? (await lockPeople(tx, [...new Set(once.flatMap((one) => leadOf(one) ?? []))]));
  const stored = await rows<{ message_id: string; lead_id: string | null }>(
    tx,
    sql`
      insert into engagement (message_id, lead_id, account_id, anonymous_id, type, topic, asset,
        occurred_at, received_at)
      select message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at,
        ${new Date(now)}::timestamptz
      from unnest(${once.map((one) => one.messageId)}::text[], ${once.map(leadOf)}::text[],
        ${once.map((one) => leads.get(leadOf(one) ?? "")?.accountId ?? null)}::text[],
        ${once.map(({ who }) => ("anonymousId" in who ? who.anonymousId : null))}::text[],
        ${once.map((one) => one.type)}::text[], ${once.map((one) => one.topic ?? null)}::text[],
        ${once.map((one) => one.asset ?? null)}::text[],
        ${once.map((one) => new Date(Math.min(one.occurredAt, now)))}::timestamptz[])
        as t(message_id, lead_id, account_id, anonymous_id, type, topic, asset, occurred_at)
      order by message_id, lead_id, anonymous_id
      on conflict do nothing returning message_id, lead_id`,
  );
  return byLead(stored);
}

/**
 * Each message of a person once, in one order, so that two transactions never wait for each other.
 */
function inOrder(engagements: readonly Engaged[]): Engaged[] {
  const keyed = new Map(engagements.map((one) => [keyOf(one), one]));
  return [...keyed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

function keyOf({ messageId, who }: Engaged): string {
  return JSON.stringify(
    "leadId" in who ? [messageId, who.leadId] : [messageId, "", who.anonymousId],
  );
}

function leadOf({ who }: Engaged): string | null {
  return "leadId" in who ? who.leadId : null;
}

/**
 * Gives the engagements of somebody anonymous to the lead they turned out to be, which the caller
 * holds; the message ids that moved.
 */
export async function bindAnonymous(
  tx: Tx,
  anonymousIds: readonly string[],
  leadId: string,
): Promise<Map<string, Set<string>>> {
  if (anonymousIds.length === 0) return new Map();
  // What the lead has done under the same id already is the same deed.
  const moved = await rows<{ message_id: string; lead_id: string }>(
    tx,
    sql`
    update engagement set lead_id = ${leadId}, account_id = (select account_id from lead
      where id = ${leadId})
    where ctid = any(array(select distinct on (message_id) e.ctid from engagement e
        where e.lead_id is null and e.anonymous_id = any(${anonymousIds}::text[])
        order by message_id, anonymous_id))
      and not exists (select from engagement k
        where k.lead_id = ${leadId} and k.message_id = engagement.message_id)
      returning message_id, lead_id`,
  );
  if (moved.length > 0)
    await send(
      tx,
      sql`
      delete from engagement where lead_id is null
        and anonymous_id = any(${anonymousIds}::text[])`,
    );
  return byLead(moved);
}

/** What somebody unknown did is kept under another of their names from now on. */
export async function renameVisitor(tx: Tx, from: string, to: string): Promise<void> {
  await send(
    tx,
    sql`
    update engagement set anonymous_id = ${to} where lead_id is null and anonymous_id = ${from}
      and not exists (select from engagement k where k.lead_id is null
        and k.anonymous_id = ${to} and k.message_id = engagement.message_id)`,
  );
  await send(
    tx,
    sql`delete from engagement where lead_id is null and anonymous_id = ${from}
      and anonymous_id <> ${to}`,
  );
}

/**
 * What a merged lead did counts for the survivor, and what both are known for counts once. An id is
 * its sender's: something else under the same id is another engagement, under an id of its own.
 */
export async function moveEngagements(tx: Tx, from: string, to: string): Promise<void> {
  await send(
    tx,
    sql`
    delete from engagement e using engagement k where e.lead_id = ${from} and k.lead_id = ${to}
      and k.message_id = e.message_id and k.type = e.type and k.occurred_at = e.occurred_at`,
  );
  await send(
    tx,
    sql`
    update engagement e set lead_id = ${to}, message_id = case when exists (select from engagement k
        where k.lead_id = ${to} and k.message_id = e.message_id)
      then e.message_id || '/' || ${from} else e.message_id end
    where e.lead_id = ${from}`,
  );
}

/**
 * Leads of which a new engagement says "talk to me" and that somebody must hear of, whatever the
 * score: of a closed one nobody else would, and one that a person may be closing in this moment is
 * told, unless its process is to be told already.
 */
export async function handsRaised(
  tx: Tx,
  newOnes: ReadonlyMap<string, ReadonlySet<string>>,
  { signals }: Agreement,
): Promise<ReadonlyMap<string, "open" | "closed">> {
  if (newOnes.size === 0) return new Map();
  const types = Object.keys(signals).filter((type) => signals[type]?.depth === "high");
  const ids = [...newOnes.values()].flatMap((messages) => [...messages]);
  if (types.length === 0) return new Map();
  const found = await rows<{ lead_id: string; is_closed: boolean }>(
    tx,
    sql`
    select distinct e.lead_id, p.stage in ('opportunity', 'disqualified') as is_closed
    from process p join engagement e on e.lead_id = p.subject_id
    where p.subject_kind = 'lead' and p.subject_id = any(${[...newOnes.keys()]}::text[])
      and (p.stage in ('opportunity', 'disqualified') or ((p.stage in ('mql', 'sal', 'sql')
          or p.waiting_on = 'review')
        and not exists (select from outbox o where o.workflow_id = 'lead/' || p.subject_id
          and o.message = 'engaged' and o.done_at is null)))
      and e.type = any(${types}::text[])
      and e.message_id = any(${ids}::text[])`,
  );
  return new Map(
    found.map(({ lead_id, is_closed }) => [lead_id, is_closed ? "closed" : "open"] as const),
  );
}

/**
 * Updates the scores of leads that have engaged, and tells the processes of those for whom a
 * threshold of the agreement was crossed: thousands of page views are thousands of rows, and one
 * signal. Gives the leads that were told.
 */
export async function scoreAndSignal(
  tx: Tx,
  newOnes: ReadonlyMap<string, ReadonlySet<string>>,
  agreement: Agreement,
  now: Instant,
): Promise<string[]> {
  const judged = await rescore(tx, [...newOnes.keys()], newOnes, agreement, now);
  const crossed = [...judged].filter(([, one]) => one.crossed).map(([id]) => id);
  const raised = [...(await handsRaised(tx, newOnes, agreement))];
  const told = new Set(crossed);
  await enqueueAll(
    tx,
    [
      ...crossed.map((id) => leadSignal(id, "signal", "engaged", { id }, 1)),
      ...raised.flatMap(([id, is]) => {
        if (is === "closed") return [closedLeadNews(id, "engaged", 1)];
        return told.has(id) ? [] : [leadSignal(id, "signal", "engaged", { id }, 1)];
      }),
    ],
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
