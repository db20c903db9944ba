import type { AccountRules } from "../../handoff/agreement.ts";
import { judgeAccount, type AccountStanding } from "../../handoff/accounts/standing.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, inTransaction, rows, send, sql, type Pool, type Tx } from "../postgres/db.ts";
import { enqueue, processSignal, type ProcessRef } from "../postgres/outbox.ts";
import type { Agreements, AgreementVersion } from "../process/agreements.ts";
import { beginHandoff, raiseFlag, withdrawFlag } from "./flags.ts";
import { knownAccounts, type KnownStored } from "./known.ts";

export interface AccountsLook {
  readonly pool: Pool;
  readonly agreements: Agreements;
}

/** What one look found to do. */
export interface Looked {
  readonly judged: number;
  /** Accounts that were flagged. */
  readonly raised: readonly string[];
  readonly isMore: boolean;
}

const nothing: Looked = { judged: 0, raised: [], isMore: false };

/** So many rows of news, and so many accounts, are taken in one transaction. */
const mostNews = 5_000;
const mostAccounts = 200;

/**
 * Judges the accounts of which there is news, and those that time has changed, at most 200; flags
 * those that the agreement wants flagged. Several workers may do so at once: each account is judged
 * under its lock, from what is committed, so a flag is raised once however many people engage.
 */
export async function lookAtAccounts(
  { pool, agreements }: AccountsLook,
  now: Instant,
): Promise<Looked> {
  const version = await agreements.active(pool);
  if (!version) return nothing;
  await followAgreement(pool, version.id);
  return inTransaction(pool, async (tx) => {
    const { ids, isMore } = await takeNews(tx, now);
    if (ids.length === 0) return nothing;
    const raised = await judgeAccounts(tx, version, ids, now);
    return { judged: ids.length, raised, isMore };
  });
}

/** Another version of the agreement may judge any account otherwise: each is news. */
async function followAgreement(pool: Pool, agreementId: string): Promise<void> {
  const known = await firstRow<{ agreement_id: string | null }>(
    pool,
    sql`select agreement_id from account_recount`,
  );
  if (known?.agreement_id === agreementId) return;
  await inTransaction(pool, async (tx) => {
    const changed = await tx.query(sql`
      update account_recount set agreement_id = ${agreementId}
        where agreement_id is distinct from ${agreementId}`);
    if (changed.rowCount === 0) return;
    await send(
      tx,
      sql`
      insert into account_news (account_id)
        select account_id from contact_engagement where account_id is not null
        union select account_id from account_standing
        union select account_id from account_flag where ended_at is null`,
    );
  });
}

/**
 * Takes news and what is due. Whose account somebody else judges just now stays: its news come
 * again.
 */
async function takeNews(
  tx: Tx,
  now: Instant,
): Promise<{ ids: readonly string[]; isMore: boolean }> {
  const taken = await rows<{ id: string; account_id: string }>(
    tx,
    sql`
    select id, account_id from account_news order by id limit ${mostNews}
      for update skip locked`,
  );
  const due = await rows<{ account_id: string }>(
    tx,
    sql`
    select account_id from account_standing where next_change_at <= ${new Date(now)}
      order by next_change_at limit ${mostAccounts}`,
  );
  const wanted = [...new Set([...taken, ...due].map((one) => one.account_id))]
    .slice(0, mostAccounts)
    .sort();
  const locked = await rows<{ id: string }>(
    tx,
    sql`
    select id from account where id = any(${wanted}::text[]) order by id
      for no key update skip locked`,
  );
  const ids = locked.map(({ id }) => id);
  // News of accounts that are no more go with them.
  const gone = await rows<{ id: string }>(
    tx,
    sql`
    select w.id from unnest(${wanted}::text[]) as w(id)
      where not exists (select from account a where a.id = w.id)`,
  );
  const done = new Set([...ids, ...gone.map(({ id }) => id)]);
  const over = taken.filter((one) => done.has(one.account_id)).map(({ id }) => id);
  if (over.length > 0)
    await send(tx, sql`delete from account_news where id = any(${over}::bigint[])`);
  const isMore =
    ids.length > 0 &&
    (taken.length === mostNews || over.length < taken.length || due.length === mostAccounts);
  return { ids, isMore };
}

