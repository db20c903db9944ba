import type { Instant } from "../handoff/time/calendar.ts";
import type { Stage } from "../handoff/stage.ts";
import { when } from "./when.ts";
import { spoken, stageName } from "./words.ts";

/** What became of an offer, for the person it was made to. */
export interface OfferSince {
  readonly isErased: boolean;
  readonly isMerged: boolean;
  readonly stage: Stage;
  /** Who has the lead now, by name; null: nobody. */
  readonly owner: string | null;
  readonly isOwner: boolean;
  readonly queue: string | null;
  readonly ended: { readonly why: string | null; readonly at: Instant } | null;
  readonly answer: {
    readonly kind: string;
    readonly reason: string | null;
    readonly at: Instant;
  } | null;
}

/** In a sentence or two: what happened to an offer that is over, in the reader's zone. */
export function whatHappened(since: OfferSince, zone: string): string {
  if (since.isErased) return "The person was erased; nothing is kept about them.";
  const told = [own(since, zone), standsNow(since)].filter((sentence) => sentence !== null);
  return told.join(" ");
}

function own({ answer, ended, isMerged }: OfferSince, zone: string): string {
  const said = answer && answered(answer, zone);
  if (isMerged) {
    const merged = "Two records of the person became one, and this offer ended with it.";
    return said === null ? merged : `${said} ${merged}`;
  }
  if (said !== null && answer?.kind !== "accept") return said;
  const taken =
    ended === null
      ? null
      : `It was taken back on ${when(ended.at, zone)}${ended.why === null ? "" : `: ${ended.why}`}.`;
  return [said, taken].filter((sentence) => sentence !== null).join(" ") || "This offer is over.";
}

function answered(answer: NonNullable<OfferSince["answer"]>, zone: string): string {
  const on = when(answer.at, zone);
  const because = answer.reason === null ? "" : `, because: ${spoken(answer.reason)}`;
  switch (answer.kind) {
    case "accept":
      return `You accepted it on ${on}.`;
    case "reject":
      return `You rejected it on ${on}${because}.`;
    case "hand-back":
      return `You handed it back on ${on}.`;
    case "advance":
      return `You took it further on ${on}.`;
    default:
      return `You answered on ${on}.`;
  }
}

function standsNow({ owner, isOwner, queue, isMerged, stage }: OfferSince): string | null {
  if (isMerged) return null;
  const is = `It is ${stageName(stage)} now`;
  if (isOwner) return `${is}, and with you again: a later mail leads to it.`;
  if (owner !== null) return `${is}, with ${owner}.`;
  return queue === null ? `${is}.` : `${is}, in the queue ${queue}.`;
}
