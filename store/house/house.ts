import type { CrmChange, Fact } from "../../crm/change.ts";
import type {
  AccountRecord,
  CrmRef,
  LeadRecord,
  LeadSeen,
  NoteRecord,
  OpportunityRecord,
  TaskRecord,
} from "../../crm/crm.ts";
import type { FieldPath } from "../../handoff/facts/facts.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { ChangeError, parseCrmChange } from "../inbox/crm-change.ts";
import { firstRow, fragment, rows, sql, type Pool } from "../postgres/db.ts";
import { inOrder, numbered, coalesce } from "../postgres/coalesce.ts";
import {
  houseLead,
  houseLeadByEmail,
  houseLeadOf,
  houseLeadsNamed,
  type HouseLead,
} from "./rows.ts";

/** What came of a write: the record, or why this CRM does not have it. */
export type HouseAnswer =
  | { readonly kind: "written"; readonly ref: CrmRef }
  | { readonly kind: "gone"; readonly crmId: string }
  | { readonly kind: "merged"; readonly crmId: string; readonly into: string }
  | { readonly kind: "refused"; readonly field: string; readonly expected: string };

/** Having found no trouble, a worker looks for one again after this long. */
export const troubleCacheMs = 100;

export type HouseTrouble = {
  readonly kind: "down" | "busy" | "unauthorized" | "refused" | "slow";
  readonly field: string | null;
  readonly waitMs: number;
};

/**
 * The built-in CRM's tables as its adapter (`crm/house/house.ts`) uses them. Nothing here is fed
 * back as a change.
 */
export interface HouseTables {
  upsertAccount(account: AccountRecord): Promise<HouseAnswer>;
  upsertLead(lead: LeadRecord): Promise<HouseAnswer>;
  upsertTask(task: TaskRecord): Promise<HouseAnswer>;
  closeTask(key: string): Promise<void>;
  addNote(note: NoteRecord): Promise<HouseAnswer>;
  upsertOpportunity(opportunity: OpportunityRecord): Promise<HouseAnswer>;
  findLead(by: { email: string } | { leadId: string }): Promise<LeadSeen | null>;
  readLead(crmId: string): Promise<LeadSeen | Exclude<HouseAnswer, { kind: "written" }>>;
  /** Oldest first, numbered; null where it is of a kind that is not known here. */
  changesAfter(n: number, limit: number): Promise<{ n: number; change: CrmChange | null }[]>;
  trouble(): Promise<HouseTrouble | null>;
}

export function houseTables(pool: Pool, clock: () => Instant): HouseTables {
  return {
    upsertAccount: (account) => upsertAccount(pool, account, clock()),
    upsertLead: (lead) => upsertLead(pool, lead, clock()),
    upsertTask: (task) => upsertTask(pool, task, clock()),
    closeTask: (key) => closeTask(pool, key, clock()),
    addNote: (note) => addNote(pool, note),
    upsertOpportunity: (opportunity) => upsertOpportunity(pool, opportunity, clock()),
    async findLead(by) {
      const found =
        "email" in by ? await houseLeadByEmail(pool, by.email) : await houseLeadOf(pool, by.leadId);
      return found && !absence(found) ? seen(found) : null;
    },
    async readLead(crmId) {
      const found = await houseLead(pool, crmId);
      return found ? (absence(found) ?? seen(found)) : { kind: "gone", crmId };
    },
    async changesAfter(after, limit) {
      const found = await rows<{ n: number; payload: unknown }>(
        pool,
        sql`select n, payload from house_change where n > ${after} order by n limit ${limit}`,
      );
      return found.map(({ n, payload }) => ({ n, change: knownChange(payload) }));
    },
    trouble: async () =>
      (await firstRow<HouseTrouble>(
        pool,
        sql`select kind, field, wait_ms as "waitMs" from house_trouble`,
      )) ?? null,
  };
}

/** While versions work side by side, the other one may write what this one cannot read. */
function knownChange(payload: unknown): CrmChange | null {
  try {
    return parseCrmChange(payload);
  } catch (error) {
    if (error instanceof ChangeError) return null;
    throw error;
  }
}

