import type { Instant } from "../../handoff/time/calendar.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import { placing, type Placed, type Placing } from "../../handoff/accounts/placing.ts";
import type { EmailDomains } from "../../handoff/facts/email.ts";
import { mergeDatedFacts, type DatedFacts } from "../../handoff/facts/merge-facts.ts";
import type { Stage } from "../../handoff/stage.ts";
import type { AccountState } from "./accounts.ts";
import { audit } from "../postgres/audit.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import { domainOfEmail } from "../../spellings/domain.ts";

/** A lead as intake reads and changes it; the stage belongs to its process and is only read. */
export interface IntakePerson {
  readonly id: string;
  readonly isNew: boolean;
  readonly stage: Stage;
  readonly erased: boolean;
  email: string | null;
  crmId: string | null;
  accountId: string | null;
  /** How it came to the account; null: before that was kept. */
  placed: Placed | null;
  facts: DatedFacts;
  /** A handoff of the past that is told later can be older. */
  arrivedAt: Instant;
  readonly imported: boolean;
  /** Something of the row is not as stored. */
  dirty: boolean;
  readonly changed: Set<string>;
  /** Who told what changed: a person, a token or a system. */
  toldBy: string | null;
}

export function newPerson(id: string, now: Instant, imported: boolean): IntakePerson {
  return {
    id,
    isNew: true,
    stage: "new",
    erased: false,
    email: null,
    crmId: null,
    accountId: null,
    placed: null,
    facts: {},
    arrivedAt: now,
    imported,
    dirty: true,
    changed: new Set(),
    toldBy: null,
  };
}

/**
 * These leads, locked until the transaction ends, in the order of ids. Facts are changed under this
 * lock only.
 */
export async function lockPeople(
  tx: Tx,
  ids: readonly string[],
): Promise<Map<string, IntakePerson>> {
  if (ids.length === 0) return new Map();
  const [found, stages] = await Promise.all([
    rows<{
      id: string;
      erased: boolean;
      email: string | null;
      crm_id: string | null;
      account_id: string | null;
      placed: Placed | null;
      facts: DatedFacts;
      arrived_at: Date;
      imported: boolean;
    }>(
      tx,
      sql`
      select id, erased_at is not null as erased, email, crm_id, account_id, placed, facts,
        arrived_at, imported
      from lead where id = any(${ids}::text[]) order by id for no key update`,
    ),
    // Behind the lock and not in it: what is read beside a lock may be from before that had to
    // wait.
    rows<{ id: string; stage: Stage }>(
      tx,
      sql`
      select subject_id as id, stage from process where subject_kind = 'lead'
        and subject_id = any(${ids}::text[])`,
    ),
  ]);
  const stageOf = new Map(stages.map((row) => [row.id, row.stage]));
  return new Map(
    found.map((row) => [
      row.id,
      {
        id: row.id,
        isNew: false,
        stage: stageOf.get(row.id) ?? "new",
        erased: row.erased,
        email: row.email,
        crmId: row.crm_id,
        accountId: row.account_id,
        placed: row.placed,
        facts: row.facts,
        arrivedAt: row.arrived_at.getTime(),
        imported: row.imported,
        dirty: false,
        changed: new Set<string>(),
        toldBy: null,
      },
    ]),
  );
}

/**
 * Those of the leads that are closed, and stay so until the transaction ends. One about which a
 * decision is under way is not among them: it may be reopened by a decision that has not seen what
 * this transaction writes. Waits for nobody.
 */
export async function holdClosed(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const found = await rows<{ id: string }>(
    tx,
    sql`
    select subject_id as id from process where subject_kind = 'lead'
      and subject_id = any(${ids}::text[])
      and stage in ('opportunity', 'disqualified') for share skip locked`,
  );
  return new Set(found.map(({ id }) => id));
}

/**
 * Facts that belong to the person's row: their own, and the domain that says which account is
 * theirs.
 */
function isOwn(field: string): boolean {
  return !field.startsWith("account.") || field === "account.domain";
}

