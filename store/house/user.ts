import type { CrmDeed } from "../../crm/change.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { FieldPath } from "../../handoff/facts/facts.ts";
import type { Seen } from "../../handoff/process/event.ts";
import { stages } from "../../handoff/stage.ts";
import type { CrmChangePayload } from "../inbox/crm-change.ts";
import { firstRow, inTransaction, send, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
import { emailIn } from "./house.ts";
import { houseLead, houseOpportunity, type HouseLead, type HouseOpportunity } from "./rows.ts";
import { receive } from "../inbox/inbox.ts";

/**
 * The values a user may give `status`: the stages sales moves a lead to, and the two ways of saying
 * no.
 */
export const houseStatuses = [
  "sal",
  "sql",
  "rejected",
  "handed-back",
  "nurture",
  "renurture",
  "disqualified",
] as const;

/** What came of a user's change. */
export type HouseChange<T> =
  | { readonly kind: "done"; readonly record: T }
  | { readonly kind: "missing" }
  | { readonly kind: "refused"; readonly field: string; readonly detail: string };

/** The source under which the built-in CRM's changes lie in the inbox. */
export const houseSource = "crm:house";

export type HouseStatus = Omit<Extract<CrmDeed, { kind: "status" }>, "kind">;

/**
 * What a record shows of its lead or account: the stage, where its status is one, the cycle and the
 * offer. A user's change is told with it.
 */
export function shownBy(lead: {
  readonly status: string;
  readonly cycle: number | null;
  readonly round: number | null;
}): Seen {
  const stage = stages.find((one) => one === lead.status);
  return {
    ...(stage === undefined ? {} : { stage }),
    ...(lead.cycle === null ? {} : { cycle: lead.cycle }),
    ...(lead.round === null ? {} : { round: lead.round }),
  };
}

/** A status that was set, as it is told. */
export function statusDeed({ buyingSignals, ...rest }: HouseStatus): WireDeed {
  const deed = { kind: "status", ...rest } as const;
  return buyingSignals ? { ...deed, buyingSignals: [...buyingSignals] } : deed;
}

/** Sets the status, with what belongs to it. `seen`: what the user's page showed. */
export function setHouseStatus(
  db: Pool | Tx,
  leadId: string,
  by: string,
  status: HouseStatus,
  now: Instant,
  seen?: Seen,
): Promise<HouseChange<HouseLead>> {
  return changeLead(db, leadId, now, async (tx, lead) => {
    await send(
      tx,
      sql`
        update house_lead set status = ${status.status}, status_since = ${new Date(now)},
          reason = coalesce(${status.reason ?? null}, reason) where id = ${lead.id}`,
    );
    return { by, seen: seen ?? shownBy(lead), deed: statusDeed(status) };
  });
}

/** Gives the record to another user, or to nobody. */
export function setHouseOwner(
  db: Pool | Tx,
  leadId: string,
  by: string,
  owner: string | null,
  now: Instant,
  seen?: Seen,
): Promise<HouseChange<HouseLead>> {
  return changeLead(db, leadId, now, async (tx, lead) => {
    await send(tx, sql`update house_lead set owner_id = ${owner} where id = ${lead.id}`);
    return { by, seen: seen ?? shownBy(lead), deed: { kind: "owner", owner } };
  });
}

/** Makes a record of a person whom nobody has told Baton of. */
export function createHouseLead(
  db: Pool | Tx,
  by: string,
  told: Readonly<Record<FieldPath, string | number | boolean | string[]>>,
  now: Instant,
): Promise<HouseChange<HouseLead>> {
  return inOwnOrGiven(db, async (tx) => {
    const at = new Date(now).toISOString();
    const facts = Object.fromEntries(
      Object.entries(told).map(([field, value]) => [field, { value, at }]),
    );
    const made = await firstRow<{ id: string }>(
      tx,
      sql`
      insert into house_lead (email, status, status_since, facts, sequence, changed_at)
      values (${emailIn(facts)}, 'new', ${new Date(now)}, ${facts}, 1, ${new Date(now)})
      returning id`,
    );
    const record = made && (await houseLead(tx, made.id));
    if (!record) throw new Error("the record was not written");
    await tellChange(
      tx,
      {
        id: `${record.id}-1`,
        crmId: record.id,
        leadId: null,
        sequence: 1,
        at,
        by,
        what: { kind: "created", facts: told },
      },
      now,
    );
    return { kind: "done", record };
  });
}

/** Changes facts of the lead. */
export function setHouseFacts(
  db: Pool | Tx,
  leadId: string,
  by: string,
  told: Readonly<Record<FieldPath, string | number | boolean | string[]>>,
  now: Instant,
): Promise<HouseChange<HouseLead>> {
  return changeLead(db, leadId, now, async (tx, lead) => {
    const at = new Date(now).toISOString();
    const facts = {
      ...lead.facts,
      ...Object.fromEntries(Object.entries(told).map(([field, value]) => [field, { value, at }])),
    };
    await send(
      tx,
      sql`update house_lead set facts = ${facts}, email = ${emailIn(facts)} where id = ${lead.id}`,
    );
    return { by, deed: { kind: "facts", facts: told } };
  });
}

/** An attempt to reach somebody. */
export interface HouseAttempt {
  readonly channel: string;
  readonly outcome: string;
  readonly occurredAt: Instant;
}

/** Logs an attempt to reach the lead. */
export function logHouseOutreach(
  db: Pool | Tx,
  leadId: string,
  by: string,
  call: HouseAttempt,
  now: Instant,
  seen?: Seen,
): Promise<HouseChange<HouseLead>> {
  return changeLead(db, leadId, now, async (tx, lead) => {
    await send(
      tx,
      sql`
      insert into house_note (key, lead_id, body, by_id, at)
      values (${`outreach/${lead.id}/${lead.sequence + 1}`}, ${lead.id},
        ${`${call.channel}: ${call.outcome}`}, ${by}, ${new Date(call.occurredAt)})`,
    );
    return {
      by,
      seen: seen ?? shownBy(lead),
      deed: {
        kind: "outreach",
        channel: call.channel,
        outcome: call.outcome,
        occurredAt: new Date(call.occurredAt).toISOString(),
      },
    };
  });
}

export interface OpportunityWish {
  readonly stage: "open" | "won" | "lost";
  readonly dealStage: string | null;
  readonly amountMinor: number | null;
  readonly currency: string | null;
}

/** Opens an opportunity for the lead. */
export function openHouseOpportunity(
  db: Pool | Tx,
  leadId: string,
  by: string,
  wish: OpportunityWish,
  now: Instant,
): Promise<HouseChange<HouseLead>> {
  return changeLead(db, leadId, now, async (tx, lead) => {
    const made = await firstRow<{ id: string }>(
      tx,
      sql`
      insert into house_opportunity (lead_id, stage, deal_stage, amount_minor, currency, created_at,
        changed_at)
      values (${lead.id}, ${wish.stage}, ${wish.dealStage}, ${wish.amountMinor}, ${wish.currency},
        ${new Date(now)}, ${new Date(now)}) returning id`,
    );
    const opportunity = made && (await houseOpportunity(tx, made.id));
    if (!opportunity) throw new Error("the opportunity was not written");
    return { by, deed: deedOf(opportunity) };
  });
}

/** Changes an opportunity's stage, deal stage or amount. */
export async function changeHouseOpportunity(
  db: Pool | Tx,
  id: string,
  by: string,
  wish: { [K in keyof OpportunityWish]?: OpportunityWish[K] | undefined },
  now: Instant,
): Promise<HouseChange<HouseLead>> {
  const known = await houseOpportunity(db, id);
  if (!known) return { kind: "missing" };
  return changeLead(db, known.leadId, now, async (tx) => {
    await send(
      tx,
      sql`
      update house_opportunity
        set stage = coalesce(${wish.stage ?? null}, stage),
        deal_stage = coalesce(${wish.dealStage ?? null}, deal_stage),
        amount_minor = coalesce(${wish.amountMinor ?? null}, amount_minor),
        currency = coalesce(${wish.currency ?? null}, currency), version = version + 1,
          changed_at = ${new Date(now)} where id = ${id}`,
    );
    const opportunity = await houseOpportunity(tx, id);
    if (!opportunity) throw new Error("the opportunity is gone");
    return { by, deed: deedOf(opportunity) };
  });
}

/** Merges the lead into another one, which survives; what hangs on the loser moves over. */
export function mergeHouseLeads(
  db: Pool | Tx,
  leadId: string,
  into: string,
  by: string,
  now: Instant,
): Promise<HouseChange<HouseLead>> {
  return changeLead(db, leadId, now, async (tx, lead) => {
    const survivor = await houseLead(tx, into);
    if (!survivor || !isLive(survivor) || into === leadId)
      return { field: "into", detail: "expected another lead that is still there" };
    for (const table of ["house_task", "house_note", "house_opportunity"])
      await tx.query(`update ${table} set lead_id = $1 where lead_id = $2`, [into, lead.id]);
    await send(tx, sql`update house_lead set merged_into = ${into} where id = ${lead.id}`);
    return { by, deed: { kind: "merged", into } };
  });
}

export function deleteHouseLead(
  db: Pool | Tx,
  leadId: string,
  by: string,
  now: Instant,
): Promise<HouseChange<HouseLead>> {
  return changeLead(db, leadId, now, async (tx, lead) => {
    await send(tx, sql`update house_lead set deleted_at = ${new Date(now)} where id = ${lead.id}`);
    return { by, deed: { kind: "deleted" } };
  });
}

/** A user finishes a task. This makes no event, because nothing depends on it. */
export async function finishHouseTask(pool: Pool, id: string, now: Instant): Promise<boolean> {
  const { rowCount } = await pool.query(sql`
    update house_task set state = 'done', version = version + case when state = 'done' then 0
      else 1 end, changed_at = ${new Date(now)} where id = ${id}`);
  return rowCount === 1;
}

/** Puts the CRM into trouble, or ends it (null): an outage to rehearse. */
export async function setHouseTrouble(
  db: Db,
  trouble: {
    kind: "down" | "busy" | "unauthorized" | "refused" | "slow";
    field?: string | undefined;
    waitMs?: number | undefined;
  } | null,
): Promise<void> {
  if (!trouble) await db.query("delete from house_trouble");
  else
    await db.query(sql`
    insert into house_trouble (kind, field, wait_ms)
      values (${trouble.kind}, ${trouble.field ?? null}, ${trouble.waitMs ?? 0})
    on conflict (one) do update
      set kind = excluded.kind, field = excluded.field, wait_ms = excluded.wait_ms`);
}

/** In the transaction that is given, or in one of its own. */
export function inOwnOrGiven<T>(db: Pool | Tx, work: (tx: Tx) => Promise<T>): Promise<T> {
  return "release" in db ? work(db) : inTransaction(db, work);
}

type WireDeed = CrmChangePayload["what"];

/** What a user did, and what the record showed; or why it is refused. */
export type HouseDeed =
  | { readonly by: string; readonly deed: WireDeed; readonly seen?: Seen }
  | { readonly field: string; readonly detail: string };

/** One user's change of a live lead, and the event that tells of it, in one transaction. */
async function changeLead(
  db: Pool | Tx,
  leadId: string,
  now: Instant,
  change: (tx: Tx, lead: HouseLead) => Promise<HouseDeed>,
): Promise<HouseChange<HouseLead>> {
  return inOwnOrGiven(db, async (tx) => {
    const lead = await houseLead(tx, leadId, true);
    if (!lead || !isLive(lead)) return { kind: "missing" };
    const deed = await change(tx, lead);
    if ("field" in deed) return { kind: "refused", ...deed };
    const { id, sequence } = lead;
    await recordDeed(tx, "house_lead", { id, sequence, leadId: lead.leadId }, deed, now);
    const record = await houseLead(tx, leadId);
    if (!record) throw new Error("the lead is gone");
    return { kind: "done", record };
  });
}

/** Counts the change of a record, and tells of it. */
export async function recordDeed(
  tx: Tx,
  table: "house_lead" | "house_account",
  {
    id,
    sequence,
    ...of
  }: { readonly id: string; readonly sequence: number } & Pick<CrmChangePayload, "leadId"> &
    Pick<Partial<CrmChangePayload>, "record" | "accountId">,
  { by, seen, deed }: Exclude<HouseDeed, { readonly field: string }>,
  now: Instant,
): Promise<void> {
  const [next, at] = [sequence + 1, new Date(now)];
  await tx.query(
    `update ${table} set version = version + 1, sequence = $2, changed_at = $3 where id = $1`,
    [id, next, at],
  );
  const told = { id: `${id}-${next}`, crmId: id, ...of, sequence: next, at: at.toISOString() };
  await tellChange(tx, { ...told, by, ...(seen === undefined ? {} : { seen }), what: deed }, now);
}

/**
 * A user's change of a lead or company: `lead_id` of the feed is the id of either's record. Feed and
 * inbox, under one lock: a reader of the feed never passes over a number that commits later.
 */
export async function tellChange(tx: Tx, change: CrmChangePayload, now: Instant): Promise<void> {
  await send(tx, "select pg_advisory_xact_lock(hashtext('house_change'))");
  await send(
    tx,
    sql`
      insert into house_change (event_id, lead_id, payload, at)
        values (${change.id}, ${change.crmId}, ${change}, ${new Date(now)})`,
  );
  await receive(tx, { source: houseSource, eventId: change.id, payload: change }, now);
}

function deedOf(opportunity: HouseOpportunity): WireDeed {
  const { id, stage, dealStage, amountMinor, currency, createdAt } = opportunity;
  return {
    kind: "opportunity",
    opportunity: {
      crmId: id,
      stage,
      // Where it stands in the selling, while it is sold. Left out where there is none: a worker of
      // before this field reads that as well.
      ...(stage !== "open" || dealStage === null ? {} : { dealStage }),
      amountMinor,
      currency,
      createdAt: new Date(createdAt).toISOString(),
    },
  };
}

function isLive(lead: HouseLead): boolean {
  return lead.deletedAt === null && lead.mergedInto === null;
}
