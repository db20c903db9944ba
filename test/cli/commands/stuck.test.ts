import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServiceError } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "../../../cli/env.ts";
import { withTemporal } from "../../../cli/servers/processes.ts";
import { rows, sql } from "../../../store/postgres/db.ts";
import { eventually } from "../../support/eventually.ts";
import { leadWorld, type LeadWorld } from "../../support/lead-world.ts";
import { brokenLead, otherWorkflows } from "../../support/other-code.ts";
import { run } from "../../support/program.ts";
import { temporalServer } from "../../support/world.ts";

const baton = fileURLToPath(new URL("../../../cli/baton.mjs", import.meta.url));
const minute = 60_000;
let folder: string;
let world: LeadWorld;
let address: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-stuck-"));
  [world, { address }] = await Promise.all([leadWorld(), temporalServer()]);
}, 120_000);
afterAll(async () => {
  await world?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function stuck(
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<{ code: number | null; lines: string[] }> {
  const program = run(process.execPath, [baton, "stuck", ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: world.databaseUrl,
      TEMPORAL_ADDRESS: address,
      BATON_TASK_QUEUE: world.taskQueue,
      ...env,
    },
  });
  const code = await program.exit;
  // Other tests of the run may have broken processes of their own that are not about a lead.
  return {
    code,
    lines: program.lines.filter((line) => !line.includes("is broken and not about a lead")),
  };
}

const audited = (lead: string) =>
  rows<{ state: string }>(
    world.pool,
    sql`
  select actor, detail->>'state' as state, detail->>'runId' as "runId" from audit
    where what = 'lead.process-repaired' and subject = ${lead} order by id`,
  );
const runOf = async (lead: string) => {
  const { runId, status } = await world.handle(lead).describe();
  return { runId, status: status.name };
};
/** Nobody counts as just arrived. */
const age = (lead: string) =>
  world.pool.query(
    sql`update lead set arrived_at = arrived_at - interval '1 hour' where id = ${lead}`,
  );
const again = (lead: string, before: string) =>
  eventually(20, async () => {
    const now = await runOf(lead);
    return (
      now.status === "RUNNING" &&
      now.runId !== before &&
      (await world.handle(lead).query("standing")) !== null
    );
  });

test(
  "a broken process is listed with since, why and what to do; --repair ends its run, and the " +
    "lead goes on where it was",
  async () => {
    const lead = await brokenLead(world, await otherWorkflows(folder));
    const before = await world.lead(lead);
    const { runId } = await runOf(lead);
    const listed = await stuck();
    expect(listed.code).toBe(1);
    expect(listed.lines.at(-1)).toBe("1 lead is stuck.");
    expect(listed.lines[0]).toMatch(
      new RegExp(
        `^${lead} broken since \\d{4}-\\d\\d-\\d\\d .*, mql: its tasks fail: .*Nondeterminism.*; ` +
          `deploy the code that can go on with it, or start it again: .baton stuck --repair ${lead}.\\.$`,
        "i",
      ),
    );
    const { leads } = JSON.parse((await stuck(["--json"])).lines.at(-1) ?? "");
    expect(leads).toMatchObject([
      { id: lead, state: "broken", stage: "mql", waitingOn: "outreach", runId },
    ]);
    expect(Date.parse(leads[0].since)).toBeGreaterThan(Date.now() - 10 * minute);

    expect(await stuck(["--repair"])).toEqual({
      code: 0,
      lines: [
        `${lead} was broken; its run ${runId} was ended; it starts again from mql, waiting on ` +
          "outreach.",
        "1 started again.",
      ],
    });
    await again(lead, runId);
    expect(await world.lead(lead)).toMatchObject({
      stage: "mql",
      owner_id: before.owner_id,
      handoff_id: before.handoff_id,
      due_at: before.due_at,
    });
    expect(await world.act(lead, "accept", {})).toMatchObject({ done: true, stage: "sal" });
    expect(await audited(lead)).toEqual([{ actor: "cli", state: "broken", runId }]);

    // Safe to repeat: there is nothing left to do, by name and without.
    expect(await stuck(["--repair", lead])).toEqual({
      code: 0,
      lines: [`${lead} is not stuck; nothing was done.`, "0 started again."],
    });
    await eventually(20, async () => (await stuck()).lines.join() === "0 leads are stuck.");
    expect(await audited(lead)).toHaveLength(1);
  },
  240_000,
);

test("a missing process is started again, a late one only when it is named", async () => {
  const [missing, late] = [await world.arrive(), await world.arrive()];
  for (const lead of [missing, late]) {
    await world.until(lead, (row) => row.waiting_on === "outreach");
    await world.handle(lead).query("standing");
    await age(lead);
  }
  const ended = await runOf(missing);
  const running = await runOf(late);
  await world.handle(missing).terminate("test");
  await world.pool.query(
    sql`
      update process set next_at = ${new Date(Date.now() - 11 * minute)}
        where subject_id = ${late}`,
  );
  await eventually(20, async () => (await stuck()).lines.length === 3);
  const { leads } = JSON.parse((await stuck(["--json"])).lines.at(-1) ?? "");
  const by = Object.fromEntries(leads.map((one: { id: string }) => [one.id, one]));
  expect(by[missing]).toMatchObject({
    state: "missing",
    why: "its process has ended though the lead is open",
    runId: null,
  });
  expect(by[late]).toMatchObject({
    state: "late",
    why: "its next step is overdue though its process runs",
    runId: running.runId,
  });

  expect(await stuck(["--repair"])).toEqual({
    code: 1,
    lines: [
      `${missing} was missing; it starts again from mql, waiting on outreach.`,
      `${late} is late and was left alone; name it to start it again.`,
      "1 started again.",
    ],
  });
  await again(missing, ended.runId);
  expect((await runOf(late)).runId).toBe(running.runId);

  const { code, lines } = await stuck(["--repair", late, "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(lines.at(-1) ?? "")).toEqual({
    repaired: [
      {
        id: late,
        isStarted: true,
        outcome:
          `was late; its run ${running.runId} was ended; it starts again from mql, waiting on ` +
          "outreach",
      },
    ],
  });
  await again(late, running.runId);
  expect([await audited(missing), await audited(late)]).toMatchObject([
    [{ state: "missing" }],
    [{ state: "late" }],
  ]);
}, 120_000);

test("messages that wait for the relay are counted, with since when and what to do", async () => {
  const since = new Date(Date.now() - 5 * minute);
  await world.pool.query(sql`
    insert into outbox (lane, workflow_id, kind, message, payload, created_at, next_at)
    values (1, 'lead/ld_waiting', 'signal', 'moved', '{}', ${since},
      ${new Date(Date.now() + 60 * minute)})`);
  const { code, lines } = await stuck();
  expect(code).toBe(1);
  expect(lines.slice(-2)).toEqual([
    expect.stringMatching(
      /^1 messages to processes wait since \d{4}-.*Z: see that worker and relay are ready \(`baton doctor`\)/,
    ),
    expect.stringMatching(/^\d+ leads? (is|are) stuck\.$/),
  ]);
  await world.pool.query("delete from outbox where workflow_id = 'lead/ld_waiting'");
});

test.each([
  [["ld_1"], {}, /say `baton stuck --repair ld_1`/, 1],
  [["--repair", "ld_unknown"], {}, /There is no lead or account ld_unknown; give our ids/, 1],
  [["--mend"], {}, /Unknown option '--mend'/, 2],
  [[], { TEMPORAL_ADDRESS: "127.0.0.1:1" }, /Temporal at 127\.0\.0\.1:1 does not answer/, 1],
])("%o with %o is refused in a sentence", async (args, env, sentence, wanted) => {
  const { code, lines } = await stuck(args, env);
  expect(lines.join("\n")).toMatch(sentence);
  expect(code).toBe(wanted);
});

test("a server that answers, and not what is asked of it, is a sentence", async () => {
  const found = await stuck([], { TEMPORAL_NAMESPACE: "nowhere" });
  expect(found).toEqual({
    code: 1,
    lines: [
      `Temporal at ${address} did not answer all that was asked (it has no namespace ` +
        '"nowhere"); try again, and see its log if that goes on.',
    ],
  });
});

test("an answer that does not come in time says so by its code", async () => {
  const late = Object.assign(new Error("4 DEADLINE_EXCEEDED: Deadline exceeded after 60s"), {
    code: 4,
    details: "Deadline exceeded after 60s",
    metadata: {},
  });
  const asked = withTemporal(readSettings({ TEMPORAL_ADDRESS: address }), () =>
    Promise.reject(new ServiceError("Failed to list workflows", { cause: late })),
  );
  await expect(asked).rejects.toThrow(/\(no answer: Deadline exceeded after 60s\); try again/);
});
