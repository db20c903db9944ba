import type { Instant } from "../time/calendar.ts";
import { byAgreement } from "./clocks.ts";
import { handRaised, raisedHand } from "./closed.ts";
import { because, plus, refuse, type Course, type Refusal } from "./course.ts";
import { judge, judgedBy, suppressedBy } from "./judging.ts";
import type { Situation } from "./situation.ts";
import { isClosed } from "../stage.ts";

/** A person began it again: a new cycle, from `new`, judged at once. */
export function reopened(course: Course): Course | Refusal {
  const { stage } = course.at.process;
  if (!isClosed(stage)) {
    return refuse("not-possible-now", `only a closed lead can be reopened; this one is ${stage}`);
  }
  const { qualification: q } = judgedBy(course);
  if (q.verdict === "disqualify") {
    return refuse("suppressed", `it would end at once; ${suppressedBy(q)}`);
  }
  return because(begunAgain(course, "reopened"), "reopened");
}

function begunAgain(course: Course, why: string): Course {
  const again = plus(
    course,
    { do: "next-cycle" },
    { do: "move", from: course.at.process.stage, to: "new", because: why },
    {
      do: "stand",
      set: {
        closedReason: null,
        waitingOn: "assessment",
        nextStep: "it is assessed",
        nextAt: course.at.now,
        owner: null,
        queue: "assessment",
      },
    },
  );
  return judge(again, "reopened", true);
}

/**
 * A closed person raises a hand: a new cycle begins where the agreement says so and it leads to
 * sales; else it is a person's task.
 */
export function knocked(course: Course): Course {
  const { at } = course;
  const end = endOf(at);
  const after = end === null ? null : (at.agreement.renurture.returnClosed[end.reason] ?? null);
  const isTime = end !== null && after !== null && at.now >= byAgreement(at, after, end.at);
  if (!isTime || raisedHand(at) === undefined || at.openOpportunity !== undefined) {
    return handRaised(course);
  }
  const { verdict } = judgedBy(course).qualification;
  if (verdict !== "hand-off" && verdict !== "needs-data") return handRaised(course);
  const why = `raised a hand after the end (${end.reason})`;
  return because(begunAgain(course, why), why);
}

const rejected = /^rejected: (.+)$/;

/** Why it is closed, in words of the agreement, and since when; null: nobody comes back from it. */
function endOf({
  process,
  opportunityEnd,
}: Situation): { readonly reason: string; readonly at: Instant } | null {
  const { stage, stageSince, closedReason } = process;
  if (stage === "opportunity") {
    return opportunityEnd ? { reason: opportunityEnd.how, at: opportunityEnd.at } : null;
  }
  const reason =
    closedReason === "retired in review" ? "retired" : rejected.exec(closedReason ?? "")?.[1];
  return reason === undefined ? null : { reason, at: stageSince };
}