async function upsertAccount(
  pool: Pool,
  account: AccountRecord,
  now: Instant,
): Promise<HouseAnswer> {
  const refused = tooLong(account.facts);
  if (refused) return refused;
  return optimistically(async () => {
    // Most are new to it, and one that is not is found by the attempt.
    const made = await insertAccount(pool, { ...account, now: new Date(now) });
    if (made) return made;
    const handoff = account.handoff === undefined ? null : JSON.stringify(account.handoff);
    const known = await firstRow<{
      id: string;
      facts: LeadRecord["facts"];
      version: number;
      same: boolean;
    }>(
      pool,
      sql`
      select id, facts, version, coalesce(handoff = ${handoff}::jsonb, ${handoff === null}) as same
      from house_account where external_id = ${account.accountId}`,
    );
    if (!known) return undefined;
    const facts = newerFacts(known.facts, account.facts);
    if (facts === known.facts && known.same) return { crmId: known.id, version: known.version };
    return firstRow<CrmRef>(
      pool,
      sql`
      update house_account set facts = ${facts}, version = version + 1,
        handoff = coalesce(${handoff}::jsonb, handoff),
        changed_at = ${new Date(now)}
      where id = ${known.id} and version = ${known.version} returning id as "crmId", version`,
    );
  });
}

const insertAccount = coalesce(
  async (
    db,
    asked: readonly (AccountRecord & { readonly now: Date })[],
  ): Promise<(CrmRef | undefined)[]> => {
    // Leads of one account may come together: the first of them makes it, and the others find it.
    const made = await rows<CrmRef & { accountId: string }>(
      db,
      sql`
    insert into house_account (external_id, facts, handoff, changed_at)
    select "accountId", facts, handoff, now
      from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as a("accountId" text, facts jsonb,
      handoff jsonb, now timestamptz) order by "accountId"
    on conflict (external_id) do nothing
      returning external_id as "accountId", id as "crmId", version`,
    );
    return asked.map(({ accountId }) => made.find((one) => one.accountId === accountId));
  },
);

async function upsertLead(pool: Pool, lead: LeadRecord, now: Instant): Promise<HouseAnswer> {
  const refused = tooLong(lead.facts);
  if (refused) return refused;
  let absent: HouseAnswer | null = null;
  const written = await optimistically(async () => {
    // Without an id the record is new to it, nearly always.
    const made = lead.crmId === null ? await insertLead(pool, lead, now) : undefined;
    if (made) return made;
    const known = await recordFor(pool, lead);
    absent = known ? (absence(known) ?? taken(known, lead)) : null;
    if (absent) return { crmId: "", version: 0 };
    return known ? updateLead(pool, known, lead, now) : insertLead(pool, lead, now);
  });
  return absent ?? written;
}

/**
 * The record of our lead. When it was merged and the caller follows the survivor, the survivor
 * takes over its key.
 */
async function recordFor(pool: Pool, lead: LeadRecord): Promise<HouseLead | undefined> {
  const found = await houseLeadsNamed(pool, { leadId: lead.leadId, crmId: lead.crmId });
  const keyed = found.find((one) => one.leadId === lead.leadId);
  if (lead.crmId === null || (keyed && keyed.mergedInto !== lead.crmId)) return keyed;
  const survivor = found.find((one) => one.id === lead.crmId);
  if (keyed && survivor && isFree(survivor, lead))
    await pool.query(sql`update house_lead set external_id = null where id = ${keyed.id}`);
  return survivor ?? keyed;
}

/** The record belongs to nobody, or to a lead that is part of this one now. */
function isFree({ leadId }: HouseLead, { replaces = [] }: LeadRecord): boolean {
  return leadId === null || replaces.includes(leadId);
}

function insertLead(pool: Pool, lead: LeadRecord, now: Instant): Promise<CrmRef | undefined> {
  return insertLeads(pool, rowOf(lead, lead.accountCrmId, lead.facts, now));
}

