import type { Depth } from "../handoff/agreement.ts";
import { sayDays } from "./clock.ts";

const depths: Readonly<Record<Depth, string>> = {
  high: "deeply",
  mid: "at mid depth or deeper",
  low: "at all",
};

/** Whether enough people of an account have engaged: "Engaged: 3 of the 3 people needed …". */
export function sayEngaged(score: {
  readonly contacts: number;
  readonly needed: number;
  readonly depth: Depth;
  /** ISO 8601 duration. */
  readonly within: string;
  readonly engaged: boolean;
}): string {
  const { contacts, needed, depth, within, engaged } = score;
  const people = needed === 1 ? "person" : "people";
  const who = contacts === 0 ? "nobody" : `${contacts}`;
  return (
    `${engaged ? "Engaged" : "Not engaged"}: ${who} of the ${needed} ${people} needed ` +
    `${contacts <= 1 ? "has" : "have"} engaged ${depths[depth]} in the last ${sayDays(within)}`
  );
}

/** How a lead came to its account. */
export function sayPlaced(by: string | null): string | null {
  return by === null ? null : (placed[by] ?? by);
}

const placed: Readonly<Record<string, string>> = {
  person: "placed by a person",
  "crm-id": "placed by the CRM",
  "told-domain": "by the company's domain",
  "email-domain": "by the e-mail address",
};
