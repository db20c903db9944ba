import { afterAll, beforeAll, expect, test } from "vitest";
import type { ActionResult, Standing } from "../../handoff/process/words.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { seededRandom } from "../support/generated-leads.ts";
import { eventually } from "../support/eventually.ts";
import { goodFacts, leadWorld, type LeadWorld } from "../support/lead-world.ts";

const seed = Number(process.env["SEED"] ?? 20_301);
const leads = Number(process.env["LEADS"] ?? 100);
const actionsEach = 10;
const reps = ["rp_one", "rp_two", "rp_three"];

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({ reps });
}, 120_000);
afterAll(() => world?.close(), 60_000);

/** A lead whose process goes on in a new run whenever its history has more than twenty events. */
async function restless(n: number): Promise<string> {
  const { agreement } = (await createAgreements(agreementOf).active(world.pool))!;
  return inTransaction(world.pool, async (tx) => {
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
      sql`
        update outbox set payload = payload || '{"continueAfterEvents": 20}'
          where workflow_id = ${leadWorkflowId(taken.leadId)}`,
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
const known = (leadId: string) => world.handle(leadId).query<Standing | null>("standing");

test(
  `of ${leads * actionsEach} actions each is done once, however often it is sent, and a ` +
    "process that continues as new every 20 events hears the last of them",
  async () => {
    const random = seededRandom(seed);
    const ids: string[] = [];
    for (let n = 0; n < leads; n += 4) {
      const some = await Promise.all([0, 1, 2, 3].map((more) => restless(n + more)));
      for (const id of some) await world.until(id, (lead) => lead.waiting_on === "outreach");
      await Promise.all(
        some.map(async (id) =>
          expect(await world.act(id, "accept", {})).toMatchObject({ done: true, stage: "sal" }),
        ),
      );
      ids.push(...some);
    }
    const results = new Map<string, ActionResult>();
    let sent = 0;

    /**
     * Every third action is sent twice at once, every fifth again later: the same id every time, as a
     * client would.
     */
    const send = async (leadId: string, n: number, to: string | null): Promise<void> => {
      // Spread a little, so that its signal meets a process before, while and after it goes on in a
      // new run.
      await new Promise((resolve) => setTimeout(resolve, random() * 600));
      const [copies, isRepeated] = [random() < 0.33 ? 2 : 1, random() < 0.2];
      const who = {
        id: `ax_${leadId}_${n}`,
        by: "rp_boss",
        role: "manager",
        seen: { stage: "sal" as const },
      };
      const once = (): Promise<ActionResult> => {
        sent += 1;
        return to === null
          ? world.act(leadId, "logOutreach", { channel: "call", outcome: "no_answer" }, who)
          : world.act(leadId, "reassign", { to }, who);
      };
      const answers = await Promise.all(Array.from({ length: copies }, once));
      if (isRepeated) answers.push(await once());
      for (const answer of answers) expect(answer).toEqual(answers[0]);
      results.set(who.id, answers[0]!);
    };
    /**
     * Half of them calls, all at once; half of them a new owner, one after the other, which the
     * process must hear.
     */
    const live = async (id: string): Promise<void> => {
      const calls = Array.from({ length: actionsEach / 2 }, (_, n) => send(id, n, null));
      const { owner_id } = await world.lead(id);
      const first = reps.indexOf(owner_id!);
      for (let n = actionsEach / 2; n < actionsEach; n++)
        await send(id, n, reps[(first + n) % reps.length]!);
      await Promise.all(calls);
    };
    const progress = setInterval(
      () =>
        process.stdout.write(
          `continue-as-new: ${results.size} of ${leads * actionsEach}, ${sent} sendings\n`,
        ),
      10_000,
    );
    // Some leads at a time: all at once would wait for each other's connections, not for their
    // processes.
    for (let n = 0; n < ids.length; n += 10) {
      await Promise.all(ids.slice(n, n + 10).map(live));
    }
    clearInterval(progress);

    expect(results.size).toBe(leads * actionsEach);
    expect(sent).toBeGreaterThan(results.size);
    expect([...results.values()].filter((answer) => !answer.done)).toEqual([]);
    const attempts = await rows<{ attempts: number }>(
      world.pool,
      sql`select attempts from handoff where state = 'open'`,
    );
    expect(attempts.map((row) => row.attempts)).toEqual(ids.map(() => actionsEach / 2));
    expect(
      await firstRow(
        world.pool,
        sql`select count(*)::int as n from action where settled_at is null`,
      ),
    ).toEqual({ n: 0 });
    expect(
      await firstRow(
        world.pool,
        sql`select count(*)::int as n from decision where action_id is not null`,
      ),
    ).toEqual({ n: results.size + leads });

    for (const id of ids) {
      await eventually(30, async () => {
        const [at, row] = [
          await known(id),
          await firstRow<{ cycle: number; step: number; owner: string }>(
            world.pool,
            sql`
        select signalled_cycle as cycle, signalled_step as step, owner_id as owner from process
          where subject_kind = 'lead' and subject_id = ${id}`,
          ),
        ];
        return (
          at !== null && at.cycle === row?.cycle && at.step >= row.step && at.owner === row.owner
        );
      });
    }
    const runs = await Promise.all(ids.slice(0, 20).map(runsOf));
    expect(runs.filter((count) => count > 1).length).toBeGreaterThan(runs.length / 2);
    process.stdout.write(
      `continue-as-new: SEED=${seed}, ${results.size} actions, ${sent} sendings, ` +
        `${Math.min(...runs)} to ${Math.max(...runs)} runs a lead\n`,
    );
  },
  600_000,
);

test("news that comes while a run is ending is heard in the next one", async () => {
  const id = await restless(1_000);
  let owner = (await world.until(id, (lead) => lead.waiting_on === "outreach")).owner_id;
  expect(await world.act(id, "accept", {})).toMatchObject({ done: true });
  const heard = (since: number) =>
    firstRow<{ n: number }>(
      world.pool,
      sql`
    select count(*)::int as n from decision where subject_id = ${id} and kind = 'engaged'
      and at >= ${new Date(since)}`,
    );
  for (let n = 0; n < 15; n++) {
    const told = Date.now();
    const to = reps.find((rep) => rep !== owner)!;
    // The news and the signal that fills the history arrive together, so that one of them meets the
    // end of a run.
    const [answer] = await Promise.all([
      world.act(id, "reassign", { to }, { by: "rp_boss", seen: { stage: "sal" } }),
      inTransaction(world.pool, (tx) =>
        enqueue(tx, leadSignal(id, "signal", "engaged", { id: `n${n}` }, 1), told),
      ),
    ]);
    expect(answer).toMatchObject({ done: true, owner: to });
    owner = to;
    await eventually(20, async () => ((await heard(told))?.n ?? 0) > 0);
  }
  await eventually(20, async () => (await known(id))?.owner === owner);
  expect(await runsOf(id)).toBeGreaterThanOrEqual(3);
}, 300_000);