async function updateLead(
  pool: Pool,
  known: HouseLead,
  lead: LeadRecord,
  now: Instant,
): Promise<CrmRef | undefined> {
  const facts = newerFacts(known.facts, lead.facts);
  const accountId = lead.accountCrmId ?? known.accountId;
  const isEqual =
    facts === known.facts &&
    known.leadId === lead.leadId &&
    known.accountId === accountId &&
    known.status === lead.status &&
    known.statusSince === lead.statusSince &&
    known.cycle === lead.cycle &&
    known.round === lead.round &&
    known.ownerId === lead.ownerId &&
    known.queue === lead.queue &&
    known.leadType === lead.leadType &&
    known.band === lead.band &&
    known.fit === lead.fit &&
    known.intent === lead.intent &&
    known.slaState === lead.slaState &&
    known.territory === lead.territory &&
    known.dueAt === lead.dueAt &&
    known.reason === lead.reason &&
    known.agreement === lead.agreement;
  if (isEqual) return { crmId: known.id, version: known.version };
  return updateLeads(pool, {
    ...rowOf(lead, accountId, facts, now),
    id: known.id,
    known_version: known.version,
  });
}

type LeadColumns = ReturnType<typeof rowOf>;

function rowOf(
  lead: LeadRecord,
  accountId: string | null,
  facts: LeadRecord["facts"],
  now: Instant,
) {
  return {
    external_id: lead.leadId,
    account_id: accountId,
    email: emailIn(facts),
    status: lead.status,
    status_since: new Date(lead.statusSince),
    cycle: lead.cycle,
    round: lead.round,
    owner_id: lead.ownerId,
    queue: lead.queue,
    lead_type: lead.leadType,
    band: lead.band,
    fit: lead.fit,
    intent: lead.intent,
    sla_state: lead.slaState,
    territory: lead.territory,
    due_at: dateOrNull(lead.dueAt),
    reason: lead.reason,
    agreement: lead.agreement,
    facts,
    changed_at: new Date(now),
  };
}

const columnTypes =
  fragment(`external_id text, account_id text, email text, status text, status_since timestamptz, cycle int, round int, owner_id text, queue text, lead_type text, band text,
  fit float8, intent float8, sla_state text, territory text, due_at timestamptz, reason text, agreement text, facts jsonb, changed_at timestamptz`);
const columnNames = columnTypes.text.split(",").map((one) => one.trim().split(" ")[0]);
const columns = fragment(columnNames.join(", "));
const columnsOfAsked = fragment(columnNames.map((name) => `l.${name}`).join(", "));

const insertLeads = coalesce(
  async (db, asked: readonly LeadColumns[]): Promise<(CrmRef | undefined)[]> => {
    const made = await rows<CrmRef & { leadId: string }>(
      db,
      sql`
    insert into house_lead (${columns}) select ${columns}
      from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as l(${columnTypes})
        order by external_id
    on conflict (external_id) do nothing returning external_id as "leadId", id as "crmId", version`,
    );
    return asked.map((one) => made.find(({ leadId }) => leadId === one.external_id));
  },
);

/** Undefined for one that was changed since it was read. */
const updateLeads = coalesce(
  async (
    db,
    asked: readonly (LeadColumns & { readonly id: string; readonly known_version: number })[],
  ): Promise<(CrmRef | undefined)[]> => {
    const done = await rows<CrmRef & { n: number }>(
      db,
      sql`
    update house_lead h set (${columns}, version) = (${columnsOfAsked}, h.version + 1)
    from jsonb_to_recordset(${numbered(asked)}::jsonb)
      as l(n int, id text, known_version int, ${columnTypes})
    where h.id = l.id and h.id = any(${asked.map(({ id }) => id)}::text[])
      and h.version = l.known_version returning l.n, h.id as "crmId", h.version`,
    );
    return inOrder(done, asked);
  },
);

/** A task that was finished stays finished: its state is left as it is. */
async function upsertTask(pool: Pool, task: TaskRecord, now: Instant): Promise<HouseAnswer> {
  if (task.subject.length > 300)
    return { kind: "refused", field: "subject", expected: "at most 300 characters" };
  return onLead(
    pool,
    task.leadCrmId,
    await writeTask(pool, { ...task, dueAt: dateOrNull(task.dueAt), now: new Date(now) }),
  );
}

