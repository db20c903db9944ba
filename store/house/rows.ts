import type { Fact } from "../../crm/change.ts";
import type { AccountHandoffRecord } from "../../crm/crm.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { FieldPath } from "../../handoff/facts/facts.ts";
import { fragment, rows, sql, type Db } from "../postgres/db.ts";
import { coalesce } from "../postgres/coalesce.ts";

/** Records of the built-in CRM as its users see them. */
export interface HouseLead {
  readonly id: string;
  readonly leadId: string | null;
  readonly accountId: string | null;
  readonly email: string | null;
  readonly status: string;
  readonly statusSince: Instant;
  /** Which cycle and which offer Baton wrote it for; null where it wrote none. */
  readonly cycle: number | null;
  readonly round: number | null;
  readonly ownerId: string | null;
  readonly queue: string | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly fit: number | null;
  readonly intent: number | null;
  readonly slaState: string | null;
  readonly territory: string | null;
  readonly dueAt: Instant | null;
  readonly reason: string | null;
  /** The version of the agreement that the latest handoff stands under. */
  readonly agreement: string | null;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
  readonly version: number;
  readonly sequence: number;
  readonly mergedInto: string | null;
  readonly deletedAt: Instant | null;
  readonly changedAt: Instant;
}

export interface HouseAccount {
  readonly id: string;
  readonly accountId: string;
  readonly facts: Readonly<Record<FieldPath, Fact>>;
  readonly handoff: AccountHandoffRecord | null;
  readonly version: number;
  readonly sequence: number;
  readonly changedAt: Instant;
}
export interface HouseTask {
  readonly id: string;
  readonly key: string;
  readonly leadId: string;
  readonly ownerId: string | null;
  readonly subject: string;
  readonly dueAt: Instant | null;
  readonly state: "open" | "done";
  readonly version: number;
  readonly changedAt: Instant;
}
/** About a lead or about a company. */
export interface HouseNote {
  readonly id: string;
  readonly key: string;
  readonly leadId: string | null;
  readonly accountId: string | null;
  readonly body: string;
  readonly by: string;
  readonly at: Instant;
}
export interface HouseOpportunity {
  readonly id: string;
  readonly opportunityId: string | null;
  readonly leadId: string;
  readonly stage: "open" | "won" | "lost";
  /** Where it stands in the words of whoever sells; null until somebody says it. */
  readonly dealStage: string | null;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly version: number;
  readonly createdAt: Instant;
  readonly changedAt: Instant;
}

const leadColumns =
  fragment(`id, external_id as "leadId", account_id as "accountId", email, status, status_since as "statusSince", cycle, round, owner_id as "ownerId", queue,
  lead_type as "leadType", band, fit, intent, sla_state as "slaState", territory, due_at as "dueAt", reason, agreement, facts, version, sequence, merged_into as "mergedInto", deleted_at as "deletedAt", changed_at as "changedAt"`);
const accountColumns = fragment(
  `id, external_id as "accountId", facts, handoff, version, sequence, changed_at as "changedAt"`,
);
const taskColumns = fragment(
  `id, key, lead_id as "leadId", owner_id as "ownerId", subject, due_at as "dueAt", state, ` +
    `version, changed_at as "changedAt"`,
);
const noteColumns = fragment(
  `id, key, lead_id as "leadId", account_id as "accountId", body, by_id as "by", at`,
);
const opportunityColumns = fragment(
  `id, external_id as "opportunityId", lead_id as "leadId", stage, deal_stage as "dealStage", ` +
    `amount_minor as "amountMinor", currency, version, created_at as "createdAt", changed_at as "changedAt"`,
);

