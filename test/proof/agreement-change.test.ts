import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { createApp } from "../../api/app.ts";
import { connectTemporal } from "../../api/temporal.ts";
import { verifyDecisions } from "../../cli/commands/verify.ts";
import { createToken } from "../../store/access/tokens.ts";
import { checkAudit } from "../../store/postgres/audit.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { listReps } from "../../store/routing/roster.ts";
import { editRoster } from "../../store/routing/roster-edit.ts";
import {
  accountWorkflowId,
  activationWorkflowId,
  type ActivationStanding,
} from "../../workflows/contract.ts";
import { accountWorld, type AccountWorld, type Company } from "../support/account-world.ts";
import { eventually } from "../support/eventually.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { replayEverything } from "../support/replay.ts";
import { temporalServer, workflowBundle } from "../support/world.ts";

/** Open leads; `LEADS=60` for a look in between. */
const count = Number(process.env["LEADS"] ?? 300);
const readers = 12;
/** People of a company that is flagged and of which nobody hears anything more. */
const quiet = 3;
const hour = 3_600_000;
const long = 1_200_000;

let world: LeadWorld;
let accounts: AccountWorld;
let ask: (as: As, method: string, path: string, body?: unknown) => Promise<Answer>;
let active: string;
let accepted: string[];
let silent: { readonly id: string; readonly rep: string };
type As = "revops" | "marketing" | "leader" | "salesLeader";
interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test looks into whatever came back
  readonly body: any;
}

beforeAll(async () => {
  // Most processes are evicted from the worker, as when leads wait for weeks.
  world = await leadWorld({ maxCachedWorkflows: 20, settlingMs: 2_000 });
  accounts = accountWorld(world);
  ask = await apiOf(world);
}, 120_000);
afterAll(() => world?.close());

