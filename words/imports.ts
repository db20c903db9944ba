import type { Instant } from "../handoff/time/calendar.ts";
import { sayMoment } from "./clock.ts";

/** What people call an import: its file, else when it came: "Import of Fri 14:05". */
export function nameOfImport(
  { fileName, startedAt }: { readonly fileName: string | null; readonly startedAt: Instant | null },
  now: Instant,
  zone: string,
): string {
  if (fileName !== null && fileName.trim() !== "") return fileName;
  return startedAt === null ? "Import" : `Import of ${sayMoment(startedAt, now, zone)}`;
}

/** An import's counts as people read them: `8,000 rows: 0 new, 8,000 known (0 changed), 0 refused`. */
export function countsOfImport(
  counts: {
    readonly created: number;
    readonly merged: number;
    readonly unchanged: number;
    readonly refused: number;
  },
  rowCount: number,
): string {
  const { created, merged, unchanged, refused } = counts;
  const written = (count: number) => count.toLocaleString("en-US");
  return (
    `${written(rowCount)} ${rowCount === 1 ? "row" : "rows"}: ${written(created)} new, ` +
    `${written(merged + unchanged)} known (${written(merged)} changed), ${written(refused)} refused`
  );
}
