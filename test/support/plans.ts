import type { Pool, Tx } from "../../store/postgres/db.ts";

/** A statement as it was sent. */
export interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What one step of a plan read of one table. */
export interface Scan {
  readonly table: string;
  /** `Seq Scan`, `Index Scan`, … */
  readonly how: string;
  /** Rows looked at: those that were found and those that a filter left out. */
  readonly visited: number;
}

/** How a statement was carried out. */
export interface Carried {
  readonly scans: readonly Scan[];
  /** Pages of 8 kB that were looked at. */
  readonly buffers: number;
}

/**
 * Notes every statement that goes through the pool, its transactions included, until `stop` is
 * called.
 */
export function recordStatements(pool: Pool): { readonly sent: Sent[]; stop(): void } {
  const sent: Sent[] = [];
  const noting =
    (ask: Method): Method =>
    (...asked) => {
      const query = asked[0] as string | Partial<Sent> | null;
      const text = typeof query === "string" ? query : query?.text;
      const values = typeof query === "string" ? (asked[1] as unknown[]) : query?.values;
      if (text !== undefined) sent.push({ text, values: values ?? [] });
      return ask(...asked);
    };
  const undo = [
    instead(pool, "query", noting),
    instead(pool, "connect", (connect) => (...asked) => {
      // With a callback it is the pool's own `query` that asks.
      if (asked.length > 0) return connect(...asked);
      return (connect() as Promise<Tx>).then((client) => {
        const still = instead(client, "query", noting);
        const again = instead(client, "release", (release) => (...given) => {
          still();
          again();
          return release(...given);
        });
        return client;
      });
    }),
  ];
  return {
    sent,
    stop() {
      for (const one of undo) one();
    },
  };
}

type Method = (...given: unknown[]) => unknown;

/** Puts another method in the place of one. Gives how to undo it. */
function instead(of: object, name: string, by: (original: Method) => Method): () => void {
  const own = Object.getOwnPropertyDescriptor(of, name);
  const original = (Reflect.get(of, name) as Method).bind(of);
  Reflect.set(of, name, by(original));
  return () => {
    if (own) Object.defineProperty(of, name, own);
    else Reflect.deleteProperty(of, name);
  };
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

/**
 * Runs the statement once more, in a transaction that is rolled back, and tells what it read.
 * Undefined for what has no plan: `begin`, `set`, `notify`.
 */
export async function carriedOut(pool: Pool, { text, values }: Sent): Promise<Carried | undefined> {
  if (!/^\s*(select|with|insert|update|delete)\b/i.test(text)) return undefined;
  const tx = await pool.connect();
  try {
    await tx.query("begin");
    const { rows } = await tx.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>({
      text: `explain (analyze, buffers, timing off, format json) ${text}`,
      values: [...values],
    });
    const plan = rows[0]?.["QUERY PLAN"][0].Plan;
    if (!plan) throw new Error(`no plan for ${text}`);
    return {
      scans: scansOf(plan),
      buffers: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
    };
  } finally {
    await tx.query("rollback").catch(() => undefined);
    tx.release();
  }
}

function scansOf(node: PlanNode): Scan[] {
  const below = (node.Plans ?? []).flatMap(scansOf);
  const table = node["Relation Name"];
  if (table === undefined || node["Node Type"] === "ModifyTable") return below;
  const removed =
    (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
  const visited = Math.round((node["Actual Rows"] + removed) * node["Actual Loops"]);
  return [{ table, how: node["Node Type"], visited }, ...below];
}
