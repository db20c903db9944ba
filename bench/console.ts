import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import type { LoginWish } from "../store/access/logins.ts";
import { firstRow, rows, sql, type Pool } from "../store/postgres/db.ts";
import { settlesAfterMs } from "../store/reports/settling.ts";
import { grow } from "../test/support/grown-database.ts";
import { startApplication, type Application } from "./application.ts";
import { consoleTasks, firstLoad } from "./console-tasks.ts";
import { prepareGovernance } from "./console-governance.ts";
import { cookiesOf, type ConsoleWorld, type OfferOfBench } from "./console-world.ts";
import { spread, type Figure, type Report } from "./numbers.ts";
import { alwaysOpen, benchReps, demoRequest } from "./opening.ts";
import type { BenchStack } from "./stack.ts";

/**
 * The console over a database of years: demo requests that the worker has offered, beside so many
 * leads. In Chromium every task of the table, with its clicks and how long the answer took; then the
 * first load on a slow line and a slow processor; then the pages and an action fifty times a second.
 */
export async function benchConsole(
  stack: BenchStack,
  {
    leads,
    requests,
    seconds,
    times,
  }: { leads: number; requests: number; seconds: number; times: number },
): Promise<Report> {
  const app = await startApplication(stack, []);
  try {
    const began = performance.now();
    await grow(app.pool, { leads, now: Date.now() });
    await adopt(app.pool);
    const filled = (performance.now() - began) / 1_000;
    await app.start("api");
    await app.start("worker");
    await leaveThePast(stack.temporalAddress);
    await offer(app, requests);
    const world: ConsoleWorld = { url: app.url, pool: app.pool, cookieOf: cookiesOf(app) };
    const open = await openOffers(app.pool);
    await settled(app.pool);
    // Plans of statements and compiled code are those of a server that has run for a while.
    await fiftyASecond(app, world, 5);
    // Before a version is activated: telling every open handoff of it takes the worker minutes.
    const beat = await fiftyASecond(app, world, seconds);
    await countAllAnew(app.pool);
    const beside = await fiftyASecond(app, world, seconds, ", beside the daily recount");
    const governance = await prepareGovernance(app, times);
    const tasks = await consoleTasks(world, { open, governance }, times);
    const first = await firstLoad(world, open, times);
    return {
      figures: [...tasks, ...first, ...beat.figures, ...beside.figures],
      notes: [
        `${leads} leads, filled in ${filled.toFixed(0)} s; ${open.length} open offers of ${benchReps.length} reps`,
        `the plan of a version took ${governance.seconds.plan.toFixed(0)} s at most, the packet of a review ${governance.seconds.packet.toFixed(1)} s`,
        ...beat.notes,
        ...beside.notes,
      ],
    };
  } finally {
    await app.close();
  }
}

/** The open handoffs of the past go on by the agreement of the bench, and are due one after the other. */
async function adopt(pool: Pool): Promise<void> {
  const hash = (
    await rows<{ content_hash: string }>(
      pool,
      sql`select content_hash from agreement_version where state = 'active'`,
    )
  )[0]?.content_hash;
  await pool.query(sql`update agreement_version set content = ${alwaysOpen},
    content_hash = ${`${hash}-grown`} where id = 'ag_grown'`);
  await pool.query(sql`update handoff set lead_type = 'demo-request' where state = 'open'`);
  await pool.query(sql`
    update process set lead_type = 'demo-request',
      due_at = now() + make_interval(mins => (('x' || substr(md5(subject_id), 1, 6))::bit(24)::int
        % 4000) - 200)
    where due_at is not null`);
}

/** The processes of the past never ran here: the reconciler would start every one of them meanwhile. */
async function leaveThePast(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const { schedule } = new Client({ connection });
  await schedule.getHandle("reconcile").pause("a benchmark fills the database with a past");
  await connection.close();
}

/** Demo requests as a form sends them; waits until the worker has offered them. */
async function offer(app: Application, requests: number): Promise<void> {
  const token = await app.token("operator");
  const tag = randomBytes(4).toString("hex");
  for (let n = 0; n < requests; n++) {
    const request = demoRequest(tag, n, Date.now());
    // On a busy machine it is asked again, as a form's server would.
    for (let tries = 1; ; tries++) {
      const { status } = await app.post("/leads", request, token);
      if (status < 300) break;
      if (tries === 20) throw new Error(`a demo request was answered with ${status}`);
      await pause(500);
    }
    await pause(100);
  }
  for (let waited = 0; (await openOffers(app.pool)).length < requests; waited += 500) {
    if (waited > 120_000) throw new Error("demo requests were not offered within two minutes");
    await pause(500);
  }
}

