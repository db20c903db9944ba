import type { AccountRules, Agreement } from "../../handoff/agreement.ts";
import { signalsFrom } from "../../handoff/accounts/standing.ts";
import { accountChange, type AccountChange } from "../../handoff/governance/planning-accounts.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { knownAccounts, type KnownStored } from "../accounts/known.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { mostListed } from "./moved-deadlines.ts";

/** Which accounts a version would flag, and which it would not flag any more, as of now. */
export interface PlannedFlags {
  /** Accounts with enough people for one of the versions: these were looked at. */
  readonly accounts: number;
  /** The version would flag them, the active one does not. */
  readonly flagged: ChangedAccounts;
  /** The active one does, the version would not. */
  readonly spared: ChangedAccounts;
}

/** How many, and the first of them. */
interface ChangedAccounts {
  readonly count: number;
  /** Of these a handoff is open: it goes on. */
  readonly handedOff: number;
  /** Of these the last flag is too young: they are flagged when its cool-down is over. None is spared. */
  readonly cooling: number;
  readonly list: readonly ({ readonly account: string } & AccountChange)[];
}

const page = 500;

/**
 * Accounts that one of the versions could want handed off: those with as many engaged people as the
 * less strict one asks for. No others can change.
 */
export async function accountsToPlan(
  db: Db,
  versions: readonly Agreement[],
  now: Instant,
): Promise<string[]> {
  const rules = versions.flatMap(({ accounts }) => accounts ?? []);
  if (rules.length === 0) return [];
  const least = Math.min(...rules.map(({ engaged }) => engaged.contacts));
  const since = new Date(now - Math.max(...rules.map(({ engaged }) => engaged.withinMs)));
  const found = await rows<{ id: string }>(
    db,
    sql`
    select account_id as id from contact_engagement
      where account_id is not null and at >= ${since}
    group by account_id having count(distinct lead_id) >= ${least} order by account_id`,
  );
  return found.map(({ id }) => id);
}

/** Judges these accounts by both versions, as the process would now. */
export async function planFlags(
  db: Db,
  { from, to }: { readonly from: Agreement; readonly to: Agreement },
  ids: readonly string[],
  now: Instant,
  went: (count: number) => Promise<void>,
): Promise<PlannedFlags> {
  const found = { accounts: 0, flagged: noneYet(), spared: noneYet() };
  for (let start = 0; start < ids.length; start += page) {
    const asked = ids.slice(start, start + page);
    const before = await knownUnder(db, from, asked, now);
    const after = isCountedAlike(from, to) ? before : await knownUnder(db, to, asked, now);
    for (const [n, one] of before.entries()) {
      if (one.mergedInto !== null) continue;
      found.accounts++;
      const change = accountChange(
        { agreement: from, known: one.known },
        { agreement: to, known: after[n]!.known },
      );
      if (change === null) continue;
      const { kind, ...rest } = change;
      note(found[kind], one.id, rest);
    }
    await went(asked.length);
  }
  return found;
}

type Counting = { -readonly [K in keyof ChangedAccounts]: ChangedAccounts[K] } & {
  list: ({ readonly account: string } & AccountChange)[];
};

function noneYet(): Counting {
  return { count: 0, handedOff: 0, cooling: 0, list: [] };
}

function note(to: Counting, account: string, change: AccountChange): void {
  to.count++;
  if (change.isHandedOff) to.handedOff++;
  if (change.coolsUntil !== null) to.cooling++;
  if (to.list.length < mostListed) to.list.push({ account, ...change });
}

/** The order is that of the ids, whichever version asks. */
function knownUnder(
  db: Db,
  agreement: Agreement,
  ids: readonly string[],
  now: Instant,
): Promise<KnownStored[]> {
  return knownAccounts(db, ids, agreement, agreement.accounts ?? nobody, now);
}

/** Of a version that flags no accounts nobody counts. */
const nobody: Pick<AccountRules, "engaged"> = {
  engaged: { contacts: 1, depth: "high", withinMs: 0 },
};

/** Whether both count the same people: then they are read once. */
function isCountedAlike(one: Agreement, other: Agreement): boolean {
  const [a, b] = [one.accounts?.engaged, other.accounts?.engaged];
  if (!a || !b || a.withinMs !== b.withinMs) return false;
  const types = (agreement: Agreement, depth: typeof a.depth) =>
    JSON.stringify(signalsFrom(agreement.signals, depth).toSorted());
  return types(one, a.depth) === types(other, b.depth);
}
