import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openReview } from "../../activities/review.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { createApp } from "../../api/app.ts";
import type { Routes } from "../../api/deps.ts";
import { connectTemporal, type TemporalPort } from "../../api/temporal.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { rows, sql } from "../../store/postgres/db.ts";
import { createToken, type Role } from "../../store/access/tokens.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import {
  intoPool,
  signBoth,
  somePeriod,
  startReview,
  untilReview,
} from "../support/review-world.ts";
import { temporalServer } from "../support/world.ts";

let world: LeadWorld;
let app: Routes;
/** The same API while Temporal is away. */
let cutOff: Routes;
const ports: TemporalPort[] = [];
const tokens = new Map<Role, string>();
const agreements = createAgreements(agreementOf);

beforeAll(async () => {
  world = await leadWorld();
  const server = await temporalServer();
  const make = (address: string) => {
    const temporal = connectTemporal({ address, namespace: server.namespace });
    ports.push(temporal);
    return createApp({
      ...world.pools,
      agreements,
      temporal,
      clock: Date.now,
      publicUrl: "http://baton.test",
      log: pino({ level: "silent" }),
    });
  };
  [app, cutOff] = [make(server.address), make("127.0.0.1:1")];
  for (const role of ["operator", "marketing", "rep", "manager", "crm"] as const) {
    tokens.set(
      role,
      (
        await createToken(
          world.pool,
          {
            role,
            label: "test",
            repId: role === "rep" ? "rp_one" : role === "manager" ? "rp_boss" : undefined,
          },
          Date.now(),
        )
      ).secret,
    );
  }
});
afterAll(async () => {
  for (const port of ports) await port.close();
  await world.close();
});

/** What the answers are asked for here. */
interface Body {
  readonly code: string;
  readonly field: string;
  readonly next: string | null;
  readonly dueInWords: string;
  readonly undecided: number;
  readonly items: readonly { readonly period: string }[];
  readonly results: readonly unknown[];
  readonly lines: {
    readonly next: string | null;
    readonly items: readonly {
      readonly decidedBy: string | null;
      readonly decidedAt: string | null;
      readonly waits: boolean;
    }[];
  };
}

async function ask(
  method: string,
  path: string,
  {
    body,
    key,
    as = "marketing",
    from = app,
  }: { body?: unknown; key?: string; as?: Role; from?: Routes } = {},
): Promise<{ status: number; body: Body }> {
  const response = await from.request(path, {
    method,
    headers: {
      authorization: `Bearer ${tokens.get(as)}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Body };
}
const decide = (
  id: string,
  decisions: unknown[],
  more: { key?: string; as?: Role; from?: Routes } = {},
) => ask("POST", `/reviews/${id}/decisions`, { body: { decisions }, ...more });

/** A review of `count` leads; everybody who was in the pool before is retired first. */
async function reviewOf(count: number): Promise<{ id: string; period: string; leads: string[] }> {
  for (const { id } of await rows<{ id: string }>(
    world.pool,
    sql`select id from lead_standing where stage = 'renurture'`,
  ))
    await world.act(
      id,
      "decideReview",
      { decision: "retire" },
      { by: "tn_test", role: "operator" },
    );
  const leads: string[] = [];
  for (let n = 0; n < count; n++) leads.push(await world.arrive());
  for (const lead of leads) await intoPool(world, lead);
  const period = somePeriod();
  await startReview(world, period);
  const { id } = await untilReview(world, period, () => true);
  // So that the last lead closes it.
  await signBoth(world.pool, id);
  return { id, period, leads: leads.sort() };
}

test(
  "the packet names each lead by its id, why it is in the pool, what it did since, and what is " +
    "suggested",
  async () => {
    const { id, period, leads } = await reviewOf(3);
    const { body } = await ask("GET", `/reviews/${id}?limit=2`);
    expect(body).toMatchObject({
      id,
      kind: "quarterly",
      period,
      state: "open",
      reviewer: "marketing-ops",
      leads: 3,
      undecided: 3,
      overdue: false,
      suggestions: { keep: 3, return: 0, retire: 0 },
      decisions: { keep: 0, return: 0, retire: 0 },
      reasons: { "rejected: wrong-role": 3 },
    });
    expect(body.dueInWords).toMatch(/^due in /);
    expect(body.lines.items).toMatchObject([
      {
        lead: leads[0],
        url: `http://baton.test/leads/${leads[0]}`,
        waits: true,
        decision: null,
        found: {
          reason: "rejected: wrong-role",
          cycles: 1,
          since: [],
          suggestion: "keep",
          because: "silent, but only for 0 days",
        },
      },
      { lead: leads[1] },
    ]);
    const rest = await ask("GET", `/reviews/${id}?limit=2&cursor=${body.lines.next}`);
    expect(rest.body.lines).toMatchObject({ items: [{ lead: leads[2] }], next: null });
    expect(JSON.stringify(body)).not.toMatch(/Kim|@/);
    expect((await ask("GET", "/reviews?state=open&limit=1")).body.items).toMatchObject([
      { id, undecided: 3 },
    ]);
  },
);

