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
import { apiClient, apiOptions } from "../api-client.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings, type Settings } from "../env.ts";
import { silentTemporal } from "../servers/processes.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";
import { inMeeting } from "./review-meeting.ts";

const usage = `baton review list [--kind KIND] [--state open|closed] [--json]
baton review show ID [--json | --html]
baton review sign ID
baton review decide ID --pool keep|return|retire|suggested [--lead LEAD]
baton review resolve ID --owner OWNER --due DAY (--text TEXT | --proposal PROPOSAL)
baton review close RESOLUTION --state done|dropped [--note TEXT]
baton review carry RESOLUTION --due DAY
baton review open KIND [--period PERIOD]

list, show      the reviews; one with its proposals, resolutions and signatures, or its page to be printed
sign            with --token of a leader: signs for that leader's party
decide          every lead of the re-nurture pool that waits, or one; "suggested" does what the packet suggests for each
resolve         OWNER is a person of the roster or a role such as marketing-ops, DAY is 2026-12-31, PROPOSAL is the
                packet's, as kind/about
close           ends a resolution (rs_...)
carry           carries an open resolution on to a later day
open            without waiting for the day: KIND is ${reviewKinds.join(", ")}, whichever the agreement asks for; PERIOD is
                ${Object.values(periodExamples).join(", ")}, today's when absent. A review that runs is left alone; one that is open without a
                process gets one again. Works on DATABASE_URL and TEMPORAL_ADDRESS, else on the servers of the Baton that
                runs in BATON_HOME
  --json          the answer as JSON
  --url, --token  the API and a token; else the operator's on the Baton that runs on BATON_HOME and PORT`;

export const command: Command = {
  name: "review",
  summary: "read, decide and sign reviews; open one before its day",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        period: { type: "string" },
        json: { type: "boolean", default: false },
        html: { type: "boolean", default: false },
        kind: { type: "string" },
        state: { type: "string" },
        pool: { type: "string" },
        lead: { type: "string" },
        owner: { type: "string" },
        due: { type: "string" },
        text: { type: "string" },
        proposal: { type: "string" },
        note: { type: "string" },
        ...apiOptions,
      },
    });
    const [verb = "", about, ...rest] = positionals;
    const meeting = verb in inMeeting ? inMeeting[verb as keyof typeof inMeeting] : undefined;
    const isAsked = verb === "list" ? about === undefined : about !== undefined;
    if (!isAsked || rest.length > 0 || (verb !== "open" && !meeting))
      throw new CommandError(
        `Say what to do: ${[...Object.keys(inMeeting), "open"].map((one) => `\`baton review ${one}\``).join(", ")}; --help says how.`,
      );
    if (!meeting) return open(about ?? "", values, io);
    const api = await apiClient(readSettings(), values);
    return meeting({ api, id: about ?? "", given: values, io });
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
