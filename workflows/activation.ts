import { continueAsNew, setCurrentDetails, sleep, workflowInfo } from "@temporalio/workflow";
import type { ActivationStanding, ActivationStart } from "./contract.ts";
import { inTheBackground } from "./proxies.ts";

/** Between two pages, so that leads are decided about meanwhile. */
const pauseMs = 500;
/** Where something about a lead is broken, it is not asked about all the time. */
const brokenPauseMs = 60_000;

/**
 * A version was activated and the clocks of open handoffs go on by it: page by page, until all are
 * looked at or another version is active. A page is safe to repeat, so whatever dies in the middle
 * goes on where it was.
 */
export async function rejudgeClocks(start: ActivationStart): Promise<ActivationStanding> {
  for (;;) {
    const at: ActivationStanding = await inTheBackground.rejudgeClocksOf(start, Date.now());
    setCurrentDetails(
      `**clocks of open handoffs by version ${start.versionId}**: ${at.state}\n` +
        `- ${at.looked} looked at, ${at.failed} to be tried again`,
    );
    if (at.isOver) return at;
    await sleep(at.failed > 0 ? brokenPauseMs : pauseMs, { summary: `${at.looked} looked at` });
    if (workflowInfo().continueAsNewSuggested) return continueAsNew<typeof rejudgeClocks>(start);
  }
}
