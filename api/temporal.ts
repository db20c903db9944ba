import { Client, WorkflowNotFoundError } from "@temporalio/client";
import { temporalConnection } from "../temporal/connection.ts";
import type { TemporalProfile } from "../temporal/profile.ts";
import { bounded } from "./http/bounded.ts";
import { isClosed, stages } from "../handoff/stage.ts";
import {
  brokenProcesses,
  leadOfWorkflowId,
  leadWorkflowId,
  searchAttributes,
} from "../workflows/contract.ts";

/** What the API asks Temporal: whether it answers at all. Bounded in time. */
export interface TemporalPort {
  reachable(): Promise<boolean>;
  /**
   * The leads whose process runs, of all or of a range of ids; null when they could not all be
   * listed in time.
   */
  runningLeads?(range?: LeadRange): Promise<ReadonlySet<string> | null>;
  /**
   * The leads whose process runs and is broken: its tasks fail. Null when they could not all be
   * listed in time.
   */
  brokenLeads?(): Promise<ReadonlySet<string> | null>;
  /** How many leads' processes run; null when nobody said so in time. */
  countRunning?(): Promise<number | null>;
  /**
   * How many processes of a range run whose lead is open, as far as they have heard; null when
   * nobody said so in time. Those of closed leads run on until everything is told outside.
   */
  countOpen?(range: LeadRange): Promise<number | null>;
  /** Whether the process of a lead runs, asked of itself; null when nobody said so in time. */
  runsFor?(leadId: string): Promise<boolean | null>;
  /** How many processes of any kind are broken; null when nobody said so in time. */
  countBroken?(): Promise<number | null>;
  close(): Promise<void>;
}

/** Leads from one id to another, both included. */
export interface LeadRange {
  readonly first: string;
  readonly last: string;
}

export interface TemporalOptions extends TemporalProfile {
  readonly reachableMs?: number;
}

const runningProcesses = "WorkflowType = 'leadHandoff' AND ExecutionStatus = 'Running'";

const runningIn = (range?: LeadRange): string =>
  range === undefined
    ? runningProcesses
    : `${runningProcesses} AND WorkflowId BETWEEN '${leadWorkflowId(range.first)}' AND '${leadWorkflowId(range.last)}'`;

const { name: stage } = searchAttributes.stage;

const closedStages = stages
  .filter(isClosed)
  .map((one) => `'${one}'`)
  .join(", ");

/** A process shows no stage before its first decision. */
const openIn = (range: LeadRange): string =>
  `${runningIn(range)} AND (${stage} IS NULL OR ${stage} NOT IN (${closedStages}))`;

/** Measured: 4,000 running processes are listed in under five seconds on a busy machine. */
const listMs = 20_000;

/** Connects when first used, so that the API starts and takes leads in while Temporal is away. */
export function connectTemporal(options: TemporalOptions): TemporalPort {
  // The client's own retries know no deadline and throw into nobody's hands when the connection is
  // closed; ours do neither.
  const connection = temporalConnection(options, { connectTimeoutMs: 2_000, retries: false });
  const client = new Client({ connection, namespace: options.namespace });
  const reachableMs = options.reachableMs ?? 900;
  const running = new Set<Promise<unknown>>();

  const tracked = async <T>(ms: number, work: () => Promise<T>, late: T): Promise<T> => {
    const one = work();
    running.add(one);
    void one.catch(() => undefined).finally(() => running.delete(one));
    return bounded(ms, one, () => late);
  };
  const list = (query: string) =>
    tracked<ReadonlySet<string> | null>(
      listMs + 100,
      async () => {
        const found = new Set<string>();
        try {
          await client.withDeadline(Date.now() + listMs, async () => {
            for await (const one of client.workflow.list({ query, pageSize: 1_000 })) {
              const leadId = leadOfWorkflowId(one.workflowId);
              if (leadId !== null) found.add(leadId);
            }
          });
          return found;
        } catch {
          return null;
        }
      },
      null,
    );

  const count = (query: string) =>
    tracked<number | null>(
      reachableMs + 100,
      async () => {
        const counted = client.withDeadline(Date.now() + reachableMs, () =>
          client.workflow.count(query),
        );
        return counted.then(
          (found) => found.count,
          () => null,
        );
      },
      null,
    );

  return {
    reachable: () =>
      tracked(
        reachableMs + 100,
        () =>
          connection
            .withDeadline(Date.now() + reachableMs, () =>
              connection.workflowService.getSystemInfo({}),
            )
            .then(
              () => true,
              () => false,
            ),
        false,
      ),
    runningLeads: (range) => list(runningIn(range)),
    brokenLeads: () => list(brokenProcesses),
    countRunning: () => count(runningProcesses),
    countOpen: (range) => count(openIn(range)),
    runsFor: (leadId) =>
      tracked<boolean | null>(
        reachableMs + 100,
        () =>
          client
            .withDeadline(Date.now() + reachableMs, () =>
              client.workflow.getHandle(leadWorkflowId(leadId)).describe(),
            )
            .then(
              ({ status }) => status.name === "RUNNING",
              (error) => (error instanceof WorkflowNotFoundError ? false : null),
            ),
        null,
      ),
    countBroken: () => count(brokenProcesses),
    async close() {
      await bounded(reachableMs + 500, Promise.allSettled(running), () => []);
      await connection.close();
    },
  };
}
