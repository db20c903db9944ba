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

/** What a person can do about the handoff of an account. */
export const accountActions = [
  "logOutreach",
  "accept",
  "reject",
  "advance",
  "handBack",
  "reassign",
  "pause",
  "resume",
  "decideContest",
] as const satisfies readonly ActionName[];
export type AccountAction = (typeof accountActions)[number];