/** Waits until the worker has settled the handoffs of the past, as it has where a past was lived. */
async function settled(pool: Pool): Promise<void> {
  for (let waited = 0; ; waited += 1_000) {
    const left = await firstRow(
      pool,
      sql`
      select from handoff where settled_at is null and subject_kind = 'lead'
        and mql_at < ${new Date(Date.now() - settlesAfterMs)} limit 1`,
    );
    if (!left) return;
    if (waited > 900_000) throw new Error("handoffs were not settled within a quarter of an hour");
    await pause(1_000);
  }
}

async function openOffers(pool: Pool): Promise<OfferOfBench[]> {
  return rows<OfferOfBench>(
    pool,
    sql`
    select subject_id as lead, owner_id as rep from process
    where subject_kind = 'lead' and stage = 'mql' and owner_id = any(${[...benchReps]}::text[])
    order by due_at, subject_id`,
  );
}

/** As a day after the last recounts: the worker begins with all of them within ten seconds. */
async function countAllAnew(pool: Pool): Promise<void> {
  await pool.query("delete from recount");
  await pool.query("update account_recount set at = null");
  await pause(10_000);
}

/** Of a hundred requests so many are of a page; the goals are those of the design. */
const mix = [
  { name: "queue", share: 30, goal: 100 },
  { name: "lead", share: 30, goal: 100 },
  { name: "list", share: 20, goal: 100 },
  { name: "board", share: 10, goal: 150 },
  { name: "action", share: 10, goal: 300 },
] as const;
type Asked = (typeof mix)[number]["name"];

/** Fifty requests a second, whatever they take, of reps and their manager. */
async function fiftyASecond(
  app: Application,
  world: ConsoleWorld,
  seconds: number,
  beside = "",
): Promise<{ figures: Figure[]; notes: string[] }> {
  const headers = async (wish: LoginWish) => {
    const { name, value } = await world.cookieOf(wish);
    return { cookie: `${name}=${value}` };
  };
  const of = new Map<string, Record<string, string>>();
  for (const rep of benchReps) of.set(rep, await headers({ role: "rep", repId: rep }));
  const boss = await headers({ role: "manager", repId: "rp_bench_boss" });
  const open = await openOffers(world.pool);
  if (open.length === 0) throw new Error("no offer is open to ask about");
  const took = new Map<Asked, number[]>(mix.map(({ name }) => [name, []]));
  let refused = 0;

  const one = async (name: Asked, n: number): Promise<void> => {
    const { lead, rep } = open[n % open.length] as OfferOfBench;
    const own = of.get(rep) ?? {};
    const began = performance.now();
    const status = await ask(name, lead, own).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      },
      () => 503,
    );
    took.get(name)?.push(performance.now() - began);
    if (status >= 400) refused += 1;
  };
  const ask = (name: Asked, lead: string, own: Record<string, string>): Promise<Response> => {
    switch (name) {
      case "queue":
        return fetch(`${app.url}/console/queue`, { headers: own });
      case "lead":
        return fetch(`${app.url}/console/leads/${lead}?from=queue`, { headers: own });
      case "list":
        return fetch(`${app.url}/console/leads?stage=mql`, { headers: boss });
      case "board":
        return fetch(`${app.url}/console/board`, { headers: boss });
      case "action":
        return fetch(`${app.url}/console/leads/${lead}/outreach`, {
          method: "POST",
          redirect: "manual",
          headers: {
            ...own,
            origin: app.url,
            "content-type": "application/x-www-form-urlencoded",
          },
          body: new URLSearchParams({
            key: randomBytes(16).toString("hex"),
            back: "/console/queue",
            did: "call/no_answer",
          }).toString(),
        });
      default:
        return name satisfies never;
    }
  };

  const order = mix.flatMap(({ name, share }) => Array.from({ length: share }, () => name));
  const under: Promise<void>[] = [];
  const first = performance.now();
  for (let n = 0; n < 50 * seconds; n++) {
    // A prime step goes through the hundred in a mixed order.
    under.push(one(order[(n * 37) % 100] as Asked, n));
    await pause(Math.max(0, first + (n + 1) * 20 - performance.now()));
  }
  await Promise.all(under);
  return {
    figures: mix.flatMap(({ name, goal }) =>
      spread(`${name} at 50 requests/s${beside}`, took.get(name) ?? [], goal),
    ),
    notes: [
      `50 requests/s for ${seconds} s${beside}: ${mix.map(({ name, share }) => `${share} % ${name}`).join(", ")}; ` +
        `${refused} were answered with an error`,
    ],
  };
}
