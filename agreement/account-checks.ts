import type { AccountRules, Agreement, Condition } from "../handoff/agreement.ts";
import { signalsFrom } from "../handoff/accounts/standing.ts";
import { printTarget, type Target } from "../handoff/time/deadline.ts";
import type { Reading } from "./place.ts";
import { isReadWord, quotedName } from "./shape.ts";
import { joinPath } from "./source.ts";

/**
 * What only the whole agreement shows of its account rules: conditions that no account can meet,
 * and tiers that change nothing or contradict a lead type. An account is judged without any one
 * person, so what stands of a lead is never known there. All of it leaves the agreement usable.
 */
export function checkAccounts(
  agreement: Pick<Agreement, "named"> & {
    readonly accounts: AccountRules;
    /** What could not be read is not looked at. */
    readonly leadTypes: Agreement["leadTypes"] | undefined;
    readonly signals: Agreement["signals"] | undefined;
  },
  isWrong: IsWrong,
  reading: Reading,
): void {
  const { accounts, signals, leadTypes: types = [] } = agreement;
  const warn = (path: string, message: string) => reading.report("warnings", path, message);
  if (types.some(({ name }) => name === accounts.leadType))
    reading.report(
      "problems",
      "accounts.leadType",
      `expected a name that no lead type has; "${accounts.leadType}" is one`,
    );
  const { depth, contacts } = accounts.engaged;
  if (
    signals &&
    [depth, ...Object.values(signals).map((one) => one.depth)].every(isReadWord) &&
    signalsFrom(signals, depth).length === 0
  )
    warn(
      "accounts.engaged",
      `expected a depth that some signal has; none is ${depth} or deeper, so no account is engaged`,
    );
  const asked = leavesOf(agreement, accounts.when, accounts.when.at, new Set());
  for (const { what, at, through } of asked)
    if (what !== null)
      warn(
        at,
        `${what} is known of a person and not of an account${through === null ? "" : ` ("${through}" asks for it)`}; ` +
          "where it decides, no account is flagged. Expected facts of the account, or `engaged`",
      );
  if (!asked.some(({ mayAskEngaged }) => mayAskEngaged))
    warn(
      accounts.when.at,
      "`engaged` is not asked for; an account is flagged by " +
        `${Number.isNaN(contacts) ? "" : `${contacts} `}people all the same`,
    );
  for (const [tier, row] of Object.entries(accounts.tiers)) {
    if (!isReadWord(tier)) continue;
    const path = joinPath("accounts.tiers", tier);
    if (Object.values(row).every((value) => value === undefined))
      warn(path, "expected a priority, a target or a pool; this tier changes nothing");
    else contradictions(types, row, isWrong, path, warn);
  }
}

type Tier = AccountRules["tiers"][string];

/**
 * Lead types of which a tier makes the answer due before the first outreach. One whose own targets
 * are in that order is told of where it stands.
 */
function contradictions(
  types: Agreement["leadTypes"],
  tier: Tier,
  isWrong: IsWrong,
  path: string,
  warn: (path: string, message: string) => void,
): void {
  const [first, ...others] = types
    .filter((type) => !isWrong(type))
    .map(({ name, outreach, status }) => ({
      name,
      outreach: tier.outreach ?? outreach,
      status: tier.status ?? status,
    }))
    .filter(isWrong);
  if (!first) return;
  const too = others.map(({ name }) => quotedName(name)).join(", ");
  warn(
    path,
    `makes ${quotedName(first.name)} due for an answer ("${printTarget(first.status)}") before ` +
      `its outreach ("${printTarget(first.outreach)}")${too === "" ? "" : `; so too ${too}`}`,
  );
}

/** Whether the answer would be due before the first outreach. */
type IsWrong = (row: { readonly outreach: Target; readonly status: Target }) => boolean;

interface Asked {
  /** What is asked of a person; null: nothing. */
  readonly what: string | null;
  readonly at: string;
  /** The named condition that asks for it. */
  readonly through: string | null;
  /** Also of a condition that could not be read. */
  readonly mayAskEngaged: boolean;
}

function leavesOf(
  agreement: Pick<Agreement, "named">,
  condition: Condition,
  at: string,
  followed: Set<string>,
  through: string | null = null,
): Asked[] {
  const one = (what: string | null, mayAskEngaged = false): Asked[] => [
    { what, at: through === null ? condition.at : at, through, mayAskEngaged },
  ];
  switch (condition.kind) {
    case "all":
    case "any":
    case "none":
      return condition.of.flatMap((part) => leavesOf(agreement, part, at, followed, through));
    case "named": {
      const definition = Object.hasOwn(agreement.named, condition.name)
        ? agreement.named[condition.name]
        : undefined;
      if (!isReadWord(condition.name) || (condition.name === "engaged" && !definition))
        return one(null, true);
      if (!definition || followed.has(condition.name)) return [];
      followed.add(condition.name);
      const place = through === null ? condition.at : at;
      return leavesOf(agreement, definition, place, followed, through ?? condition.name);
    }
    case "fact":
      return one(condition.field.startsWith("account.") ? null : condition.field);
    case "derived":
      return one(condition.of);
    case "signal":
      return one("what somebody did");
    case "meaningful":
      return one("what somebody did");
    default:
      return condition satisfies never;
  }
}