/** What an arrival says about the person's account, besides facts. */
export interface AccountClues {
  /** The domain of the address, whosever it is. */
  readonly emailDomain: string | null;
  /** The CRM's id of the account, where an account is known by it. */
  readonly crmAccountId: string | null;
  readonly domains: EmailDomains | undefined;
}

/** Where the person belongs once `incoming` is merged. */
export function placingOf(
  person: Pick<IntakePerson, "facts" | "accountId" | "placed">,
  incoming: DatedFacts,
  { emailDomain, crmAccountId, domains }: AccountClues,
): Placing {
  const known = person.facts["account.domain"];
  const { facts } = mergeDatedFacts(
    known ? { "account.domain": known } : {},
    incoming["account.domain"] ? { "account.domain": incoming["account.domain"] } : {},
  );
  const { accountId, placed } = person;
  const told = facts["account.domain"];
  return placing({ accountId, placed, crmAccountId, told, emailDomain }, domains);
}

/** What could have named an account for a lead that is at none, and why it did not. */
export function unplacedBy(
  { email, facts }: { readonly email: string | null; readonly facts: DatedFacts },
  domains: EmailDomains | undefined,
): Placing["candidates"] {
  const nowhere = { facts, accountId: null, placed: null };
  const told = email ?? facts["lead.email"]?.value;
  const emailDomain = typeof told === "string" ? domainOfEmail(told) : null;
  return placingOf(nowhere, {}, { emailDomain, crmAccountId: null, domains }).candidates;
}

/** How the person came to the account that `wanted` named, for people who ask why. */
export function placedBy(
  { candidates }: Placing,
  { by, name }: NonNullable<Placing["wanted"]>,
  account: Pick<AccountState, "domain">,
  at: Instant,
): Placed {
  const isAlias = by !== "crm-id" && account.domain !== name;
  return { by, name, at: isoOf(at), ...(isAlias ? { isAlias: true } : {}), candidates };
}

/** A lead that went from one account to another. */
export interface Move {
  readonly leadId: string;
  readonly from: string;
  readonly to: string;
}

/**
 * The move between what the person's account was and what it is; undefined when there is none. A
 * first account is no move.
 */
export function moveOf(person: IntakePerson, before: string | null): Move | undefined {
  if (before === null || person.accountId === null || before === person.accountId) return undefined;
  return { leadId: person.id, from: before, to: person.accountId };
}

/** Puts moves into the audit trail. Call last: the trail is locked until the transaction ends. */
export async function auditMoves(
  tx: Tx,
  moves: readonly {
    readonly leadId: string;
    readonly from: string | null;
    readonly to: string;
    readonly by: string;
  }[],
  now: Instant,
): Promise<void> {
  for (const { leadId, from, to, by } of moves) {
    await audit(tx, { actor: by, what: "lead.moved", subject: leadId, detail: { from, to } }, now);
  }
}

/**
 * Merges facts into the person and their account; without an account its facts wait with the
 * person.
 */
export function absorb(
  person: IntakePerson,
  account: AccountState | undefined,
  incoming: DatedFacts,
): void {
  if (account && account.id !== person.accountId) {
    person.accountId = account.id;
    person.dirty = true;
    const waiting = pick(person.facts, (field) => !isOwn(field));
    if (Object.keys(waiting).length > 0) {
      person.facts = pick(person.facts, isOwn);
      account.facts = mergeDatedFacts(account.facts, waiting).facts;
    }
  }
  const own = mergeDatedFacts(person.facts, account ? pick(incoming, isOwn) : incoming);
  if (own.facts !== person.facts) Object.assign(person, { facts: own.facts, dirty: true });
  for (const field of own.changed) person.changed.add(field);
  if (!account) return;
  const shared = mergeDatedFacts(
    account.facts,
    pick(incoming, (field) => !isOwn(field)),
  );
  account.facts = shared.facts;
  for (const field of shared.changed) person.changed.add(field);
}

