import type { Agreement } from "../agreement.ts";
import { judgeNow, type Judgement, type KnownLead } from "./qualify.ts";

/** How one lead would be judged. */
export type DraftVerdict = Pick<Judgement, "verdict" | "leadType" | "band">;

/** How leads are judged by the active agreement and by a draft. */
export function judgeByBoth(
  active: Agreement,
  draft: Agreement,
  leads: readonly KnownLead[],
): (readonly [DraftVerdict, DraftVerdict])[] {
  return leads.map((known) => [outcomeOf(active, known), outcomeOf(draft, known)]);
}

function outcomeOf(agreement: Agreement, known: KnownLead): DraftVerdict {
  const { verdict, leadType, band } = judgeNow(agreement, known);
  return { verdict, ...(leadType === undefined ? {} : { leadType }), band };
}
