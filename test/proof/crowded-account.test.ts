import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { lookAtAccounts } from "../../store/accounts/look.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { takeIn, type Arrival } from "../../store/intake/intake.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { accountConservation } from "../../store/reports/account-conservation.ts";
import { accountWorkflowId } from "../../workflows/contract.ts";
import { accountWorld, type AccountWorld } from "../support/account-world.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";

/** People of one company who do something within a minute; `PEOPLE=500` for a look in between. */
const count = Number(process.env["PEOPLE"] ?? 5_000);
/** Events of a run from the flag to the acceptance, as of an account of three people. */
const budget = 24;
const long = 600_000;

let world: LeadWorld;
let accounts: AccountWorld;
const agreements = createAgreements(agreementOf);
const domain = `crowd-${randomBytes(4).toString("hex")}.com`;
beforeAll(async () => {
  world = await leadWorld();
  accounts = accountWorld(world);
}, 120_000);
afterAll(() => world?.close());

const nth = (n: number, type: string, at: number): Arrival => ({
  email: `person${n}@${domain}`,
  facts: {
    "account.name": "Crowd Ltd",
    "account.domain": domain,
    "account.employees": 200,
    "account.industry": "Software",
    "account.country": "US",
  },
  engagements: [{ messageId: `${domain}-${type}-${n}`, type, occurredAt: at + (n % 60) * 1_000 }],
});

/**
 * Everybody does something within the minute after `at`, taken in by batches, while two workers
 * judge accounts over and over. Gives what they flagged.
 */
async function everybody(type: string, at: number): Promise<string[]> {
  const { agreement } = (await agreements.active(world.pool))!;
  const raised: string[] = [];
  let isOver = false;
  const judging = async () => {
    const deps = { pool: world.pool, agreements };
    for (;;) {
      const isLast = isOver;
      const looked = await lookAtAccounts(deps, Date.now());
      raised.push(...looked.raised);
      if (isLast && !looked.isMore) return;
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  const judges = [judging(), judging()];
  try {
    for (let from = 0; from < count; from += 250) {
      const batch = Array.from({ length: Math.min(250, count - from) }, (_, n) =>
        nth(from + n, type, at),
      );
      await inTransaction(world.pool, async (tx) => {
        await takeIn(tx, batch, { now: Date.now(), from: "tracking", lane: 2, agreement });
        // Of people's own processes nothing is asked here.
        await tx.query("delete from outbox where workflow_id like 'lead/%' and done_at is null");
      });
    }
  } finally {
    isOver = true;
    await Promise.all(judges);
  }
  return raised;
}

async function signalsOf(id: string): Promise<{ events: number; signals: string[] }> {
  const handle = world.client.workflow.getHandle(accountWorkflowId(id, 1));
  const { events = [] } = await handle.fetchHistory();
  return {
    events: events?.length ?? 0,
    signals: (events ?? []).flatMap(
      (event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? [],
    ),
  };
}

let id: string;
test(
  `${count} people of a company engage in a minute: it is flagged once, and handed off once`,
  { timeout: long },
  async () => {
    const raised = await everybody("buyers_guide", Date.now() - 120_000);
    expect(raised).toHaveLength(1);
    id = raised[0]!;
    const flags = await rows<{ contacts: number }>(
      world.pool,
      sql`select contacts from account_flag where account_id = ${id}`,
    );
    expect(flags).toHaveLength(1);
    const known = await firstRow<{ people: number; contacts: number }>(
      world.pool,
      sql`select (select count(*)::int from lead where account_id = ${id}) as people,
        (select contacts from account_standing where account_id = ${id}) as contacts`,
    );
    expect(known).toEqual({ people: count, contacts: count });
    const { owner_id } = await accounts.until(id, (row) => row.waiting_on === "outreach");
    const starts = await rows(
      world.pool,
      sql`select from outbox where workflow_id = ${accountWorkflowId(id, 1)} and kind = 'start'`,
    );
    expect(starts).toHaveLength(1);
    expect((await signalsOf(id)).signals).toEqual([]);
    expect(await accounts.act(id, "accept", {}, { by: owner_id ?? "" })).toMatchObject({
      done: true,
      stage: "sal",
    });
  },
);

test(
  "all of them engage again while it is worked on: its process hears of none, and no run exceeds " +
    "its budget",
  { timeout: long },
  async () => {
    expect(await everybody("roi_calculator", Date.now() - 60_000)).toEqual([]);
    expect(await accounts.process(id)).toMatchObject({ stage: "sal", cycle: 1 });
    const { events, signals } = await signalsOf(id);
    expect(signals).toEqual(["accepted"]);
    expect(events).toBeLessThanOrEqual(budget);
    // It was never continued as a new run to keep within it.
    const runs = [];
    const query = `WorkflowId = '${accountWorkflowId(id, 1)}'`;
    for await (const one of world.client.workflow.list({ query })) runs.push(one.runId);
    expect(runs.length).toBeLessThanOrEqual(1);
    expect(await accountConservation(world.pool)).toMatchObject({
      handedOff: 1,
      open: 1,
      residue: 0,
      astray: { count: 0 },
      adrift: { count: 0 },
    });
  },
);
