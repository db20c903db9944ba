import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ask } from "../ask.ts";
import { checkAll } from "../checks.ts";
import { drained } from "../drain.ts";
import { closedOnSignal } from "../interrupt.ts";
import { RehearsalLedger } from "../ledger.ts";
import { sendLeads, workAsRep, workInCrm, type Crowd } from "../people.ts";
import { replayAll, startRounds } from "../replay.ts";
import { untilAcknowledged } from "../standings.ts";
import { deploy, eventually, type Deployment } from "./world.ts";

const drainMs = 330_000;
/** How Postgres refuses a connection that it has no room for. */
const refusals = /too many clients|remaining connection slots|too many connections/;

/** How long it lasts, and how many leads a second arrive; `environment` is the caller's own. */
export interface DeploymentRehearsal {
  readonly seed: number;
  readonly minutes: number;
  readonly rate: number;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * The deployment of docs/running.md, "More than one machine": two workers and two APIs beside
 * Temporal's own server on one Postgres with its 100 connections. Leads come in at a rate; one
 * worker and one API are killed; then a new version replaces the old one. Gives every breach in
 * words; none is the aim.
 */
export async function rehearseDeployment(
  { seed, minutes, rate, environment }: DeploymentRehearsal,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const began = performance.now();
  const tell = (line: string) =>
    say(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s ${line}`);
  const world = await deploy(environment, tell);
  const close = closedOnSignal(() => world.close());
  const crowd = { world, ledger: new RehearsalLedger(), seed, ...ends() };
  try {
    const breaches = await rehearse(world, crowd, { minutes, rate }, tell);
    if (breaches.length > 0) {
      world.keepLogs();
      say(`logs are in ${world.logs}`);
    }
    return breaches;
  } catch (error) {
    world.keepLogs();
    say(`logs are in ${world.logs}`);
    throw error;
  } finally {
    // Whatever went wrong: who still asks again and again would keep this process up for ever.
    crowd.giveUp();
    await close();
  }
}

/** When the crowd goes home, and when it no longer insists on an answer. */
function ends() {
  let isOver = false;
  let isHopeless = false;
  return {
    isOver: () => isOver,
    isHopeless: () => isHopeless,
    goHome: () => void (isOver = true),
    giveUp: () => void (isOver = isHopeless = true),
  };
}

async function rehearse(
  world: Deployment,
  crowd: Crowd & ReturnType<typeof ends>,
  { minutes, rate }: Pick<DeploymentRehearsal, "minutes" | "rate">,
  tell: (line: string) => void,
): Promise<readonly string[]> {
  await Promise.all(["worker-1", "worker-2"].map((name) => world.startWorker(name, "one")));
  await makeCurrent(world, "one");
  await Promise.all(["api-1", "api-2"].map((name) => world.startApi(name)));
  tell("two workers and two APIs are ready");
  for (const line of budgets(world)) tell(line);

  const { ledger } = crowd;
  await startRounds(world);
  const lasting = minutes * 60_000;
  const until = (part: number): Promise<void> =>
    pause(Math.max(0, start + part * lasting - performance.now()));
  const start = performance.now();
  const leads = Math.round(minutes * 60 * rate);
  const intake = sendLeads(crowd, leads, lasting);
  const work = [
    ...Object.keys(world.tokens.reps).map((rep) => workAsRep(crowd, rep)),
    workInCrm(crowd),
  ];

  await until(1 / 3);
  for (const name of ["worker-1", "api-1"]) world.processes[name]?.kill("SIGKILL");
  tell("kill -9 to one worker and one API");
  for (const name of ["worker-1", "api-1"]) await world.processes[name]?.up(120_000);
  tell("both run again");

  await until(2 / 3);
  await upgrade(world, tell);
  await intake;
  crowd.goHome();
  const giveUp = setTimeout(() => crowd.giveUp(), 60_000);
  await Promise.all(work);
  clearTimeout(giveUp);
  const rest = await drained(world.pool, drainMs);
  tell(`${leads} leads sent; worked off after ${rest.ms} ms`);
  const told = await untilAcknowledged(world);

  const breaches = [
    ...(rest.left ? [`a backlog is left: ${JSON.stringify(rest.left)}`] : []),
    ...told.apart.slice(0, 10),
    ...(await checkAll(world, ledger)),
    ...(await judge(world, ledger, leads, tell)),
  ];
  return [...new Set(breaches)];
}

/** docs/changing-workflows.md, "Deploying": the new build beside the old, current, alone. */
async function upgrade(world: Deployment, tell: (line: string) => void): Promise<void> {
  await world.command("migrate");
  await world.startWorker("worker-3", "two");
  tell("a worker of build two rests beside those of build one");
  await pause(5_000);
  await makeCurrent(world, "two");
  tell("build two is current");
  await pause(2_000);
  await world.retire("worker-1");
  await world.startWorker("worker-4", "two");
  await world.retire("worker-2");
  tell("the workers of build one have ended");
  for (const [old, fresh] of [
    ["api-1", "api-3"],
    ["api-2", "api-4"],
  ] as const) {
    await world.startApi(fresh);
    await world.retire(old);
  }
  tell("both APIs are of the new version");
}

/** The server may not have heard of a build yet that has just begun to poll. */
async function makeCurrent(world: Deployment, build: string): Promise<void> {
  const name = ["--deployment-name", "baton", "--build-id", build];
  await eventually(60_000, () =>
    world.temporal("worker", "deployment", "set-current-version", ...name, "--yes"),
  );
}

/** What only a deployment has: its budget of connections, two APIs, two versions. */
async function judge(
  world: Deployment,
  ledger: RehearsalLedger,
  leads: number,
  tell: (line: string) => void,
): Promise<string[]> {
  const done = ledger.actions.filter((one) => one.done).length;
  const { requests, repeated, broken, unavailable, slowestMs } = ledger.figures;
  tell(
    `${ledger.leads.length} leads and ${done} actions acknowledged; ${requests} requests, ` +
      `${repeated} repeated, ${broken} broken, ${unavailable} 503, slowest ${slowestMs} ms`,
  );
  const breaches: string[] = [];
  if (ledger.leads.length !== leads)
    breaches.push(`${leads} leads were sent, ${ledger.leads.length} acknowledged`);
  if (done < leads) breaches.push(`only ${done} actions were done for ${leads} leads`);

  const report = await ask(world.url, {
    method: "GET",
    path: "/reports/conservation",
    token: world.tokens.operator,
  });
  if (report.kind === "answer") {
    const { totals, withoutProcess, broken: stuck } = report.body;
    tell(`conservation: ${JSON.stringify({ totals, withoutProcess, broken: stuck })}`);
  }
  for (const line of (await world.command("verify")).split("\n")) tell(line);

  const { runs, broken: apart } = await replayAll(world);
  tell(`replayed ${JSON.stringify(runs)}, ${apart ? "the next one failed" : "0 failed"}`);
  if (apart)
    breaches.push(`run ${apart.runId} of ${apart.workflowId} does not replay: ${apart.why}`);

  const { connections } = world;
  tell(
    `connections: at most ${connections.most()} of ${connections.allowed} at once, by user ${JSON.stringify(connections.mostByUser())}`,
  );
  if (connections.most() > connections.allowed)
    breaches.push(`${connections.most()} connections were open`);
  for (const { file, line } of linesOf(world))
    if (refusals.test(line)) breaches.push(`${file}: ${line.slice(0, 200)}`);
  for (const line of budgets(world))
    if (!line.startsWith("Connections: ")) breaches.push(`the budget did not fit: ${line}`);
  return breaches;
}

/** What each process said of the budget when it started. */
function budgets(world: Deployment): string[] {
  return linesOf(world).flatMap(({ line }) => {
    if (!line.includes('"connections":')) return [];
    const { msg } = JSON.parse(line) as { msg?: string };
    return msg === undefined ? [] : [msg];
  });
}

function linesOf({ logs }: Deployment): { readonly file: string; readonly line: string }[] {
  return readdirSync(logs).flatMap((file) =>
    readFileSync(join(logs, file), "utf8")
      .split("\n")
      .map((line) => ({ file, line })),
  );
}
