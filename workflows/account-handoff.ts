import { makeContinueAsNewFunc } from "@temporalio/workflow";
import type { AccountStart } from "./contract.ts";
import { carriedOver, LeadProcess } from "./lead-process.ts";
import { liveRun, type LeadOutcome } from "./life.ts";

/**
 * One handoff of an account that was flagged, by the same decisions as a lead's: routed to who has
 * the account, answered, worked. It ends with its handoff; the next flag begins a process of its
 * own, so a run is followed by another one only when its history is long.
 */
export async function accountHandoff(start: AccountStart): Promise<LeadOutcome> {
  const { accountId } = start;
  const account = new LeadProcess({ kind: "account", id: accountId }, start);
  const outcome = await liveRun(account);
  if (outcome !== "goes-on") return outcome;
  if (account.at.cycle > account.cycle) return { stage: account.at.stage, cycle: account.cycle };
  await account.handOver();
  return makeContinueAsNewFunc<typeof accountHandoff>(carriedOver(account))({
    accountId,
    ...account.nextStart(),
  });
}
