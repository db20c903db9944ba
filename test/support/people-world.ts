import { readFileSync } from "node:fs";
import { pino } from "pino";
import { parseAgreement } from "../../agreement/parse.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createApp } from "../../api/app.ts";
import type { Routes } from "../../api/deps.ts";
import { connectTemporal, type TemporalPort } from "../../api/temporal.ts";
import type { Instant } from "../../handoff/calendar.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { activate, createAgreements } from "../../store/agreements.ts";
import { inTransaction, openPool, sql, type Pool } from "../../store/db.ts";
import { newId } from "../../store/ids.ts";
import { createToken, type Role } from "../../store/tokens.ts";
import { freshDatabase } from "./world.ts";

/** Everybody who holds a token: machines and offices, two teams. `one` and `two` report to `boss`, `other` to `chief`. */
export type Persona =
  | "operator"
  | "revops"
  | "marketing"
  | "crm"
  | "tracking"
  | "boss"
  | "chief"
  | "one"
  | "two"
  | "other";
export const personas: Readonly<Record<Persona, { readonly role: Role; readonly rep?: string }>> = {
  operator: { role: "operator" },
  revops: { role: "revops" },
  marketing: { role: "marketing" },
  crm: { role: "crm" },
  tracking: { role: "tracking" },
  boss: { role: "manager", rep: "rp_boss" },
  chief: { role: "manager", rep: "rp_chief" },
  one: { role: "rep", rep: "rp_one" },
  two: { role: "rep", rep: "rp_two" },
  other: { role: "rep", rep: "rp_other" },
};

// oxlint-disable-next-line typescript/no-explicit-any -- a test looks into whatever came back
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
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

/** The whole API on a database of its own with a small roster and the example agreement; Temporal is out of reach unless given. */
export async function peopleWorld(
  options: { temporal?: TemporalPort; database?: { url: string; drop(): Promise<void> } } = {},
): Promise<PeopleWorld> {
  const database = options.database ?? (await freshDatabase());
  const pool = openPool(database.url, { max: 16 });
  let now = Date.parse("2026-11-23T15:00:00Z");
  await inTransaction(pool, (tx) => activate(tx, exampleAgreement, "test", now));
  await addRoster(pool, now);
  const tokens = new Map<Persona, string>();
  for (const [persona, { role, rep }] of Object.entries(personas))
    tokens.set(
      persona as Persona,
      (await createToken(pool, { role, repId: rep, label: persona }, now)).secret,
    );
  const temporal =
    options.temporal ??
    connectTemporal({
      address: "127.0.0.1:1",
      namespace: "default",
      updateMs: 40,
      reachableMs: 40,
    });
  const app = createApp({
    pool,
    agreements: createAgreements(agreementOf),
    parseAgreement,
    temporal,
    clock: () => now,
    publicUrl: "http://baton.test",
    log: pino({ level: process.env["LOG_LEVEL"] ?? "silent" }),
  });
  const token = (persona: Persona) => tokens.get(persona) ?? "";
  return {
    pool,
    databaseUrl: database.url,
    app,
    agreementText: exampleAgreement,
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
      await pool.end();
      await database.drop();
    },
  };
}

async function addRoster(pool: Pool, now: Instant): Promise<void> {
  const at = new Date(now);
  const reps = [
    ["rp_boss", "manager", null],
    ["rp_chief", "manager", null],
    ["rp_one", "rep", "rp_boss"],
    ["rp_two", "rep", "rp_boss"],
    ["rp_other", "rep", "rp_chief"],
  ] as const;
  for (const [id, role, manager] of reps) {
    await pool.query(
      sql`insert into rep (id, name, email, role, manager_id, languages, updated_at) values (${id}, ${`Person ${id}`}, ${`${id}@example.com`}, ${role}, ${manager}, '{en}', ${at})`,
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
  await pool.query(sql`
    insert into lead (id, email, facts, source, arrived_at, stage, stage_since, waiting_on, owner_id, queue, next_step, next_at, due_at, lead_type, band, territory)
    values (${id}, ${email}, ${facts}, 'google', ${at}, ${stage}, ${at}, ${waitingOn}, ${rep}, ${queue}, 'outreach due', ${new Date(dueAt)}, ${new Date(dueAt)}, 'demo-request', 'A', 'americas')`);
  await pool.query(
    sql`insert into lead_alias (kind, value, lead_id, since) values ('email', ${email}, ${id}, ${at})`,
  );
  await pool.query(sql`
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path, priority, band, fit, intent, icp, pool, rep_id, round, mql_at, offered_at)
    select ${handoff}, 'lead', ${id}, 1, a.id, 'demo-request', 'fast', 1, 'A', 40, 40, true, ${rep === "rp_other" ? "emea-sdr" : rep ? "americas-sdr" : null}, ${rep}, 1, ${at}, ${at} from agreement_version a where state = 'active'`);
  await pool.query(sql`update lead set handoff_id = ${handoff} where id = ${id}`);
  await pool.query(sql`
    insert into assignment (handoff_id, round, rep_id, queue, via, candidates, at) values (${handoff}, 1, ${rep}, ${rep ? null : queue}, ${rep ? "territory" : "fallback"}, '[]', ${at})`);
  await pool.query(sql`
    insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because, at) values ('lead', ${id}, 1, 0, null, 'new', 'arrived', ${at}), ('lead', ${id}, 1, 1, 'new', 'mql', 'a lead type matched', ${at})`);
  return id;
}
