import { afterAll, beforeAll, expect, test } from "vitest";
import { pino } from "pino";
import { agreementOf } from "../../agreement/stored.ts";
import { createApp } from "../../api/app.ts";
import type { Routes } from "../../api/deps.ts";
import { connectTemporal, type TemporalPort } from "../../api/temporal.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { firstRow, rows, sql, type Pool } from "../../store/postgres/db.ts";
import { createToken } from "../../store/access/tokens.ts";
import { untilAllAgree } from "../support/agreement-of-process.ts";
import { alwaysOpen, leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { temporalOfOwn, type OwnTemporal } from "../support/temporal-of-own.ts";

/**
 * An outage to scale: deadlines are of seconds instead of an hour, and run out in the middle of it.
 * The clock is the real one, for a server that is away moves none.
 */
const deadlineMs = 45_000;
const each = 6;
const reps = ["rp_one", "rp_two", "rp_three"] as const;

function hurried(text: string): string {
  return alwaysOpen(text).replace(
    "outreach: 1 business hour\n    status",
    `outreach: ${deadlineMs / 1_000} business seconds\n    status`,
  );
}

let server: OwnTemporal;
let world: LeadWorld;
let temporal: TemporalPort;
let pool: Pool;
let app: Routes;
/** What the API asked of Temporal. */
const asked: PropertyKey[] = [];
const tokens = new Map<string, string>();
beforeAll(async () => {
  server = await temporalOfOwn();
  world = await leadWorld({ agreement: hurried, reps, server, settlingMs: 3_000 });
  temporal = new Proxy(connectTemporal(server), {
    get(port, name: keyof TemporalPort) {
      if (name !== "close") asked.push(name);
      return port[name];
    },
  });
  pool = world.pool;
  app = createApp({
    ...world.pools,
    agreements: createAgreements(agreementOf),
    temporal,
    clock: Date.now,
    publicUrl: "http://baton.test",
    log: pino({ level: "silent" }),
  });
  for (const repId of reps)
    tokens.set(
      repId,
      (await createToken(pool, { role: "rep", repId, label: "test" }, Date.now())).secret,
    );
}, 180_000);
afterAll(async () => {
  await temporal?.close();
  await world?.close();
  await server?.close();
}, 60_000);

interface Offered {
  readonly id: string;
  readonly rep: string;
  readonly dueAt: number;
}
interface Answer {
  readonly status: number;
  readonly onTime: unknown;
  readonly ms: number;
}

async function ask({ id, rep }: Offered, path: string, body: object): Promise<Answer> {
  const began = performance.now();
  const response = await app.request(`/leads/${id}/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { authorization: `Bearer ${tokens.get(rep)}`, "content-type": "application/json" },
  });
  const said = (await response.json()) as { onTime?: unknown };
  return { status: response.status, onTime: said.onTime, ms: performance.now() - began };
}

let accounts = 0;
const arrive = () =>
  world.arrive({
    email: `kim@away-${++accounts}.com`,
    facts: { "account.domain": `away-${accounts}.com` },
  });

async function offered(): Promise<Offered> {
  const id = await arrive();
  const row = await world.until(
    id,
    (lead) => lead.waiting_on === "outreach" && lead.owner_id !== null,
  );
  return { id, rep: row.owner_id!, dueAt: row.due_at!.getTime() };
}

/** A few, two at a time. */
async function some(): Promise<Offered[]> {
  const leads: Offered[] = [];
  while (leads.length < each)
    leads.push(...(await Promise.all([patiently(offered), patiently(offered)])));
  return leads;
}

const outreach = (lead: Offered) =>
  ask(lead, "outreach", { channel: "call", outcome: "connected" });
const p95 = (all: readonly Answer[]) =>
  all.map(({ ms }) => ms).toSorted((a, b) => a - b)[Math.floor(all.length * 0.95)]!;
const sleepUntil = (at: number) =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));

/** One after the other, as one person does it. */
async function inTurn(
  leads: readonly Offered[],
  act: (lead: Offered) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const lead of leads) answers.push(await act(lead));
  return answers;
}

test(
  "while Temporal is away people are answered as always, and at its return every process " +
    "stands where the rows say, clocks judged as of their time",
  async () => {
    // The first ones open connections and plan statements.
    await inTurn(await some(), outreach);
    const first = await some();
    const usual = [
      ...(await inTurn(first, outreach)),
      ...(await inTurn(first, (lead) => ask(lead, "accept", {}))),
    ];
    const [forgotten, late, rejected, accepted] = [
      await some(),
      await some(),
      await some(),
      await some(),
    ];
    await server.kill();
    const gone = Date.now();
    const dueAts = [...forgotten, ...late].map(({ dueAt }) => dueAt);
    expect(Math.min(...dueAts), "the deadlines come while Temporal is away").toBeGreaterThan(gone);

    const away = await inTurn(accepted, outreach);
    expect(
      away.map(({ status, onTime }) => [status, onTime]),
      "outreach before the deadline",
    ).toEqual(accepted.map(() => [200, true]));
    away.push(...(await inTurn(accepted, (lead) => ask(lead, "accept", { fitRating: 4 }))));
    away.push(...(await inTurn(rejected, (lead) => ask(lead, "reject", { reason: "wrong-role" }))));
    const arrived = [await arrive(), await arrive(), await arrive()];
    await sleepUntil(Math.max(...dueAts) + 1_000);
    const tooLate = await inTurn(late, outreach);
    expect(
      tooLate.map(({ status, onTime }) => [status, onTime]),
      "outreach after the deadline",
    ).toEqual(late.map(() => [200, false]));
    away.push(...tooLate);
    expect(away.map(({ status }) => status)).toEqual(away.map(() => 200));
    expect(asked, "to answer a click the API asks Temporal nothing").toEqual([]);
    expect(p95(away), "a click does not wait for Temporal").toBeLessThan(2 * p95(usual) + 100);
    expect(await breaches(forgotten), "nobody has looked yet").toEqual(
      forgotten.map(({ id }) => ({ id, n: 0, off: null })),
    );

    await server.start();
    const back = Date.now();
    const all = [...accepted, ...rejected, ...late, ...forgotten]
      .map(({ id }) => id)
      .concat(arrived);
    for (const id of arrived)
      await patiently(() => world.until(id, (lead) => lead.owner_id !== null));
    await expect
      .poll(async () => (await breaches(forgotten)).every(({ n }) => n > 0), {
        timeout: 60_000,
        interval: 200,
      })
      .toBe(true);
    await untilAllAgree(world, all, 60_000);
    const agreed = Date.now();

    expect(await breaches(forgotten), "a breach is recorded at the time of the deadline").toEqual(
      forgotten.map(({ id }) => ({ id, n: 1, off: 0 })),
    );
    expect(await breaches(late), "of the one who was late too").toEqual(
      late.map(({ id }) => ({ id, n: 1, off: 0 })),
    );
    expect(await breaches(accepted), "who was in time is in time").toEqual(
      accepted.map(({ id }) => ({ id, n: 0, off: null })),
    );
    expect(
      new Set(
        (
          await rows<{ stage: string }>(
            pool,
            sql`select stage from lead_standing where id = any(${accepted.map(({ id }) => id)})`,
          )
        ).map(({ stage }) => stage),
      ),
    ).toEqual(new Set(["sal"]));
    const lateJudged = await firstRow<{ n: number }>(
      pool,
      sql`
    select count(*)::int as n from decision where subject_id = any(${forgotten.map(({ id }) => id)})
      and kind = 'time' and at >= ${new Date(back - 1_000)}`,
    );
    expect(lateJudged?.n, "their timers went off after the return").toBeGreaterThanOrEqual(
      forgotten.length,
    );
    process.stdout.write(
      `Temporal away for ${Math.round((back - gone) / 1_000)} s: ${away.length} actions, p95 ` +
        `${Math.round(p95(away))} ms (usually ${Math.round(p95(usual))} ms); ${all.length} ` +
        `processes agree ${((agreed - back) / 1_000).toFixed(1)} s after its return\n`,
    );
  },
  240_000,
);

/**
 * Outreach breaches of the rep's own clock, and how far from its deadline the first is recorded.
 */
async function breaches(
  leads: readonly Offered[],
): Promise<{ id: string; n: number; off: number | null }[]> {
  const found = await rows<{ id: string; n: number; at: Date | null }>(
    pool,
    sql`
    select h.subject_id as id, count(c.breached_at)::int as n, min(c.breached_at) as at
    from clock c join handoff h on h.id = c.handoff_id
    where h.subject_id = any(${leads.map(({ id }) => id)}) and c.kind = 'outreach'
      and c.scope = 'rep' and c.round = 1
    group by h.subject_id`,
  );
  return leads.map(({ id, dueAt }) => {
    const one = found.find((row) => row.id === id);
    return { id, n: one?.n ?? 0, off: one?.at ? one.at.getTime() - dueAt : null };
  });
}

/**
 * On a busy machine a connection can take too long, and a server that comes back more than ten
 * seconds.
 */
async function patiently<T>(look: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await look();
    } catch (error) {
      if (tries === 4) throw error;
    }
  }
}
