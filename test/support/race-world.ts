import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { agreementOf } from "../../agreement/stored.ts";
import type { ActionBodies } from "../../handoff/process/event.ts";
import type { ActionResult, Standing, Subject } from "../../handoff/process/words.ts";
import type { ActionName } from "../../handoff/stage.ts";
import { noteAction } from "../../store/process/actions.ts";
import { activate, createAgreements, type Agreements } from "../../store/process/agreements.ts";
import { firstRow, inTransaction, sql, type Pool } from "../../store/postgres/db.ts";
import { openPools } from "../../store/postgres/pools.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { take, takeRoute, type TakeDeps } from "../../store/process/take.ts";
import { decideAction } from "../../store/process/take-action.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import { alwaysOpen, goodFacts } from "./lead-world.ts";
import { freshDatabase } from "./world.ts";

/** Who decides at the same moment: each has connections and kept versions of its own. */
export interface Decider extends TakeDeps {
  readonly name: string;
  readonly end: () => Promise<void>;
}

/**
 * Several APIs, a worker and an inbox on one database, without Temporal: decisions alone. Time is
 * told by the caller.
 */
export interface RaceWorld {
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly deciders: readonly Decider[];
  /** Takes a lead in, judges and routes it; gives its id. */
  offered(at: number): Promise<string>;
  /** Takes in somebody of this domain and judges them: an MQL that waits to be routed. */
  arrived(at: number, domain: string): Promise<string>;
  /** Does what the person does on a website: a signal of depth high. */
  raiseHand(by: Decider, leadId: string, at: number): Promise<void>;
  act<A extends ActionName>(
    by: Decider,
    leadId: string,
    name: A,
    body: ActionBodies[A],
    who: { by: string; role: string; at: number; id?: string },
  ): Promise<ActionResult>;
  time(by: Decider, leadId: string, at: number): Promise<Standing>;
  hear(
    by: Decider,
    leadId: string,
    kind: "facts" | "roster" | "merged" | "erased",
    at: number,
  ): Promise<Standing>;
  route(by: Decider, leadId: string, at: number): Promise<Standing>;
  close(): Promise<void>;
}

export const racingReps = ["rp_one", "rp_two", "rp_three", "rp_four"] as const;

export async function raceWorld(): Promise<RaceWorld> {
  const database = await freshDatabase();
  const now = Date.now();
  // Thousands of races fall into a few days: the rejections of a day are not what is raced for.
  const text = alwaysOpen(
    readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8"),
  ).replace("rejectionsPerRepPerDay: 20", "rejectionsPerRepPerDay: 10000");
  const deciders = ["api 1", "api 2", "worker", "inbox"].map((name): Decider => {
    const pools = openPools("api", database.url, { pool: 6, keyed: 2 });
    const { pool } = pools;
    return {
      name,
      pool,
      end: pools.end,
      agreements: createAgreements(agreementOf),
      dispatcher: routingDispatcher(pools.routing),
    };
  });
  const [first] = deciders as [Decider, ...Decider[]];
  const { pool, agreements } = first;
  await inTransaction(pool, (tx) => activate(tx, text, "test", now));
  await addPeople(pool, now);
  // Opened one by one: many new connections at once wait for each other on a busy machine.
  for (const decider of deciders) {
    const held = [];
    for (let n = 0; n < 6; n++) held.push(await decider.pool.connect());
    for (const connection of held) connection.release();
  }
  const subject = (id: string): Subject => ({ kind: "lead", id });
  const ask = (leadId: string, at: number) => ({
    subject: subject(leadId),
    key: `race/${randomBytes(8).toString("hex")}`,
    now: at,
    by: "elsewhere" as const,
  });
  const arrived = async (at: number, domain: string): Promise<string> => {
    const tag = randomBytes(6).toString("hex");
    const { agreement } = (await agreements.active(pool))!;
    const [taken] = await inTransaction(pool, (tx) =>
      takeIn(
        tx,
        [
          {
            email: `${tag}@${domain}`,
            facts: { ...goodFacts, "account.domain": domain },
            engagements: [{ messageId: tag, type: "demo_request", occurredAt: at - 60_000 }],
          },
        ],
        { now: at, from: "form", lane: 1, agreement },
      ),
    );
    if (!taken || !("leadId" in taken)) throw new Error(`not taken in: ${JSON.stringify(taken)}`);
    await take(first, ask(taken.leadId, at), { kind: "arrived" });
    return taken.leadId;
  };
  return {
    pool,
    agreements,
    deciders,
    async offered(at) {
      const id = await arrived(at, `${randomBytes(6).toString("hex")}.example`);
      await takeRoute(first, ask(id, at));
      return id;
    },
    arrived,
    async raiseHand(by, leadId, at) {
      const { agreement } = (await by.agreements.active(by.pool))!;
      const hand = { messageId: randomBytes(6).toString("hex"), type: "demo_request" };
      await inTransaction(by.pool, (tx) =>
        takeIn(tx, [{ id: leadId, facts: {}, engagements: [{ ...hand, occurredAt: at }] }], {
          now: at,
          from: "tracking",
          lane: 1,
          agreement,
        }),
      );
    },
    act: (by, leadId, name, body, who) =>
      decideAction(
        by,
        subject(leadId),
        async (tx) => {
          const id = who.id ?? `ax_${randomBytes(12).toString("hex")}`;
          await noteAction(tx, {
            id,
            leadId,
            name,
            body,
            by: who.by,
            role: who.role,
            via: "api",
            receivedAt: who.at,
          });
          return id;
        },
        () => undefined,
        () => who.at,
      ),
    time: (by, leadId, at) => take(by, ask(leadId, at), { kind: "time" }),
    hear: (by, leadId, kind, at) => take(by, ask(leadId, at), { kind }),
    route: (by, leadId, at) => takeRoute(by, ask(leadId, at)),
    async close() {
      for (const one of deciders) await one.end();
      await database.drop();
    },
  };
}

async function addPeople(pool: Pool, now: number): Promise<void> {
  const at = new Date(now);
  for (const id of ["rp_boss", "rp_chief"]) {
    await pool.query(sql`
      insert into rep (id, name, email, role, manager_id, updated_at)
      values (${id}, ${id}, ${`${id}@team.example`}, 'manager',
        ${id === "rp_boss" ? null : "rp_boss"}, ${at})`);
  }
  for (const id of ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"]) {
    await pool.query(sql`insert into pool (id, updated_at) values (${id}, ${at})`);
  }
  for (const id of racingReps) {
    await pool.query(sql`
      insert into rep (id, name, email, manager_id, languages, updated_at)
      values (${id}, ${id}, ${`${id}@team.example`}, 'rp_chief', '{en}', ${at})`);
    await pool.query(
      sql`insert into pool_member (pool_id, rep_id, weight) values ('americas-sdr', ${id}, 1)`,
    );
  }
}

/** Where a lead stands in the rows. */
export async function standsAt(
  pool: Pool,
  leadId: string,
): Promise<{
  stage: string;
  waiting_on: string;
  owner_id: string | null;
  queue: string | null;
  cycle: number;
  step: number;
  next_at: Date | null;
  due_at: Date | null;
  handoff_id: string | null;
}> {
  const row = await firstRow<Awaited<ReturnType<typeof standsAt>>>(
    pool,
    sql`
    select stage, waiting_on, owner_id, queue, cycle, step, next_at, due_at, handoff_id from process
    where subject_kind = 'lead' and subject_id = ${leadId}`,
  );
  if (!row) throw new Error(`no process of ${leadId}`);
  return row;
}
