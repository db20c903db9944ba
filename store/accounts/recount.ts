import { judgeAccount } from "../../handoff/accounts/standing.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import {
  firstRow,
  inTransaction,
  readAtOnce,
  rows,
  send,
  sql,
  type Db,
  type Pool,
  type Tx,
} from "../postgres/db.ts";
import { withoutRests, type Pace } from "../postgres/pace.ts";
import type { Agreements, AgreementVersion } from "../process/agreements.ts";
import { knownAccounts } from "./known.ts";
import type { AccountsLook } from "./look.ts";

/** Something kept of an account that is not what its engagements and facts say. */
export interface AccountDifference {
  /** The latest engagements of a lead, or where the account stands. */
  readonly what: "latest" | "standing";
  /** The lead's id, or the account's. */
  readonly of: string;
}

/** What a count of everything found. */
export interface AccountRecount {
  readonly accounts: number;
  /** 0, or something wrote past what keeps accounts. */
  readonly differences: readonly AccountDifference[];
}

/** So many leads, and so many accounts, are compared in one step. */
const pageSize = 2_000;

/**
 * Counts everything that accounts are judged by anew, page by page, and compares with what is kept:
 * each page as all stood at one moment, by the time and the version that it is then, so nothing needs
 * a snapshot that lasts for all. Accounts of which there is news, those that time has changed since,
 * and all of them while another version has just become active, are judged by the next look and not
 * compared.
 */
export async function compareAccounts(
  { pool, agreements }: AccountsLook,
  clock: () => Instant,
  pace: Pace = withoutRests,
): Promise<AccountRecount> {
  const differences: AccountDifference[] = [];
  await overPages(pool, pace, async (tx, after) => {
    const page = await latestOf(tx, after);
    differences.push(...page.differences);
    return page.last;
  });
  let accounts = 0;
  await overPages(pool, pace, async (tx, after) => {
    const version = await followedVersion(tx, agreements);
    if (version === null) return null;
    const page = await standingsOf(tx, version, clock(), after);
    accounts += page.accounts;
    differences.push(...page.differences);
    return page.last;
  });
  return { accounts, differences };
}

/**
 * The active version, once the looks follow it: from then on every account that it may judge otherwise
 * is news. Null before that.
 */
async function followedVersion(tx: Tx, agreements: Agreements): Promise<AgreementVersion | null> {
  const version = await agreements.active(tx);
  const followed = await firstRow<{ agreement_id: string | null }>(
    tx,
    sql`select agreement_id from account_recount`,
  );
  return version !== null && version.id === followed?.agreement_id ? version : null;
}

/** Pages one after the other; each says the id after which the next one begins, or null. */
async function overPages(
  pool: Pool,
  pace: Pace,
  page: (tx: Tx, after: string) => Promise<string | null>,
): Promise<void> {
  for (let after: string | null = ""; after !== null;) {
    const from: string = after;
    after = await pace(() => readAtOnce(pool, (tx) => page(tx, from)));
  }
}

interface AccountsPage {
  readonly last: string | null;
  readonly accounts: number;
  readonly differences: readonly AccountDifference[];
}

/** Leads of a page whose latest engagements are not kept as they are. */
async function latestOf(tx: Tx, after: string): Promise<AccountsPage> {
  const page: { id: string }[] = await rows(
    tx,
    sql`select id from lead where id > ${after} order by id limit ${pageSize}`,
  );
  const last = page.length < pageSize ? null : (page.at(-1)?.id ?? null);
  const found: { lead_id: string }[] = await rows(
    tx,
    sql`
      with counted as (
        select e.lead_id, e.type, l.account_id, max(e.occurred_at) as at
          from lead l join engagement e on e.lead_id = l.id
          where l.id > ${after} and (${last}::text is null or l.id <= ${last}::text)
          group by e.lead_id, e.type, l.account_id),
      kept as (
        select lead_id, type, account_id, at from contact_engagement
          where lead_id > ${after} and (${last}::text is null or lead_id <= ${last}::text))
      select distinct lead_id from (
        (select * from counted except select * from kept)
        union all (select * from kept except select * from counted)) d order by 1`,
  );
  const differences = found.map(({ lead_id: of }) => ({ what: "latest" as const, of }));
  return { last, accounts: 0, differences };
}

