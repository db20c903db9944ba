import { expect, test } from "vitest";
import type { KnownAccount } from "../../../handoff/accounts/standing.ts";
import type { Agreement } from "../../../handoff/agreement.ts";
import { accountChange, sayFlags } from "../../../handoff/governance/planning-accounts.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const day = 86_400_000;
const now = Date.parse("2026-11-20T12:00:00Z");
const asks = (contacts: number): Agreement => {
  const agreement = exampleAgreement();
  const accounts = agreement.accounts!;
  return { ...agreement, accounts: { ...accounts, engaged: { ...accounts.engaged, contacts } } };
};
const known = (people: number, more: Partial<KnownAccount> = {}): KnownAccount => ({
  facts: {
    "account.employees": 200,
    "account.industry": "Software",
    "account.country": "US",
    "account.openOpportunities": 0,
  },
  people: Array.from({ length: people }, (_, n) => now - (n + 1) * day),
  flag: null,
  now,
  ...more,
});
const changes = (from: number, to: number, account: KnownAccount) =>
  accountChange({ agreement: asks(from), known: account }, { agreement: asks(to), known: account });

test("an account changes when one version wants it handed off and the other does not", () => {
  expect(changes(3, 2, known(2))).toEqual({
    kind: "flagged",
    contacts: { from: 2, to: 2 },
    isHandedOff: false,
    coolsUntil: null,
  });
  expect(changes(2, 3, known(2))?.kind).toBe("spared");
  for (const people of [1, 3]) expect(changes(3, 2, known(people))).toBeNull();
});

test("an open handoff goes on, and a flag that is too young says until when none is raised", () => {
  const open = known(2, { flag: { raisedAt: now - day, endedAt: null } });
  expect(changes(2, 3, open)).toMatchObject({ isHandedOff: true, coolsUntil: null });
  const over = known(2, { flag: { raisedAt: now - 10 * day, endedAt: now - day } });
  expect(changes(3, 2, over)).toMatchObject({ isHandedOff: false, coolsUntil: now + 50 * day });
  const cool = known(2, { flag: { raisedAt: now - 61 * day, endedAt: now - day } });
  expect(changes(3, 2, cool)?.coolsUntil).toBeNull();
  // Who is not flagged any more waits for no cool-down.
  expect(changes(2, 3, over)).toMatchObject({ kind: "spared", coolsUntil: null });
});

test("a version without accounts flags none", () => {
  const without = { ...asks(3), accounts: null };
  expect(
    accountChange({ agreement: asks(3), known: known(3) }, { agreement: without, known: known(0) }),
  ).toMatchObject({ kind: "spared", contacts: { from: 3, to: 0 } });
});

test("it is said in a sentence each, with what keeps some as they are", () => {
  const none = { count: 0, handedOff: 0, cooling: 0 };
  expect(sayFlags({ flagged: none, spared: none })).toEqual([
    "The same accounts would be flagged.",
  ]);
  expect(
    sayFlags({
      flagged: { count: 12, handedOff: 0, cooling: 3 },
      spared: { count: 1, handedOff: 1, cooling: 0 },
    }),
  ).toEqual([
    "12 accounts would be flagged that are not now (of 3 the cool-down of the last flag is not over).",
    "1 account would not be flagged any more (of 1 a handoff is open, which goes on).",
  ]);
});
