import {
  isGrpcServiceError,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type CalendarSpec,
  type Client,
  type ScheduleOptions,
} from "@temporalio/client";
import type { Logger } from "pino";
import { agreedReviews, reviewKinds, type AgreedReview } from "../handoff/reviews/review.ts";
import type { Agreements } from "../store/process/agreements.ts";
import type { Pool } from "../store/postgres/db.ts";
import type * as workflows from "../workflows/index.ts";
import { allOwnWork, type OwnWork } from "./current-version.ts";
import { every } from "./every.ts";
import type { Part } from "./parts.ts";

export interface ScheduleDeps {
  readonly client: Client;
  readonly pool: Pool;
  readonly agreements: Agreements;
  readonly taskQueue: string;
  readonly log: Pick<Logger, "info" | "warn">;
  /** Absent: this worker has no version. */
  readonly ownWork?: Pick<OwnWork, "isCurrent">;
  /** Before every id, for several installations in one namespace. */
  readonly prefix?: string;
  /** How often the agreement is looked at again. */
  readonly everyMs?: number;
}

const callMs = 5_000;
/** One firing that meets a running one waits for it; an outage of a day is made up for. */
const policies = { overlap: "BUFFER_ONE", catchupWindow: "1 day" } as const;
type Workflow = keyof typeof workflows;
type Wanted = Pick<ScheduleOptions, "spec" | "action">;

/**
 * Keeps the Schedules as the active agreement wants them: one for each kind of review, and the
 * reconciler. Resolves after the first try; while Temporal or Postgres is away it says so once and
 * tries again, and it follows every new version of the agreement. Several workers may do so at
 * once.
 */
export async function ensureSchedules(deps: ScheduleDeps): Promise<Part> {
  let applied: string | undefined;
  const { isCurrent } = deps.ownWork ?? allOwnWork;
  const follow = async (): Promise<void> => {
    if (!isCurrent()) {
      // Another version may set them meanwhile, so they are looked at anew.
      applied = undefined;
      return;
    }
    const version = await deps.agreements.active(deps.pool);
    const wanted = `${version?.id}`;
    if (wanted === applied) return;
    await apply(deps, version ? agreedReviews(version.agreement) : []);
    applied = wanted;
    deps.log.info({ agreement: version?.id }, "schedules are as the agreement wants them");
  };
  const following = every(deps.everyMs ?? 15_000, follow, (error) =>
    deps.log.warn({ error: describe(error) }, "the schedules could not be set; it is tried again"),
  );
  await following.now();
  return following;
}

async function apply(deps: ScheduleDeps, agreed: readonly AgreedReview[]): Promise<void> {
  const { taskQueue, prefix = "" } = deps;
  await put(deps, `${prefix}reconcile`, {
    spec: { intervals: [{ every: "5 minutes" }] },
    action: {
      type: "startWorkflow",
      workflowType: "reconcile" satisfies Workflow,
      workflowId: `${prefix}reconcile`,
      taskQueue,
      args: [],
      staticSummary: "open leads against running processes",
    },
  });
  for (const kind of reviewKinds) {
    const id = `${prefix}review-${kind}`;
    const review = agreed.find((one) => one.kind === kind);
    if (!review) await remove(deps, id);
    else {
      await put(deps, id, {
        spec: { calendars: [daily(review.rule.on.time)], timezone: review.hours.zone },
        action: {
          type: "startWorkflow",
          workflowType: "openDueReview" satisfies Workflow,
          workflowId: `${prefix}review/${kind}/due`,
          taskQueue,
          args: [kind],
          staticSummary: `is the ${kind} review due`,
        },
      });
    }
  }
}

/**
 * A Schedule knows no holidays and no second week, so it asks every day; the workflow asks the
 * calendar whether the day has come, and makes up for one that was missed.
 */
function daily(time: string): CalendarSpec {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return { hour, minute, comment: "is it the day of the review" };
}

/**
 * Creates the Schedule, or updates an existing one: its times follow the agreement. A pause is
 * kept.
 */
async function put({ client }: ScheduleDeps, scheduleId: string, wanted: Wanted): Promise<void> {
  await client.withDeadline(Date.now() + callMs, async () => {
    try {
      await client.schedule.create({ scheduleId, ...wanted, policies });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await client.schedule.getHandle(scheduleId).update(({ state }) => {
        const { paused, note } = state;
        return { ...wanted, policies, state: { paused, ...(note === undefined ? {} : { note }) } };
      });
    }
  });
}

async function remove({ client }: ScheduleDeps, scheduleId: string): Promise<void> {
  try {
    await client.withDeadline(Date.now() + callMs, () =>
      client.schedule.getHandle(scheduleId).delete(),
    );
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

function describe(error: unknown): string {
  if (isGrpcServiceError(error)) return `Temporal: ${error.code}`;
  return error instanceof Error ? error.message : String(error);
}
