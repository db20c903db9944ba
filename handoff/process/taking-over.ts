import { onClocks, startClocks } from "./clocks.ts";
import { because, plus, stand, withCrmSync, type Course } from "./course.ts";
import { attemptsUntil } from "./ending.ts";
import { toRouting } from "./passing-on.ts";
import { hasLeft, openHandoff } from "./situation.ts";

/**
 * A handoff that another system led is open, and goes on here: in its stage, with its owner. Clocks
 * and the time for attempts run from now, because nobody agreed to them before; nobody is told,
 * because its owner has it already.
 */
export function takenOver(course: Course): Course {
  if (course.at.handoff?.takenOverAt === undefined) return because(course, "nothing to take over");
  const { stage } = course.at.process;
  switch (stage) {
    case "mql":
      return unanswered(course);
    case "sal":
    case "sql":
      return accepted(course, stage);
    case "new":
    case "nurture":
    case "renurture":
    case "opportunity":
    case "disqualified":
      return because(course, `nothing to take over: it is ${stage}`);
    default:
      return stage satisfies never;
  }
}

function unanswered(course: Course): Course {
  const { repId, firstOutreachAt } = openHandoff(course.at);
  if (repId === null || hasLeft(course.at, repId))
    return withCrmSync(toRouting(course, "taken over, and nobody has it"));
  const given = handedOff(course);
  const { round } = openHandoff(given.at);
  const offered = startClocks(
    plus(given, { do: "open-offer", round, repId, pool: null, by: "manager" }),
    repId,
  );
  const isReached = firstOutreachAt !== null;
  // Outreach was made before: its clock says nothing, and the status clock is counted by it.
  const clocked = isReached
    ? onClocks(offered, ["outreach"], { kind: "cancel", at: course.at.now })
    : offered;
  return because(
    withCrmSync(
      stand(clocked, {
        waitingOn: isReached ? "answer" : "outreach",
        nextStep: isReached ? "the rep's answer" : "the rep's first outreach",
        with: { owner: repId },
      }),
    ),
    `taken over, with ${repId}`,
  );
}

/** Whoever has it without a handoff that was told of has it from now on. */
function handedOff(course: Course): Course {
  const { now } = course.at;
  return openHandoff(course.at).offeredAt === null
    ? plus(course, { do: "set-handoff", set: { round: 1, offeredAt: now } })
    : course;
}

function accepted(course: Course, stage: "sal" | "sql"): Course {
  const { repId, meetingAt } = openHandoff(course.at);
  const goesOn = plus(course, {
    do: "set-handoff",
    set: { attemptsUntil: attemptsUntil(course, course.at.now) },
  });
  const working = meetingAt === null ? "attempts" : "meeting";
  return because(
    withCrmSync(
      stand(goesOn, {
        waitingOn: stage === "sql" ? "opportunity" : working,
        nextStep: "the rep's next action",
        ...(repId === null ? {} : { with: { owner: repId } }),
      }),
    ),
    "taken over, accepted",
  );
}