/** Writes new and changed people; a new one gets its process and the transition into `new`. */
export async function savePeople(
  tx: Tx,
  people: readonly IntakePerson[],
  now: Instant,
): Promise<void> {
  const fresh = people.filter((person) => person.isNew);
  const known = people.filter((person) => !person.isNew && person.dirty);
  const text = (person: IntakePerson, field: string) => {
    const value = person.facts[field]?.value;
    return typeof value === "string" ? value : null;
  };
  const rowsOf = (list: readonly IntakePerson[]) =>
    JSON.stringify(
      list.map((one) => ({
        id: one.id,
        account_id: one.accountId,
        placed: one.placed,
        email: one.email,
        crm_id: one.crmId,
        facts: one.facts,
        arrived_at: new Date(one.arrivedAt),
        source: text(one, "lead.source"),
        campaign: text(one, "lead.campaign"),
        imported: one.imported,
      })),
    );
  if (fresh.length > 0) {
    await send(
      tx,
      sql`
      with arrived as (
        insert into lead (id, account_id, placed, email, crm_id, facts, source, campaign,
          intake_source, intake_campaign, imported, arrived_at)
        select id, account_id, placed, email, crm_id, facts, source, campaign, source, campaign,
          imported, arrived_at
        from jsonb_to_recordset(${rowsOf(fresh)}::jsonb) as t(id text, account_id text,
          placed jsonb, email text, crm_id text, facts jsonb, source text, campaign text, imported boolean,
          arrived_at timestamptz)
        returning id, arrived_at),
      begun as (
        insert into process (subject_kind, subject_id, stage, stage_since, waiting_on, queue,
          next_step, next_at)
        select 'lead', id, 'new', arrived_at, 'assessment', 'intake', 'assess', arrived_at
          from arrived)
      insert into transition (subject_kind, subject_id, cycle, step,
        from_stage, to_stage, because, at)
      select 'lead', id, 1, 0, null, 'new', 'arrived', arrived_at from arrived`,
    );
  }
  if (known.length > 0) {
    const ids = known.map((one) => one.id);
    await noteSources(tx, known, now);
    // A merged lead's names are the survivor's now; its own row may still hold them.
    await send(
      tx,
      sql`
        update lead set email = null from process p where p.subject_kind = 'lead'
          and p.subject_id = lead.id and p.merged_into is not null
          and email = any(${known.map((one) => one.email)}::text[])
          and not id = any(${ids}::text[])`,
    );
    await send(
      tx,
      sql`
        update lead set crm_id = null from process p where p.subject_kind = 'lead'
          and p.subject_id = lead.id and p.merged_into is not null
          and crm_id = any(${known.map((one) => one.crmId)}::text[])
          and not id = any(${ids}::text[])`,
    );
    await send(
      tx,
      sql`
      update lead set account_id = t.account_id, placed = t.placed, email = t.email,
        crm_id = t.crm_id, facts = t.facts, source = t.source, campaign = t.campaign
      from jsonb_to_recordset(${rowsOf(known)}::jsonb) as t(id text, account_id text,
        placed jsonb, email text, crm_id text, facts jsonb, source text, campaign text)
      where lead.id = t.id`,
    );
  }
}

const sourceFields = ["source", "campaign"] as const;

/** Who told another source or campaign than the one that is stored, before it is stored. */
async function noteSources(tx: Tx, known: readonly IntakePerson[], now: Instant): Promise<void> {
  const changes = known.flatMap(({ id, facts, changed, toldBy }) =>
    sourceFields.flatMap((field) => {
      const fact = facts[`lead.${field}`];
      return changed.has(`lead.${field}`) && fact
        ? [{ id, field, value: fact.value, witness: fact.from, by: toldBy }]
        : [];
    }),
  );
  if (changes.length === 0) return;
  await send(
    tx,
    sql`
    insert into source_change (lead_id, field, from_value, to_value, witness, by_id, at)
    select l.id, c.field, case c.field when 'source' then l.source else l.campaign end, c.value,
      c.witness, c.by, ${new Date(now)}
    from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as c(id text, field text, value text,
      witness text, by text) join lead l on l.id = c.id`,
  );
}

function pick(facts: DatedFacts, wanted: (field: string) => boolean): DatedFacts {
  return Object.fromEntries(Object.entries(facts).filter(([field]) => wanted(field)));
}
