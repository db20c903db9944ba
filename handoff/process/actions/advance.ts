import { because, plus, refuse, withCrmSync, type Course, type Refusal } from "../course.ts";
import type { Action } from "../event.ts";
import { seenOpportunity, toOpportunity, toSql } from "../opportunity.ts";
import { openHandoff } from "../situation.ts";
import { record } from "./learnt.ts";

/** Sales goes on with an accepted lead: fit and timing confirmed, or an opportunity opened. */
export function moveStage(course: Course, action: Action<"advance">): Course | Refusal {
  const { stage } = course.at.process;
  const { body, receivedAt } = action;
  const to = body.to ?? (stage === "sal" ? "sql" : "opportunity");
  if (to === "sql") {
    if (stage !== "sal") {
      return refuse("not-possible-now", "the lead is SQL already", { field: "to" });
    }
    const moved = because(
      withCrmSync(record(toSql(course, receivedAt), action, "advance")),
      "fit, need and timing confirmed",
    );
    return course.at.opportunity === null ? moved : seenOpportunity(moved);
  }
  if (course.at.subject.kind === "account") {
    return refuse("not-possible-now", "an opportunity is opened for one of its people", {
      field: "to",
    });
  }
  if (stage !== "sql") {
    return refuse("not-possible-now", "a lead becomes SQL before it becomes an opportunity", {
      field: "to",
    });
  }
  // One opportunity of a handoff is opened here; its id follows from the handoff's.
  const id = openHandoff(course.at).id.replace(/^ho_/, "op_");
  const opened = plus(course, {
    do: "open-opportunity",
    id,
    amountMinor: body.amountMinor ?? null,
    currency: body.currency ?? null,
  });
  return because(
    toOpportunity(record(opened, action, "advance"), receivedAt, "the rep opened an opportunity"),
    "opportunity opened",
  );
}