test("a list of decisions is carried out lead by lead, and the last one closes the review", async () => {
  const {
    id,
    period,
    leads: [kept = "", returned = "", retired = ""],
  } = await reviewOf(3);
  const { status, body } = await decide(id, [
    { leadId: kept, decision: "keep", note: "they change tools in May" },
    { leadId: returned, decision: "return" },
    { leadId: "ld_nobody", decision: "keep" },
  ]);
  expect(status).toBe(200);
  expect(body.results).toMatchObject([
    { lead: kept, status: 200, done: { stage: "renurture", because: "review: keep" } },
    { lead: returned, status: 200, done: { stage: "mql" } },
    { lead: "ld_nobody", status: 404, problem: { code: "not-found" } },
  ]);
  expect(body.undecided).toBe(1);
  expect((await ask("GET", `/reviews/${id}?waits=true`)).body.lines.items).toMatchObject([
    { lead: retired },
  ]);
  // A second thought, and a lead that is not on the list.
  const elsewhere = await world.arrive();
  expect(
    (
      await decide(id, [
        { leadId: kept, decision: "retire" },
        { leadId: elsewhere, decision: "retire" },
      ])
    ).body.results,
  ).toMatchObject([
    { status: 409, problem: { code: "already-answered", detail: "it was decided already: keep" } },
    { status: 404 },
  ]);
  // Deciding from the lead's own page counts as well.
  expect(
    (await ask("POST", `/leads/${retired}/review-decision`, { body: { decision: "retire" } }))
      .status,
  ).toBe(200);
  await untilReview(world, period, (review) => review.state === "closed");
  const { body: closed } = await ask("GET", `/reviews/${id}`);
  expect(closed).toMatchObject({
    state: "closed",
    undecided: 0,
    decisions: { keep: 1, return: 1, retire: 1 },
    dueInWords: "closed",
  });
  expect(
    closed.lines.items.every(
      (line) => line.decidedBy?.startsWith("tn_") && line.decidedAt !== null && !line.waits,
    ),
  ).toBe(true);
});

test("the same key gives the same answers and decides nothing twice; with another body it is refused", async () => {
  const {
    id,
    leads: [lead = ""],
  } = await reviewOf(1);
  const first = await decide(id, [{ leadId: lead, decision: "return" }], { key: "again" });
  const again = await decide(id, [{ leadId: lead, decision: "return" }], { key: "again" });
  expect(again).toEqual(first);
  expect(
    await rows(
      world.pool,
      sql`select 1 from action where lead_id = ${lead} and name = 'decideReview'`,
    ),
  ).toHaveLength(1);
  expect(await decide(id, [{ leadId: lead, decision: "keep" }], { key: "again" })).toMatchObject({
    status: 422,
    body: { code: "key-reused" },
  });
});

const decisionsAbout = (leads: readonly string[]) =>
  rows(
    world.pool,
    sql`
      select 1 from action where lead_id = any(${leads}) and name = 'decideReview'
        and result ->> 'done' = 'true'`,
  );

test(
  "while Temporal is away decisions are taken as always, and the last one closes the review " +
    "when it is back",
  async () => {
    const { id, leads, period } = await reviewOf(2);
    const decisions = leads.map((leadId) => ({ leadId, decision: "keep" }));
    const away = await decide(id, decisions, { key: "outage", from: cutOff });
    expect(away).toMatchObject({
      status: 200,
      body: {
        results: leads.map((lead) => ({ lead, status: 200, done: { because: "review: keep" } })),
        undecided: 0,
      },
    });
    expect(await decide(id, decisions, { key: "outage" })).toEqual(away);
    expect(await decisionsAbout(leads)).toHaveLength(2);
    await untilReview(world, period, (review) => review.state === "closed");
  },
);