/** The API on the database of the leads, and who may ask it for a change. */
async function apiOf({ pools, pool, databaseUrl }: LeadWorld): Promise<typeof ask> {
  const { address, namespace } = await temporalServer();
  const app = createApp({
    ...pools,
    url: databaseUrl,
    agreements: createAgreements(agreementOf),
    temporal: connectTemporal({ address, namespace }),
    clock: Date.now,
    publicUrl: "http://baton.test",
    log: pino({ level: "silent" }),
  });
  const who = {
    revops: { role: "revops", repId: undefined, party: undefined },
    marketing: { role: "marketing", repId: undefined, party: undefined },
    leader: { role: "leader", repId: "rp_mark", party: "marketing" },
    salesLeader: { role: "leader", repId: "rp_boss", party: "sales" },
  } as const;
  await pool.query(sql`
    insert into rep (id, name, email, role, updated_at)
      values ('rp_mark', 'Head of marketing', 'mark@example.com', 'marketing', now())`);
  const tokens = new Map<string, string>();
  for (const [label, one] of Object.entries(who))
    tokens.set(label, (await createToken(pool, { ...one, label }, Date.now())).secret);
  return async (as, method, path, body) => {
    const answer = await app.request(path, {
      method,
      headers: {
        authorization: `Bearer ${tokens.get(as) ?? ""}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  };
}

const version = (id: string, verb = "plan") => `/agreement/versions/${id}/${verb}`;

async function planned(id: string): Promise<Answer["body"]> {
  return eventually(300, async () => {
    const { body } = await ask("revops", "GET", version(id));
    if (body.planning.state === "failed") throw new Error(body.planning.failure);
    return body.planning.state === "made" && body;
  });
}

async function signed(of: Answer["body"]): Promise<void> {
  for (const as of ["leader", "salesLeader"] as const) {
    const body = { contentHash: of.contentHash, planHash: of.plan.hash };
    expect((await ask(as, "POST", version(of.id, "sign"), body)).status).toBe(200);
  }
}

async function activated(id: string): Promise<void> {
  const { status, body } = await ask("revops", "POST", version(id, "activate"), {
    openHandoffs: "re-judge clocks",
  });
  expect([status, body.state]).toEqual([200, "active"]);
}

/**
 * The running outreach clocks of open handoffs of leads, or of accounts, with the kinds of what
 * happened to them.
 */
const running = (of: "lead" | "account" = "lead") =>
  rows<{ lead: string; scope: string; target: { ms: number }; due: Date; events: string[] }>(
    world.pool,
    sql`
    select h.subject_id as lead, c.scope, c.target, c.due_at as due,
      (select array_agg(e.kind order by e.n) from clock_event e where e.clock_id = c.id) as events
    from clock c join handoff h on h.id = c.handoff_id
    where h.subject_kind = ${of} and h.state = 'open' and c.kind = 'outreach'
      and c.state = 'running' order by 1, 2`,
  );
const waiting = async (stage: string, waitingOn: string) =>
  (await firstRow<{ n: number }>(
    world.pool,
    sql`select count(*)::int as n from lead_standing where stage = ${stage}
      and waiting_on = ${waitingOn}`,
  ))!.n;

/** A new company of people who did this is flagged, and offered to somebody; gives who that is. */
async function flagged(did: string): Promise<Company & { readonly rep: string }> {
  const company = await accounts.company(quiet, did);
  for (const lead of company.leads) await world.until(lead, ({ stage }) => stage === "nurture");
  const raised: string[] = [];
  for (let isMore = true; isMore;) {
    const looked = await accounts.look();
    raised.push(...looked.raised);
    ({ isMore } = looked);
  }
  expect(raised).toEqual([company.id]);
  const { owner_id: rep } = await accounts.until(
    company.id,
    (row) => row.waiting_on === "outreach",
  );
  return { ...company, rep: rep ?? "" };
}

async function keepHistory(id: string, path: string): Promise<void> {
  const file = new URL(`../histories/${path}.json`, import.meta.url);
  if (process.env["BATON_RECORD"] !== "1" && existsSync(file)) return;
  const handle = world.client.workflow.getHandle(activationWorkflowId(id));
  writeFileSync(file, `${historyToJSON(await handle.fetchHistory())}\n`);
}

test(
  "leads are with sales, some are accepted, some have only read, and a company is flagged",
  async () => {
    active = (await ask("revops", "GET", "/agreement")).body.id;
    for (let n = 0; n < count; n++) await world.arrive();
    for (let n = 0; n < readers; n++)
      await world.arrive({
        engagements: [
          { messageId: `reader-${n}`, type: "buyers_guide", occurredAt: Date.now() - 60_000 },
        ],
      });
    await eventually(900, async () => (await waiting("mql", "outreach")) === count);
    await eventually(300, async () => (await waiting("nurture", "signal")) === readers);
    const ids = await rows<{ id: string }>(
      world.pool,
      sql`select id from lead_standing where stage = 'mql' order by id limit 6`,
    );
    accepted = ids.slice(0, 4).map(({ id }) => id);
    for (const id of accepted)
      expect(await world.act(id, "accept", {})).toMatchObject({ done: true });
    for (const { id } of ids.slice(4))
      expect(await world.act(id, "reject", { reason: "unsupported-use-case" })).toMatchObject({
        done: true,
      });
    silent = await flagged("roi_calculator");
  },
  long,
);

let looser: Answer["body"];
test(
  "marketing proposes a looser rule and longer deadlines, and the plan says what they do",
  async () => {
    const { content } = (await ask("revops", "GET", "/agreement")).body;
    const text = content
      .replace(
        "when: { all: [icp, { signal: demo_request, within: 30 days }] }",
        "when: { all: [icp, { any: [{ signal: demo_request, within: 30 days }, " +
          "{ signal: buyers_guide, within: 30 days }] }] }",
      )
      .replace("outreach: 1 business hour\n", "outreach: 4 business hours\n")
      .replace("outreach: 48 hours\n", "outreach: 50 hours\n");
    const made = await ask("marketing", "POST", "/agreement/versions/propose", {
      content: text,
      note: "readers of the guide are ready",
    });
    expect([made.status, made.body.state]).toEqual([201, "proposed"]);
    looser = await planned(made.body.id);
    const { plan } = looser;
    expect(plan.changes).toEqual(
      expect.arrayContaining([
        { about: "outreach of demo-request", change: "1 business hour -> 4 business hours" },
        { about: "outreach of account handoffs", change: "48 hours -> 50 hours" },
      ]),
    );
    // Two were rejected and are closed; the others are open.
    expect(plan.trial).toMatchObject({
      leads: count - 2 + readers + quiet,
      same: count - 2 + quiet,
    });
    expect(plan.trial.changes).toMatchObject([
      { from: { verdict: "nurture" }, to: { leadType: "demo-request" }, count: readers },
    ]);
    expect(plan.history).toMatchObject({
      handoffs: count,
      kept: { handoffs: count, acceptance: { numerator: 4, denominator: 6 } },
      dropped: { handoffs: 0 },
      added: { handoffs: readers, low: 0, high: 1 },
    });
    expect(plan.deadlines).toMatchObject({ earlier: 0 });
    expect(plan.deadlines.moved).toBeGreaterThanOrEqual(count - 5);
  },
  long,
);

test(
  "both sign, and it is activated while they are open: every clock goes on by it once, though the " +
    "worker ends in the middle",
  async () => {
    const keyed = (found: Awaited<ReturnType<typeof running>>) =>
      new Map(found.map((one) => [`${one.lead} ${one.scope}`, one]));
    const before = keyed([...(await running()), ...(await running("account"))]);
    await signed(looser);
    await activated(looser.id);
    await eventually(
      120,
      async () => (await ask("revops", "GET", version(looser.id))).body.activation.looked > 0,
    );
    await world.restartWorker();
    const handle = world.client.workflow.getHandle(activationWorkflowId(looser.id));
    const ended = (await handle.result()) as ActivationStanding;
    expect(ended).toMatchObject({ state: "over", failed: 0 });
    expect(ended.looked).toBeGreaterThanOrEqual(count - 5);
    await keepHistory(looser.id, "clocks-rejudged");
    const after = (await running()).filter(({ lead, scope }) => before.has(`${lead} ${scope}`));
    expect(after.length).toBeGreaterThanOrEqual(2 * (count - 6));
    for (const { lead, scope, target, due, events } of after) {
      expect(events.filter((kind) => kind === "target-changed")).toHaveLength(1);
      expect(target.ms).toBe(4 * hour);
      const was = before.get(`${lead} ${scope}`)!.due.getTime();
      expect(Math.abs(due.getTime() - was - 3 * hour)).toBeLessThan(1_000);
    }
    // The company of which nobody hears anything is reached too.
    const ofAccount = await running("account");
    expect(ofAccount.map(({ lead, scope }) => [lead, scope])).toEqual([
      [silent.id, "lead"],
      [silent.id, "rep"],
    ]);
    for (const { lead, scope, target, due, events } of ofAccount) {
      expect(events).toEqual(["start", "target-changed"]);
      expect(target.ms).toBe(50 * hour);
      expect(due.getTime()).toBe(before.get(`${lead} ${scope}`)!.due.getTime() + 2 * hour);
    }
    // Who waited under no handoff is judged by it, and handed off under it.
    await eventually(600, async () => (await waiting("nurture", "signal")) === quiet);
    const begun = await rows<{ agreement_id: string }>(
      world.pool,
      sql`select distinct agreement_id from handoff`,
    );
    expect(new Set(begun.map(({ agreement_id }) => agreement_id))).toEqual(
      new Set([active, looser.id]),
    );
  },
  long,
);

test(
  "a lead's time passes to its new deadline: it is missed then, and not before",
  async () => {
    const [one] = (await running()).filter(({ scope }) => scope === "rep");
    await world.passTo(one!.lead, new Date(one!.due.getTime() - 2 * 60_000));
    const breached = async () =>
      (await firstRow<{ n: number }>(
        world.pool,
        sql`select count(*)::int as n from clock c join handoff h on h.id = c.handoff_id
          where h.subject_id = ${one!.lead} and c.breached_at is not null`,
      ))!.n;
    expect(await breached()).toBe(0);
    await world.passTo(one!.lead, new Date(one!.due.getTime() + 60_000));
    await eventually(60, async () => (await breached()) > 0);
  },
  long,
);

test(
  "a rep leaves: nothing stays with them, the company neither, and the next one is asked by the " +
    "same targets",
  async () => {
    const left = (await listReps(world.pool)).find(({ id }) => id === silent.rep)!;
    await inTransaction(world.pool, (tx) =>
      editRoster(tx, { reps: [{ ...left, active: false }] }, Date.now()),
    );
    await eventually(900, async () => {
      const held = await firstRow<{ n: number }>(
        world.pool,
        sql`select count(*)::int as n from handoff where state = 'open' and rep_id = ${silent.rep}`,
      );
      return held?.n === 0;
    });
    for (const { target } of await running()) expect(target.ms).toBe(4 * hour);
    const { owner_id } = await accounts.until(silent.id, (row) => row.waiting_on === "outreach");
    expect(owner_id).not.toBe(silent.rep);
    for (const { target } of await running("account")) expect(target.ms).toBe(50 * hour);
  },
  long,
);

test(
  "an account is flagged without an MQL and accepted, and one of its people who becomes an MQL " +
    "reaches the same rep",
  async () => {
    const { rep, ...company } = await flagged("roi_calculator");
    expect(
      await accounts.act(company.id, "logOutreach", { channel: "call" }, { by: rep }),
    ).toMatchObject({ done: true });
    expect(await accounts.act(company.id, "accept", {}, { by: rep })).toMatchObject({
      done: true,
      stage: "sal",
    });
    const [lead = ""] = company.leads;
    await accounts.engages(lead, "demo_request");
    expect(await world.until(lead, (row) => row.waiting_on === "outreach")).toMatchObject({
      owner_id: rep,
    });
  },
  long,
);

test(
  "the change is rolled back by a version of its own, with the clocks of what is open",
  async () => {
    const made = await ask("revops", "POST", version(active, "rollback"), {});
    expect(made.status).toBe(201);
    const back = await planned(made.body.id);
    expect(back.plan.changes).toEqual(
      expect.arrayContaining([
        { about: "outreach of demo-request", change: "4 business hours -> 1 business hour" },
      ]),
    );
    await signed(back);
    await activated(back.id);
    await eventually(300, async () => {
      const { activation } = (await ask("revops", "GET", version(back.id))).body;
      return activation.state === "over";
    });
    const late = await rows(
      world.pool,
      sql`select from clock c join handoff h on h.id = c.handoff_id where h.state = 'open'
        and c.kind = 'outreach' and c.state = 'running' and c.breached_at is null
        and (c.target ->> 'ms')::bigint
          <> case h.subject_kind when 'lead' then ${hour}::bigint else ${48 * hour}::bigint end`,
    );
    expect(late).toEqual([]);
    const ofAccount = await running("account");
    expect(ofAccount.map(({ lead, scope }) => [lead, scope])).toEqual([
      [silent.id, "lead"],
      [silent.id, "rep"],
    ]);
  },
  long,
);

test(
  "at the end nothing is lost, every decision is taken the same again, every history replays, and " +
    "the audit trail is whole",
  async () => {
    const { body } = await ask("revops", "GET", "/reports/conservation");
    for (const row of body.days) expect(row.residue).toBe(0);
    expect(body.accounts).toEqual({
      handedOff: 2,
      open: 2,
      closed: 0,
      residue: 0,
      astray: { count: 0, accounts: [] },
      adrift: { count: 0, accounts: [] },
      withoutProcess: null,
    });
    const { judged, differences } = await verifyDecisions(world.pool);
    expect(differences).toEqual([]);
    expect(judged).toBeGreaterThan(3 * count);
    expect((await checkAudit(world.pool)).brokenAt).toBeNull();
    const { runs, broken } = await replayEverything(await temporalServer(), {
      codePath: await workflowBundle(),
      keepIn: join(tmpdir(), "agreement-change"),
      expected: [accountWorkflowId(silent.id, 1), activationWorkflowId(looser.id)],
      query: `TaskQueue = '${world.taskQueue}'`,
    });
    expect(broken).toBeNull();
    expect(runs).toMatchObject({ accountHandoff: 2, rejudgeClocks: 2 });
    expect(runs["leadHandoff"]).toBeGreaterThan(count);
    const said = await rows<{ what: string }>(
      world.pool,
      sql`select distinct what from audit where what like 'agreement.%' order by 1`,
    );
    expect(said.map(({ what }) => what)).toEqual([
      "agreement.planned",
      "agreement.planning",
      "agreement.proposed",
      "agreement.published",
      "agreement.signed",
    ]);
  },
  long,
);
