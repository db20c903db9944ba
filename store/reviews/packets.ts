import type { Dimension } from "../reports/filters.ts";

/** The rhythms of reviews. */
export type PacketKind = "weekly" | "monthly" | "quarterly";

/** What stands in a packet, as data: one report, asked in one way. */
export interface PacketEntry {
  readonly title: string;
  readonly report: string;
  readonly groupBy: Dimension | null;
  /**
   * What the figures are about: the period of the review, or so many weeks or months up to its end
   * where a period alone says too little.
   */
  readonly over: "period" | { readonly weeks: number } | { readonly months: number };
  /** The columns that the packet shows, in this order; the report has the others too. */
  readonly shown: readonly string[];
}

const entry = (
  title: string,
  report: string,
  groupBy: Dimension | null,
  shown: readonly string[],
  over: PacketEntry["over"] = "period",
): PacketEntry => ({ title, report, groupBy, over, shown });

const accepted = ["handedOff", "acceptanceRate", "rejectionRate", "undecided", "isImmature"];
const rejected = ["reason", "count", "previous", "share", "ofAnswered", "contested", "overturned"];

/**
 * Which reports stand in which packet, in their order. The two articles say what leaders look at
 * weekly and monthly; the quarterly one is their continuous improvement.
 */
export const packetEntries: Readonly<Record<PacketKind, readonly PacketEntry[]>> = {
  weekly: [
    entry("Acceptance by source", "acceptance", "source", accepted),
    entry("Acceptance by band", "acceptance", "band", accepted),
    entry("Rejections", "rejections", null, rejected),
    entry("Time to first response", "first-response", "leadType", [
      "responded",
      "medianOpen",
      "p90Open",
      "medianSystemOpen",
      "medianHumanOpen",
      "staleRate",
    ]),
    entry("Agreed times", "sla", "leadType", ["clock", "onTimeRate", "open", "medianUsed"]),
    entry(
      "Handoff to SAL to SQL by segment",
      "funnel",
      "segment",
      ["step", "count", "ofHandedOff", "ofStepBefore", "medianDays", "isImmature"],
      { weeks: 13 },
    ),
    entry(
      "Opportunities created",
      "bands",
      null,
      ["band", "handedOff", "opportunityRate", "qualifiedRate", "isImmature"],
      { weeks: 13 },
    ),
    entry("Open MQLs and their age", "aging", null, [
      "age",
      "sla",
      "isContacted",
      "count",
      "oldest",
      "leads",
    ]),
  ],
  monthly: [
    entry("Meetings by intent signal", "signals", null, [
      "signal",
      "handedOff",
      "meetingRate",
      "qualifiedRate",
    ]),
    entry("Stages and stalled opportunities", "stages", null, [
      "stage",
      "entered",
      "left",
      "medianDays",
      "p90Days",
      "stalledRate",
    ]),
    entry("Deal stages of the CRM", "deal-stages", null, [
      "stage",
      "entered",
      "movedOn",
      "lost",
      "medianDays",
      "p90Days",
      "stalledRate",
    ]),
    entry("Wins by band, month by month", "bands", "month", ["band", "handedOff", "winRate"], {
      months: 12,
    }),
    entry("Data quality", "data-quality", "source", [
      "created",
      "duplicateRate",
      "sourceKeptRate",
      "campaignKeptRate",
    ]),
    entry("Missing fields", "missing-fields", null, ["field", "missingRate"]),
    entry("Routing by territory", "routing", "territory", [
      "handoffs",
      "acceptanceRate",
      "qualifiedRate",
      "opportunityRate",
      "fallbackRate",
      "medianHeld",
    ]),
    entry("Routing by motion", "routing", "motion", [
      "handoffs",
      "acceptanceRate",
      "qualifiedRate",
      "opportunityRate",
      "fallbackRate",
    ]),
    entry("Rejections and what they point at", "rejections", null, [
      ...rejected,
      "mostInMonth",
      "accused",
    ]),
  ],
  quarterly: [
    entry("The criteria: what every rule let through", "criteria", null, [
      "rule",
      "letThrough",
      "stopped",
      "acceptanceRate",
      "qualifiedRate",
      "opportunityRate",
      "qualifiedOtherwise",
    ]),
    entry(
      "The re-nurture pool",
      "renurture",
      null,
      ["reason", "entered", "stillThere", "returned", "retired", "acceptedAgain", "medianAge"],
      { months: 6 },
    ),
    entry(
      "Bands: do better ones come to more",
      "bands",
      null,
      [
        "band",
        "handedOff",
        "qualifiedRate",
        "meetingRate",
        "opportunityRate",
        "winRate",
        "brokenBelow",
      ],
      { months: 6 },
    ),
    entry("Campaigns", "campaigns", null, [
      "source",
      "campaign",
      "mqls",
      "mqlToSal",
      "qualifiedRate",
      "opportunityRate",
      "pipeline",
    ]),
    entry(
      "Agreed times, month by month",
      "sla",
      "month",
      ["clock", "met", "missed", "onTimeRate", "medianUsed"],
      { months: 12 },
    ),
    entry("Reps", "reps", null, [
      "rep",
      "handedOff",
      "acceptanceRate",
      "qualifiedRate",
      "medianOpenResponse",
      "attempts",
      "missed",
      "overturned",
    ]),
  ],
};
