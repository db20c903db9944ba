import type { Channel, Outcome } from "../handoff/process/outreach.ts";
import { allowed, stages, type ActionName, type Stage } from "../handoff/stage.ts";

/** What an action is called on a button. */
export const actionWords: Readonly<Record<ActionName, string>> = {
  logOutreach: "Log",
  accept: "Accept",
  reject: "Reject",
  advance: "Advance",
  handBack: "Hand back",
  reassign: "Give to",
  pause: "Pause",
  resume: "Resume",
  decideContest: "Decide",
  decideReview: "Decide",
};

/** Whether this is an action of people, by its name in an address. */
export function isDone(action: string): boolean {
  return Object.hasOwn(actionDone, action);
}

/** What somebody did to a lead or an account: "Kim gave it away". */
export function sayDone(action: string, who: string): string {
  return `${who} ${actionDone[action] ?? `did ${action}`}`;
}

const actionDone: Readonly<Record<string, string>> = {
  logOutreach: "logged an attempt on it",
  accept: "accepted it",
  reject: "rejected it",
  advance: "advanced it",
  handBack: "handed it back",
  reassign: "gave it away",
  pause: "paused it",
  resume: "resumed it",
  decideContest: "decided about it",
  decideReview: "decided about it",
  reopen: "reopened it",
};

/** A stage in a sentence about the lead: "It is SAL". */
export const stageWords: Readonly<Record<Stage, string>> = {
  new: "new",
  nurture: "in nurture",
  mql: "MQL",
  sal: "SAL",
  sql: "SQL",
  opportunity: "an opportunity",
  renurture: "in re-nurture",
  disqualified: "disqualified",
};

/** The same as a name, in a cell or before a colon: "re-nurture"; undefined: it is no stage of ours. */
export function stageLabel(stage: string): string | undefined {
  return Object.hasOwn(stageWords, stage)
    ? stageWords[stage as Stage].replace(/^(?:in|an) /, "")
    : undefined;
}

/** Why an action waits, by the table of the stages: "only while it is MQL". */
export function onlyWhen(action: ActionName): string {
  const possible = stages.filter((stage) =>
    Object.values(allowed[stage] as Readonly<Record<string, readonly ActionName[]>>).some((list) =>
      list.includes(action),
    ),
  );
  if (possible[0] === "sal") return "only once accepted";
  return `only while it is ${possible.map((stage) => stageWords[stage]).join(" or ")}`;
}

/** The attempts that are logged most, as buttons that say it. */
export const usualAttempts: readonly {
  readonly words: string;
  readonly channel: Channel;
  readonly outcome: Outcome;
}[] = [
  { words: "Called, no answer", channel: "call", outcome: "no_answer" },
  { words: "Called, reached them", channel: "call", outcome: "connected" },
  { words: "Meeting booked", channel: "call", outcome: "meeting_booked" },
  { words: "Wrote an e-mail", channel: "email", outcome: "attempted" },
  { words: "They replied", channel: "email", outcome: "replied" },
  { words: "Sent a message", channel: "message", outcome: "attempted" },
];
