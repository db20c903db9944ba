/** The ways in which a lead is contacted. The API and the CRM inbox accept these and no others. */
export const channels = ["call", "email", "message", "meeting"] as const;
export type Channel = (typeof channels)[number];

/** What came of an attempt to reach a lead. */
export const outcomes = [
  "attempted",
  "connected",
  "meeting_booked",
  "replied",
  "no_answer",
] as const;
export type Outcome = (typeof outcomes)[number];
