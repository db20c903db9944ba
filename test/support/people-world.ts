import { readFileSync } from "node:fs";
import { pino } from "pino";
import { agreementOf } from "../../agreement/stored.ts";
import { createApp } from "../../api/app.ts";
import type { Routes } from "../../api/deps.ts";
import type { Live } from "../../api/live.ts";
import { connectTemporal, type TemporalPort } from "../../api/temporal.ts";
import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { inTransaction, sql, type Pool } from "../../store/postgres/db.ts";
import { openPools, type ApiPools } from "../../store/postgres/pools.ts";
import { newId } from "../../store/postgres/ids.ts";
import { createToken, type Role } from "../../store/access/tokens.ts";
import { freshDatabase } from "./world.ts";
import { insertLead } from "./lead-rows.ts";

/**
 * Everybody who holds a token: machines and offices, two teams. `one` and `two` report to `boss`,
 * `other` to `chief`. Leaders are `rp_mark` for marketing and `chief` for sales.
 */
export type Persona =
  | "operator"
  | "revops"
  | "marketing"
  | "crm"
  | "tracking"
  | "leader"
  | "salesLeader"
  | "boss"
  | "chief"
  | "one"
  | "two"
  | "other";
export const personas: Readonly<
  Record<Persona, { readonly role: Role; readonly rep?: string; readonly party?: Party }>
