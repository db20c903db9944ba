import type { Stage } from "../handoff/stage.ts";
import { followUp } from "../handoff/process/words.ts";
import type { LeadProcess } from "./lead-process.ts";

/** How a process ended; the figures are in Postgres. */
export interface LeadOutcome {
  readonly stage: Stage;
  readonly cycle: number;
}

/** One run, from its first decision to the end, or until the next run goes on. */
export async function liveRun(lead: LeadProcess): Promise<LeadOutcome | "goes-on"> {
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
  return "goes-on";
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
async function end(lead: LeadProcess): Promise<LeadOutcome | "goes-on"> {
  await lead.rest();
  return lead.isReopened() ? "goes-on" : { stage: lead.at.stage, cycle: lead.cycle };
}

function never(stage: never): never {
  throw new Error(`unknown stage ${String(stage)}`);
}
