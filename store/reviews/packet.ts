import { proposalsOf, type Proposal } from "../../handoff/reviews/proposals.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Dimension } from "../reports/filters.ts";
import { goalsOf, type Goal } from "../reports/goals.ts";
import { paragraphOf } from "../reports/paragraph.ts";
import { rowsBefore } from "../reports/before.ts";
import { reports } from "../reports/registry.ts";
import { leads, type ReportAsk, type ReportFile, type ReportRow } from "../reports/report.ts";
import type { PacketAsk } from "./packet-ask.ts";
import { packetEntries, type PacketEntry, type PacketKind } from "./packets.ts";
import { proposalFigures } from "./proposal-figures.ts";

/** One report of a packet, as it stood when the packet was compiled. */
export interface PacketSection {
  readonly title: string;
  /** The report's name; it has all columns, and is asked for again by the same question. */
  readonly report: string;
  readonly question: string;
  readonly from: Instant;
  /** Not included. */
  readonly to: Instant;
  readonly asOf: Instant;
  readonly groupBy: Dimension | null;
  /** Figures about single people are for those who lead them. */
  readonly readers: ReportFile["readers"];
  /** What the rows say, in a sentence or two. */
  readonly paragraph: string;
  /** The columns that are shown, in their order. */
  readonly shown: readonly string[];
  /** As the report gives them; of a list of leads the first twenty. */
  readonly rows: readonly ReportRow[];
  /** The agreed times that its picture shows. */
  readonly goals: readonly Goal[];
}

/** All figures of a packet as plain data, so that it is read later as it was compiled. */
export interface PacketFigures {
  readonly kind: PacketKind;
  readonly period: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly asOf: Instant;
  /** The version of the agreement under which it was compiled. */
  readonly agreement: {
    readonly id: string;
    readonly number: number;
    /** Who signs versions; absent in packets from before. */
    readonly signedBy?: readonly string[];
  };
  /** At most three, the weightiest first. */
  readonly proposals: readonly Proposal[];
  readonly sections: readonly PacketSection[];
}

/** Computes what a review puts before people. One report after the other, on one connection. */
export async function compilePacket(ask: PacketAsk): Promise<PacketFigures> {
  const { kind, period, from, to, asOf, version } = ask;
  const sections: PacketSection[] = [];
  for (const one of packetEntries[kind]) sections.push(await sectionOf(one, ask));
  const { id, number } = version;
  const agreement = { id, number, signedBy: version.agreement.signedBy };
  const proposals = proposalsOf(await proposalFigures(ask));
  return { kind, period, from, to, asOf, agreement, proposals, sections };
}

/** So many leads of a line are kept in a packet; its report has more. */
const mostLeads = 20;

async function sectionOf(entry: PacketEntry, packet: PacketAsk): Promise<PacketSection> {
  const { title, groupBy, shown } = entry;
  const report = reports.find(({ name }) => name === entry.report);
  if (!report)
    throw new RangeError(`a packet names the report ${entry.report}, which is not there`);
  const { db, agreements, asOf } = packet;
  const span = spanOf(entry, packet);
  const ask: ReportAsk = {
    ...span,
    asOf,
    knowledge: "now",
    filters: {},
    groupBy,
    repIds: null,
    db,
    agreements,
  };
  const rows = await report.rows(ask);
  const before = await rowsBefore(report, ask);
  return {
    title,
    report: report.name,
    question: report.question,
    ...span,
    asOf,
    groupBy,
    readers: report.readers,
    paragraph: paragraphOf(report.paragraph, { rows, before, groupBy, shown, asOf }),
    shown,
    rows: rows.map((row) => withFewLeads(report, row)),
    goals: await goalsOf(report, ask),
  };
}

const week = 7 * 86_400_000;

/** What a section is about. Months are those of the reports, in UTC. */
function spanOf(
  { over }: PacketEntry,
  { from, to }: Pick<PacketAsk, "from" | "to">,
): { readonly from: Instant; readonly to: Instant } {
  if (over === "period") return { from, to };
  if ("weeks" in over) return { from: to - over.weeks * week, to };
  // The end of a period is midnight in the review's zone: on the same date in UTC, or one beside it.
  const end = new Date(to + 14 * 3_600_000);
  const month = (before: number) => Date.UTC(end.getUTCFullYear(), end.getUTCMonth() - before, 1);
  return { from: month(over.months), to: month(0) };
}

function withFewLeads({ columns }: ReportFile, row: ReportRow): ReportRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, cell]) => [
      name,
      columns[name] === leads && Array.isArray(cell) ? cell.slice(0, mostLeads) : cell,
    ]),
  );
}
