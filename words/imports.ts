/** How an import is called: by its file, else by what is known of it. */
export function titleOfImport(one: {
  readonly fileName?: string | null | undefined;
  readonly rows: number;
}): string {
  if (one.fileName) return one.fileName;
  if (one.rows === 0) return "A file without a name";
  return `A file without a name, ${one.rows.toLocaleString("en-US")} ${one.rows === 1 ? "row" : "rows"}`;
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
