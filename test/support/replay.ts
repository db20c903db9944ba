import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection, WorkflowNotFoundError } from "@temporalio/client";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { Worker } from "@temporalio/worker";

type History = Awaited<ReturnType<ReturnType<Client["workflow"]["getHandle"]>["fetchHistory"]>>;
interface Run {
  readonly workflowId: string;
  readonly runId: string;
  readonly history: History;
}

/** What the replay of a whole namespace found. */
export interface Replayed {
  /** How many runs were replayed, by workflow type. */
  readonly runs: Readonly<Record<string, number>>;
  /** The first that does not replay; the ones after it were not tried. */
  readonly broken: {
    readonly workflowId: string;
    readonly runId: string;
    readonly why: string;
    readonly file: string;
  } | null;
}

/** Far more than any history takes: a replay that stands still is broken too. */
const longestMs = 60_000;

/**
 * Replays every run of a namespace with the given code, until the first that does not replay; that
 * history is kept as a file. Runs that were continued are followed. `expected` names workflows that
 * must be among them, for lists lag. `query` leaves out what others wrote.
 */
export async function replayEverything(
  server: { readonly address: string; readonly namespace: string },
  how: {
    readonly codePath: string;
    readonly keepIn: string;
    readonly expected: readonly string[];
    readonly query?: string;
  },
): Promise<Replayed> {
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace });
  const runs: Record<string, number> = {};
  let current: Run | undefined;
  const histories = async function* (): AsyncGenerator<Run> {
    for await (const run of everyRun(client, how.expected, how.query)) {
      current = run;
      yield run;
    }
  };
  const results = Worker.runReplayHistories(
    { workflowBundle: { codePath: how.codePath } },
    histories(),
  );
  try {
    for (;;) {
      const result = await inTime(results.next());
      if (result?.done) return { runs, broken: null };
      if (!current) throw new Error("a replay ended that never began");
      const why = result
        ? result.value.error?.message
        : `the replay took longer than ${longestMs} ms`;
      if (why !== undefined) return { runs, broken: { ...keep(current, how.keepIn), why } };
      const type = typeOf(current.history);
      runs[type] = (runs[type] ?? 0) + 1;
    }
  } finally {
    // A replay that stands still would not end; the process does.
    if (results.return) await inTime(results.return(undefined));
    await connection.close();
  }
}

/** Every run of every workflow of which code has run at all. */
async function* everyRun(
  client: Client,
  expected: readonly string[],
  query = "",
): AsyncGenerator<Run> {
  const known = new Map<string, { readonly workflowId: string; readonly runId: string }>();
  for await (const { workflowId, runId } of client.workflow.list({ query, pageSize: 1_000 }))
    known.set(runId, { workflowId, runId });
  const listed = new Set([...known.values()].map((one) => one.workflowId));
  for (const workflowId of expected.filter((id) => !listed.has(id))) {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    const runId = raw.workflowExecutionInfo?.firstRunId;
    if (!runId) throw new Error(`${workflowId} has no first run`);
    known.set(runId, { workflowId, runId });
  }
  // A Map gives what is added while it is gone through, too.
  for (const { workflowId, runId } of known.values()) {
    const history = await historyOf(client, workflowId, runId);
    if (!history) continue;
    const next =
      history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    if (next && !known.has(next)) known.set(next, { workflowId, runId: next });
    if (history.events?.some((event) => event.workflowTaskCompletedEventAttributes))
      yield { workflowId, runId, history };
  }
}

/** Undefined when the server has let go of it since it was listed. */
async function historyOf(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<History | undefined> {
  try {
    return await client.workflow.getHandle(workflowId, runId).fetchHistory();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function keep(
  { workflowId, runId, history }: Run,
  folder: string,
): { workflowId: string; runId: string; file: string } {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${workflowId.replaceAll(/[^\w.-]/g, "_")}.${runId}.json`);
  writeFileSync(file, `${historyToJSON(history)}\n`);
  return { workflowId, runId, file };
}

function typeOf(history: History): string {
  return (
    history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? "unknown"
  );
}

/** Undefined when it takes too long. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), longestMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
