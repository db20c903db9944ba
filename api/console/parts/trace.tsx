import type { FC } from "hono/jsx";
import type { TraceLine } from "../../../handoff/qualify/condition.ts";
import { withTimes } from "../../../words/clock.ts";
import { fieldWords, sayFact, sayFound } from "../../../words/trace.ts";
import type { ReadAt } from "./clock.tsx";

/** The conditions that look at something; groups and names only gather others. */
export function looksAt(trace: readonly unknown[]): readonly TraceLine[] {
  return (trace as readonly TraceLine[]).filter(
    ({ field, value }) => field !== undefined || value !== undefined,
  );
}

/** Conditions as they were judged, each with what was found and what was wanted. */
export const Trace: FC<{
  readonly lines: readonly TraceLine[];
  readonly reading: ReadAt;
}> = ({ lines, reading: { now, zone } }) => (
  <ul class="trace">
    {lines.map((line) => (
      <li>
        {line.result === true ? (
          <strong>yes</strong>
        ) : (
          <span class="dim">{line.result === false ? "no" : "unknown"}</span>
        )}
        <span>{withTimes(sayJudged(line), now, zone)}</span>
      </li>
    ))}
  </ul>
);

/** "employees is 900, at least 50". */
function sayJudged(line: TraceLine): string {
  const { field, value, expected } = line;
  // What people do is named by codes such as `demo_request`.
  if (field === undefined) return sayFound(line).replaceAll(/(?<=[a-z])_(?=[a-z])/g, " ");
  if (value === undefined) return `${fieldWords(field)} is not known, wanted: ${expected}`;
  return `${sayFact(line)}, wanted: ${expected}`;
}
