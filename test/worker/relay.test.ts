import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openPool, rows, sql, type Pool } from "../../store/postgres/db.ts";
import { enqueue, type OutboxMessage } from "../../store/postgres/outbox.ts";
import { startRelay, type Relay } from "../../worker/relay.ts";
import { freshDatabase, temporal, type FreshDatabase } from "../support/world.ts";

let database: FreshDatabase;
let pool: Pool;
let connection: NativeConnection;
let client: Client;
let relay: Relay;
/** Starts of these leads wait on their way to the server until the test lets them go. */
const gates = new Map<string, { readonly begun: () => void; readonly open: Promise<void> }>();

beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url);
  const server = await temporal();
  connection = await NativeConnection.connect({ address: server.address });
  client = new Client({
    connection,
    namespace: server.namespace,
    interceptors: {
      workflow: [
        {
          async startWithDetails(input, next) {
            const gate = gates.get(input.options.workflowId);
            gate?.begun();
            await gate?.open;
            return next(input);
          },
        },
      ],
    },
  });
});
afterAll(async () => {
  await connection.close();
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  await pool.query("truncate outbox");
  relay = relayOver(pool);
});
/** Nobody works on its queue: what is told is all that is looked at. */
const relayOver = (own: Pool) =>
  startRelay({
    pool: own,
    databaseUrl: database.url,
    client,
    taskQueue: `relay-${randomBytes(4).toString("hex")}`,
    log: pino(
      { level: "warn" },
      {
        write: (line) => {
          warnings.push(line);
        },
      },
    ),
    clock: Date.now,
    processInbox: () => Promise.resolve(0),
  });
afterEach(async () => {
  gates.clear();
  warnings.length = 0;
  await relay.stop();
  for (const id of begun.splice(0))
    await client.workflow
      .getHandle(id)
      .terminate("the test is over")
      .catch(() => undefined);
});

const begun: string[] = [];
const warnings: string[] = [];
const someone = () => `lead/ld_${randomBytes(8).toString("hex")}`;
const says = (message: string, workflowId: string, lane: 1 | 2 = 1): OutboxMessage => ({
  lane,
  kind: "signal",
  workflowId,
  message,
  payload: { id: "x" },
});
function start(workflowId: string, lane: 1 | 2 = 1): OutboxMessage {
  begun.push(workflowId);
  return {
    lane,
    kind: "start",
    workflowId,
    message: "leadHandoff",
    payload: { leadId: workflowId.slice(5), cycle: 1, from: "intake", priority: 1 },
  };
}
const say = (telling: OutboxMessage) => enqueue(pool, telling, Date.now());
const told = async (workflowId: string) =>
  await rows<{ done: boolean; attempts: number }>(
    pool,
    sql`
      select done_at is not null as done, attempts from outbox where workflow_id = ${workflowId}
        order by id`,
  );
const isTold = (workflowId: string) =>
  expect
    .poll(async () => (await told(workflowId)).every((row) => row.done), {
      timeout: 10_000,
      interval: 10,
    })
    .toBe(true);
const signals = async (workflowId: string) =>
  ((await client.workflow.getHandle(workflowId).fetchHistory()).events ?? []).flatMap(
    (event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? [],
  );

/** Holds the lead's start up; resolves to what lets it go, once the start is on its way. */
function holdUp(workflowId: string): { onItsWay: Promise<void>; letGo: () => void } {
  let letGo = () => {};
  let onItsWay = () => {};
  const way = new Promise<void>((resolve) => {
    onItsWay = resolve;
  });
  gates.set(workflowId, {
    begun: onItsWay,
    open: new Promise<void>((resolve) => {
      letGo = resolve;
    }),
  });
  return { onItsWay: way, letGo: () => letGo() };
}

test("a lead that comes while another one's start is on its way does not wait for it", async () => {
  const [slow, quick] = [someone(), someone()];
  const held = holdUp(slow);
  await say(start(slow));
  await held.onItsWay;
  await say(start(quick));
  await isTold(quick);
  expect(await told(slow)).toEqual([{ done: false, attempts: 0 }]);
  held.letGo();
  await isTold(slow);
});

test(
  "news of a lead whose start is on its way waits for it, and is told in its order when it is " +
    "there",
  async () => {
    const [slow, other] = [someone(), someone()];
    const held = holdUp(slow);
    await say(start(slow));
    await held.onItsWay;
    await say(says("factsChanged", slow));
    await say(says("engaged", slow));
    // The lane goes on meanwhile: a round has looked at the news and left it alone.
    await say(start(other));
    await isTold(other);
    expect(await told(slow)).toEqual([
      { done: false, attempts: 0 },
      { done: false, attempts: 0 },
      { done: false, attempts: 0 },
    ]);
    held.letGo();
    await isTold(slow);
    expect(await told(slow)).toEqual([
      { done: true, attempts: 0 },
      { done: true, attempts: 0 },
      { done: true, attempts: 0 },
    ]);
    expect(await signals(slow)).toEqual(["factsChanged", "engaged"]);
    expect(warnings).toEqual([]);
  },
);

test("the import lane is not held up by the urgent one, nor the other way round", async () => {
  const [urgent, imported] = [someone(), someone()];
  const both = [holdUp(urgent), holdUp(imported)];
  await say(start(urgent));
  await say(start(imported, 2));
  await Promise.all(both.map((one) => one.onItsWay));
  for (const one of both) one.letGo();
  await isTold(urgent);
  await isTold(imported);
});

test("while Temporal does not answer, imports and effects have a connection of a small pool", async () => {
  await relay.stop();
  const small = openPool(database.url, { max: 4 });
  relay = relayOver(small);
  const [imported, ...urgent] = Array.from({ length: 6 }, someone);
  const held = urgent.map(holdUp);
  await say(start(urgent[0] ?? ""));
  await held[0]?.onItsWay;
  for (const lead of urgent.slice(1)) {
    await say(start(lead));
    await pause(200);
  }
  await say(start(imported ?? "", 2));
  await isTold(imported ?? "");
  await small.query("select 1");
  for (const one of held) one.letGo();
  for (const lead of urgent) await isTold(lead);
  await relay.stop();
  await small.end();
  relay = relayOver(pool);
});

test("what nobody rang for is taken up all the same", async () => {
  const lead = someone();
  await isTold(lead);
  await pool.query(
    sql`
      insert into outbox (lane, kind, workflow_id, message, payload, created_at)
        values (2, 'start', ${lead}, 'leadHandoff', ${start(lead, 2).payload}, now())`,
  );
  await isTold(lead);
});

test(
  "news of a process that is over is no trouble; news of one that is yet to start is told " +
    "after it",
  async () => {
    const [over, early] = [someone(), someone()];
    await say(start(over));
    await isTold(over);
    await client.workflow.getHandle(over).terminate("over");
    await say(says("engaged", over));
    await isTold(over);
    await pool.query(
      sql`
      insert into outbox (lane, kind, workflow_id, message, payload, created_at, next_at)
        values (2, 'start', ${early}, 'leadHandoff', ${start(early, 2).payload}, now(),
        now() + interval '1 second')`,
    );
    await say(says("engaged", early));
    await isTold(early);
    expect(await signals(early)).toEqual(["engaged"]);
  },
);
