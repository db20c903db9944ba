import type { Agreement } from "../../handoff/agreement.ts";
import type { CalendarDef } from "../../handoff/time/calendar.ts";
import type { Candidate, RouteInput } from "../../handoff/routing/route.ts";
import { inTransaction, openPool, type Pool } from "../../store/postgres/db.ts";
import { putPools, putReps } from "../../store/routing/roster-edit.ts";
import type { RepRecord } from "../../store/routing/roster.ts";
import { restored, type KeptRow } from "../../store/routing/record.ts";
import type { RouteRequest, RouteResult } from "../../store/routing/route-request.ts";
import { releaseHeld, routeHandoff } from "../../store/routing/routing.ts";
import { routingDispatcher, type RoutingDispatcher } from "../../store/routing/dispatcher.ts";
import { smallAgreement } from "./small-agreement.ts";
import { freshDatabase } from "./world.ts";

/** Wednesday, 10:00 UTC: inside the hours of `weekdays`. */
export const now = Date.parse("2026-11-18T10:00:00Z");
export const hour = 3_600_000;

/** 09:00 to 17:00 UTC, Monday to Friday. */
export const weekdays: CalendarDef = {
  zone: "UTC",
  week: Object.fromEntries(
    ["mon", "tue", "wed", "thu", "fri"].map((day) => [day, ["09:00-17:00"]]),
  ),
};

/** One territory tree for these tests: `east` inside `all`, beside `west`; `big` is a segment. */
export const agreement: Agreement = {
  ...smallAgreement,
  calendars: { hq: weekdays },
  routing: {
    owners: "keep",
    hold: "until-open",
    fallback: "sales-ops",
    segments: [
      {
        name: "big",
        when: {
          kind: "fact",
          field: "account.employees",
          matchers: [{ op: "atLeast", value: 1000 }],
          at: "s",
        },
        pool: "big-ae",
        at: "s",
      },
    ],
    territories: [
      {
        name: "all",
        pool: "all-sdr",
        at: "t",
        within: [
          {
            name: "east",
            when: {
              kind: "fact",
              field: "account.country",
              matchers: [{ op: "is", value: "DE" }],
              at: "e",
            },
            pool: "east-sdr",
            within: [],
            at: "e",
          },
          {
            name: "west",
            when: {
              kind: "fact",
              field: "account.country",
              matchers: [{ op: "is", value: "US" }],
              at: "w",
            },
            pool: "west-sdr",
            within: [],
            at: "w",
          },
        ],
      },
    ],
  },
};

export function rep(id: string, other: Partial<RepRecord> = {}): RepRecord {
  return {
    id,
    name: `Rep ${id}`,
    email: `${id}@example.com`,
    role: "rep",
    managerId: null,
    active: true,
    hours: null,
    languages: [],
    products: [],
    motions: [],
    caps: {},
    crmId: null,
    ...other,
  };
}

/** A demo request from Germany, outreach due in an hour. */
export function request(handoffId: string, other: Partial<RouteRequest> = {}): RouteRequest {
  return {
    handoffId,
    round: 1,
    now,
    agreement,
    known: { facts: { "account.country": "DE" }, engagements: [], now },
    leadType: "demo-request",
    priority: 1,
    dueAt: now + hour,
    arrivedAt: now,
    exclude: [],
    accountId: null,
    owners: [],
    language: null,
    product: null,
    motion: null,
    ...other,
  };
}

export interface RoutingWorld {
  readonly pool: Pool;
  readonly url: string;
  /** Empties the tables and sets the roster: reps, and pools by weights. */
  roster(
    reps: readonly RepRecord[],
    pools: Readonly<Record<string, Readonly<Record<string, number>>>>,
  ): Promise<void>;
  /** Opens handoffs; gives their ids, `ho_1` and on. */
  handoffs(count: number): Promise<string[]>;
  /** Routes in a transaction of its own. */
  route(handoffId: string, other?: Partial<RouteRequest>): Promise<RouteResult>;
  readonly dispatcher: RoutingDispatcher;
  /** Asks the dispatcher. */
  ask(handoffId: string, other?: Partial<RouteRequest>): Promise<RouteResult>;
  release(pool: string, at: number): ReturnType<typeof releaseHeld>;
  /** Assignments as they are kept, with what each pick was given, in the order of `ho_1` and on. */
  kept(): Promise<Kept[]>;
  close(): Promise<void>;
}

export interface Kept {
  readonly handoff_id: string;
  readonly rep_id: string | null;
  readonly at: Date;
  readonly roster_id: string | null;
  readonly candidates: readonly Candidate[];
  readonly input: RouteInput;
}

export async function routingWorld(connections = 32): Promise<RoutingWorld> {
  const database = await freshDatabase();
  const pool = openPool(database.url, { max: connections, statementTimeoutMs: 60_000 });
  const routing = openPool(database.url, { max: 2, statementTimeoutMs: 60_000 });
  const dispatcher = routingDispatcher(routing);
  let opened = 0;
  return {
    pool,
    url: database.url,
    async roster(reps, pools) {
      await pool.query(
        "truncate handoff, agreement_version, rep, pool, credit, credit_entry, outbox, " +
          "roster_version cascade",
      );
      opened = 0;
      await pool.query(
        "insert into agreement_version (id, number, content, content_hash, state, created_at, " +
          "created_by) values ('ag_1', 1, '', '', 'active', now(), 'test')",
      );
      await inTransaction(pool, async (tx) => {
        await putReps(tx, reps, now);
        await putPools(
          tx,
          Object.entries(pools).map(([id, members]) => ({ id, hours: null, members })),
          now,
        );
      });
    },
    async handoffs(count) {
      const ids = Array.from({ length: count }, () => `ho_${(opened += 1)}`);
      await pool.query(
        `
        insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
          priority, band, fit, intent, icp, mql_at)
        select id, 'lead', 'ld_' || id, 1, 'ag_1', 'demo-request', 'fast', 1, 'A', 0, 0, true, $2
          from unnest($1::text[]) as id`,
        [ids, new Date(now)],
      );
      return ids;
    },
    dispatcher,
    route: (handoffId, other) =>
      inTransaction(pool, (tx) => routeHandoff(tx, request(handoffId, other))),
    ask: (handoffId, other) => dispatcher.route(request(handoffId, other)),
    release: (id, at) => inTransaction(pool, (tx) => releaseHeld(tx, [id], at)),
    async kept() {
      const { rows } = await pool.query<KeptRow & Omit<Kept, "candidates" | "input">>(`
        select a.handoff_id, a.rep_id, a.at, a.roster as roster_id, a.candidates, a.input, a.record,
          v.content as roster
        from assignment a left join roster_version v on v.id = a.roster
          order by length(a.handoff_id), a.handoff_id, a.round`);
      return rows.map((row) => ({
        handoff_id: row.handoff_id,
        rep_id: row.rep_id,
        at: row.at,
        roster_id: row.roster_id,
        ...restored(row),
      }));
    },
    async close() {
      await pool.end();
      await routing.end();
      await database.drop();
    },
  };
}
