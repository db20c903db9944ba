import type { TraceLine } from "../handoff/qualify/condition.ts";

const marks = new Map<TraceLine["result"], string>([
  [true, "yes"],
  [false, "no "],
]);

/** One condition as it was judged: whether it held, where it stands, what was wanted and found. */
export function sayTraceLine(line: TraceLine): string {
  return `${marks.get(line.result) ?? "?  "} ${line.at}: ${sayFound(line)}`;
}

/** What a condition wanted of which fact, and what was found: "lead.role in [a, b], found "a"". */
export function sayFound({ field, expected, value, missing }: TraceLine): string {
  const found =
    value === undefined
      ? missing?.length
        ? `, missing ${missing.join(", ")}`
        : ""
      : `, found ${JSON.stringify(value)}`;
  return `${field ? `${field} ` : ""}${expected}${found}`;
}
