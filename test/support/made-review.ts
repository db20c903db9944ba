import type { Proposal } from "../../handoff/reviews/proposals.ts";
import { paragraphOf } from "../../store/reports/paragraph.ts";
import { reports } from "../../store/reports/registry.ts";
import { packetEntries, type PacketKind } from "../../store/reviews/packets.ts";
import type { PacketSection } from "../../store/reviews/packet.ts";
import type { ResolutionView, ReviewView } from "../../store/reviews/view.ts";
import { seededRandom } from "./generated-leads.ts";
import { madeRows, weeks } from "./report-rows.ts";

export const openedAt = Date.parse("2026-12-01T14:00:00Z");
const DAY = 86_400_000;

interface Made {
  readonly kind?: PacketKind;
  /** What texts of strangers and people hold. */
  readonly words?: string | undefined;
  readonly cases?: number | undefined;
}

/** A review as it could stand: every section of its packet with rows, proposals, resolutions. */
export function madeReview({ kind = "monthly", words, cases }: Made = {}): ReviewView {
  const sections = packetEntries[kind].map((_one, n) => section(kind, n, { words, cases }));
  const [from, to] = [openedAt - 31 * DAY, openedAt - DAY];
  const agreement = { id: "ag_1", number: 3 };
  return {
    id: "rv_1",
    kind,
    period: "2026-12",
    state: "open",
    openedAt,
    dueAt: openedAt + 7 * DAY,
    closedAt: null,
    calendar: "hq",
    zone: "America/New_York",
    agreementId: "ag_1",
    figures: {
      from,
      to,
      packet: {
        kind,
        period: "2026-12",
        from,
        to,
        asOf: openedAt,
        agreement,
        sections,
        proposals: [
          proposal("both teams", words ?? "Stop the summer giveaway"),
          proposal("those who lead", words ?? "Rep rp_slow keeps fewer deadlines"),
        ],
      },
    },
    carried: [resolution(words ?? "Ask for the role on the form", { isOverdue: true })],
    resolutions: [],
    signatures: [],
    signaturesNeeded: 2,
    pool: null,
  };
}

function section(kind: PacketKind, n: number, { words, cases = 400 }: Made): PacketSection {
  const entry = packetEntries[kind][n];
  const report = reports.find(({ name }) => name === entry?.report);
  if (!entry || !report) throw new Error(`the ${kind} packet has no section ${n}`);
  const { title, groupBy, shown } = entry;
  const names = words === undefined ? {} : { names: [words, `${words} 2`] };
  const groups =
    groupBy === null ? [null] : groupBy === "month" ? weeks(4) : [words ?? "web", null];
  const rows = madeRows(report, { groups, cases, ...names, random: seededRandom(n + 1) });
  const asOf = openedAt;
  return {
    title,
    report: report.name,
    question: report.question,
    from: openedAt - 31 * DAY,
    to: openedAt - DAY,
    asOf,
    groupBy,
    readers: report.readers,
    paragraph: paragraphOf(report.paragraph, { rows, before: null, groupBy, shown, asOf }),
    shown,
    rows,
    goals: [],
  };
}

function proposal(readers: Proposal["readers"], title: string): Proposal {
  return {
    kind: readers === "both teams" ? "empty-campaign" : "slow-rep",
    about: title,
    readers,
    title,
    because: `Because of ${title}.`,
    wouldHaveChanged: "33 MQLs fewer.",
    rules: ["icp"],
    report: "campaigns",
    weight: 4,
  };
}

export function resolution(text: string, more: Partial<ResolutionView> = {}): ResolutionView {
  return {
    id: "rs_1",
    reviewId: "rv_0",
    period: "2026-11",
    text,
    owner: "marketing-ops",
    ownerName: null,
    dueOn: "2026-11-20",
    isOverdue: false,
    proposal: null,
    state: "open",
    madeBy: "tk_1",
    madeAt: openedAt - 30 * DAY,
    closedBy: null,
    closedAt: null,
    note: null,
    carried: 0,
    carriedBy: null,
    carriedAt: null,
    ...more,
  };
}
