import type { Instant } from "../time/calendar.ts";
import type { Target } from "../time/deadline.ts";
import { byAgreement } from "./clocks.ts";
import { because, plus, stand, withCrmSync, withMessage, type Course } from "./course.ts";
import { activeManagerOf, type OpenTask, type Situation } from "./situation.ts";

/**
 * Tasks that ask a person for something. Those about our own plumbing are not of this process, and
 * the review of the pool asks for its own.
 */
export function isAskedFor({ kind }: Pick<OpenTask, "kind">): boolean {
  return kind !== "dead-letter" && kind !== "crm-drift" && kind !== "renurture-review";
}

/** The first moment at which somebody is asked again; null when no task waits. */
export function nextReminder({ tasks }: Situation): Instant | null {
  const times = tasks.filter(isAskedFor).flatMap(({ remindAt }) => remindAt ?? []);
  return times.length === 0 ? null : Math.min(...times);
}

/** Every task has a time: what was just opened is due within the agreed time. */
export function withDueTasks(course: Course): Course {
  return course.at.tasks
    .filter((task) => isAskedFor(task) && task.remindAt == null)
    .reduce((so, task) => schedule(so, task, task.dueAt ?? dueFrom(so.at)), course);
}

function schedule(course: Course, { kind, assigneeId }: OpenTask, dueAt: Instant): Course {
  // What is overdue already is asked for at once, and not in the past.
  const remindAt = Math.max(dueAt, course.at.now + 1);
  return plus(course, { do: "schedule-task", kind, assigneeId, dueAt, remindAt, reminded: 0 });
}

function dueFrom(at: Situation): Instant {
  return byAgreement(at, at.agreement.tasks.within, at.now);
}

/**
 * Whoever has a task and did nothing is reminded when it is due; then it goes up the agreement's
 * escalation ladder. At the top it is asked for again and again, each time after a longer wait.
 */
export function remind(course: Course): Course {
  return course.at.tasks
    .filter((task) => isAskedFor(task) && (task.remindAt ?? course.at.now + 1) <= course.at.now)
    .reduce(remindOf, course);
}

function remindOf(course: Course, task: OpenTask): Course {
  const { now, agreement } = course.at;
  const rungs = agreement.clocks.escalate;
  const above = activeManagerOf(course.at, task.assigneeId);
  const before = task.reminded ?? 0;
  let [reminded, remindAt] = [before, task.remindAt ?? now];
  let isAboveTold = false;
  while (remindAt <= now) {
    const n = reminded % (rungs.length + 1);
    const rung = rungs[n - 1];
    if (rung?.do === "reassign" && above !== null) return moveUp(course, task, above);
    isAboveTold ||= rung?.do === "notify-manager";
    reminded += 1;
    const next = rungs[n];
    remindAt =
      next === undefined
        ? byAgreement(course.at, times(agreement.tasks.within, reminded / (rungs.length + 1)), now)
        : byAgreement(
            course.at,
            { kind: "business", ms: next.afterMs - (rung?.afterMs ?? 0) },
            remindAt,
          );
  }
  const { kind, assigneeId, dueAt } = task;
  const set = { kind, assigneeId, dueAt: dueAt ?? now, remindAt, reminded };
  const noted = plus(course, { do: "schedule-task", ...set });
  const isReminded = before % (rungs.length + 1) === 0;
  const said = because(noted, `the task ${kind} waits longer than agreed`);
  const told = isReminded ? tell(said, task, "holder") : said;
  // Nobody is above the last one, or above all managers: who has it hears of it alone.
  const hasAbove = above !== null || (assigneeId === null && task.role !== "manager");
  return isAboveTold && hasAbove ? tell(told, task, "above") : told;
}

/** The next above has it now, with time of their own. */
function moveUp(course: Course, task: OpenTask, above: string): Course {
  const moved = schedule(course, { ...task, assigneeId: above }, dueFrom(course.at));
  const { owner, waitingOn, nextStep } = course.at.process;
  const isWaitedFor = waitingOn === "manager" && owner === task.assigneeId;
  const waits = isWaitedFor
    ? withCrmSync(
        stand(moved, {
          waitingOn,
          nextStep: nextStep ?? "the manager decides",
          with: { owner: above },
        }),
      )
    : moved;
  return because(
    tell(waits, { ...task, assigneeId: above }, "holder"),
    `the task ${task.kind} goes to the next manager`,
  );
}

function tell(course: Course, task: OpenTask, whom: "holder" | "above"): Course {
  const { kind, role, assigneeId, since } = task;
  const dueAt = course.at.tasks.find((one) => one.kind === kind)?.dueAt ?? course.at.now;
  return withMessage(course, `${kind}-${whom}-${course.at.process.step}`, {
    what: "task-waits",
    task: kind,
    role,
    assigneeId,
    tell: whom,
    since,
    dueAt,
  });
}

/** Who does not act is asked less and less often, but never for the last time. */
function times(within: Target, round: number): Target {
  const by = 2 ** Math.min(round, 4);
  switch (within.kind) {
    case "business":
    case "elapsed":
      return { ...within, ms: within.ms * by };
    case "business-days":
      return { ...within, days: within.days * by };
    case "same-day":
      return { kind: "business-days", days: by };
    default:
      return within satisfies never;
  }
}