/** Accounts of a page that do not stand where all that is known of them puts them. */
async function standingsOf(
  tx: Tx,
  version: AgreementVersion,
  now: Instant,
  after: string,
): Promise<AccountsPage> {
  const rules = version.agreement.accounts;
  const page: { id: string; agreement_id: string | null; is_awaited: boolean }[] = await rows(
    tx,
    sql`
      select a.id, s.agreement_id, (s.next_change_at <= ${new Date(now)}) is true or exists (
          select from account_news n where n.account_id = a.id) as is_awaited
      from account a left join account_standing s on s.account_id = a.id
      where a.id > ${after} order by a.id limit ${pageSize}`,
  );
  const last = page.length < pageSize ? null : (page.at(-1)?.id ?? null);
  // Until every account has been judged by the active version, the others are under way.
  const settled = page.filter(
    (one) => !one.is_awaited && (one.agreement_id ?? version.id) === version.id,
  );
  const ids = settled.map(({ id }) => id);
  if (rules === null)
    return {
      last,
      accounts: page.length,
      differences: settled.flatMap(({ id, agreement_id }) =>
        agreement_id === null ? [] : [{ what: "standing" as const, of: id }],
      ),
    };
  const differences: AccountDifference[] = [];
  const kept = new Map((await keptStandings(tx, ids)).map((one) => [one.account_id, one]));
  for (const { id, mergedInto, known } of await knownAccounts(
    tx,
    ids,
    version.agreement,
    rules,
    now,
    "counted",
  )) {
    const stands = kept.get(id);
    const counted = judgeAccount(version.agreement, rules, known);
    const isEqual =
      stands === undefined
        ? // One of which there never was news: nobody engaged there.
          mergedInto !== null || !counted.engaged
        : mergedInto === null &&
          stands.engaged === counted.engaged &&
          stands.holds === counted.holds &&
          (stands.next_change_at?.getTime() ?? null) === counted.nextChangeAt &&
          // What is handed off is decided by the version under which it began.
          (counted.flag === null || (counted.flag !== "raise" && stands.is_handed_off));
    if (!isEqual) differences.push({ what: "standing", of: id });
  }
  return { last, accounts: page.length, differences };
}

function keptStandings(
  db: Db,
  ids: readonly string[],
): Promise<
  {
    account_id: string;
    engaged: boolean;
    holds: boolean;
    next_change_at: Date | null;
    is_handed_off: boolean;
  }[]
> {
  return rows(
    db,
    sql`
    select account_id, engaged, holds, next_change_at, exists (select from process p
        where p.subject_kind = 'account' and p.subject_id = account_id
          and p.stage not in ('opportunity', 'disqualified')) as is_handed_off
    from account_standing where account_id = any(${ids}::text[])`,
  );
}

/** What the last count of everything found; null before the first one. */
export async function lastAccountRecount(
  db: Db,
): Promise<{ readonly at: Date; readonly differences: number } | null> {
  const found = await firstRow<{ at: Date | null; differences: number }>(
    db,
    sql`select at, differences::int as differences from account_recount`,
  );
  return found?.at ? { at: found.at, differences: found.differences } : null;
}

/** So many differences are told in full. */
const mostTold = 100;

/**
 * Compares, puts the result on record, and makes right what is wrong: the latest engagements of
 * leads are counted anew, and accounts are judged anew by the next look. When another worker counted
 * in the meantime it has done so, and nothing is recorded.
 */
export async function recountAccounts(
  look: AccountsLook,
  clock: () => Instant,
  pace: Pace = withoutRests,
): Promise<AccountRecount & { readonly isRecorded: boolean }> {
  const now = clock();
  const before = (await lastAccountRecount(look.pool))?.at ?? null;
  const found = await compareAccounts(look, clock, pace);
  const of = (what: AccountDifference["what"]) =>
    found.differences.filter((one) => one.what === what).map((one) => one.of);
  const isRecorded = await inTransaction(look.pool, async (tx) => {
    const { rowCount } = await tx.query(sql`
      update account_recount set at = ${new Date(now)}, accounts = ${found.accounts},
        differences = ${found.differences.length},
        detail = ${JSON.stringify(found.differences.slice(0, mostTold))}::jsonb
      where at is not distinct from ${before}`);
    if (rowCount === 0) return false;
    const leads = of("latest");
    if (leads.length > 0) {
      // As whoever writes engagements holds them.
      await send(
        tx,
        sql`
        select from lead where id = any(${leads}::text[]) order by id for no key update`,
      );
      await send(tx, sql`select count_contacts(${leads}::text[])`);
    }
    await send(
      tx,
      sql`insert into account_news (account_id) select unnest(${of("standing")}::text[])`,
    );
    return true;
  });
  return { ...found, isRecorded };
}
