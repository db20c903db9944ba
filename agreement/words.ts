/** ` (did you mean "atLeast"?)`, or nothing when no word is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? "" : ` (did you mean "${near}"?)`;
}

/** "a, b or c" */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

// What people write who know another tool.
const otherWords: Readonly<Record<string, string>> = {
  gte: "atLeast",
  ">=": "atLeast",
  min: "atLeast",
  minimum: "atLeast",
  lte: "atMost",
  "<=": "atMost",
  max: "atMost",
  maximum: "atMost",
  gt: "above",
  ">": "above",
  lt: "below",
  "<": "below",
  not_in: "notIn",
  nin: "notIn",
  like: "matches",
  includes: "contains",
  and: "all",
  or: "any",
  not: "none",
  nor: "none",
};

/** Longer words are not compared: the time grows with the square of their length. */
const longestNear = 60;

/** The known word that was most likely meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const meant = Object.hasOwn(otherWords, word.toLowerCase())
    ? otherWords[word.toLowerCase()]
    : undefined;
  if (meant && known.includes(meant)) return meant;
  if (word.length > longestNear) return undefined;
  const close = known
    .filter((one) => one.length <= 2 * longestNear)
    .map((one) => ({ one, distance: distance(simple(word), simple(one)) }))
    .filter(({ one, distance: d }) => d <= Math.max(1, Math.floor(one.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return close[0]?.one;
}

/** Spelling apart from case, hyphens and underscores. */
function simple(word: string): string {
  return word.toLowerCase().replace(/[\s_-]/g, "");
}

/** How many letters must be changed, added, left out or swapped with their neighbour. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (rows[i - 1]![j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(change, rows[i - 1]![j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
