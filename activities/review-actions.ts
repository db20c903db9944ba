import { endTasks } from "../store/human-tasks.ts";
import { recordDecision } from "../store/reviews.ts";
import { setState } from "../store/subject.ts";
import type { ActionRow } from "./action.ts";
import { handOff, returnTerms } from "./assess.ts";
import type { Case } from "./case.ts";
import { disqualify } from "./ending.ts";
import { nothingJudged, refuse, type SettledOne } from "./settled.ts";

/** What a person decides about a lead out of sales' hands: it returns, stays, or is retired. */
export async function decideReview(c: Case, a: ActionRow): Promise<SettledOne> {
  const decision =
    a.body.decision === "return" || a.body.decision === "retire" ? a.body.decision : "keep";
  const inPool = c.lead.stage === "renurture";
  if (decision === "return" && !inPool)
    return refuse(
      c,
      "not-possible-now",
      "a lead in nurture has no handoff to return to; keep or retire it",
      "decision",
    );
  await endTasks(
    c.tx,
    c.subject,
    ["nurture-review", "renurture-review"],
    { state: "done", by: a.by_id, how: decision },
    c.now,
  );
  await recordDecision(c.tx, c.lead.id, { decision, by: a.by_id }, c.now);
  c.lead.queue = null;
  switch (decision) {
    case "retire":
      await disqualify(c, "retired in review");
      break;
    case "return": {
      const { input, qualification, type } = await returnTerms(c);
      await handOff(c, input, qualification, type, "returned by review");
      break;
    }
    default:
      await keep(c, inPool);
  }
  return { because: `review: ${decision}`, judged: nothingJudged };
}

async function keep(c: Case, inPool: boolean): Promise<void> {
  if (inPool)
    return setState(c.lead, {
      waitingOn: "return",
      nextStep: "a return condition, or the next review",
      nextAt: c.now,
    });
  const window = c.agreement.nurture.humanReviewAfter;
  c.lead.review_at = new Date(c.now + (window.kind === "elapsed" ? window.ms : 60 * 86_400_000));
  setState(c.lead, {
    waitingOn: "signal",
    nextStep: "a person reviews it",
    nextAt: c.lead.review_at.getTime(),
  });
}
