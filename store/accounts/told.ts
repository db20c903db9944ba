import { judgeAccount, tierOf, type AccountStanding } from "../../handoff/accounts/standing.ts";
import { intentScore } from "../../handoff/qualify/score.ts";
import { isRecent } from "../../handoff/qualify/engagements.ts";
import type { Depth } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { readEngagements } from "../intake/scores.ts";
import type { Db } from "../postgres/db.ts";
import type { Agreements } from "../process/agreements.ts";
import {
  flagsOfAccount,
  handoffsOfAccount,
  namesOfAccount,
  peopleOfAccount,
  type FlagOfAccount,
  type HandoffOfAccount,
  type PersonOfAccount,
  type SeenAccount,
} from "../views/accounts.ts";
import { whoHas } from "./flags.ts";
import { knownAccounts } from "./known.ts";

/** A person of an account with what they add to its score. */
export interface PersonTold extends PersonOfAccount {
  readonly intent: number;
  /** The deepest signal within the window of the account rules; null: none. */
  readonly depth: Depth | null;
}

/** All that is told of an account, as of now. */
export interface AccountTold {
  readonly account: SeenAccount;
  readonly names: Awaited<ReturnType<typeof namesOfAccount>>;
  readonly owner: string | null;
  /** Null: the agreement has no account rules. */
  readonly standing: AccountStanding | null;
  /** The version by which it is judged. */
  readonly agreementId: string | null;
  /** How many people the agreement asks for, and in what time. */
  readonly asked: {
    readonly contacts: number;
    readonly depth: Depth;
    readonly withinMs: number;
  } | null;
  readonly tier: number | null;
  /** The sum over the people that are told. */
  readonly intent: number;
  readonly people: readonly PersonTold[];
  readonly flags: readonly FlagOfAccount[];
  readonly handoffs: readonly HandoffOfAccount[];
}

const deepestFirst: readonly Depth[] = ["high", "mid", "low"];

/** Tells of an account: who is there, how it stands and from which parts, its flags and handoffs. */
export async function tellAccount(
  db: Db,
  agreements: Agreements,
  account: SeenAccount,
  now: Instant,
): Promise<AccountTold> {
  const { id } = account;
  const version = await agreements.active(db);
  const rules = version?.agreement.accounts ?? null;
  const signals = version?.agreement.signals ?? {};
  const [names, owner, people, flags, handoffs] = await Promise.all([
    namesOfAccount(db, id),
    whoHas(db, id),
    peopleOfAccount(db, id),
    flagsOfAccount(db, id),
    handoffsOfAccount(db, id),
  ]);
  const [known] =
    version && rules ? await knownAccounts(db, [id], version.agreement, rules, now) : [];
  const engagements = await readEngagements(
    db,
    people.map((one) => one.id),
  );
  const told = people.map((one): PersonTold => {
    const did = engagements.get(one.id) ?? [];
    const depths = did
      .filter((one) => isRecent(one, rules?.engaged.withinMs, now))
      .flatMap(
        ({ type }) => (Object.hasOwn(signals, type) ? signals[type]?.depth : undefined) ?? [],
      );
    return {
      ...one,
      intent: intentScore(did, signals, now),
      depth: deepestFirst.find((depth) => depths.includes(depth)) ?? null,
    };
  });
  const isFlagged = flags.some(({ ended_at }) => ended_at === null);
  const facts = Object.fromEntries(
    Object.entries(account.facts).map(([path, { value }]) => [path, value]),
  );
  return {
    account,
    names,
    owner,
    standing:
      version && rules && known ? judgeAccount(version.agreement, rules, known.known) : null,
    agreementId: version?.id ?? null,
    asked: rules?.engaged ?? null,
    tier: tierOf(rules, facts, isFlagged),
    intent: Math.round(told.reduce((sum, { intent }) => sum + intent, 0) * 1e6) / 1e6,
    people: told,
    flags,
    handoffs,
  };
}
