import type { Instant } from "../time/calendar.ts";
import {
  because,
  withTasksEnded,
  moveTo,
  plus,
  stand,
  withCrmSync,
  type Course,
} from "./course.ts";
import { endClocks } from "./clocks.ts";
import { endOffer } from "./ending.ts";

/** Sales confirmed fit, need and timing. */
export function toSql(course: Course, at: Instant): Course {
  const moved = plus(moveTo(course, "sql", "sales confirmed fit, need and timing"), {
    do: "set-handoff",
    set: { sqlAt: at },
  });
  return plus(moved, { do: "stand", set: { waitingOn: "opportunity" } });
}

/** The process ends here; won and lost are recorded from the CRM on the opportunity. */
export function toOpportunity(course: Course, at: Instant, why: string): Course {
  const moved = moveTo(course, "opportunity", why);
  const ended = endClocks(endOffer(moved, "opportunity"), "all");
  const { owner } = course.at.process;
  const closed = plus(
    ended,
    {
      do: "set-handoff",
      set: {
        opportunityAt: at,
        state: "closed",
        outcome: "opportunity",
        closedAt: course.at.now,
      },
    },
    { do: "end-hold" },
    { do: "stand", set: { handoffId: null } },
  );
  const over = stand(closed, {
    waitingOn: "nothing",
    nextStep: "nothing; won or lost is recorded from the CRM",
    with: owner === null ? "nobody" : { owner },
  });
  return because(
    withCrmSync(
      withTasksEnded(over, "all", {
        state: "done",
        by: "baton",
        how: "opportunity",
      }),
    ),
    why,
  );
}

/**
 * The CRM has an opportunity. Whoever opens one has confirmed fit, need and timing: both steps are
 * taken, each with its row. Before acceptance it changes nothing; acceptance looks for it again.
 */
export function seenOpportunity(course: Course): Course {
  const { opportunity, process, subject } = course.at;
  if (opportunity === null) return because(course, "no opportunity of this lead is open");
  if (process.stage !== "sal" && process.stage !== "sql") {
    return because(course, `nothing to do: it is ${process.stage}`);
  }
  const { id, createdAt } = opportunity;
  const confirmed = process.stage === "sal" ? toSql(course, createdAt) : course;
  // That of a person of an account is the handoff's of that person.
  if (subject.kind === "account")
    return toOpportunity(confirmed, createdAt, "one of its people has an opportunity");
  return toOpportunity(
    plus(confirmed, { do: "link-opportunity", id }),
    createdAt,
    "opportunity exists in the CRM",
  );
}
