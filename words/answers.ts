import type { RejectionReason } from "../handoff/agreement.ts";
import type { Channel, Outcome } from "../handoff/process/outreach.ts";

/** By which way somebody was contacted. */
export const channelWords: Readonly<Record<Channel, string>> = {
  call: "Call",
  email: "E-mail",
  message: "Message",
  meeting: "Meeting",
};

/** What came of an attempt to reach somebody. */
export const outcomeWords: Readonly<Record<Outcome, string>> = {
  attempted: "Tried",
  no_answer: "No answer",
  connected: "Reached them",
  replied: "They replied",
  meeting_booked: "Meeting booked",
};

/** What a rejection with a reason of the agreement does to the lead. */
export const consequences: Readonly<Record<RejectionReason["then"], string>> = {
  disqualify: "ends it",
  renurture: "it comes back later",
  "fix-data": "its data is corrected first",
};

/** What a reason needs before it is taken: "3 logged attempts and a day"; empty for most. */
export function sayNeeds({ requires }: Pick<RejectionReason, "requires">): string {
  const { attempts, revisitOn } = requires;
  return [
    ...(attempts === undefined ? [] : [`${attempts} logged attempts`]),
    ...(revisitOn === true ? ["a day"] : []),
  ].join(" and ");
}
