import { lastComparison } from "../inbox/comparison.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";

/** Nothing is lost and nothing is counted twice, of accounts that were flagged. */
export interface AccountConservation {
  /** Flags that began a handoff, of which so many stand open and so many are closed. */
  readonly handedOff: number;
  readonly open: number;
  readonly closed: number;
  readonly residue: number;
  /** The first hundred that do not stand where their last move, their flag or their handoff says. */
  readonly astray: { readonly count: number; readonly accounts: readonly string[] };
  /** The same of open ones that nobody has, in no queue either, or without a next step. */
  readonly adrift: { readonly count: number; readonly accounts: readonly string[] };
  /** Open ones without a running process by the last comparison; null before the first one. */
  readonly withoutProcess: (AccountConservation["adrift"] & { readonly comparedAt: string }) | null;
}

/** Counts each beginning and each end of a handoff of an account, and where each stands now. */
export async function accountConservation(db: Db): Promise<AccountConservation> {
  const found = await firstRow<{
    handed_off: number;
    open: number;
    closed: number;
    astray: string[];
    adrift: string[];
  }>(
    db,
    sql`
    with p as (
      select *, stage not in ('opportunity', 'disqualified') as is_open from process
        where subject_kind = 'account'),
    moves as (select * from transition where subject_kind = 'account'),
    astray as (
      select p.subject_id as id from p where
        p.stage is distinct from (select m.to_stage from moves m where m.subject_id = p.subject_id
          order by m.cycle desc, m.step desc,
            (m.to_stage in ('opportunity', 'disqualified')) desc limit 1)
        -- One that became part of another has lost its flag to it, and is about to end.
        or (p.is_open <> exists (select from account_flag f where f.account_id = p.subject_id
          and f.ended_at is null) and not (p.is_open and exists (select from account a
          where a.id = p.subject_id and a.merged_into is not null)))
        or (p.stage in ('mql', 'sal', 'sql')) <> exists (select from handoff h
          where h.subject_kind = 'account' and h.subject_id = p.subject_id and h.state = 'open'
            and h.cycle = p.cycle and h.id = p.handoff_id)
        or exists (select from handoff h where h.subject_kind = 'account'
          and h.subject_id = p.subject_id and h.state = 'open' and h.cycle <> p.cycle)
      -- A flag that nobody hands off, unless the account is about to be judged.
      union select f.account_id from account_flag f where f.ended_at is null
        and not exists (select from p where p.subject_id = f.account_id and p.is_open)
        and not exists (select from account_news n where n.account_id = f.account_id)
      -- A handoff that has no process.
      union select h.subject_id from handoff h where h.subject_kind = 'account'
        and h.state = 'open' and not exists (select from p where p.subject_id = h.subject_id)),
    adrift as (
      select subject_id as id from p where is_open
        and ((owner_id is null and queue is null) or coalesce(next_step, '') = ''))
    select (select count(*)::int from moves where to_stage = 'new') as handed_off,
      (select count(*)::int from p where is_open) as open,
      (select count(*)::int from moves where to_stage in ('opportunity', 'disqualified')) as closed,
      (select coalesce(array_agg(id order by id), '{}') from astray) as astray,
      (select coalesce(array_agg(id order by id), '{}') from adrift) as adrift`,
  );
  const { handed_off: handedOff = 0, open = 0, closed = 0, astray = [], adrift = [] } = found ?? {};
  const first = (ids: readonly string[]) => ({ count: ids.length, accounts: ids.slice(0, 100) });
  const compared = await lastComparison(db);
  return {
    handedOff,
    open,
    closed,
    residue: handedOff - open - closed,
    astray: first(astray),
    adrift: first(adrift),
    withoutProcess: compared
      ? {
          count: compared.accountsWithoutProcess,
          accounts: compared.accounts,
          comparedAt: compared.at.toISOString(),
        }
      : null,
  };
}