const writeTask = coalesce(
  async (
    db,
    asked: readonly (Omit<TaskRecord, "dueAt"> & {
      readonly dueAt: Date | null;
      readonly now: Date;
    })[],
  ): Promise<(CrmRef | undefined)[]> => {
    const done = await rows<CrmRef & { key: string }>(
      db,
      sql`
    insert into house_task as t (key, lead_id, owner_id, subject, due_at, state, changed_at)
    select a.key, l.id, a."ownerId", a.subject, a."dueAt", 'open', a.now
    from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as
      a(key text, "leadCrmId" text, "ownerId" text, subject text, "dueAt" timestamptz,
      now timestamptz)
      join house_lead l on l.id = a."leadCrmId" and l.merged_into is null and l.deleted_at is null
    where l.id = any(${asked.map(({ leadCrmId }) => leadCrmId)}::text[]) order by a.key
    on conflict (key) do update set owner_id = excluded.owner_id, subject = excluded.subject,
      due_at = excluded.due_at, changed_at = excluded.changed_at,
      version = t.version + case when (t.owner_id, t.subject, t.due_at) is distinct
        from (excluded.owner_id, excluded.subject, excluded.due_at) then 1 else 0 end
    returning key, id as "crmId", version`,
    );
    return asked.map(({ key }) => done.find((one) => one.key === key));
  },
);

async function closeTask(pool: Pool, key: string, now: Instant): Promise<void> {
  await closeTasks(pool, { key, now: new Date(now) });
}

const closeTasks = coalesce(
  async (db, asked: readonly { readonly key: string; readonly now: Date }[]): Promise<void[]> => {
    await db.query(sql`
    update house_task set state = 'done', version = version + 1, changed_at = a.now
    from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as a(key text, now timestamptz)
      where house_task.key = a.key and house_task.key = any(${asked.map(({ key }) => key)}::text[])
        and state = 'open'`);
    return asked.map(() => undefined);
  },
);

async function addNote(pool: Pool, note: NoteRecord): Promise<HouseAnswer> {
  if (note.body.length > 10_000)
    return { kind: "refused", field: "body", expected: "at most 10000 characters" };
  return onLead(
    pool,
    note.leadCrmId,
    await writeNote(pool, { ...note, at: new Date(note.at) }),
    () =>
      firstRow<CrmRef>(
        pool,
        sql`select id as "crmId", 1 as version from house_note where key = ${note.key}`,
      ),
  );
}

const writeNote = coalesce(
  async (
    db,
    asked: readonly (Omit<NoteRecord, "at"> & { readonly at: Date })[],
  ): Promise<(CrmRef | undefined)[]> => {
    const done = await rows<CrmRef & { key: string }>(
      db,
      sql`
    with live as materialized (
      select a.*, l.id from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as
        a(key text, "leadCrmId" text, body text, at timestamptz)
        join house_lead l on l.id = a."leadCrmId" and l.merged_into is null
          and l.deleted_at is null
        where l.id = any(${asked.map(({ leadCrmId }) => leadCrmId)}::text[])),
    added as (
      insert into house_note (key, lead_id, body, by_id, at) select key, id, body, 'baton', at
        from live order by key
      on conflict (key) do nothing returning key, id)
    select key, id as "crmId", 1 as version from added union all select n.key, n.id, 1
      from house_note n join live using (key)
      where n.key = any(${asked.map(({ key }) => key)}::text[])`,
    );
    return asked.map(({ key }) => done.find((one) => one.key === key));
  },
);

