import { because, withTasksEnded, finding, plus, refuse, stand } from "../course.ts";
import type { Course, Refusal } from "../course.ts";
import { disqualify } from "../ending.ts";
import type { Action } from "../event.ts";
import { taskOf } from "../situation.ts";
import {
  handOff,
  humanReviewAt,
  isRejectedData,
  judgedBy,
  returningType,
  suppressedBy,
} from "../judging.ts";

/** What a person decides about a lead out of sales' hands: it returns, stays, or is retired. */
export function decideReview(
  course: Course,
  { body, by }: Action<"decideReview">,
): Course | Refusal {
  const { decision } = body;
  const inPool = course.at.process.stage === "renurture";
  if (decision === "return" && !inPool) {
    return refuse(
      "not-possible-now",
      "a lead in nurture has no handoff to return to; keep or retire it",
      { field: "decision" },
    );
  }
  const judged = judgedBy(course);
  if (decision === "return" && judged.qualification.verdict === "needs-data") {
    const missing = judged.qualification.missing.map(({ field }) => field);
    return refuse("data-missing", `expected these facts before a handoff: ${missing.join(", ")}`, {
      field: "decision",
    });
  }
  const refusal = decision === "return" ? refuseReturn(course) : null;
  if (refusal) return refusal;
  const decided = plus(
    withTasksEnded(course, ["nurture-review", "renurture-review", "hand-raise"], {
      state: "done",
      by,
      how: decision,
    }),
    { do: "record-review", decision, by },
  );
  switch (decision) {
    case "retire":
      return because(disqualify(decided, "retired in review"), "review: retire");
    case "return": {
      const { qualification: q } = judged;
      if (q.verdict === "disqualify") {
        return disqualify(finding(decided, judged), suppressedBy(q));
      }
      const type = returningType(decided.at, q);
      const returned = handOff(finding(decided, judged), q, type, { why: "returned by review" });
      return because(returned, "review: return");
    }
    case "keep":
      return because(keep(decided, inPool), "review: keep");
    default:
      return decision satisfies never;
  }
}

/** What a rep rejected for its data waits for the data; whom somebody works with is with them. */
function refuseReturn({ at }: Course): Refusal | null {
  const task = taskOf(at, "fix-data");
  if (isRejectedData(task)) {
    const named = task?.detail["field"];
    const field = typeof named === "string" ? named : "a way to reach the person";
    const why = `a rep rejected it for its data: expected a correction (${field}), or the end of its task`;
    return refuse("data-missing", why, { field: "decision" });
  }
  if (at.openOpportunity === undefined) return null;
  return refuse("opportunity-open", "an opportunity of this person is open: its owner has them", {
    field: "decision",
  });
}

function keep(course: Course, inPool: boolean): Course {
  if (inPool) {
    return stand(course, {
      waitingOn: "return",
      nextStep: "a return condition, or the next review",
      nextAt: course.at.now,
      with: { queue: "renurture" },
    });
  }
  const reviewAt = humanReviewAt(course.at);
  const later = plus(course, { do: "stand", set: { reviewAt } });
  // Facts are missing whatever was decided: somebody still has the task.
  if (taskOf(later.at, "fix-data")) return later;
  return stand(later, {
    waitingOn: "signal",
    nextStep: "a person reviews it",
    nextAt: reviewAt,
    with: { queue: "nurture" },
  });
}
