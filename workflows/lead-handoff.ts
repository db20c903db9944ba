import { makeContinueAsNewFunc, workflowInfo } from "@temporalio/workflow";
import type { Stage } from "../handoff/stage.ts";
import { followUp } from "../handoff/process/words.ts";
import type { LeadStart } from "./contract.ts";
import { LeadProcess } from "./lead-process.ts";

/** How a lead's process ended; the figures are in Postgres. */
export interface LeadOutcome {
  readonly stage: Stage;
  readonly cycle: number;
}

/**
 * The life of one lead: qualified, handed off, worked, re-nurtured. One run is one handoff cycle;
 * re-nurture, and a handoff that failed on bad data, go on in the next run. People's actions are
 * decided where they arrive; this workflow is told, and owns time.
 */
export async function leadHandoff(start: LeadStart): Promise<LeadOutcome> {
  const lead = new LeadProcess(start);
  await lead.begin();
  while (!lead.isOver()) {
    switch (lead.at.stage) {
      case "new":
      case "nurture":
      case "renurture":
        await nurturing(lead);
        break;
      case "mql":
        await handingOff(lead);
        break;
      case "sal":
      case "sql":
        await working(lead);
        break;
      case "opportunity":
      case "disqualified":
        return end(lead);
      default:
        return never(lead.at.stage);
    }
  }
  return continueInNextRun(lead);
}

/** Out of sales' hands: facts, a signal, a date or a review brings the lead to sales. */
async function nurturing(lead: LeadProcess): Promise<void> {
  await lead.answer(await lead.next());
}

/** With sales, unanswered: routed, on hold, or before a rep whose clocks run. */
async function handingOff(lead: LeadProcess): Promise<void> {
  if (followUp(lead.at) === "route") return lead.route();
  const event = await lead.next();
  if (lead.at.waitingOn === "hold" && event.kind === "wake") await lead.route();
  else await lead.answer(event);
}

/** Accepted: attempts, connect, meeting, SQL, until an opportunity exists or the lead goes back. */
async function working(lead: LeadProcess): Promise<void> {
  await lead.answer(await lead.next());
}

/** The process ends only when everybody outside has been told; reopened meanwhile, it goes on. */
async function end(lead: LeadProcess): Promise<LeadOutcome> {
  await lead.rest();
  return lead.isReopened() ? continueInNextRun(lead) : { stage: lead.at.stage, cycle: lead.cycle };
}

async function continueInNextRun(lead: LeadProcess): Promise<never> {
  await lead.handOver();
  const { memo } = workflowInfo();
  return makeContinueAsNewFunc<typeof leadHandoff>({
    typedSearchAttributes: lead.attributes(),
    ...(memo === undefined ? {} : { memo }),
  })(lead.nextStart());
}

function never(stage: never): never {
  throw new Error(`unknown stage ${String(stage)}`);
}