test(
  "a lead that cannot be decided about now makes the answer a 503 with each lead's state, and " +
    "the same key decides it later",
  async () => {
    const {
      id,
      leads: [free = "", busy = ""],
    } = await reviewOf(2);
    const decisions = [free, busy].map((leadId) => ({ leadId, decision: "keep" }));
    // As if the statement had taken too long.
    await world.pool.query(`
    create function too_slow() returns trigger language plpgsql as $$ begin raise exception
      'too slow' using errcode = '57014'; end $$;
    create trigger too_slow before update on process for each row
      when (old.subject_id = '${busy}') execute function too_slow()`);
    expect(await decide(id, decisions, { key: "busy" })).toMatchObject({
      status: 503,
      body: {
        code: "unavailable",
        results: [
          { lead: free, status: 200 },
          { lead: busy, status: 503, problem: { code: "unavailable" } },
        ],
      },
    });
    await world.pool.query("drop trigger too_slow on process");
    const back = await decide(id, decisions, { key: "busy" });
    expect(back).toMatchObject({
      status: 200,
      body: {
        results: [
          { lead: free, status: 200 },
          { lead: busy, status: 200 },
        ],
        undecided: 0,
      },
    });
    expect(await decisionsAbout([free, busy])).toHaveLength(2);
  },
);

test("what is not as described is refused by the field, and nothing is decided", async () => {
  const {
    id,
    leads: [lead = ""],
  } = await reviewOf(1);
  for (const [decisions, field] of [
    [[], "decisions"],
    [[{ leadId: lead, decision: "postpone" }], "decisions.0.decision"],
    [[{ leadId: lead, decision: "keep", until: "2027" }], "decisions.0.until"],
    [
      [
        { leadId: lead, decision: "keep" },
        { leadId: lead, decision: "retire" },
      ],
      "decisions.1.leadId",
    ],
    [Array.from({ length: 51 }, (_, n) => ({ leadId: `ld_${n}`, decision: "keep" })), "decisions"],
  ] as const)
    expect(await decide(id, [...decisions])).toMatchObject({ status: 422, body: { field } });
  expect((await ask("GET", `/reviews/${id}`)).body.undecided).toBe(1);
  expect((await ask("GET", "/reviews?kind=yearly")).status).toBe(422);
  expect((await ask("GET", "/reviews?cursor=nonsense")).body.field).toBe("cursor");
});

test(
  "a review that is closed takes no decision; one that does not exist looks like one that may " +
    "not be seen",
  async () => {
    const {
      id,
      leads: [lead = ""],
      period,
    } = await reviewOf(1);
    await decide(id, [{ leadId: lead, decision: "retire" }]);
    await untilReview(world, period, (review) => review.state === "closed");
    expect((await decide(id, [{ leadId: lead, decision: "keep" }])).body.results).toMatchObject([
      { status: 409 },
    ]);
    for (const missing of ["rv_0000000000zzzzzzzzzz", "nonsense"]) {
      expect((await ask("GET", `/reviews/${missing}`)).status).toBe(404);
      expect((await decide(missing, [{ leadId: lead, decision: "keep" }])).status).toBe(404);
    }
    for (const as of ["rep", "crm"] as const) {
      expect([
        (await ask("GET", "/reviews", { as })).status,
        (await ask("GET", `/reviews/${id}`, { as })).status,
        (await decide(id, [{ leadId: lead, decision: "keep" }], { as })).status,
      ]).toEqual([403, 403, 403]);
    }
    expect((await ask("GET", `/reviews/${id}`, { as: "manager" })).status).toBe(200);
  },
);

test("reviews are listed by page, the latest first", async () => {
  const now = Date.now();
  for (const n of [1, 2, 3])
    await openReview(
      { pool: world.pool, agreements },
      { kind: "quarterly", period: `209${n}-Q1`, now: now + n * 60_000 },
    );
  const first = await ask("GET", "/reviews?limit=2");
  expect(first.body.items.map((one) => one.period)).toEqual(["2093-Q1", "2092-Q1"]);
  expect((await ask("GET", `/reviews?limit=1&cursor=${first.body.next}`)).body.items).toMatchObject(
    [{ period: "2091-Q1" }],
  );
});
