import { afterAll, beforeAll, expect, test } from "vitest";
import {
  accountConservation,
  type AccountConservation,
} from "../../../store/reports/account-conservation.ts";
import { noteCompared } from "../../../store/inbox/comparison.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import { flaggedAccount } from "../../support/flagged-account.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

let world: PeopleWorld;
const ids: string[] = [];
beforeAll(async () => {
  world = await peopleWorld();
  for (const domain of ["one-company.com", "other-company.com", "third-company.com"]) {
    const { id, rep } = await flaggedAccount(world, domain);
    ids.push(id);
    if (domain === "third-company.com")
      expect(
        (
          await world.ask("POST", `/accounts/${id}/reject`, {
            as: rep,
            body: { reason: "no-authority" },
          })
        ).status,
      ).toBe(200);
  }
});
afterAll(() => world.close());

const none = { count: 0, accounts: [] };
const whole = {
  handedOff: 3,
  open: 2,
  closed: 1,
  residue: 0,
  astray: none,
  adrift: none,
  withoutProcess: null,
};

/** What is told when this happened to the first account; it is undone afterwards. */
async function after(...statements: readonly string[]): Promise<AccountConservation> {
  const undone = new Error("undone");
  let found: AccountConservation | undefined;
  await inTransaction(world.pool, async (tx) => {
    for (const text of statements) await tx.query(text.replaceAll("$1", `'${ids[0]}'`));
    found = await accountConservation(tx);
    throw undone;
  }).catch((error: unknown) => {
    if (error !== undone) throw error;
  });
  return found!;
}
const mine = () => ({ count: 1, accounts: [ids[0]] });

test("what was handed off stands open or is closed, and nothing is left over", async () => {
  expect(await accountConservation(world.pool)).toEqual(whole);
  const { status, body } = await world.ask("GET", "/reports/conservation");
  expect([status, body.accounts]).toEqual([200, whole]);
});

test.each([
  ["its process", ["delete from process where subject_id = $1"], { residue: 1, open: 1 }],
  [
    "process and flag",
    [
      "delete from process where subject_id = $1",
      "update account_flag set ended_at = now(), ended_how = '', ended_by = '' where account_id = $1",
    ],
    { residue: 1, open: 1 },
  ],
  ["its handoff", ["delete from handoff where subject_id = $1"], { residue: 0 }],
  [
    "its beginning",
    ["delete from transition where subject_id = $1 and to_stage = 'new'"],
    { residue: -1, astray: none },
  ],
  [
    "its last move",
    ["delete from transition where subject_id = $1 and to_stage = 'mql'"],
    { residue: 0 },
  ],
  ["its flag", ["delete from account_flag where account_id = $1"], { residue: 0 }],
  [
    "process and moves, but for the flag",
    [
      "delete from process where subject_id = $1",
      "delete from handoff where subject_id = $1",
      "delete from transition where subject_id = $1",
    ],
    { residue: 0, handedOff: 2 },
  ],
])("an account that lost %s is found", async (_what, statements, expected) => {
  const found = await after(...statements);
  expect(found).toMatchObject({ astray: mine(), ...expected });
});

test("a flag that is about to be judged is not lost", async () => {
  const { astray } = await after(
    "delete from process where subject_id = $1",
    "delete from handoff where subject_id = $1",
    "delete from transition where subject_id = $1",
    "insert into account_news (account_id) values ($1)",
  );
  expect(astray).toEqual(none);
});

test.each([
  ["without anybody", "owner_id = null, queue = null"],
  ["without a next step", "next_step = ''"],
])("an open one %s is found", async (_what, set) => {
  const found = await after(`update process set ${set} where subject_id = $1`);
  expect(found).toMatchObject({ residue: 0, astray: none, adrift: mine() });
});

test("one without a running process is found by the comparison, and not among leads", async () => {
  const now = world.now();
  const page = { isFirst: true, isLast: true, compared: 9 };
  const lost = { leads: ["ld_1"], accounts: [ids[0]!] };
  await noteCompared(world.pool, { ...page, withoutProcess: lost }, now);
  const comparedAt = new Date(now).toISOString();
  const { body } = await world.ask("GET", "/reports/conservation");
  expect(body.accounts.withoutProcess).toEqual({ ...mine(), comparedAt });
  expect(body.withoutProcess).toEqual({ count: 1, leads: ["ld_1"], comparedAt });
  await noteCompared(world.pool, { ...page, withoutProcess: { leads: [], accounts: [] } }, now);
  expect((await accountConservation(world.pool)).withoutProcess).toEqual({ ...none, comparedAt });
});
