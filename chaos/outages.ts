import { setTimeout as pause } from "node:timers/promises";
import { rows, sql, type Pool } from "../store/postgres/db.ts";
import { ask, isLeadOpen, type Answer, type Question } from "./ask.ts";
import { drained } from "./drain.ts";
import type { RehearsalLedger } from "./ledger.ts";
import { memoryOf } from "./memory.ts";
import { insist, type Crowd } from "./people.ts";
import { untilAcknowledged } from "./standings.ts";
import { trouble } from "./strike.ts";
import type { ChaosWorld, LinkName } from "./world.ts";

export const silentOnes = ["postgres", "temporal", "crm", "smtp"] as const;
export type Silent = (typeof silentOnes)[number];

/** What one of them falling silent did to the others. Times in milliseconds, memory in MiB. */
export interface Outage {
  readonly silent: Silent;
  readonly requests: number;
  readonly accepted: number;
  readonly unavailable: number;
  /** Leads that reps accepted or rejected meanwhile. */
  readonly decided: number;
  readonly slowestMs: number;
  /** The slowest answer to a person's action. */
  readonly slowestActionMs: number;
  /** The slowest /healthz meanwhile. */
  readonly machineMs: number;
  /**
   * From the healing until /readyz says that all is well, until no backlog is left, and until every process
   * stands where its row says.
   */
  readonly readyAfterMs: number;
  readonly drainedAfterMs: number;
  readonly acknowledgedAfterMs: number;
  readonly memory: Readonly<
    Record<"api" | "worker", readonly [before: number, during: number, after: number]>
  >;
  readonly breaches: readonly string[];
}

const linksTo: Readonly<Record<Silent, readonly LinkName[]>> = {
  postgres: ["api-postgres", "worker-postgres"],
  temporal: ["api-temporal", "worker-temporal"],
  crm: [],
  smtp: ["worker-smtp"],
};
/**
 * Every answer comes within this time; twice what /healthz takes meanwhile, which asks nobody, is
 * the machine's own and not counted.
 */
const answerMs = 3_000;
/**
 * Nobody's silence but that of Postgres keeps a lead or an action out; an answer this late means
 * that the machine has no time.
 */
const lateMs = 2_400;
/** Leads that are with reps when it begins: half of them are accepted meanwhile, half rejected. */
const offers = 10;
/**
 * So many of them at least, or the silence has shown nothing; a slow machine gets up to three times
 * as long for it.
 */
const leastDecided = 2;
/** More than a collector leaves lying about; what is held per request or lead would pass it. */
const growthMiB = 150;

/**
 * Makes one of them fall silent for a while, with people at work, and watches until all is as
 * before.
 */
