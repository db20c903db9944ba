import {
  because,
  withTasksEnded,
  plus,
  refuse,
  sendTo,
  type Course,
  type Refusal,
} from "../course.ts";
import { endOffer } from "../ending.ts";
import type { Action } from "../event.ts";
import { newOwner, opportunityTo } from "../people.ts";
import { isContested, openHandoff, reportsTo } from "../situation.ts";
import { toRouting } from "../passing-on.ts";

/** A manager gives the lead to somebody, or has it routed again. */
export function reassign(course: Course, { body, by, role }: Action<"reassign">): Course | Refusal {
  const { at } = course;
  const to = body.to ?? null;
  const isWithOwner = at.handoff === null || openHandoff(at).repId === at.process.owner;
  if (to !== null && at.people[to]?.active !== true) {
    return refuse("unknown-rep", `there is no active rep ${to}`, { field: "to" });
  }
  if (to !== null && to === at.process.owner && isWithOwner) {
    return refuse("same-owner", `${to} has the lead already`, { field: "to" });
  }
  // A manager may hand a lead to another team, and is told that it leaves theirs.
  const leaves = to !== null && role === "manager" && to !== by && !reportsTo(at, to, by);
  const outside = leaves ? `, who is outside the team of ${by}` : "";
  const how = to === null ? "routed again" : `assigned to ${to}`;
  const asked = withTasksEnded(course, ["fallback", "escalated", "contested", "stalled"], {
    state: "done",
    by,
    how,
  });
  const why = "reassigned by a manager";
  const done = given(asked, to, why);
  return "refused" in done
    ? done
    : because(done, to === null ? how : `reassigned to ${to}${outside}`);
}

function given(course: Course, to: string | null, why: string): Course | Refusal {
  const { stage } = course.at.process;
  if (stage === "mql") return routedAgain(course, to, why);
  if (to === null) return handedToNobody(course);
  return stage === "opportunity" ? opportunityTo(course, to, why) : newOwner(course, to, why);
}

/** Before acceptance routing places it, with the manager's choice in hand. */
function routedAgain(course: Course, to: string | null, why: string): Course {
  const { repId, round } = openHandoff(course.at);
  const wasContested = isContested(course.at.handoff);
  const away =
    repId === null
      ? course
      : sendTo(endOffer(course, why), `${round}-manager`, {
          what: "reassigned-away",
          repId,
          because: why,
        });
  // An offer that the process has not heard of gives way too, and its round is used.
  const used = Math.max(
    round,
    ...course.at.offers
      .filter(({ handoffId }) => handoffId === course.at.handoff?.id)
      .map((offer) => offer.round),
  );
  const free = plus(
    away,
    { do: "end-hold" },
    {
      do: "set-handoff",
      set: {
        round: used,
        ...(wasContested ? { overturnedAt: course.at.now } : {}),
      },
    },
  );
  return toRouting(free, why, to);
}

function handedToNobody(course: Course): Course | Refusal {
  const { process } = course.at;
  const why = `expected a rep: an accepted lead (${process.stage}) is not routed`;
  return refuse("owner-missing", why, { field: "to" });
}
