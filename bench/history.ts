import { randomBytes } from "node:crypto";
import { leadWorkflowId } from "../workflows/contract.ts";
import { benchActions, effectsDone, processKnows } from "./act.ts";
import { live } from "./lives.ts";
import { median, type Report } from "./numbers.ts";
import type { Process } from "./process.ts";

/**
 * Who asks Postgres on the straight path: the process, and the person's action where it arrives.
 */
const activities = ["arrive", "other"] as const;

/**
 * What one lead's straight path costs: events and billable actions in Temporal, statements in
 * Postgres.
 */
export async function benchHistory(world: Process, { leads = 5 } = {}): Promise<Report> {
  const tag = randomBytes(4).toString("hex");
  await live(world, `${tag}w`, 0);
  const toSal: { events: number; actions: number }[] = [];
  const toOpportunity: { events: number; actions: number }[] = [];
  const statements = new Map<string, number>();
  world.onStatement((activity) => statements.set(activity, (statements.get(activity) ?? 0) + 1));
  for (let n = 0; n < leads; n++) {
    const leadId = await live(world, tag, n);
    await effectsDone(world);
    await processKnows(world, leadId, "sal");
    toSal.push(await costOf(world, leadId));
    const pause = new Map(statements);
    await benchActions(world, leadId, "advance", { to: "sql" });
    await benchActions(world, leadId, "advance", {
      to: "opportunity",
      amountMinor: 1_000_000,
      currency: "USD",
    });
    await world.client.workflow.getHandle(leadWorkflowId(leadId)).result();
    toOpportunity.push(await costOf(world, leadId));
    statements.clear();
    for (const [activity, count] of pause) statements.set(activity, count);
  }
  world.onStatement(undefined);
  const each = (name: string) => Math.round((statements.get(name) ?? 0) / leads);
  return {
    figures: [
      {
        name: "events to SAL",
        value: median(toSal.map((one) => one.events)),
        unit: "",
        goal: { atMost: 16 },
      },
      {
        name: "events to opportunity",
        value: median(toOpportunity.map((one) => one.events)),
        unit: "",
        goal: { atMost: 30 },
      },
      {
        name: "billable actions to SAL",
        value: median(toSal.map((one) => one.actions)),
        unit: "",
        goal: { atMost: 7 },
      },
      {
        name: "billable actions to opportunity",
        value: median(toOpportunity.map((one) => one.actions)),
        unit: "",
      },
      ...activities.map((name) => ({
        name: `statements to SAL in ${name}`,
        value: each(name),
        unit: "",
      })),
    ],
  };
}

/**
 * Reads the history. Actions are counted as Temporal Cloud bills them; local activities cost one
 * for each task that holds any.
 */
async function costOf(
  world: Process,
  leadId: string,
): Promise<{ events: number; actions: number }> {
  const { events = [] } = await world.client.workflow
    .getHandle(leadWorkflowId(leadId))
    .fetchHistory();
  let actions = 0;
  let task = 0;
  const withLocal = new Set<number>();
  for (const event of events ?? []) {
    if (event.workflowTaskCompletedEventAttributes) task += 1;
    // An accepted update and the start are one each; what is marked `local` was run by the task
    // before.
    if (
      event.workflowExecutionStartedEventAttributes ||
      event.timerStartedEventAttributes ||
      event.workflowExecutionSignaledEventAttributes ||
      event.workflowExecutionUpdateAcceptedEventAttributes ||
      event.upsertWorkflowSearchAttributesEventAttributes ||
      event.activityTaskScheduledEventAttributes
    )
      actions += 1;
    if (event.markerRecordedEventAttributes) withLocal.add(task);
  }
  return { events: (events ?? []).length, actions: actions + withLocal.size };
}
