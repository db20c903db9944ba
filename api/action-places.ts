import type { ActionName } from "../handoff/stage.ts";

/** Each action's place in the address: POST /leads/{id}/<place>. */
export const actionPlaces = {
  logOutreach: "outreach",
  accept: "accept",
  reject: "reject",
  advance: "advance",
  handBack: "hand-back",
  reassign: "reassign",
  pause: "pause",
  resume: "resume",
  decideContest: "contest-decision",
  decideReview: "review-decision",
} as const satisfies Record<ActionName, string>;

/** Of the actions on an account's handoff those that its page offers. */
export const accountActionsHere = ["accept", "handBack", "reject", "logOutreach"] as const;
export type AccountActionHere = (typeof accountActionsHere)[number];
