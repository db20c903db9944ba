import { channels, outcomes, type Channel, type Outcome } from "../handoff/process/outreach.ts";
import type { CrmDeed } from "./change.ts";

/**
 * A status or a logged attempt as the person's action it stands for. Null: a status that no action
 * leads to, for example one that only Baton sets; then the CRM is made equal again. The names are
 * those of `handoff/stage.ts`.
 */
export type CrmAction =
  | { readonly name: "accept" | "advance"; readonly body: Learnt }
  | { readonly name: "reassign"; readonly body: { readonly to: string } }
  | {
      readonly name: "reject";
      readonly body: Learnt & { readonly reason: string; readonly revisitOn?: string };
    }
  | { readonly name: "handBack"; readonly body: { readonly note?: string } }
  | {
      readonly name: "logOutreach";
      readonly body: {
        readonly channel: Channel;
        readonly outcome: Outcome;
        readonly occurredAt: string;
      };
    };

interface Learnt {
  readonly fitRating?: number;
  readonly timeline?: string;
  readonly buyingSignals?: readonly string[];
  readonly note?: string;
}

export function actionOf(
  deed: Extract<CrmDeed, { kind: "status" | "outreach" }>,
): CrmAction | null {
  if (deed.kind === "outreach") {
    const channel = channels.find((known) => known === deed.channel);
    const outcome = outcomes.find((known) => known === deed.outcome);
    return channel && outcome
      ? {
          name: "logOutreach",
          body: { channel, outcome, occurredAt: new Date(deed.occurredAt).toISOString() },
        }
      : null;
  }
  switch (deed.status) {
    case "sal":
      return { name: "accept", body: learnt(deed) };
    case "sql":
    case "opportunity":
      return { name: "advance", body: learnt(deed) };
    case "handed-back":
      return { name: "handBack", body: deed.note === undefined ? {} : { note: deed.note } };
    case "rejected":
    case "disqualified":
    case "renurture":
      // Without a reason it is no rejection: "no" without why teaches nobody anything.
      return deed.reason === undefined
        ? null
        : {
            name: "reject",
            body: {
              ...learnt(deed),
              reason: deed.reason,
              ...(deed.revisitOn === undefined ? {} : { revisitOn: deed.revisitOn }),
            },
          };
    default:
      return null;
  }
}

function learnt(deed: Extract<CrmDeed, { kind: "status" }>): Learnt {
  return {
    ...(deed.fitRating === undefined ? {} : { fitRating: deed.fitRating }),
    ...(deed.timeline === undefined ? {} : { timeline: deed.timeline }),
    ...(deed.buyingSignals === undefined ? {} : { buyingSignals: deed.buyingSignals }),
    ...(deed.note === undefined ? {} : { note: deed.note }),
  };
}