export interface HousePage {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Live leads in order of id; `q` looks in the address and the name. */
export async function houseLeads(
  db: Db,
  query: HousePage & {
    status?: string | undefined;
    ownerId?: string | undefined;
    q?: string | undefined;
  },
): Promise<HouseLead[]> {
  const { after = "", status = null, ownerId = null, limit } = query;
  const like = query.q === undefined ? null : `%${query.q.replace(/[\\%_]/g, "\\$&")}%`;
  return dated(
    await rows<object>(
      db,
      sql`
        select ${leadColumns} from house_lead where deleted_at is null and merged_into is null
          and id > ${after} and (${status}::text is null or status = ${status})
          and (${ownerId}::text is null or owner_id = ${ownerId})
          and (${like}::text is null or email ilike ${like}
            or facts #>> '{lead.name,value}' ilike ${like})
        order by id limit ${limit}`,
    ),
  );
}

/**
 * A lead by its id in the CRM, deleted and merged ones too; `lock` keeps it until the transaction
 * ends.
 */
export async function houseLead(db: Db, id: string, lock = false): Promise<HouseLead | undefined> {
  return dated<HouseLead>(
    await rows<object>(
      db,
      sql`
        select ${leadColumns} from house_lead where id = ${id}
          ${fragment(lock ? "for update" : "")}`,
    ),
  )[0];
}

/** The record kept for our lead, deleted and merged ones too. */
export async function houseLeadOf(db: Db, leadId: string): Promise<HouseLead | undefined> {
  return dated<HouseLead>(
    await rows<object>(
      db,
      sql`select ${leadColumns} from house_lead where external_id = ${leadId}`,
    ),
  )[0];
}

/** The record kept for our lead, and the one with this id in the CRM; they may be one. */
export const houseLeadsNamed = coalesce(
  async (
    db,
    asked: readonly { readonly leadId: string; readonly crmId: string | null }[],
  ): Promise<HouseLead[][]> => {
    const found = dated<HouseLead>(
      await rows<object>(
        db,
        sql`
          select ${leadColumns} from house_lead
            where external_id = any(${asked.map((one) => one.leadId)}::text[])
              or id = any(${asked.map((one) => one.crmId)}::text[])`,
      ),
    );
    return asked.map(({ leadId, crmId }) =>
      found.filter((one) => one.leadId === leadId || one.id === crmId),
    );
  },
);

/** The oldest live record with this address. */
export async function houseLeadByEmail(db: Db, email: string): Promise<HouseLead | undefined> {
  return dated<HouseLead>(
    await rows<object>(
      db,
      sql`
        select ${leadColumns} from house_lead where email = ${email} and deleted_at is null
          and merged_into is null order by id limit 1`,
    ),
  )[0];
}

export async function houseAccounts(db: Db, page: HousePage): Promise<HouseAccount[]> {
  return dated(
    await rows<object>(
      db,
      sql`
        select ${accountColumns} from house_account where id > ${page.after ?? ""}
          order by id limit ${page.limit}`,
    ),
  );
}

/** A company by its id in the CRM; `lock` keeps it until the transaction ends. */
export async function houseAccount(
  db: Db,
  id: string,
  lock = false,
): Promise<HouseAccount | undefined> {
  return dated<HouseAccount>(
    await rows<object>(
      db,
      sql`
        select ${accountColumns} from house_account where id = ${id}
          ${fragment(lock ? "for update" : "")}`,
    ),
  )[0];
}

/** Tasks, notes and opportunities of one lead, or of all. */
export async function houseTasks(
  db: Db,
  query: HousePage & {
    leadId?: string | undefined;
    ownerId?: string | undefined;
    state?: string | undefined;
  },
): Promise<HouseTask[]> {
  const { after = "", leadId = null, ownerId = null, state = null, limit } = query;
  return dated(
    await rows<object>(
      db,
      sql`
        select ${taskColumns} from house_task where id > ${after}
          and (${leadId}::text is null or lead_id = ${leadId})
          and (${ownerId}::text is null or owner_id = ${ownerId})
          and (${state}::text is null or state = ${state}) order by id limit ${limit}`,
    ),
  );
}

export async function houseTask(db: Db, id: string): Promise<HouseTask | undefined> {
  return dated<HouseTask>(
    await rows<object>(db, sql`select ${taskColumns} from house_task where id = ${id}`),
  )[0];
}

export async function houseNotes(
  db: Db,
  query: HousePage & { leadId?: string | undefined; accountId?: string | undefined },
): Promise<HouseNote[]> {
  const { after = "", leadId = null, accountId = null, limit } = query;
  return dated(
    await rows<object>(
      db,
      sql`
        select ${noteColumns} from house_note where id > ${after}
          and (${leadId}::text is null or lead_id = ${leadId})
          and (${accountId}::text is null or account_id = ${accountId})
        order by id limit ${limit}`,
    ),
  );
}

export async function houseOpportunities(
  db: Db,
  query: HousePage & { leadId?: string | undefined; stage?: string | undefined },
): Promise<HouseOpportunity[]> {
  const { after = "", leadId = null, stage = null, limit } = query;
  return dated(
    await rows<object>(
      db,
      sql`
        select ${opportunityColumns} from house_opportunity where id > ${after}
          and (${leadId}::text is null or lead_id = ${leadId})
          and (${stage}::text is null or stage = ${stage}) order by id limit ${limit}`,
    ),
  );
}

export async function houseOpportunity(db: Db, id: string): Promise<HouseOpportunity | undefined> {
  return dated<HouseOpportunity>(
    await rows<object>(
      db,
      sql`select ${opportunityColumns} from house_opportunity where id = ${id}`,
    ),
  )[0];
}

/**
 * Rows as they came, with instants instead of Dates; the column lists above name exactly the fields
 * of `T`.
 */
function dated<T>(found: readonly object[]): T[] {
  return found.map(
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]: [string, unknown]) => [
          name,
          value instanceof Date ? value.getTime() : value,
        ]),
      ) as T,
  );
}
