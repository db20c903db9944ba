import { pathToFileURL } from "node:url";
import { DateTime } from "luxon";
import { addBusinessTime, businessTimeBetween, compile } from "../handoff/time/calendar.ts";
import type { CalendarDef, Instant } from "../handoff/time/calendar.ts";

/**
 * Microseconds a call at the median; `ratio` is theirs over ours, `theirs` null where luxon has
 * nothing to compare.
 */
export type BenchRow = {
  name: string;
  unit: "us";
  ours: number;
  theirs: number | null;
  ratio: number | null;
  target: number;
};

const HOUR = 3_600_000;
const zone = "America/New_York";
const closed = new Set(["2026-11-26", "2026-12-25", "2027-01-01"]);
const hours = ["09:00-17:00"];
const def: CalendarDef = {
  zone,
  week: { mon: hours, tue: hours, wed: hours, thu: hours, fri: hours },
  exceptions: Object.fromEntries([...closed].map((date) => [date, []])),
};

/**
 * The compiled calendar against walking day by day with luxon, on the same questions in the same
 * process. Both must agree on every answer before anything is timed.
 */
export async function benchCalendar(): Promise<BenchRow[]> {
  const calendar = compile(def, { from: 2026, to: 2028 });
  const starts = Array.from(
    { length: 500 },
    (_, i) => Date.parse("2026-01-05T00:00:00Z") + i * 17 * HOUR + i * 61_000,
  );
  const rows: BenchRow[] = [];

  // Zone data of these years is warm after the first compile, as it is in a running worker.
  rows.push(
    row(
      "compile 2 years, warm",
      5_000,
      timed(20, 1, () => compile(def, { from: 2026, to: 2027 })),
      null,
    ),
  );
  for (const [label, amount] of [
    ["1 hour", HOUR],
    ["40 hours", 40 * HOUR],
    ["520 hours", 520 * HOUR],
  ] as const) {
    for (const start of starts)
      agree(addBusinessTime(calendar, start, amount), walkedDeadline(start, amount));
    const ours = timed(200, 500, (i) =>
      addBusinessTime(calendar, starts[i % starts.length]!, amount),
    );
    const theirs = timed(15, 10, (i) => walkedDeadline(starts[(i * 37) % starts.length]!, amount));
    rows.push(row(`addBusinessTime, ${label}`, 2, ours, theirs));
  }
  for (const [label, days] of [
    ["1 week", 7],
    ["13 weeks", 91],
  ] as const) {
    const end = (start: Instant) => start + days * 24 * HOUR;
    for (const start of starts)
      agree(businessTimeBetween(calendar, start, end(start)), walkedBetween(start, end(start)));
    const ours = timed(200, 500, (i) =>
      businessTimeBetween(calendar, starts[i % starts.length]!, end(starts[i % starts.length]!)),
    );
    const theirs = timed(15, 10, (i) =>
      walkedBetween(starts[(i * 37) % starts.length]!, end(starts[(i * 37) % starts.length]!)),
    );
    rows.push(row(`businessTimeBetween, ${label}`, 2, ours, theirs));
  }
  return rows;
}

/** Median microseconds a call, over batches, so that the timer's own cost does not count. */
function timed(batches: number, calls: number, ask: (i: number) => unknown): number {
  const samples: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const from = performance.now();
    for (let i = 0; i < calls; i++) ask(batch * calls + i);
    samples.push(((performance.now() - from) * 1_000) / calls);
  }
  return samples.sort((a, b) => a - b)[Math.floor(batches / 2)]!;
}

function row(name: string, target: number, ours: number, theirs: number | null): BenchRow {
  return { name, unit: "us", ours, theirs, ratio: theirs === null ? null : theirs / ours, target };
}

function agree(ours: number, theirs: number): void {
  if (ours !== theirs) throw new Error(`The two ways disagree: ${ours} and ${theirs}`);
}

function* walkedShifts(from: Instant): Generator<{ open: Instant; close: Instant }> {
  // A decade of days bounds the walk.
  let day = DateTime.fromMillis(from, { zone }).startOf("day");
  for (let walked = 0; walked < 3_660; walked++, day = day.plus({ days: 1 })) {
    if (day.weekday > 5 || closed.has(day.toISODate())) continue;
    yield {
      open: day.set({ hour: 9, minute: 0 }).toMillis(),
      close: day.set({ hour: 17, minute: 0 }).toMillis(),
    };
  }
}

function walkedDeadline(start: Instant, amount: number): Instant {
  let left = amount;
  for (const { open, close } of walkedShifts(start)) {
    const from = Math.max(open, start);
    if (from >= close) continue;
    if (left <= close - from) return from + left;
    left -= close - from;
  }
  throw new Error("The walk found no deadline within ten years");
}

function walkedBetween(from: Instant, to: Instant): number {
  let used = 0;
  for (const { open, close } of walkedShifts(from)) {
    if (open >= to) break;
    used += Math.max(0, Math.min(close, to) - Math.max(open, from));
  }
  return used;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const cell = (value: number | null) => (value === null ? "-" : value.toFixed(2)).padStart(12);
  process.stdout.write(
    `${"".padEnd(34)}${"ours us".padStart(12)}${"luxon us".padStart(12)}${"ratio".padStart(12)}${"target us".padStart(12)}\n`,
  );
  for (const { name, ours, theirs, ratio, target } of await benchCalendar()) {
    process.stdout.write(
      `${name.padEnd(34)}${cell(ours)}${cell(theirs)}${cell(ratio)}${cell(target)}\n`,
    );
  }
}
