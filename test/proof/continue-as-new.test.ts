import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectTemporal, type TemporalPort } from "../../api/temporal.ts";
import { noteAction } from "../../store/actions.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/db.ts";
import { takeIn } from "../../store/intake.ts";
import { aboutLead, tell } from "../../store/outbox.ts";
import { createAgreements } from "../../store/agreements.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { leadWorkflowId, type ActionResult } from "../../workflows/contract.ts";
import { seededRandom } from "../support/generated-leads.ts";
import { goodFacts, leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { temporal } from "../support/world.ts";

const seed = Number(process.env["SEED"] ?? 20_301);
const leads = Number(process.env["LEADS"] ?? 100);
/** As many as the server lets one process have in flight. */
const actionsEach = 10;

let world: LeadWorld;
/** Connections of the test's own: a thousand statements at once wait for each other, not for the worker's. */
let patient: pg.Pool;
let api: TemporalPort;
beforeAll(async () => {
  world = await leadWorld({ reps: ["rp_one", "rp_two", "rp_three"] });
  patient = new pg.Pool({ connectionString: world.databaseUrl, max: 4 });
  const { address, namespace } = await temporal();
  api = connectTemporal({ address, namespace, updateMs: 30_000 });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await patient?.end();
  await world?.close();
}, 60_000);

/** A lead whose process goes on in a new run whenever its history has more than twenty events. */
async function restless(n: number): Promise<string> {
  const { agreement } = (await createAgreements(agreementOf).active(patient))!;
  return inTransaction(patient, async (tx) => {
    const now = Date.now();
    const [taken] = await takeIn(
      tx,
      [
        {
          email: `restless.${n}@example-customer.com`,
          facts: { ...goodFacts },
          engagements: [
            { messageId: `restless-${n}`, type: "demo_request", occurredAt: now - 60_000 },
          ],
        },
      ],
      { now, from: "form", lane: 1, agreement },
    );
    if (!taken || !("leadId" in taken)) throw new Error("not taken in");
    await tx.query(
      sql`update outbox set payload = payload || '{"continueAfterEvents": 20}' where workflow_id = ${leadWorkflowId(taken.leadId)}`,
    );
    return taken.leadId;
  });
}

async function runsOf(leadId: string): Promise<number> {
  const { raw } = await world.handle(leadId).describe();
  let runId: string | null | undefined = raw.workflowExecutionInfo?.firstRunId;
  let runs = 0;
  while (runId) {
    runs += 1;
    const history = await world.client.workflow
      .getHandle(leadWorkflowId(leadId), runId)
      .fetchHistory();
    runId =
      history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return runs;
}

test(`a process that continues as new every 20 events carries out each of ${leads * actionsEach} actions in flight once, however often they are sent`, async () => {
  const random = seededRandom(seed);
  const ids: string[] = [];
  const owners = new Map<string, string>();
  for (let n = 0; n < leads; n += 4) {
    const some = await Promise.all([0, 1, 2, 3].map((more) => restless(n + more)));
    for (const id of some)
      owners.set(id, (await world.until(id, (lead) => lead.waiting_on === "outreach")).owner_id!);
    ids.push(...some);
  }
  const results = new Map<string, ActionResult>();
  let sent = 0;

  /** Sends the action until it is done; every third is sent twice at once. The same id every time, as a client would. */
  const insist = async (leadId: string, n: number): Promise<void> => {
    const action = {
      id: `ax_${leadId}_${n}`,
      name: "logOutreach" as const,
      by: owners.get(leadId)!,
      role: "rep",
      receivedAt: Date.now(),
    };
    await noteAction(patient, {
      ...action,
      leadId,
      body: { channel: "call", outcome: "no_answer" },
      via: "api",
    });
    // Spread a little, so that they meet a process before, while and after it goes on in a new run.
    await new Promise((resolve) => setTimeout(resolve, random() * 3_000));
    for (const end = Date.now() + 400_000; ;) {
      const copies = random() < 0.33 ? 2 : 1;
      sent += copies;
      const answers = await Promise.all(
        Array.from({ length: copies }, () => api.update(leadId, action)),
      );
      const done = answers.find((one) => one.kind === "answered" && one.result.done);
      if (done?.kind === "answered") return void results.set(action.id, done.result);
      if (Date.now() > end)
        throw new Error(`${action.id} was not carried out: ${JSON.stringify(answers)}`);
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 400));
    }
  };
  const progress = setInterval(
    () =>
      process.stdout.write(
        `continue-as-new: ${results.size} of ${leads * actionsEach}, ${sent} sendings\n`,
      ),
    10_000,
  );
  await Promise.all(
    ids.map(async (id) => {
      // All of a lead's at once may be taken in one task, however long the history would be with a task for each.
      for (const n of [0, 1]) await insist(id, n);
      await Promise.all(Array.from({ length: actionsEach - 2 }, (_, n) => insist(id, n + 2)));
    }),
  ).finally(() => clearInterval(progress));

  expect(results.size).toBe(leads * actionsEach);
  expect(sent).toBeGreaterThan(results.size);
  const attempts = await rows<{ attempts: number }>(
    world.pool,
    sql`select attempts from handoff where state = 'open'`,
  );
  expect(attempts.map((row) => row.attempts)).toEqual(ids.map(() => actionsEach));
  expect(
    await firstRow(
      world.pool,
      sql`select count(*)::int as outreach, count(distinct id)::int as ids from outreach`,
    ),
  ).toEqual({ outreach: leads * actionsEach, ids: leads * actionsEach });
  expect(
    await firstRow(world.pool, sql`select count(*)::int as n from action where settled_at is null`),
  ).toEqual({ n: 0 });
  const runs = await Promise.all(ids.slice(0, 20).map(runsOf));
  expect(runs.filter((count) => count > 1).length).toBeGreaterThan(runs.length / 2);
  process.stdout.write(
    `continue-as-new: SEED=${seed}, ${results.size} actions, ${sent} sendings, ${Math.min(...runs)} to ${Math.max(...runs)} runs a lead\n`,
  );
}, 600_000);

test("news that comes while a run is ending is heard in the next one", async () => {
  const id = await restless(1_000);
  const { owner_id } = await world.until(id, (lead) => lead.waiting_on === "outreach");
  for (let n = 0; n < 12; n++) {
    const action = {
      id: `ax_news_${n}`,
      name: "logOutreach" as const,
      by: owner_id!,
      role: "rep",
      receivedAt: Date.now(),
    };
    await noteAction(world.pool, { ...action, leadId: id, body: { channel: "email" }, via: "api" });
    // The news and the action that fills the history arrive together, so that one of them meets the end of a run.
    await Promise.all([
      api.update(id, action),
      inTransaction(world.pool, async (tx) => {
        await tx.query(
          sql`insert into action (id, lead_id, name, by_id, role, body, via, received_at) values (${`ax_crm_${n}`}, ${id}, 'logOutreach', ${owner_id}, 'rep', '{"channel":"call"}', 'crm', ${new Date()})`,
        );
        await tell(tx, aboutLead(id, "signal", "seenInCrm", { id: `n${n}` }, 1), Date.now());
      }),
    ]);
  }
  for (const end = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const open = await firstRow<{ n: number }>(
      world.pool,
      sql`select count(*)::int as n from action where lead_id = ${id} and via = 'crm' and settled_at is null`,
    );
    if (open?.n === 0) break;
    if (Date.now() > end)
      throw new Error(`${open?.n} actions seen in the CRM were heard by nobody`);
  }
  expect(await runsOf(id)).toBeGreaterThanOrEqual(2);
}, 300_000);
