import { pino } from "pino";
import pg from "pg";
import { seedIfEmpty } from "../agreement/seed.ts";
import { agreementOf } from "../agreement/stored.ts";
import { createPlanner } from "../api/planning/planner.ts";
import { beginPlan, madePlan, planningOf } from "../store/governance/plans.ts";
import { proposeVersion } from "../store/governance/signed-versions.ts";
import { takeIn } from "../store/intake/intake.ts";
import { firstRow, inTransaction, openPool, sql, type Pool } from "../store/postgres/db.ts";
import { activeVersion, createAgreements } from "../store/process/agreements.ts";
import { take, takeRoute } from "../store/process/take.ts";
import { routingDispatcher } from "../store/routing/dispatcher.ts";
import { copyLead } from "../test/support/copied-leads.ts";
import { generatedLeads } from "../test/support/generated-leads.ts";
import { inBulk } from "../test/support/grown-database.ts";
import { startStage, urlOfDatabase, type PostgresAnswer } from "../test/support/stage.ts";
import { cpuOfFamily, parentOf } from "./cpu.ts";
import type { Report } from "./numbers.ts";

const now = Date.parse("2026-11-23T15:00:00Z");

/**
 * The plan of a version over so many leads, made as the API makes it: in its thread, on a Postgres
 * of its own. A hundred generated leads are taken in, judged and routed as in life; the others are
 * copies of them with all that was decided about them.
 */
export async function benchPlan({ leads }: { readonly leads: number }): Promise<Report> {
  const stage = await startStage(() => undefined);
  try {
    const server = (await (await fetch(`${stage.url}/postgres`)).json()) as PostgresAnswer;
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`create database plan template ${server.template}`);
    await admin.end();
    const url = urlOfDatabase(server.url, "plan");
    const pool = openPool(url);
    try {
      await fill(pool, leads);
      return await measured(pool, url, leads);
    } finally {
      await pool.end();
    }
  } finally {
    await stage.close();
  }
}

async function fill(pool: Pool, leads: number): Promise<void> {
  await seedIfEmpty(pool, now - 86_400_000);
  const agreements = createAgreements(agreementOf);
  const deps = { pool, agreements, dispatcher: routingDispatcher(pool) };
  const version = await agreements.active(pool);
  if (!version) throw new Error("there is no agreement");
  const templates: string[] = [];
  for (const [n, { facts, engagements }] of generatedLeads(1, 96, now).entries()) {
    const [taken] = await inTransaction(pool, (tx) =>
      takeIn(
        tx,
        [
          {
            facts,
            engagements: engagements.map(({ id, ...one }) => ({ messageId: id, ...one })),
            ...(typeof facts["lead.email"] === "string" ? { email: facts["lead.email"] } : {}),
          },
        ],
        { now, from: "form", lane: 1, agreement: version.agreement },
      ),
    );
    // An address that cannot be one is refused at the door.
    if (!taken || !("leadId" in taken)) continue;
    const subject = { kind: "lead" as const, id: taken.leadId };
    const ask = (key: string) => ({
      subject,
      key: `bench/${n}/${key}`,
      now,
      by: "elsewhere" as const,
    });
    const standing = await take(deps, ask("arrived"), { kind: "arrived" });
    if (standing.stage === "mql") await takeRoute(deps, ask("routed"));
    templates.push(taken.leadId);
  }
  const copies = Math.ceil((leads - templates.length) / templates.length);
  const found = await Promise.all(
    templates.map(async (leadId, n) => ({
      leadId,
      tag: `copy${n}x`,
      handoffId:
        (
          await firstRow<{ id: string }>(
            pool,
            sql`select id from handoff where subject_id = ${leadId}`,
          )
        )?.id ?? null,
    })),
  );
  await inBulk(
    pool,
    () => undefined,
    async (ask) => {
      for (const template of found)
        for (const statement of copyLead(template, 1, copies)) await ask(statement);
    },
  );
}

async function measured(pool: Pool, url: string, leads: number): Promise<Report> {
  const active = await activeVersion(pool);
  if (!active) throw new Error("there is no active version");
  const content = active.content
    .replace("outreach: 1 business hour", "outreach: 2 business hours")
    .replace("{ atLeast: 50, atMost: 5000 }", "{ atLeast: 30, atMost: 2500 }");
  const { run, versionId } = await inTransaction(pool, async (tx) => {
    const { id } = await proposeVersion(tx, content, { by: "bench", note: null }, now + 60_000);
    const begun = await beginPlan(tx, id, "bench", now + 60_000);
    if (!("run" in begun) || !begun.run) throw new Error("no plan was begun");
    return { run: begun.run, versionId: id };
  });
  const backend = await firstRow<{ pid: number }>(pool, sql`select pg_backend_pid() as pid`);
  const postgres = parentOf(backend?.pid ?? 0);
  const spent = () => ({
    node: process.cpuUsage(),
    postgres: (postgres === null ? null : cpuOfFamily(postgres)) ?? 0,
  });
  await untilIdle(() => spent().postgres);
  const [began, before] = [performance.now(), spent()];
  let slowest = 0;
  createPlanner(url, pino({ level: "error" })).make(run);
  for (;;) {
    const asked = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    slowest = Math.max(slowest, performance.now() - asked - 20);
    const planning = await planningOf(pool, versionId);
    if (planning?.state === "making") continue;
    if (planning?.state !== "made") throw new Error(`the plan was not made: ${planning?.failure}`);
    break;
  }
  const seconds = (performance.now() - began) / 1_000;
  const [after, made] = [spent(), await madePlan(pool, versionId)];
  const node = (after.node.user + after.node.system - before.node.user - before.node.system) / 1e6;
  const { trial, deadlines, history } = made!.plan;
  return {
    figures: [
      {
        name: `plan of ${leads} leads, from asking`,
        value: seconds,
        unit: "s",
        goal: { atMost: 30 },
      },
      { name: "processor time, node", value: node, unit: "s" },
      {
        name: "processor time, postgres",
        value: (after.postgres - before.postgres) / 1_000,
        unit: "s",
      },
      { name: "longest that the loop beside it was kept", value: slowest, unit: "ms" },
    ],
    notes: [
      `${trial.leads} open leads judged by both versions, ${trial.leads - trial.same} come to something else; ` +
        `${deadlines.handoffs} open handoffs, ${deadlines.moved} with a deadline that moves; ` +
        `${history.handoffs} handoffs of the quarter judged again`,
    ],
  };
}

/**
 * Waits until Postgres has nothing left to do: processor time of a connection that was closed counts
 * once it is gone, and what was filled is written to disk for a while.
 */
async function untilIdle(spentMs: () => number): Promise<void> {
  for (let [tries, before] = [0, -1]; tries < 60; tries++) {
    const after = spentMs();
    if (after - before < 20) return;
    before = after;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}
