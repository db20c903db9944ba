import type { AccountRules, Agreement, Depth } from "../agreement.ts";
import type { Facts } from "../facts/facts.ts";
import { evaluate, type TraceLine } from "../qualify/condition.ts";
import type { Instant } from "../time/calendar.ts";

/** A flag of the account: the one that stands, or the last one. */
export interface LastFlag {
  readonly raisedAt: Instant;
  /** Null: it stands. */
  readonly endedAt: Instant | null;
}

/** What an account is judged by. */
export interface KnownAccount {
  readonly facts: Facts;
  /** When each of its people did something that counts last, one instant a person. */
  readonly people: readonly Instant[];
  readonly flag: LastFlag | null;
  readonly now: Instant;
}

/** Where an account stands by the agreement's account rules. */
export interface AccountStanding {
  /** People of it who have done something that counts, within the window. */
  readonly contacts: number;
  readonly engaged: boolean;
  /** Whether `accounts.when` holds, and what it found. */
  readonly holds: boolean;
  readonly trace: readonly TraceLine[];
  /** A flag is to be raised; or why the one that stands is to be withdrawn. */
  readonly flag: "raise" | { readonly withdraw: string } | null;
  /** The next moment at which time alone changes any of it; null: never. */
  readonly nextChangeAt: Instant | null;
}

/** From low to high. */
const depths: readonly Depth[] = ["low", "mid", "high"];

/** The signals of a depth or deeper, by name. */
export function signalsFrom(signals: Agreement["signals"], depth: Depth): readonly string[] {
  const least = depths.indexOf(depth);
  return Object.keys(signals).filter(
    (name) => depths.indexOf(signals[name]?.depth ?? "low") >= least,
  );
}

/**
 * Judges an account: who has engaged within the window, whether that is enough, whether the rules
 * want it flagged, and when that changes if nothing happens. People of a customer or a competitor
 * do not count.
 */
export function judgeAccount(
  agreement: Agreement,
  rules: AccountRules,
  { facts, people, flag, now }: KnownAccount,
): AccountStanding {
  const { contacts: enough, withinMs } = rules.engaged;
  const isOut = facts["account.customer"] === true || facts["account.competitor"] === true;
  const newestFirst = isOut
    ? []
    : people.filter((at) => now - at <= withinMs).toSorted((a, b) => b - a);
  const engaged = newestFirst.length >= enough;
  const ask = (isEngaged: boolean) =>
    evaluate(rules.when, { facts, engagements: [], now, engaged: isEngaged }, agreement);
  const judged = ask(engaged);
  const holds = judged.result === true && engaged;
  const isOpen = flag !== null && flag.endedAt === null;
  const coolUntil = flag === null ? null : flag.raisedAt + rules.coolDownMs;
  const isCool = coolUntil === null || now >= coolUntil;
  // A flag that was raised outlives the engagement: a person answers it. What the company has
  // become since ends it.
  const isUnwanted = isOpen && (isOut || ask(true).result !== true);
  const last = newestFirst[enough - 1];
  const moments = [
    // When the last one who is needed grows too old.
    engaged && last !== undefined ? last + withinMs + 1 : null,
    holds && !isOpen && !isCool ? coolUntil : null,
  ].filter((at) => at !== null);
  return {
    contacts: newestFirst.length,
    engaged,
    holds,
    trace: judged.trace,
    flag: isUnwanted
      ? { withdraw: "the company is no longer one that the agreement asks for" }
      : holds && !isOpen && isCool
        ? "raise"
        : null,
    nextChangeAt: moments.length === 0 ? null : Math.min(...moments),
  };
}

/** The tier of an account: as it is told, or better while a flag stands. */
export function tierOf(
  rules: AccountRules | null,
  facts: Facts,
  isFlagged: boolean,
): number | null {
  const told = facts["account.tier"];
  const tiers = [
    ...(typeof told === "number" ? [told] : []),
    ...(isFlagged && rules !== null ? [rules.tier] : []),
  ];
  return tiers.length === 0 ? null : Math.min(...tiers);
}