export async function outage(
  world: ChaosWorld,
  crowd: Crowd,
  silent: Silent,
  forMs: number,
  drainMs: number,
): Promise<Outage> {
  const { ledger } = crowd;
  const unanswered = new Map<string, Keyed>();
  const breaches: string[] = [];
  const late: { readonly where: string; readonly ms: number }[] = [];
  const figures = {
    requests: 0,
    accepted: 0,
    unavailable: 0,
    decided: 0,
    slowestMs: 0,
    slowestActionMs: 0,
  };
  const offered = silent === "postgres" ? [] : await offeredLeads(crowd, silent);
  const before = memory(world);
  const starts = { api: world.processes.api.starts(), worker: world.processes.worker.starts() };
  if (silent === "crm") await trouble(world, { kind: "slow", waitMs: 120_000 });
  for (const link of linksTo[silent]) world.links[link].suffer({ kind: "silent" });

  const began = performance.now();
  const isOver = (): boolean => {
    const passed = performance.now() - began;
    const isEnough = offered.length === 0 || figures.decided >= leastDecided;
    return passed > 3 * forMs || (passed > forMs && isEnough);
  };
  const questions = await questionsFor(world, silent);
  const peak = { ...before };
  let machineMs = 0;
  const control = async (): Promise<void> => {
    while (!isOver()) {
      machineMs = Math.max(
        machineMs,
        (await ask(world.url, { method: "GET", path: "/healthz", token: "" })).ms,
      );
      await pause(50);
    }
  };
  const askOnce = async (one: Question): Promise<Answer> => {
    const answer = await ask(world.url, one);
    figures.requests += 1;
    figures.slowestMs = Math.max(figures.slowestMs, answer.ms);
    if (one.path.startsWith("/leads/"))
      figures.slowestActionMs = Math.max(figures.slowestActionMs, answer.ms);
    const where = `${silent} silent: ${one.method} ${one.path.replace(/ld_\w+/, "{id}")}`;
    if (answer.ms > answerMs) late.push({ where, ms: answer.ms });
    if (answer.kind === "none") breaches.push(`${where} got no answer (${answer.why})`);
    else if (answer.status === 503) {
      figures.unavailable += 1;
      if (answer.retryAfter === null) breaches.push(`${where} got 503 without Retry-After`);
      if (silent !== "postgres" && one.method === "POST" && answer.ms < lateMs)
        breaches.push(`${where} was not carried out`);
    } else if (answer.status < 300) {
      figures.accepted += 1;
    } else breaches.push(`${where} got ${answer.status} ${String(answer.body["code"])}`);
    if (isKeyed(one)) {
      if (isLeadOpen(answer)) unanswered.set(one.key, one);
      else {
        unanswered.delete(one.key);
        enter(ledger, one, answer);
      }
    }
    for (const [name, value] of Object.entries(memory(world)) as ["api" | "worker", number][])
      peak[name] = Math.max(peak[name], value);
    await pause(100);
    return answer;
  };
  /** Asks again with the same key until it is answered, as people do; whether it was done. */
  const insistOn = async (one: Question): Promise<boolean> => {
    for (;;) {
      const answer = await askOnce(one);
      if (!isLeadOpen(answer) || isOver()) return answer.kind === "answer" && answer.status < 300;
    }
  };
  /** A rep reaches one lead after the other and decides: as on any day. */
  const work = async (): Promise<void> => {
    for (const [n, turn] of offered.entries()) {
      if (
        isOver() ||
        !(await insistOn(turn("outreach", { channel: "call", outcome: "connected" })))
      )
        continue;
      const decision =
        n % 2 === 0 ? turn("accept", { fitRating: 4 }) : turn("reject", { reason: "wrong-role" });
      if (await insistOn(decision)) figures.decided += 1;
    }
  };
  await Promise.all([
    control(),
    work(),
    ...questions.map(async (question, asker) => {
      for (let n = 0; !isOver(); n++) await askOnce(question(`${silent}-${asker}-${n}`));
    }),
  ]);
  if (silent !== "postgres" && figures.decided < leastDecided)
    breaches.push(
      `${silent} silent: ${figures.decided} of ${offered.length} offered leads were decided about`,
    );
  breaches.push(
    ...late
      .filter((one) => one.ms > answerMs + 2 * machineMs)
      .map(({ where, ms }) => `${where} took ${ms} ms, /healthz at most ${machineMs} ms`),
  );

  for (const link of linksTo[silent]) world.links[link].heal();
  if (silent === "crm") await trouble(world, null);
  const healed = performance.now();
  const readyAfterMs = await untilReady(world, healed, drainMs);
  // Who got no answer asks again with the same key: what was carried out meanwhile must not be
  // carried out twice.
  for (const one of unanswered.values()) {
    const answer = await insist(crowd, one);
    if (answer) enter(ledger, one, answer);
  }
  const done = await drained(world.pool, drainMs);
  if (done.left)
    breaches.push(
      `${silent} back: a backlog is left after ${done.ms} ms: ${JSON.stringify(done.left)}`,
    );
  const drainedAfterMs = Math.round(performance.now() - healed);
  const told = await untilAcknowledged(world);
  breaches.push(...told.apart.slice(0, 5).map((words) => `${silent} back: ${words}`));
  const after = memory(world);
  for (const name of ["api", "worker"] as const) {
    if (world.processes[name].starts() !== starts[name])
      breaches.push(`${silent} silent: ${name} ended`);
    if (after[name] - before[name] > growthMiB)
      breaches.push(`${silent} silent: ${name} grew from ${before[name]} to ${after[name]} MiB`);
  }
  return {
    silent,
    ...figures,
    machineMs,
    readyAfterMs,
    drainedAfterMs,
    acknowledgedAfterMs: drainedAfterMs + told.ms,
    breaches: [...new Set(breaches)].slice(0, 20),
    memory: {
      api: [before.api, peak.api, after.api],
      worker: [before.worker, peak.worker, after.worker],
    },
  };
}

type Turn = (name: string, body: object) => Keyed;

/** Takes leads in and waits until each is with a rep. Gives what its rep can say of each. */
async function offeredLeads(crowd: Crowd, silent: Silent): Promise<Turn[]> {
  const { world, ledger } = crowd;
  const ids: string[] = [];
  for (let n = 0; n < offers; n++) {
    const question = arrival(world.tokens.operator, `before/${silent}/${n}`);
    const answer = await insist(crowd, question);
    if (!answer) return [];
    enter(ledger, question, answer);
    ids.push(String(answer.body["id"]));
  }
  const owners = await ownersOf(world.pool, ids);
  return owners.map(({ id, owner }): Turn => (name, body) => ({
    method: "POST",
    path: `/leads/${id}/${name}`,
    token: world.tokens.reps[owner] ?? "",
    key: `${silent}/${id}/${name}`,
    body,
  }));
}

