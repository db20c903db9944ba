import { Client, WorkflowNotFoundError, type WorkflowExecutionInfo } from "@temporalio/client";
import { brokenProcesses, reportedProblems } from "../../workflows/contract.ts";
import { isTemporalTrouble, temporalConnection, troubleOf } from "../../temporal/connection.ts";
import type { TemporalProfile } from "../../temporal/profile.ts";
import { CommandError } from "../command.ts";
import type { Settings } from "../env.ts";

/** A process whose tasks fail, as Temporal lists it. */
export interface BrokenProcess {
  readonly workflowId: string;
  readonly runId: string;
  /** Codes of the server, such as `cause=WorkflowTaskFailedCauseNonDeterministicError`. */
  readonly problems: readonly string[];
}

/** What a command asks of Temporal about processes. */
export interface Processes {
  broken(): Promise<readonly BrokenProcess[]>;
  /** Ids of the leads' processes that run; a moment behind the truth. */
  running(): Promise<ReadonlySet<string>>;
  /** The latest run, asked of the process itself; undefined when there never was one. */
  latest(
    workflowId: string,
  ): Promise<
    | { readonly runId: string; readonly isRunning: boolean; readonly endedAt: Date | null }
    | undefined
  >;
  /**
   * Since when the run's tasks fail, and with what words; undefined when its history does not say.
   */
  failure(
    workflowId: string,
    runId: string,
  ): Promise<{ readonly since: Date; readonly message: string } | undefined>;
  /** Ends a run at once. One that has ended already is left alone. */
  end(workflowId: string, runId: string, reason: string): Promise<void>;
}

const answerMs = 5_000;
const listMs = 60_000;

/**
 * Asks the server of the settings for the length of `work`. Throws a `CommandError` when it does
 * not answer, or stops to.
 */
export async function withTemporal<T>(
  settings: Settings,
  work: (processes: Processes) => Promise<T>,
): Promise<T> {
  const { temporal } = settings;
  const connection = temporalConnection(temporal, { connectTimeoutMs: 3_000 });
  try {
    const asked = connection.withDeadline(Date.now() + answerMs, () =>
      connection.workflowService.getSystemInfo({}),
    );
    await asked.catch((error: unknown) => {
      throw silentTemporal(temporal, error);
    });
    return await work(processesOf(new Client({ connection, namespace: temporal.namespace })));
  } catch (error) {
    if (!isTemporalTrouble(error)) throw error;
    throw new CommandError(
      `Temporal at ${temporal.address} did not answer all that was asked ` +
        `(${troubleOf(error, temporal)}); try again, and see its log if that goes on.`,
    );
  } finally {
    await connection.close();
  }
}

/** What a command says when the server does not answer it. */
export function silentTemporal(temporal: TemporalProfile, error: unknown): CommandError {
  return new CommandError(
    `Temporal at ${temporal.address} does not answer (${troubleOf(error, temporal)}); is Baton ` +
      `running? Start it with \`baton start\`, or give the TEMPORAL_PORT that it was started with.`,
  );
}

function processesOf(client: Client): Processes {
  const within = <R>(ms: number, ask: () => Promise<R>): Promise<R> =>
    client.withDeadline(Date.now() + ms, ask);
  const list = async <R>(query: string, take: (one: WorkflowExecutionInfo) => R): Promise<R[]> =>
    within(listMs, async () => {
      const found: R[] = [];
      for await (const one of client.workflow.list({ query, pageSize: 1_000 }))
        found.push(take(one));
      return found;
    });
  return {
    broken: () =>
      list(brokenProcesses, ({ workflowId, runId, typedSearchAttributes }) => ({
        workflowId,
        runId,
        problems: typedSearchAttributes.get(reportedProblems) ?? [],
      })),
    running: async () =>
      new Set(
        await list(
          'WorkflowType IN ("leadHandoff", "accountHandoff") AND ExecutionStatus = "Running"',
          (one) => one.workflowId,
        ),
      ),
    latest: (workflowId) =>
      unlessUnknown(async () => {
        const { runId, status, closeTime } = await within(answerMs, () =>
          client.workflow.getHandle(workflowId).describe(),
        );
        return { runId, isRunning: status.name === "RUNNING", endedAt: closeTime ?? null };
      }),
    failure: (workflowId, runId) =>
      unlessUnknown(() => within(answerMs, () => lastFailure(client, workflowId, runId))),
    async end(workflowId, runId, reason) {
      await unlessUnknown(() =>
        within(answerMs, () => client.workflow.getHandle(workflowId, runId).terminate(reason)),
      );
    },
  };
}

/** The server writes the first of a row of failed tasks down, and not its repeats. */
async function lastFailure(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<{ since: Date; message: string } | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 50,
  });
  for (const {
    eventTime,
    workflowTaskFailedEventAttributes: failed,
    workflowTaskTimedOutEventAttributes: late,
  } of history?.events ?? []) {
    if (!failed && !late) continue;
    return {
      since: new Date(Number(eventTime?.seconds ?? 0) * 1_000),
      message: failed?.failure?.message ?? "it timed out",
    };
  }
  return undefined;
}

async function unlessUnknown<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
