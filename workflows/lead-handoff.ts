import { makeContinueAsNewFunc } from "@temporalio/workflow";
import type { LeadStart } from "./contract.ts";
import { carriedOver, LeadProcess } from "./lead-process.ts";
import { liveRun, type LeadOutcome } from "./life.ts";

/**
 * The life of one lead: qualified, handed off, worked, re-nurtured. One run is one handoff cycle;
 * re-nurture, and a handoff that failed on bad data, go on in the next run. People's actions are
 * decided where they arrive; this workflow is told, and owns time.
 */
export async function leadHandoff(start: LeadStart): Promise<LeadOutcome> {
  const { leadId } = start;
  const lead = new LeadProcess({ kind: "lead", id: leadId }, start);
  const outcome = await liveRun(lead);
  if (outcome !== "goes-on") return outcome;
  await lead.handOver();
  return makeContinueAsNewFunc<typeof leadHandoff>(carriedOver(lead))({
    leadId,
    ...lead.nextStart(),
  });
}
