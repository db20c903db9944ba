import { localDateOf, type Instant } from "../../handoff/time/calendar.ts";
import { reports } from "../../store/reports/registry.ts";
import type { ReportQuestion } from "../../store/reports/report.ts";
import type { PacketSection } from "../../store/reviews/packet.ts";
import type { ReviewView } from "../../store/reviews/view.ts";
import { drawReport } from "../pictures/draw.ts";
import { pictureStyle } from "../pictures/shapes.ts";

/** "weekly review 2026-W48". */
export function titleOf({ kind, period }: Pick<ReviewView, "kind" | "period">): string {
  return `${kind} review ${period}`;
}

/** Where fewer than two people sign versions, whoever reads the figures shall know it. */
export function whoSignsVersions({
  agreement,
}: NonNullable<ReviewView["figures"]>["packet"]): string {
  const [party, other] = agreement.signedBy ?? ["", ""];
  if (other !== undefined) return "";
  return party === undefined ? ", which nobody signs" : `, which ${party} alone signs`;
}

const day = 86_400_000;

/** "2026-11-23 to 2026-11-29", the last day included, by the review's zone. */
export function spanWords(
  { from, to }: { readonly from: Instant; readonly to: Instant },
  zone: string,
): string {
  // Trends are of months in UTC.
  const of = from % day === 0 && to % day === 0 ? "UTC" : zone;
  const [first, last] = [localDateOf(of, from), localDateOf(of, to - 1)];
  return first === last ? first : `${first} to ${last}`;
}

/**
 * The picture of a section, without its style element, which the page has once; null where the
 * report has none, or there is nothing to draw.
 */
export function pictureOf(section: PacketSection): string | null {
  return drawnOf(section)?.replace(`<style>${pictureStyle}</style>`, "") ?? null;
}

/** The same as a document of its own. */
export function drawnOf(section: PacketSection): string | null {
  const { from, to, asOf, groupBy, rows, goals } = section;
  const report = reports.find(({ name }) => name === section.report);
  if (report === undefined || report.picture === null || rows.length === 0) return null;
  const question: ReportQuestion = {
    from,
    to,
    asOf,
    groupBy,
    knowledge: "now",
    filters: {},
    repIds: null,
  };
  return drawReport({ report, question, rows, goals });
}
