import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEffectActivities, createEffects } from "../../activities/effects.ts";
import { CrmDown, type CrmPort } from "../../crm/crm.ts";
import { createHouseCrm } from "../../crm/house/house.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import { accountForCrm } from "../../store/effects/crm-sync.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { houseTables } from "../../store/house/house.ts";
import { rows, sql } from "../../store/postgres/db.ts";
import { flaggedAccount } from "../support/flagged-account.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
let crm: CrmPort;
let id: string;
let rep: "one" | "two";
beforeAll(async () => {
  world = await peopleWorld();
  crm = createHouseCrm(houseTables(world.pool, () => world.now()));
  ({ id, rep } = await flaggedAccount(world));
});
afterAll(() => world.close());

/** What the account's process asks for after each decision. */
async function carryOut(through: CrmPort = crm): Promise<void> {
  const { carryOut: activity } = createEffectActivities(
    createEffects({
      pool: world.pool,
      crm: through,
      mail: createKeptMail((mail) => keepMail(world.pool, mail, world.now())),
      publicUrl: "http://baton.test",
      clock: () => world.now(),
    }),
  );
  const environment = new MockActivityEnvironment(
    { isLocal: false },
    { logger: new DefaultLogger("ERROR") },
  );
  await environment.run(activity, { kind: "account" as const, id });
}
async function act(place: string, body: unknown): Promise<void> {
  world.setNow(world.now() + 60_000);
  const answer = await world.ask("POST", `/accounts/${id}/${place}`, { as: rep, body });
  expect([place, answer.status]).toEqual([place, 200]);
}
const inCrm = async () => (await world.ask("GET", "/house/accounts")).body.items;
const left = () =>
  rows(
    world.pool,
    sql`select key from effect where subject_id = ${id} and kind = 'sync-crm' and state = 'open'`,
  );

test("the CRM shows whose a flagged account is, by when, and how its clock stands", async () => {
  await carryOut();
  expect(await inCrm()).toMatchObject([
    {
      accountId: id,
      facts: { "account.name": { value: "Acme Ltd" } },
      handoff: {
        status: "mql",
        owner: `rp_${rep}`,
        queue: null,
        leadType: "account-flag",
        cycle: 1,
        round: 1,
        dueAt: expect.stringMatching(/^2026-11-/),
        slaState: "running",
        reason: null,
      },
    },
  ]);
  expect(await left()).toEqual([]);
});

test("twice is once, and what a lead of it writes leaves the handoff as it is", async () => {
  const before = await inCrm();
  await carryOut();
  await crm.upsertAccount({ accountId: id, facts: {} });
  expect(await inCrm()).toEqual(before);
});

test("while nobody has it, on hold or in a queue, the account's own clock says by when", async () => {
  const withRep = await accountForCrm(world.pool, id);
  const [process] = await rows<{ due_at: Date }>(
    world.pool,
    sql`select due_at from process where subject_id = ${id}`,
  );
  await world.pool.query(sql`update process set due_at = null where subject_id = ${id}`);
  const onHold = await accountForCrm(world.pool, id);
  await world.pool.query(sql`
    update process set due_at = ${process?.due_at} where subject_id = ${id}`);
  expect(onHold?.handoff).toMatchObject({ slaState: "running", dueAt: withRep?.handoff?.dueAt });
  expect(onHold?.handoff?.dueAt).not.toBeNull();
});

test("a CRM that was away is told where the account stands then: outreach, and why sales said no", async () => {
  await act("outreach", { channel: "call", outcome: "connected" });
  const away: CrmPort = {
    ...crm,
    upsertAccount: () => Promise.reject(new CrmDown("it is away")),
  };
  await expect(carryOut(away)).rejects.toThrow();
  expect((await left()).length).toBe(1);
  await act("reject", { reason: "unsupported-use-case", note: "they build it themselves" });
  await carryOut();
  const [shown] = await inCrm();
  expect(shown.handoff).toMatchObject({
    status: "disqualified",
    reason: "unsupported-use-case",
    slaState: "met",
    round: null,
    dueAt: null,
  });
  expect(JSON.stringify(shown)).not.toContain("themselves");
  expect(await left()).toEqual([]);
});
