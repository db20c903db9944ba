import { randomBytes } from "node:crypto";
import { takeIn } from "../store/intake/intake.ts";
import { track } from "../store/intake/tracking.ts";
import { byKeySession, firstRow, inTransaction, openPool, sql } from "../store/postgres/db.ts";
import { ranMs } from "./cpu.ts";
import { median, percentile, type Figure, type Report } from "./numbers.ts";
import { demoRequest, openForBusiness } from "./opening.ts";
import { freshDatabase } from "./process.ts";
import type { BenchStack } from "./stack.ts";

/** Engagements of one request: one, as a page tells it, and as many as a collector sends. */
const sizes = [1, 50] as const;

/**
 * Engagements of known people stored as the API stores them, in a transaction of their own, by
 * processor time of Postgres and of this process: how many others want the processor does not
 * matter. In turns with the same while the trigger that accounts are judged by is off.
 */
export async function benchEngagements(
  stack: BenchStack,
  { people = 200, requests = 300 } = {},
): Promise<Report> {
  // One connection, so one backend whose time can be read before and after each request.
  const url = await freshDatabase(stack);
  const pool = openPool(url, { max: 1, session: byKeySession });
  try {
    const agreement = await openForBusiness(pool);
    const tag = randomBytes(4).toString("hex");
    await inTransaction(pool, (tx) =>
      takeIn(
        tx,
        Array.from({ length: people }, (_, n) => ({
          ...demoRequest(tag, n, Date.now()),
          engagements: [],
          userId: `${tag}-${n}`,
        })),
        { now: Date.now(), from: "form", lane: 1, agreement },
      ),
    );
    const backend = await firstRow<{ pid: number }>(pool, sql`select pg_backend_pid() as pid`);
    const pid = backend?.pid ?? 0;
    let n = 0;
    const request = async (size: number): Promise<Spent> => {
      const now = Date.now();
      const messages = Array.from({ length: size }, () => {
        n += 1;
        return {
          kind: "engagement" as const,
          who: { userId: `${tag}-${n % people}` },
          engagement: { messageId: `${tag}/${n}`, type: "pricing_page", occurredAt: now - 1_000 },
        };
      });
      const [before, node, began] = [ranMs(pid), process.cpuUsage(), performance.now()];
      await inTransaction(pool, (tx) => track(tx, messages, { now, agreement }));
      const ms = performance.now() - began;
      const { user, system } = process.cpuUsage(node);
      const after = ranMs(pid);
      return {
        ms: ms / size,
        node: (user + system) / 1000 / size,
        postgres: before === null || after === null ? null : (after - before) / size,
      };
    };
    const found = new Map<string, Spent[]>();
    for (let turn = 0; turn < 6; turn++) {
      const trigger = turn % 2 === 0 ? "enable" : "disable";
      await pool.query(`alter table engagement ${trigger} trigger engagement_added`);
      for (const size of sizes) {
        // Plans are made anew.
        for (let warm = 0; warm < 40; warm++) await request(size);
        const key = `${trigger} ${size}`;
        const list = found.get(key) ?? [];
        found.set(key, list);
        for (let i = 0; i < requests / 3 / Math.sqrt(size); i++) list.push(await request(size));
      }
    }
    return {
      figures: sizes.flatMap((size) =>
        figuresOf(size, found.get(`enable ${size}`) ?? [], found.get(`disable ${size}`) ?? []),
      ),
      notes: [
        `Postgres and Node by processor time; ${people} people, one client; "without": the trigger ` +
          "engagement_added switched off",
      ],
    };
  } finally {
    await pool.end();
  }
}

/** Of one engagement, in milliseconds; Postgres: null where the system does not tell. */
interface Spent {
  readonly ms: number;
  readonly node: number;
  readonly postgres: number | null;
}

function figuresOf(size: number, found: readonly Spent[], without: readonly Spent[]): Figure[] {
  const name = size === 1 ? "an engagement stored" : `one of ${size} engagements stored`;
  const figure = (what: string, of: (one: Spent) => number): Figure => ({
    name: `${name}, ${what}, p95`,
    value: percentile(found.map(of), 0.95),
    unit: "ms",
    beside: [
      { name: "p50", value: median(found.map(of)) },
      { name: "without, p95", value: percentile(without.map(of), 0.95) },
      { name: "p50", value: median(without.map(of)) },
    ],
  });
  const hasCpu = found.every(({ postgres }) => postgres !== null);
  return [
    ...(hasCpu
      ? [{ ...figure("Postgres", ({ postgres }) => postgres ?? 0), goal: { atMost: 2 } }]
      : []),
    figure("Node", ({ node }) => node),
    figure("by the clock", ({ ms }) => ms),
  ];
}