/** Who has each of these leads once all are offered, or after a minute. */
async function ownersOf(
  pool: Pool,
  ids: readonly string[],
): Promise<{ id: string; owner: string }[]> {
  for (const end = performance.now() + 60_000; ; await pause(200)) {
    const found = await rows<{ id: string; owner: string }>(
      pool,
      sql`
      select subject_id as id, owner_id as owner from process
      where subject_kind = 'lead' and subject_id = any(${ids}::text[]) and stage = 'mql'
        and owner_id is not null`,
    );
    if (found.length === ids.length || performance.now() > end) return found;
  }
}

/** A demo request that goes to a rep. */
function arrival(token: string, key: string): Keyed {
  const email = emailOf(key);
  return {
    method: "POST",
    path: "/leads",
    token,
    key,
    body: {
      facts: {
        "lead.email": email,
        "lead.name": "Kim",
        "lead.title": "VP Operations",
        "lead.role": "buyer",
        "lead.source": "google",
        "lead.firstTouchAt": "2026-11-01T10:00:00Z",
        "account.name": "Customer",
        "account.domain": email.split("@")[1] ?? "",
        "account.employees": 200,
        "account.industry": "Software",
        "account.country": "US",
      },
      engagements: [{ id: `form-${key}`, type: "demo_request" }],
    },
  };
}

/** What people ask meanwhile: intake, actions, lists, figures, health. */
async function questionsFor(
  { pool, tokens }: ChaosWorld,
  silent: Silent,
): Promise<((key: string) => Question)[]> {
  const found = await rows<{ id: string; owner_id: string }>(
    pool,
    sql`
    select id, owner_id from lead_standing where stage in ('sal', 'sql') and owner_id is not null
      order by id desc limit 3`,
  );
  const outreach = found.map(({ id, owner_id }) => (key: string): Question => ({
    method: "POST",
    path: `/leads/${id}/outreach`,
    token: tokens.reps[owner_id] ?? "",
    key,
    body: { channel: "email", outcome: "attempted" },
  }));
  const look = (path: string) => (): Question => ({ method: "GET", path, token: tokens.operator });
  const intake = (key: string): Question => arrival(tokens.operator, `${silent}/${key}`);
  return [
    intake,
    intake,
    ...outreach,
    look("/leads?limit=20"),
    look("/queue"),
    look("/reports/funnel"),
    ...(isAsked(silent) ? [look("/reports/conservation")] : []),
    look("/readyz"),
    look("/metrics"),
  ];
}

/**
 * While Temporal answers, conservation lists every running process and may take longer than three
 * seconds (api/app.ts); without Temporal it may not.
 */
function isAsked(silent: Silent): boolean {
  return silent === "postgres" || silent === "temporal";
}

type Keyed = Question & { readonly key: string };

function isKeyed(question: Question): question is Keyed {
  return question.key !== undefined;
}

function enter(ledger: RehearsalLedger, { key, path, body }: Keyed, answer: Answer): void {
  if (answer.kind !== "answer") return;
  const done = answer.status < 300;
  const { id, action } = answer.body;
  if (path !== "/leads")
    ledger.actions.push({
      key,
      lead: path.split("/")[2] ?? "",
      name: path.split("/")[3] ?? "",
      by: "",
      done,
      status: answer.status,
      id: done ? String(action) : null,
    });
  else if (done)
    ledger.leads.push({
      key,
      id: String(id),
      email: (body as { facts: Record<string, string> }).facts["lead.email"] ?? "",
    });
  else ledger.breach(`a lead was refused with ${answer.status} ${String(answer.body["code"])}`);
}

function emailOf(key: string): string {
  return `kim@outage-${key.replace(/[^a-z0-9]+/g, "-")}.com`;
}

async function untilReady(world: ChaosWorld, since: number, withinMs: number): Promise<number> {
  for (;;) {
    const answer = await ask(world.url, {
      method: "GET",
      path: "/readyz",
      token: world.tokens.operator,
    });
    const ms = Math.round(performance.now() - since);
    const isWell = answer.kind === "answer" && answer.body["healthy"] === true;
    if (isWell || ms > withinMs) return ms;
    await pause(100);
  }
}

function memory(world: ChaosWorld): Record<"api" | "worker", number> {
  return {
    api: memoryOf(world.processes.api.pid()) ?? 0,
    worker: memoryOf(world.processes.worker.pid()) ?? 0,
  };
}
