import { parseArgs } from "node:util";
import { Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import type { Agreement } from "../../handoff/agreement.ts";
import { agreementOf } from "../../agreement/stored.ts";
import {
  agreedReview,
  agreedReviews,
  isPeriod,
  periodExamples,
  periodOf,
  reviewKinds,
} from "../../handoff/reviews/review.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { findReview } from "../../store/reviews/reviews.ts";
import { temporalConnection } from "../../temporal/connection.ts";
import { reviewWorkflowId, type ReviewStart } from "../../workflows/contract.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings, type Settings } from "../env.ts";
import { silentTemporal } from "../servers/processes.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

const usage = `baton review open KIND [--period PERIOD] [--json]

Opens the review of the re-nurture pool now, without waiting for its day. KIND is ${reviewKinds.join(" or ")}, whichever the
agreement asks for.
  --period PERIOD   2026-Q4 or 2026-11; the period of today when absent
  --json            { id, opened } instead of a line
A review that runs is left alone; one that is open without a process gets one again. Works on DATABASE_URL and
TEMPORAL_ADDRESS, else on the servers of the Baton that runs in BATON_HOME.`;

export const command: Command = {
  name: "review",
  summary: "open a review of the re-nurture pool",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { period: { type: "string" }, json: { type: "boolean", default: false } },
    });
    const [verb, kind, ...rest] = positionals;
    if (verb !== "open" || kind === undefined || rest.length > 0)
      throw new CommandError(
        `Say which review to open: \`baton review open ${reviewKinds.join("|")}\`.`,
      );
    return open(kind, values, io);
  },
};

async function open(
  kind: string,
  asked: { period?: string | undefined; json: boolean },
  io: Io,
): Promise<number> {
  const settings = readSettings();
  const start = await reviewToOpen(settings, kind, asked.period);
  const id = reviewWorkflowId(start.kind, start.period);
  const opened = await startReview(settings, id, start);
  if (asked.json) io.out(JSON.stringify({ id, opened }));
  else io.out(opened ? `${id} is open; its packet is at GET /reviews.` : `${id} is open already.`);
  return 0;
}

async function reviewToOpen(
  settings: Settings,
  kind: string,
  period: string | undefined,
): Promise<ReviewStart> {
  return withPool(databaseUrlOf(settings), async (pool) => {
    const version = await createAgreements(agreementOf).active(pool);
    const known = reviewKinds.find((one) => one === kind);
    const review = version && known && agreedReview(version.agreement, known);
    if (!review)
      throw new CommandError(
        `The agreement has no review "${kind}"; it has ${namesOf(version?.agreement)}.`,
      );
    if (period !== undefined && !isPeriod(review.kind, period))
      throw new CommandError(
        `--period is "${period}"; expected one such as ${periodExamples[review.kind]}.`,
      );
    const start = { kind: review.kind, period: period ?? periodOf(review, Date.now()) };
    if ((await findReview(pool, start))?.state === "closed")
      throw new CommandError(
        `The ${start.kind} review ${start.period} is closed; a period is reviewed once.`,
      );
    return start;
  });
}

async function startReview(
  settings: Settings,
  workflowId: string,
  start: ReviewStart,
): Promise<boolean> {
  const { temporal } = settings;
  const connection = temporalConnection(temporal, { connectTimeoutMs: 3_000 });
  try {
    const client = new Client({ connection, namespace: temporal.namespace });
    await client.withDeadline(Date.now() + 5_000, () =>
      client.workflow.start("review", {
        workflowId,
        taskQueue: settings.taskQueue,
        args: [start],
        staticSummary: `${start.kind} review ${start.period}`,
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw silentTemporal(temporal, error);
  } finally {
    await connection.close();
  }
}

function namesOf(agreement: Agreement | undefined): string {
  const names = agreement ? agreedReviews(agreement).map(({ kind }) => kind) : [];
  return names.length === 0 ? "none" : names.join(", ");
}
