import type { Instant } from "../handoff/calendar.ts";
import { mergeFacts, type DatedFacts } from "../handoff/merge-facts.ts";
import type { Stage } from "../handoff/stage.ts";
import type { AccountState } from "./accounts.ts";
import { rows, send, sql, type Tx } from "./db.ts";

/** A lead as intake reads and changes it; stage and what hangs on it belong to its process. */
export interface Person {
  readonly id: string;
  readonly isNew: boolean;
  readonly stage: Stage;
  readonly erased: boolean;
  email: string | null;
  crmId: string | null;
  accountId: string | null;
  facts: DatedFacts;
  readonly arrivedAt: Instant;
  readonly imported: boolean;
  /** Something of the row is not as stored. */
  dirty: boolean;
  readonly changed: Set<string>;
}

export function newPerson(id: string, now: Instant, imported: boolean): Person {
  return {
    id,
    isNew: true,
    stage: "new",
    erased: false,
    email: null,
    crmId: null,
    accountId: null,
    facts: {},
    arrivedAt: now,
    imported,
    dirty: true,
    changed: new Set(),
  };
}

/** These leads, locked until the transaction ends, in the order of ids. Facts and stage are changed under this lock only. */
export async function lockPeople(tx: Tx, ids: readonly string[]): Promise<Map<string, Person>> {
  if (ids.length === 0) return new Map();
  const found = await rows<{
    id: string;
    stage: Stage;
    erased: boolean;
    email: string | null;
    crm_id: string | null;
    account_id: string | null;
    facts: DatedFacts;
    arrived_at: Date;
    imported: boolean;
  }>(
    tx,
    sql`
    select id, stage, erased_at is not null as erased, email, crm_id, account_id, facts, arrived_at, imported
    from lead where id = any(${ids}::text[]) order by id for no key update`,
  );
  return new Map(
    found.map((row) => [
      row.id,
      {
        id: row.id,
        isNew: false,
        stage: row.stage,
        erased: row.erased,
        email: row.email,
        crmId: row.crm_id,
        accountId: row.account_id,
        facts: row.facts,
        arrivedAt: row.arrived_at.getTime(),
        imported: row.imported,
        dirty: false,
        changed: new Set<string>(),
      },
    ]),
  );
}

/** Facts that belong to the person's row: their own, and the domain that says which account is theirs. */
function isOwn(field: string): boolean {
  return !field.startsWith("account.") || field === "account.domain";
}

/** The domain of the account that the person belongs to once `incoming` is merged; undefined: as it is. */
export function wantedDomain(
  person: Person,
  incoming: DatedFacts,
  emailDomain: string | null,
): string | undefined {
  const known = person.facts["account.domain"];
  const { facts } = mergeFacts(
    known ? { "account.domain": known } : {},
    incoming["account.domain"] ? { "account.domain": incoming["account.domain"] } : {},
  );
  const given = facts["account.domain"]?.value;
  if (typeof given === "string") return given;
  return person.accountId === null ? (emailDomain ?? undefined) : undefined;
}

/** Merges facts into the person and their account; without an account its facts wait with the person. */
export function absorb(
  person: Person,
  account: AccountState | undefined,
  incoming: DatedFacts,
): void {
  if (account && account.id !== person.accountId) {
    person.accountId = account.id;
    person.dirty = true;
    const waiting = pick(person.facts, (field) => !isOwn(field));
    if (Object.keys(waiting).length > 0) {
      person.facts = pick(person.facts, isOwn);
      account.facts = mergeFacts(account.facts, waiting).facts;
    }
  }
  const own = mergeFacts(person.facts, account ? pick(incoming, isOwn) : incoming);
  if (own.facts !== person.facts) Object.assign(person, { facts: own.facts, dirty: true });
  for (const field of own.changed) person.changed.add(field);
  if (!account) return;
  const shared = mergeFacts(
    account.facts,
    pick(incoming, (field) => !isOwn(field)),
  );
  account.facts = shared.facts;
  for (const field of shared.changed) person.changed.add(field);
}

/** Writes new and changed people; a new one gets the transition into `new`. */
export async function savePeople(tx: Tx, people: readonly Person[], now: Instant): Promise<void> {
  const fresh = people.filter((person) => person.isNew);
  const known = people.filter((person) => !person.isNew && person.dirty);
  const text = (person: Person, field: string) => {
    const value = person.facts[field]?.value;
    return typeof value === "string" ? value : null;
  };
  const rowsOf = (list: readonly Person[]) =>
    JSON.stringify(
      list.map((one) => ({
        id: one.id,
        account_id: one.accountId,
        email: one.email,
        crm_id: one.crmId,
        facts: one.facts,
        source: text(one, "lead.source"),
        campaign: text(one, "lead.campaign"),
        imported: one.imported,
      })),
    );
  if (fresh.length > 0) {
    const at = new Date(now);
    await send(
      tx,
      sql`
      with arrived as (
        insert into lead (id, account_id, email, crm_id, facts, source, campaign, imported, arrived_at, stage, stage_since, waiting_on, queue, next_step, next_at)
        select id, account_id, email, crm_id, facts, source, campaign, imported, ${at}, 'new', ${at}, 'assessment', 'intake', 'assess', ${at}
        from jsonb_to_recordset(${rowsOf(fresh)}::jsonb) as t(id text, account_id text, email text, crm_id text, facts jsonb, source text, campaign text, imported boolean)
        returning id)
      insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because, at)
      select 'lead', id, 1, 0, null, 'new', 'arrived', ${at} from arrived`,
    );
  }
  if (known.length > 0) {
    const ids = known.map((one) => one.id);
    // A merged lead's names are the survivor's now; its own row may still hold them.
    await send(
      tx,
      sql`update lead set email = null where merged_into is not null and email = any(${known.map((one) => one.email)}::text[]) and not id = any(${ids}::text[])`,
    );
    await send(
      tx,
      sql`update lead set crm_id = null where merged_into is not null and crm_id = any(${known.map((one) => one.crmId)}::text[]) and not id = any(${ids}::text[])`,
    );
    await send(
      tx,
      sql`
      update lead set account_id = t.account_id, email = t.email, crm_id = t.crm_id, facts = t.facts, source = t.source, campaign = t.campaign
      from jsonb_to_recordset(${rowsOf(known)}::jsonb) as t(id text, account_id text, email text, crm_id text, facts jsonb, source text, campaign text)
      where lead.id = t.id`,
    );
  }
}

function pick(facts: DatedFacts, wanted: (field: string) => boolean): DatedFacts {
  return Object.fromEntries(Object.entries(facts).filter(([field]) => wanted(field)));
}