/** Judges these accounts, which are locked; gives those that were flagged. */
async function judgeAccounts(
  tx: Tx,
  version: AgreementVersion,
  ids: readonly string[],
  now: Instant,
): Promise<string[]> {
  const rules = version.agreement.accounts;
  const open = await openHandoffs(tx, ids);
  if (rules === null) {
    await send(tx, sql`delete from account_standing where account_id = any(${ids}::text[])`);
    // What is handed off is decided by the version under which it began.
    for (const id of ids.filter((one) => !open.has(one)))
      await withdrawFlag(tx, id, "the agreement asks for no engaged accounts", now);
    return [];
  }
  const found = await knownAccounts(tx, ids, version.agreement, rules, now);
  const raised: string[] = [];
  const judged: Judged[] = [];
  for (const account of found) {
    if (account.mergedInto !== null) continue;
    const { id } = account;
    const standing = judgeAccount(version.agreement, rules, account.known);
    const handoff = open.get(id);
    if (handoff !== undefined) {
      const told = whatEndsIt(account, standing);
      if (told !== handoff.told)
        await enqueue(tx, processSignal(handoff, "signal", "factsChanged", { id }, 1), now);
      judged.push({ id, ...standing, told });
      continue;
    }
    if (standing.flag === "raise") {
      await raiseFlag(tx, version, rules, { account, standing }, now);
      raised.push(id);
    } else if (standing.flag !== null) {
      await withdrawFlag(tx, id, standing.flag.withdraw, now);
    } else if (account.openFlag !== null) {
      await beginHandoff(tx, version, id, now);
    }
    const stands = after(version, rules, account, standing, now);
    // Whoever is handed off from here on is judged by what is known now.
    judged.push({ id, ...stands, told: whatEndsIt(account, stands) });
  }
  await keepStandings(tx, version.id, judged, now);
  const merged = found.filter(({ mergedInto }) => mergedInto !== null).map(({ id }) => id);
  if (merged.length > 0)
    await send(tx, sql`delete from account_standing where account_id = any(${merged}::text[])`);
  return raised;
}

type Judged = AccountStanding & { readonly id: string; readonly told: string | null };

/** Those of the accounts that are handed off just now, with what their process was told last. */
async function openHandoffs(
  tx: Tx,
  ids: readonly string[],
): Promise<Map<string, ProcessRef & { readonly told: string | null }>> {
  const found = await rows<{ id: string; cycle: number; told: string | null }>(
    tx,
    sql`
    select p.subject_id as id, p.cycle, s.told from process p
      left join account_standing s on s.account_id = p.subject_id
    where p.subject_kind = 'account' and p.subject_id = any(${ids}::text[])
      and p.stage not in ('opportunity', 'disqualified')`,
  );
  return new Map(found.map(({ id, ...one }) => [id, { kind: "account", id, ...one }]));
}

/** What may end an open handoff, as a word to compare. How many people engage is none of it. */
function whatEndsIt({ known: { facts } }: KnownStored, { flag }: AccountStanding): string {
  const of = ["account.customer", "account.competitor", "account.openOpportunities"] as const;
  return JSON.stringify([...of.map((path) => facts[path] ?? null), flag !== null]);
}

/** As it stands with the flag that was just raised or withdrawn. */
function after(
  { agreement }: AgreementVersion,
  rules: AccountRules,
  { known }: KnownStored,
  standing: AccountStanding,
  now: Instant,
): AccountStanding {
  if (standing.flag === null) return standing;
  const flag =
    standing.flag === "raise"
      ? { raisedAt: now, endedAt: null }
      : known.flag && { ...known.flag, endedAt: now };
  return judgeAccount(agreement, rules, { ...known, flag });
}

async function keepStandings(
  tx: Tx,
  agreementId: string,
  judged: readonly Judged[],
  now: Instant,
): Promise<void> {
  if (judged.length === 0) return;
  const given = judged.map(({ id, contacts, engaged, holds, trace, nextChangeAt, told }) => ({
    id,
    contacts,
    engaged,
    holds,
    trace,
    told,
    next: nextChangeAt === null ? null : new Date(nextChangeAt),
  }));
  await send(
    tx,
    sql`
    insert into account_standing (account_id, agreement_id, contacts, engaged, holds, trace,
      judged_at, next_change_at, told)
    select id, ${agreementId}, contacts, engaged, holds, trace, ${new Date(now)}, next, told
    from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as t(id text, contacts integer,
      engaged boolean, holds boolean, trace jsonb, next timestamptz, told text)
    on conflict (account_id) do update set agreement_id = excluded.agreement_id,
      contacts = excluded.contacts, engaged = excluded.engaged, holds = excluded.holds,
      trace = excluded.trace, judged_at = excluded.judged_at,
      next_change_at = excluded.next_change_at, told = excluded.told`,
  );
}
