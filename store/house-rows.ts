import type { Fact } from "../crm/change.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { FieldPath } from "../handoff/facts.ts";
import { prepared, rows, type Db } from "./db.ts";
import { shared } from "./shared.ts";

/** Records of the built-in CRM as its users see them. */
export interface HouseLead {
  readonly id: string;
  readonly leadId: string | null;
  readonly accountId: string | null;
  readonly email: string | null;
  readonly status: string;
  readonly statusSince: Instant;
  readonly ownerId: string | null;
  readonly queue: string | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly territory: string | null;
  readonly dueAt: Instant | null;
  readonly reason: string | null;
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
  readonly version: number;
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
export interface HouseNote {
  readonly id: string;
  readonly key: string;
  readonly leadId: string;
  readonly body: string;
  readonly by: string;
  readonly at: Instant;
}
export interface HouseOpportunity {
  readonly id: string;
  readonly opportunityId: string | null;
  readonly leadId: string;
  readonly stage: "open" | "won" | "lost";
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly version: number;
  readonly createdAt: Instant;
  readonly changedAt: Instant;
}

const leadColumns = `id, external_id as "leadId", account_id as "accountId", email, status, status_since as "statusSince", owner_id as "ownerId", queue,
  lead_type as "leadType", band, territory, due_at as "dueAt", reason, facts, version, sequence, merged_into as "mergedInto", deleted_at as "deletedAt", changed_at as "changedAt"`;
const accountColumns = `id, external_id as "accountId", facts, version, changed_at as "changedAt"`;
const taskColumns = `id, key, lead_id as "leadId", owner_id as "ownerId", subject, due_at as "dueAt", state, version, changed_at as "changedAt"`;
const noteColumns = `id, key, lead_id as "leadId", body, by_id as "by", at`;
const opportunityColumns = `id, external_id as "opportunityId", lead_id as "leadId", stage, amount_minor as "amountMinor", currency, version, created_at as "createdAt", changed_at as "changedAt"`;

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
  const like = query.q === undefined ? null : `%${query.q.replace(/[\\%_]/g, "\\$&")}%`;
  return dated(
    await rows<object>(db, {
      text: `select ${leadColumns} from house_lead where deleted_at is null and merged_into is null and id > $1
      and ($2::text is null or status = $2) and ($3::text is null or owner_id = $3)
      and ($4::text is null or email ilike $4 or facts #>> '{lead.name,value}' ilike $4) order by id limit $5`,
      values: [query.after ?? "", query.status ?? null, query.ownerId ?? null, like, query.limit],
    }),
  );
}

/** A lead by its id in the CRM, deleted and merged ones too; `lock` keeps it until the transaction ends. */
export async function houseLead(db: Db, id: string, lock = false): Promise<HouseLead | undefined> {
  return dated<HouseLead>(
    await rows<object>(
      db,
      prepared(lock ? "house-lead-locked" : "house-lead", {
        text: `select ${leadColumns} from house_lead where id = $1 ${lock ? "for update" : ""}`,
        values: [id],
      }),
    ),
  )[0];
}

/** The record kept for our lead, deleted and merged ones too. */
export async function houseLeadOf(db: Db, leadId: string): Promise<HouseLead | undefined> {
  return dated<HouseLead>(
    await rows<object>(
      db,
      prepared("house-lead-of", {
        text: `select ${leadColumns} from house_lead where external_id = $1`,
        values: [leadId],
      }),
    ),
  )[0];
}

/** The record kept for our lead, and the one with this id in the CRM; they may be one. */
export const houseLeadsNamed = shared(
  async (
    db,
    asked: readonly { readonly leadId: string; readonly crmId: string | null }[],
  ): Promise<HouseLead[][]> => {
    const found = dated<HouseLead>(
      await rows<object>(
        db,
        prepared("house-leads-named", {
          text: `select ${leadColumns} from house_lead where external_id = any($1) or id = any($2)`,
          values: [asked.map((one) => one.leadId), asked.map((one) => one.crmId)],
        }),
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
      prepared("house-lead-by-email", {
        text: `select ${leadColumns} from house_lead where email = $1 and deleted_at is null and merged_into is null order by id limit 1`,
        values: [email],
      }),
    ),
  )[0];
}

export async function houseAccounts(db: Db, page: HousePage): Promise<HouseAccount[]> {
  return dated(
    await rows<object>(db, {
      text: `select ${accountColumns} from house_account where id > $1 order by id limit $2`,
      values: [page.after ?? "", page.limit],
    }),
  );
}

export async function houseAccount(db: Db, id: string): Promise<HouseAccount | undefined> {
  return dated<HouseAccount>(
    await rows<object>(db, {
      text: `select ${accountColumns} from house_account where id = $1`,
      values: [id],
    }),
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
  return dated(
    await rows<object>(db, {
      text: `select ${taskColumns} from house_task where id > $1 and ($2::text is null or lead_id = $2) and ($3::text is null or owner_id = $3)
      and ($4::text is null or state = $4) order by id limit $5`,
      values: [
        query.after ?? "",
        query.leadId ?? null,
        query.ownerId ?? null,
        query.state ?? null,
        query.limit,
      ],
    }),
  );
}

export async function houseTask(db: Db, id: string): Promise<HouseTask | undefined> {
  return dated<HouseTask>(
    await rows<object>(db, {
      text: `select ${taskColumns} from house_task where id = $1`,
      values: [id],
    }),
  )[0];
}

export async function houseNotes(
  db: Db,
  query: HousePage & { leadId?: string | undefined },
): Promise<HouseNote[]> {
  return dated(
    await rows<object>(db, {
      text: `select ${noteColumns} from house_note where id > $1 and ($2::text is null or lead_id = $2) order by id limit $3`,
      values: [query.after ?? "", query.leadId ?? null, query.limit],
    }),
  );
}

export async function houseOpportunities(
  db: Db,
  query: HousePage & { leadId?: string | undefined; stage?: string | undefined },
): Promise<HouseOpportunity[]> {
  return dated(
    await rows<object>(db, {
      text: `select ${opportunityColumns} from house_opportunity where id > $1 and ($2::text is null or lead_id = $2) and ($3::text is null or stage = $3) order by id limit $4`,
      values: [query.after ?? "", query.leadId ?? null, query.stage ?? null, query.limit],
    }),
  );
}

export async function houseOpportunity(db: Db, id: string): Promise<HouseOpportunity | undefined> {
  return dated<HouseOpportunity>(
    await rows<object>(db, {
      text: `select ${opportunityColumns} from house_opportunity where id = $1`,
      values: [id],
    }),
  )[0];
}

/** Rows as they came, with instants instead of Dates; the column lists above name exactly the fields of `T`. */
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
