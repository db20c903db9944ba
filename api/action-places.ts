import { actions, type ActionName } from "../handoff/stage.ts";

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

/** What a person can do about the handoff of an account: no review of the pool decides about one. */
export type AccountAction = Exclude<ActionName, "decideReview">;
export const accountActions = actions.filter((one): one is AccountAction => one !== "decideReview");
