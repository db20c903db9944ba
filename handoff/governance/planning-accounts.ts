import { judgeAccount, type KnownAccount } from "../accounts/standing.ts";
import type { AccountRules, Agreement } from "../agreement.ts";
import { counted } from "../reviews/words.ts";
import type { Instant } from "../time/calendar.ts";

/** What a version asks of accounts, by the function that judges them. */

/** An account as a version sees it now. */
interface AccountOutcome {
  /** People who have done something that counts, within the version's window. */
  readonly contacts: number;
  /** Whether the version wants such an account handed off. */
  readonly holds: boolean;
}

/** An account that a version would flag and the active one does not, or the other way round. */
export interface AccountChange {
  readonly contacts: { readonly from: number; readonly to: number };
  /** Its handoff is open: it goes on by the version under which it began. */
  readonly isHandedOff: boolean;
  /**
   * Until then no flag is raised, by the cool-down of the version; null: it is over, or the version
   * wants no flag anyway.
   */
  readonly coolsUntil: Instant | null;
}

/** What a version makes of an account as it is known; a version without `accounts` flags none. */
function accountUnder(agreement: Agreement, known: KnownAccount): AccountOutcome {
  const { accounts } = agreement;
  if (accounts === null) return { contacts: 0, holds: false };
  const { contacts, holds } = judgeAccount(agreement, accounts, known);
  return { contacts, holds };
}

/**
 * How an account changes from one version to another; null where both want it handed off, or
 * neither. Its people are counted for each by that version's depth and window.
 */
export function accountChange(
  from: { readonly agreement: Agreement; readonly known: KnownAccount },
  to: { readonly agreement: Agreement; readonly known: KnownAccount },
): (AccountChange & { readonly kind: "flagged" | "spared" }) | null {
  const [before, after] = [
    accountUnder(from.agreement, from.known),
    accountUnder(to.agreement, to.known),
  ];
  if (before.holds === after.holds) return null;
  const { flag, now } = to.known;
  const kind = after.holds ? "flagged" : "spared";
  return {
    kind,
    contacts: { from: before.contacts, to: after.contacts },
    isHandedOff: flag !== null && flag.endedAt === null,
    coolsUntil: kind === "flagged" ? coolUntil(to.agreement.accounts, flag, now) : null,
  };
}

function coolUntil(
  rules: AccountRules | null,
  flag: KnownAccount["flag"],
  now: Instant,
): Instant | null {
  if (rules === null || flag === null || flag.endedAt === null) return null;
  const until = flag.raisedAt + rules.coolDownMs;
  return until > now ? until : null;
}

/** Of accounts that change: how many, and what keeps some as they are; who is spared never cools. */
interface ChangedCount {
  readonly count: number;
  readonly handedOff: number;
  readonly cooling: number;
}

/** What a version does to flags, a sentence each; one sentence where it does nothing. */
export function sayFlags({
  flagged,
  spared,
}: {
  readonly flagged: ChangedCount;
  readonly spared: ChangedCount;
}): string[] {
  if (flagged.count + spared.count === 0) return ["The same accounts would be flagged."];
  return [
    ...sayChanged(flagged, "would be flagged that are not now"),
    ...sayChanged(spared, "would not be flagged any more"),
  ];
}

function sayChanged({ count, handedOff, cooling }: ChangedCount, what: string): string[] {
  if (count === 0) return [];
  const but = [
    ...(handedOff === 0 ? [] : [`of ${handedOff} a handoff is open, which goes on`]),
    ...(cooling === 0 ? [] : [`of ${cooling} the cool-down of the last flag is not over`]),
  ];
  const rest = but.length === 0 ? "" : ` (${but.join("; ")})`;
  return [`${counted(count, "account")} ${what}${rest}.`];
}
