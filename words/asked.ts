import type { TaskKind } from "../handoff/process/situation.ts";
import type { WaitingOn } from "../handoff/stage.ts";

const ofLead: Readonly<Partial<Record<WaitingOn, string>>> = {
  outreach: "reach out",
  answer: "accept or reject",
  attempts: "go on reaching out",
  meeting: "hold the meeting",
  opportunity: "open the opportunity",
  manager: "assign it",
  queue: "assign it",
  hold: "offered by itself",
  assessment: "being judged",
  data: "correct its data",
  signal: "waits for a signal",
  return: "waits to return",
  review: "decide in review",
};

const ofTask: Readonly<Record<TaskKind, string>> = {
  "fix-data": "correct its data",
  contested: "uphold or overturn",
  fallback: "assign it",
  escalated: "ask, or give it away",
  "nurture-review": "keep or retire",
  "renurture-review": "keep, return or retire",
  stalled: "ask where it stands",
  "hand-raise": "get in touch",
  conflict: "one person or two?",
  "account-engaged": "get in touch there",
  "crm-drift": "look at the CRM",
  "dead-letter": "look at it",
};

/** What nobody is asked for while it lasts. */
const asksNobody: readonly (string | null)[] = ["assessment", "signal", "return"];

/** Where it waits for somebody: "queue americas-sdr"; null where nobody is asked for. */
export function sayQueue(about: {
  readonly waitingOn: string | null;
  readonly queue: string | null;
}): string | null {
  const { waitingOn, queue } = about;
  return queue === null || asksNobody.includes(waitingOn) ? null : `queue ${queue}`;
}

/** What a lead or a task asks for, in a column of a list. */
export function sayAsked(about: {
  readonly waitingOn: string | null;
  readonly task: string | null;
}): string {
  const { waitingOn, task } = about;
  if (task !== null) return ofTask[task as TaskKind] ?? task;
  return ofLead[waitingOn as WaitingOn] ?? "";
}
