import type { Cadence } from "../clocks/cadence.ts";
import type { ClocksJudged } from "../clocks/escalation.ts";
import type { Qualification } from "../qualify/qualify.ts";
import type { JudgedRejection } from "../answers/rejection.ts";
import type { Return } from "../answers/renurture.ts";
import type { Stage, WaitingOn } from "../stage.ts";
import { mayGo } from "../stage.ts";
import { applied } from "./apply.ts";
import type { Change, Stand } from "./change.ts";
import type { Message } from "./message.ts";
import type { Situation, TaskKind } from "./situation.ts";

/** What the rules said on the way, for explanations. */
export interface Found {
  readonly qualification?: Qualification;
  readonly returns?: Return | null;
  readonly clocks?: ClocksJudged;
  readonly cadence?: Cadence | null;
  readonly rejection?: JudgedRejection;
}

/** A decision under way: the changes so far, and the situation as they leave it. Never mutated. */
export interface Course {
  readonly at: Situation;
  readonly changes: readonly Change[];
  readonly found: Found;
  /** One sentence for people: why. */
  readonly because: string;
  /** Whether the clocks that an action stopped were met; absent when it stopped none. */
  readonly onTime?: boolean;
}

/** Why something is not done. Nothing changes. */
export interface Refusal {
  readonly refused: {
    readonly code: string;
    readonly message: string;
    /** The part of the action that is not as expected; absent where it is the state. */
    readonly field?: string;
    /** What was expected, when it is a closed list. */
    readonly expected?: readonly string[];
  };
}

export function begin(situation: Situation): Course {
  return { at: situation, changes: [], found: {}, because: "nothing to do" };
}

/** The course with changes added, in order. */
export function plus(course: Course, ...changes: readonly Change[]): Course {
  return {
    ...course,
    changes: [...course.changes, ...changes],
    at: changes.reduce(applied, course.at),
  };
}

export function because(course: Course, why: string): Course {
  return { ...course, because: why };
}

export function finding(course: Course, found: Found): Course {
  return { ...course, found: { ...course.found, ...found } };
}

export function refuse(
  code: string,
  message: string,
  more: Omit<Refusal["refused"], "code" | "message"> = {},
): Refusal {
  return { refused: { code, message, ...more } };
}

/** Moves the subject along the table of stages. Throws for a move that it does not hold: a bug. */
export function moveTo(course: Course, to: Stage, why: string): Course {
  const from = course.at.process.stage;
  if (!mayGo(from, to)) throw new Error(`a subject may not go from ${from} to ${to}`);
  return because(plus(course, { do: "move", from, to, because: why }), why);
}

/** What the subject waits for and with whom: a person has it, or a named queue, never both. */
export function stand(
  course: Course,
  wait: {
    readonly waitingOn: WaitingOn;
    readonly nextStep: string;
    readonly nextAt?: number | null;
    readonly with?: { readonly owner: string } | { readonly queue: string } | "nobody";
  },
): Course {
  const { waitingOn, nextStep, nextAt = null } = wait;
  return plus(course, {
    do: "stand",
    set: { waitingOn, nextStep, nextAt, ...(wait.with ? holder(wait.with) : {}) },
  });
}

function holder(who: { readonly owner: string } | { readonly queue: string } | "nobody"): Stand {
  if (who === "nobody") return { owner: null, queue: null };
  return "owner" in who ? { owner: who.owner, queue: null } : { owner: null, queue: who.queue };
}

/** Sends a message; `n` tells repeats of one template in one cycle apart. */
export function withMessage(course: Course, n: string | number, message: Message): Course {
  return plus(course, { do: "send", n: String(n), message });
}

/** The same to a rep, unless that person has left: nobody reads it. */
export function sendTo(
  course: Course,
  n: string | number,
  message: Message & { readonly repId: string },
): Course {
  return course.at.people[message.repId]?.active === false
    ? course
    : withMessage(course, n, message);
}

export function withCrmSync(course: Course): Course {
  return plus(course, { do: "sync-crm" });
}

/** Ends open tasks of these kinds; without one nothing is written. */
export function withTasksEnded(
  course: Course,
  kinds: readonly TaskKind[] | "all",
  end: { readonly state: "done" | "withdrawn"; readonly by: string; readonly how: string },
): Course {
  const open = course.at.tasks
    .map(({ kind }) => kind)
    .filter((kind) => kinds === "all" || kinds.includes(kind));
  return open.length === 0 ? course : plus(course, { do: "end-tasks", kinds: open, ...end });
}