async function upsertOpportunity(
  pool: Pool,
  opportunity: OpportunityRecord,
  now: Instant,
): Promise<HouseAnswer> {
  if ((opportunity.amountMinor ?? 0) < 0)
    return { kind: "refused", field: "amountMinor", expected: "0 or more" };
  const at = new Date(now);
  const ref = await firstRow<CrmRef>(
    pool,
    sql`
    insert into house_opportunity as o (external_id, lead_id, stage, amount_minor, currency,
      created_at, changed_at)
    select ${opportunity.key}::text, id, ${opportunity.stage}::text,
      ${opportunity.amountMinor}::bigint, ${opportunity.currency}::text, ${at}::timestamptz,
      ${at}::timestamptz
    from house_lead where id = ${opportunity.leadCrmId} and merged_into is null
      and deleted_at is null
    on conflict (external_id) do update
      set stage = excluded.stage, amount_minor = excluded.amount_minor,
      currency = excluded.currency, changed_at = excluded.changed_at,
      version = o.version + case when (o.stage, o.amount_minor, o.currency) is distinct
        from (excluded.stage, excluded.amount_minor, excluded.currency) then 1 else 0 end
    returning id as "crmId", version`,
  );
  return onLead(pool, opportunity.leadCrmId, ref);
}

/**
 * Tasks, notes and opportunities are written on a live lead only. Where nothing was written, the
 * answer is that the lead is missing. `again` finds what a concurrent call wrote.
 */
async function onLead(
  pool: Pool,
  crmId: string,
  ref: CrmRef | undefined,
  again?: () => Promise<CrmRef | undefined>,
): Promise<HouseAnswer> {
  if (ref) return written(ref);
  const lead = await houseLead(pool, crmId);
  if (!lead) return { kind: "gone", crmId };
  return absence(lead) ?? written(await again?.());
}

/** Reads, then writes if nothing changed in between; after a concurrent write it reads again. */
async function optimistically(attempt: () => Promise<CrmRef | undefined>): Promise<HouseAnswer> {
  for (let n = 0; n < 20; n++) {
    const ref = await attempt();
    if (ref) return written(ref);
  }
  throw new Error("the record changed twenty times while it was being written");
}

/** The newest value of each fact; the same object when nothing is newer. */
function newerFacts(known: LeadRecord["facts"], told: LeadRecord["facts"]): LeadRecord["facts"] {
  const merged: Record<FieldPath, Fact> = { ...known };
  let changed = false;
  for (const [field, fact] of Object.entries(told)) {
    const before = merged[field];
    if (before && Date.parse(before.at) >= Date.parse(fact.at)) continue;
    merged[field] = { value: fact.value, at: fact.at };
    changed = true;
  }
  return changed ? merged : known;
}

function absence(lead: HouseLead): Exclude<HouseAnswer, { kind: "written" | "refused" }> | null {
  if (lead.mergedInto !== null) return { kind: "merged", crmId: lead.id, into: lead.mergedInto };
  return lead.deletedAt === null ? null : { kind: "gone", crmId: lead.id };
}

/** A record found by its id is taken over only when it belongs to no other lead. */
function taken(known: HouseLead, lead: LeadRecord): HouseAnswer | null {
  if (known.leadId === lead.leadId || isFree(known, lead)) return null;
  return { kind: "refused", field: "crmId", expected: "a record that belongs to no other lead" };
}

function seen(lead: HouseLead): LeadSeen {
  return {
    crmId: lead.id,
    version: lead.version,
    leadId: lead.leadId,
    status: lead.status,
    ownerId: lead.ownerId,
    facts: lead.facts,
  };
}

function written(ref: CrmRef | undefined): HouseAnswer {
  if (!ref) throw new Error("the record was not written");
  return { kind: "written", ref: { crmId: ref.crmId, version: ref.version } };
}

function tooLong(facts: LeadRecord["facts"]): HouseAnswer | null {
  const field = Object.keys(facts).find(
    (name) => JSON.stringify(facts[name]?.value ?? null).length > 1_000,
  );
  return field === undefined
    ? null
    : { kind: "refused", field, expected: "at most 1000 characters" };
}

/** The address as people are found by it. */
export function emailIn(facts: LeadRecord["facts"]): string | null {
  const value = facts["lead.email"]?.value;
  return typeof value === "string" ? value.trim().toLowerCase() : null;
}

function dateOrNull(at: Instant | null): Date | null {
  return at === null ? null : new Date(at);
}
