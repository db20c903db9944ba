import { randomBytes } from "node:crypto";
import {
  Client,
  Connection,
  ScheduleNotFoundError,
  type ScheduleDescription,
} from "@temporalio/client";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { inTransaction, openPool, type Pool } from "../../store/postgres/db.ts";
import { ensureSchedules } from "../../worker/schedules.ts";
import { exampleText } from "../support/example-agreement.ts";
import { eventually } from "../support/program.ts";
import { freshDatabase, temporalServer, type FreshDatabase } from "../support/world.ts";

let database: FreshDatabase;
let pool: Pool;
let connection: Connection;
let client: Client;
/** Installations of their own on the shared server; removed at the end. */
let prefix: string;
const prefixes: string[] = [];
const keepers: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url);
  const server = await temporalServer();
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection, namespace: server.namespace });
});
beforeEach(async () => {
  prefix = `t${randomBytes(4).toString("hex")}-`;
  prefixes.push(prefix);
  await publish(exampleText);
});
afterAll(async () => {
  // A round under way still asks over the connection.
  await Promise.all(keepers.map((keeper) => keeper.stop()));
  for (const one of prefixes)
    for (const id of ["reconcile", "review-quarterly", "review-monthly", "review-weekly"])
      await client.schedule
        .getHandle(`${one}${id}`)
        .delete()
        .catch(() => undefined);
  await connection.close();
  await pool.end();
  await database.drop();
});

const publish = (text: string) =>
  inTransaction(pool, (tx) => activate(tx, text, "test", Date.now()));
const said: string[] = [];
const log = {
  info: () => undefined,
  warn: (_: unknown, text?: string) => {
    said.push(text ?? "");
  },
} as unknown as Parameters<typeof ensureSchedules>[0]["log"];
async function keep(other: Partial<Parameters<typeof ensureSchedules>[0]> = {}): Promise<void> {
  keepers.push(
    await ensureSchedules({
      client,
      pool,
      agreements: createAgreements(agreementOf),
      taskQueue: "nobody-listens",
      log,
      prefix,
      everyMs: 50,
      ...other,
    }),
  );
}
const schedule = (id: string): Promise<ScheduleDescription> =>
  client.schedule.getHandle(`${prefix}${id}`).describe();
const isThere = (id: string) =>
  schedule(id).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ScheduleNotFoundError) return false;
      throw error;
    },
  );
const ids = async () => {
  const found: string[] = [];
  for await (const { scheduleId } of client.schedule.list())
    if (scheduleId.startsWith(prefix)) found.push(scheduleId.slice(prefix.length));
  return found.sort();
};

test(
  "each kind of review is asked for every day at its agreed local time, the reconciler every " +
    "five minutes",
  async () => {
    await keep();
    for (const kind of ["weekly", "monthly", "quarterly"]) {
      const { spec, policies, action, info } = await schedule(`review-${kind}`);
      expect(spec.timezone).toBe("America/New_York");
      expect(spec.calendars).toMatchObject([{ hour: [{ start: 9 }], minute: [{ start: 0 }] }]);
      expect(policies).toMatchObject({ overlap: "BUFFER_ONE", catchupWindow: 86_400_000 });
      expect(action).toMatchObject({
        workflowType: "openDueReview",
        args: [kind],
        taskQueue: "nobody-listens",
      });
      // Both sides of the clock change: nine in the morning is another hour in UTC.
      expect(info.nextActionTimes.every((at) => [13, 14].includes(at.getUTCHours()))).toBe(true);
    }
    const reconciler = await schedule("reconcile");
    expect(reconciler.spec.intervals).toMatchObject([{ every: 300_000 }]);
    expect(reconciler.action).toMatchObject({ workflowType: "reconcile" });
  },
);

test(
  "workers that start at once, and again, leave one Schedule of each kind; a pause that " +
    "somebody set stays",
  async () => {
    await Promise.all([keep(), keep(), keep()]);
    await client.schedule.getHandle(`${prefix}review-quarterly`).pause("on holiday");
    // The server takes a pause in by and by; a worker that starts before that cannot know of it.
    await eventually(
      async () => (await schedule("review-quarterly")).state.paused,
      "the pause is seen",
    );
    await keep({ taskQueue: "another-queue" });
    await eventually(async () => (await ids()).length === 4, "four schedules are listed");
    expect(await ids()).toEqual([
      "reconcile",
      "review-monthly",
      "review-quarterly",
      "review-weekly",
    ]);
    const { state, action } = await schedule("review-quarterly");
    expect(state).toMatchObject({ paused: true, note: "on holiday" });
    expect(action).toMatchObject({ taskQueue: "another-queue" });
  },
);

test("a new version of the agreement moves the review; one without a quarterly review takes it away", async () => {
  await keep();
  await publish(
    exampleText.replace(
      "first business day of quarter 09:00",
      "first business day of quarter 07:30",
    ),
  );
  await eventually(
    async () => (await schedule("review-quarterly")).spec.calendars?.[0]?.hour[0]?.start === 7,
    "the review is at 07:30",
  );
  await publish(exampleText.replace(/^ {2}quarterly: .*$/m, ""));
  await eventually(
    async () => (await isThere("review-monthly")) && !(await isThere("review-quarterly")),
    "there is no quarterly review any more",
  );
  expect(await isThere("reconcile")).toBe(true);
});

test(
  "while Temporal is away the worker starts all the same, says so once, and sets the Schedules " +
    "when it is back",
  async () => {
    let isAway = true;
    let tries = 0;
    const away = new Client({
      connection: Connection.lazy({ address: "127.0.0.1:1", connectTimeout: 50 }),
    });
    const either = {
      schedule: client.schedule,
      withDeadline: (until: number, ask: () => Promise<unknown>) => {
        tries += 1;
        return isAway
          ? away.withDeadline(Date.now() + 50, () => away.schedule.getHandle("nothing").describe())
          : client.withDeadline(until, ask);
      },
    } as unknown as Client;
    said.length = 0;
    await keep({ client: either });
    await eventually(() => tries >= 3, "it has tried again");
    expect(said).toEqual(["the schedules could not be set; it is tried again"]);
    expect(await isThere("reconcile")).toBe(false);
    isAway = false;
    await eventually(() => isThere("reconcile"), "the reconciler is there");
  },
);