> = {
  operator: { role: "operator" },
  revops: { role: "revops" },
  marketing: { role: "marketing" },
  crm: { role: "crm" },
  tracking: { role: "tracking" },
  leader: { role: "leader", party: "marketing", rep: "rp_mark" },
  salesLeader: { role: "leader", party: "sales", rep: "rp_chief" },
  boss: { role: "manager", rep: "rp_boss" },
  chief: { role: "manager", rep: "rp_chief" },
  one: { role: "rep", rep: "rp_one" },
  two: { role: "rep", rep: "rp_two" },
  other: { role: "rep", rep: "rp_other" },
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test looks into whatever came back
  readonly body: any;
}
export interface Asking {
  readonly as?: Persona | null;
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

export interface PeopleWorld {
  readonly pool: Pool;
  /** For another API of the test. */
  readonly pools: ApiPools;
  readonly databaseUrl: string;
  readonly app: Routes;
  readonly agreementText: string;
  token(persona: Persona): string;
  /** Sends a request; the operator asks unless told otherwise, `null` sends no token. */
  ask(method: string, path: string, asking?: Asking): Promise<Answer>;
  /** A lead as its process would have left it: offered to `rep`, or wherever `state` says. */
  lead(
    rep: string | null,
    state?: Partial<{
      stage: Stage;
      waitingOn: WaitingOn;
      dueAt: Instant;
      email: string;
      queue: string;
    }>,
  ): Promise<string>;
  now(): Instant;
  setNow(at: Instant): void;
  close(): Promise<void>;
}

export const exampleAgreement = readFileSync(
  new URL("../../agreement/example.yaml", import.meta.url),
  "utf8",
);

/** The example agreement as a company has it in which nobody signs: it is published at once. */
export const unsignedAgreement = exampleAgreement.replace(/^signedBy: .*$/m, "signedBy: []");

/**
 * The whole API on a database of its own with a small roster and the example agreement; Temporal is
 * out of reach unless given.
 */
export async function peopleWorld(
  options: {
    temporal?: TemporalPort;
    agreement?: string;
    database?: { url: string; drop(): Promise<void> };
    live?: Live;
  } = {},
): Promise<PeopleWorld> {
  const database = options.database ?? (await freshDatabase());
  const pools = openPools("api", database.url, { pool: 16, keyed: 16 });
  const { pool } = pools;
  let now = Date.parse("2026-11-23T15:00:00Z");
  await inTransaction(pool, (tx) =>
    activate(tx, options.agreement ?? exampleAgreement, "test", now),
  );
  await addRoster(pool, now);
  const tokens = new Map<Persona, string>();
  for (const [persona, { role, rep, party }] of Object.entries(personas))
    tokens.set(
      persona as Persona,
      (await createToken(pool, { role, repId: rep, party, label: persona }, now)).secret,
    );
  const temporal =
    options.temporal ??
    connectTemporal({ address: "127.0.0.1:1", namespace: "default", reachableMs: 40 });
  const agreements = createAgreements(agreementOf);
  // Parsed here, so that no request of a test pays for it on a busy machine.
  await agreements.active(pool);
  const app = createApp({
    ...pools,
    agreements,
    temporal,
    clock: () => now,
    publicUrl: "http://baton.test",
    log: pino({ level: process.env["LOG_LEVEL"] ?? "silent" }),
    mayRehearse: true,
    ...(options.live ? { live: options.live } : {}),
  });
  const token = (persona: Persona) => tokens.get(persona) ?? "";
  return {
    pool,
    pools,
    databaseUrl: database.url,
    app,
    agreementText: options.agreement ?? exampleAgreement,
    token,
    now: () => now,
    setNow: (at) => {
      now = at;
    },
    async ask(method, path, { as = "operator", body, text, headers = {} } = {}) {
      const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await app.request(path, {
        method,
        headers: {
          ...(as === null ? {} : { authorization: `Bearer ${token(as)}` }),
          ...(sent === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(sent === undefined ? {} : { body: sent }),
      });
      const got = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(got) : got,
      };
    },
    lead: (rep, state = {}) => addLead(pool, rep, state, now),
    async close() {
      await temporal.close();
      await pools.end();
      await database.drop();
    },
  };
}

async function addRoster(pool: Pool, now: Instant): Promise<void> {
  const at = new Date(now);
  const reps = [
    ["rp_boss", "manager", null],
    ["rp_chief", "manager", null],
    ["rp_mark", "marketing", null],
    ["rp_one", "rep", "rp_boss"],
    ["rp_two", "rep", "rp_boss"],
    ["rp_other", "rep", "rp_chief"],
  ] as const;
  for (const [id, role, manager] of reps) {
    await pool.query(
      sql`
        insert into rep (id, name, email, role, manager_id, languages, updated_at)
          values (${id}, ${`Person ${id}`}, ${`${id}@example.com`}, ${role}, ${manager}, '{en}',
          ${at})`,
    );
  }
  for (const id of ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"])
    await pool.query(sql`insert into pool (id, updated_at) values (${id}, ${at})`);
  for (const [poolId, rep] of [
    ["americas-sdr", "rp_one"],
    ["americas-sdr", "rp_two"],
    ["emea-sdr", "rp_other"],
  ]) {
    await pool.query(
      sql`insert into pool_member (pool_id, rep_id, weight) values (${poolId}, ${rep}, 1)`,
    );
  }
}

async function addLead(
  pool: Pool,
  rep: string | null,
  state: Parameters<PeopleWorld["lead"]>[1] & object,
  now: Instant,
): Promise<string> {
  const id = newId("ld", now);
  const [handoff, at] = [newId("ho", now), new Date(now)];
  const {
    stage = "mql",
    waitingOn = rep ? "outreach" : "queue",
    dueAt = now + 3_600_000,
    queue = rep ? null : "sales-ops",
  } = state;
  const email = state.email ?? `${id}@example-customer.com`;
  const facts = {
    "lead.name": { value: "Kim Example", from: "form", at: at.toISOString() },
    "lead.email": { value: email, from: "form", at: at.toISOString() },
  };
  await insertLead(pool, at, {
    id,
    email,
    facts,
    source: "google",
    stage,
    waiting_on: waitingOn,
    owner_id: rep,
    queue,
    next_step: "outreach due",
    next_at: new Date(dueAt),
    due_at: new Date(dueAt),
    lead_type: "demo-request",
    band: "A",
    territory: "americas",
    handoff_id: handoff,
  });
  await pool.query(
    sql`
      insert into lead_alias (kind, value, lead_id, since)
        values ('email', ${email}, ${id}, ${at})`,
  );
  await pool.query(sql`
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
      priority, band, fit, intent, icp, pool, rep_id, round, mql_at, offered_at)
    select ${handoff}, 'lead', ${id}, 1, a.id, 'demo-request', 'fast', 1, 'A', 40, 40, true,
      ${rep === "rp_other" ? "emea-sdr" : rep ? "americas-sdr" : null}, ${rep}, 1, ${at}, ${at}
      from agreement_version a where state = 'active'`);
  await pool.query(sql`
    insert into assignment (handoff_id, round, rep_id, queue, via, candidates, at)
      values (${handoff}, 1, ${rep}, ${rep ? null : queue}, ${rep ? "territory" : "fallback"}, '[]',
      ${at})`);
  await pool.query(sql`
    insert into transition (subject_kind, subject_id, cycle, step,
      from_stage, to_stage, because, at)
      values ('lead', ${id}, 1, 0, null, 'new', 'arrived', ${at}),
      ('lead', ${id}, 1, 1, 'new', 'mql', 'a lead type matched', ${at})`);
  return id;
}
