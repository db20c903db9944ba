import type { Instant } from "../time/calendar.ts";
import { askAgain } from "./asking.ts";
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

/** Whoever has a task and did nothing is asked again, or it goes up (`askAgain`). */
export function remind(course: Course): Course {
  return course.at.tasks
    .filter((task) => isAskedFor(task) && (task.remindAt ?? course.at.now + 1) <= course.at.now)
    .reduce(remindOf, course);
}

function remindOf(course: Course, task: OpenTask): Course {
  const { now, agreement } = course.at;
  const above = activeManagerOf(course.at, task.assigneeId);
  const asked = { remindAt: task.remindAt ?? now, reminded: task.reminded ?? 0 };
  const next = askAgain(agreement, asked, above, now);
  if (next.do === "move-up") return moveUp(course, task, next.to);
  const { kind, assigneeId, dueAt } = task;
  const { remindAt, reminded } = next;
  const set = { kind, assigneeId, dueAt: dueAt ?? now, remindAt, reminded };
  const noted = plus(course, { do: "schedule-task", ...set });
  const said = because(noted, `the task ${kind} waits longer than agreed`);
  const told = next.isHolderTold ? tell(said, task, "holder") : said;
  // Nobody is above the last one, or above all managers: who has it hears of it alone.
  const hasAbove = above !== null || (assigneeId === null && task.role !== "manager");
  return next.isAboveTold && hasAbove ? tell(told, task, "above") : told;
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
