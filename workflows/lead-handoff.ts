import { makeContinueAsNewFunc } from "@temporalio/workflow";
import type { Stage } from "../handoff/stage.ts";
import type { LeadStart } from "./contract.ts";
import { LeadProcess } from "./lead-process.ts";

/** How a lead's process ended; the figures are in Postgres. */
export interface LeadOutcome {
  readonly stage: Stage;
  readonly cycle: number;
}

/**
 * The life of one lead, in the order of process.md. One run is one handoff cycle: re-nurture, and a handoff that failed on
 * bad data, go on in the next run.
 */
export async function leadHandoff(start: LeadStart): Promise<LeadOutcome> {
  const lead = new LeadProcess(start);
  await lead.begin();
  while (!lead.isOver()) {
    switch (lead.at.stage) {
      case "new":
        await qualifying(lead);
        break;
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
  await lead.rest();
  return continueInNextRun(lead);
}

/** A gate lacks facts: a person corrects them, and the lead is assessed again. */
async function qualifying(lead: LeadProcess): Promise<void> {
  const event = await lead.next();
  if (event.kind === "news") await lead.assess();
  else await lead.answer(event);
}

/** Out of sales' hands: a signal, a date or a review brings the lead to sales. */
async function nurturing(lead: LeadProcess): Promise<void> {
  const event = await lead.next();
  if (event.kind === "news" || event.kind === "wake") await lead.assess();
  else await lead.answer(event);
}

/** With sales, unanswered: routed, on hold, or before a rep whose clocks run. */
async function handingOff(lead: LeadProcess): Promise<void> {
  if (lead.at.waitingOn === "assessment") return lead.route();
  const event = await lead.next();
  const mayBeReleased =
    event.kind === "wake" || (event.kind === "news" && event.heard.includes("released"));
  if (lead.at.waitingOn === "hold" && mayBeReleased) await lead.route();
  else await lead.answer(event);
}

/** Accepted: attempts, connect, meeting, SQL, until an opportunity exists or the lead goes back. */
async function working(lead: LeadProcess): Promise<void> {
  await lead.answer(await lead.next());
}

/** The process ends only when everybody outside has been told. */
async function end(lead: LeadProcess): Promise<LeadOutcome> {
  await lead.rest();
  return { stage: lead.at.stage, cycle: lead.cycle };
}

function continueInNextRun(lead: LeadProcess): Promise<never> {
  return makeContinueAsNewFunc<typeof leadHandoff>({ typedSearchAttributes: lead.attributes() })(
    lead.nextStart(),
  );
}

function never(stage: never): never {
  throw new Error(`unknown stage ${String(stage)}`);
}
