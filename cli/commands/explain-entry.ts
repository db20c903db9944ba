import type { Cadence } from "../../handoff/clocks/cadence.ts";
import type { TraceLine } from "../../handoff/qualify/condition.ts";
import type { Found } from "../../handoff/process/course.ts";
import type { Event } from "../../handoff/process/event.ts";
import type { ClocksJudged } from "../../handoff/clocks/escalation.ts";
import type { Qualification } from "../../handoff/qualify/qualify.ts";
import type { JudgedRejection } from "../../handoff/answers/rejection.ts";
import type { Return } from "../../handoff/answers/renurture.ts";
import type { Candidate } from "../../handoff/routing/route.ts";
import type { HistoryEntry } from "../../store/views/history.ts";

/**
 * One thing that happened, as a person reads it: a line, and what stood behind it indented below.
 */
export function explainEntry(entry: HistoryEntry): string[] {
  const [first = "", ...rest] = body(entry);
  return [`${time(entry.at)}  ${first}`, ...rest.map((line) => `    ${line}`)];
}

/** `2026-11-20 12:00:00Z` */
export function time(at: Date): string {
  return at
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** What `leadHistory` puts into the details of its entries, by kind. */
interface Detail {
  readonly topic?: string | null;
  readonly from?: string | null;
  readonly because?: string;
  readonly round?: number;
  readonly via?: string;
  readonly pool?: string | null;
  readonly rep?: string | null;
  readonly candidates?: readonly Candidate[] | null;
  readonly endedAt?: string | null;
  readonly endedWhy?: string | null;
  readonly scope?: string;
  readonly clock?: string;
  readonly dueAt?: string | number | null;
  readonly by?: string;
  readonly role?: string;
  readonly result?: {
    readonly done?: boolean;
    readonly because?: string;
    readonly message?: string;
  } | null;
  readonly assignee?: string | null;
  readonly state?: string;
  readonly doneHow?: string | null;
  readonly attempts?: number;
  readonly error?: string | null;
  readonly agreement?: string | null;
  /** What was decided about. */
  readonly event?: Event | null;
  /** What the rules said on the way. */
  readonly found?: Found | null;
}

function body({ kind, what, detail, cycle }: HistoryEntry): string[] {
  const d = detail as Detail;
  switch (kind) {
    case "engagement":
      return [`did ${what}${d.topic ? ` (${d.topic})` : ""}`];
    case "transition":
      return [
        `${d.from ? `stage ${d.from} -> ${what}` : `arrived in stage ${what}`}: ${d.because}`,
      ];
    case "assignment":
      return [
        `${d.rep ? `offered to ${what}` : `put into queue ${what}`} (round ${d.round}, by ${d.via}${d.pool ? `, pool ${d.pool}` : ""})${d.endedAt ? `; ended ${time(new Date(d.endedAt))}: ${d.endedWhy}` : ""}`,
        ...considered(d.candidates ?? null),
      ];
    case "clock":
      return [
        `${d.scope} clock ${d.clock}: ` +
          `${what}${d.rep ? `, rep ${d.rep}` : ""}${d.dueAt ? `, due ${moment(d.dueAt)}` : ""}`,
      ];
    case "action":
      return [
        `${what} by ${d.by} ` +
          `(${d.role ?? "office"}${d.via ? `, via ${d.via}` : ""})${outcome(d.result ?? null)}`,
      ];
    case "task":
      return [
        `task ${what} for ${d.assignee ?? d.role}: ${d.state}${d.doneHow ? ` (${d.doneHow})` : ""}${d.dueAt ? `, due ${moment(d.dueAt)}` : ""}`,
      ];
    case "effect":
      return [
        `${what}: ${d.state}${(d.attempts ?? 0) > 1 ? ` after ${d.attempts} attempts` : ""}${d.error ? `; ${d.error}` : ""}`,
      ];
    case "decision":
      return [
        `decided ${what} (cycle ${cycle}, agreement ` +
          `${d.agreement ?? "none"})${d.because ? `: ${d.because}` : ""}`,
        ...decision(d),
      ];
  }
}

function decision({ event, found }: Detail): string[] {
  return [
    ...(event?.kind === "routed" ? routing(event) : []),
    ...(found?.qualification ? qualification(found.qualification) : []),
    ...(found?.returns ? returned(found.returns) : []),
    ...(found?.rejection ? rejection(found.rejection) : []),
    ...(found?.clocks ? clocks(found.clocks) : []),
    ...(found?.cadence ? [attempts(found.cadence)] : []),
  ];
}

function qualification(q: Qualification): string[] {
  return [
    `${q.verdict}: ${q.because}`,
    `band ${q.band}, fit ${q.fit}, intent ${rounded(q.intent)}${q.leadType ? `, lead type ${q.leadType} (path ${q.path}, priority ${q.priority})` : ""}`,
    ...q.gates.map(
      (gate) =>
        `gate ${gate.name}: ${gate.held === true ? "held" : gate.held === false ? "failed" : "unknown"} (${gate.why})`,
    ),
    ...q.missing.map((one) => `missing ${one.field}: ${one.expected}`),
    ...(q.checklist.length > 0
      ? [`checklist: ${q.checklist.map((one) => `${one.name} ${one.result}`).join(", ")}`]
      : []),
    ...trace(q.trace),
    ...(q.nextChangeAt === null ? [] : [`time alone can change this at ${moment(q.nextChangeAt)}`]),
  ];
}

function returned(back: Return): string[] {
  return back.due
    ? [`returns: ${back.because} (${back.at})`]
    : [
        "does not return " +
          `yet${back.nextAt === null ? "" : `; looked at again ${moment(back.nextAt)}`}`,
        ...trace(back.trace),
      ];
}

function routing({
  round,
  routed,
  territory,
  segment,
  candidates,
}: Extract<Event, { kind: "routed" }>): string[] {
  const where =
    routed.kind === "assigned"
      ? `goes to ${routed.repId} by ${routed.via}${routed.pool === null ? "" : ` (pool ${routed.pool})`}`
      : routed.kind === "held"
        ? `is held in ${routed.pool}${routed.untilAt === null ? " until somebody has room" : ` until ${moment(routed.untilAt)}`}`
        : `goes to the queue ${routed.queue}`;
  return [
    `round ${round} ${where}; territory ${territory ?? "none"}, segment ${segment ?? "none"}`,
    ...considered(candidates ?? null),
  ];
}

function considered(candidates: readonly Candidate[] | null): string[] {
  return (candidates ?? []).map(
    (one) =>
      `considered ${one.repId}${one.as === "member" ? "" : ` (${one.as})`}: ${one.eligible ? `could take it${one.credit === undefined ? "" : `, credit ${one.credit / 1e6}`}` : `not, because ${one.why}`}`,
  );
}

function clocks({ steps, views, next }: ClocksJudged): string[] {
  return [
    ...steps.map((step) => `must ${step.do}${"clock" in step ? ` (${step.clock})` : ""}`),
    ...Object.entries(views).map(
      ([id, view]) =>
        `${id}: ${view.state}, used ${Math.round(view.usedMs / 60_000)} ` +
        `minutes${view.dueAt === null ? "" : `, due ${moment(view.dueAt)}`}`,
    ),
    ...(next ? [`next: ${next.what}, ${moment(next.at)}`] : []),
  ];
}

function attempts(work: Cadence): string {
  if ("exhausted" in work) return `attempts: ${work.exhausted}; ${work.because}`;
  const next = work.next === null ? "" : `next: ${work.next.what}, ${moment(work.next.at)}`;
  return "stalled" in work
    ? `attempts: stalled; ${work.stalled}${next === "" ? "" : `; ${next}`}`
    : `attempts: ${next}`;
}

function rejection(judged: JudgedRejection): string[] {
  if ("refused" in judged) return [`refused: ${judged.refused.message}`];
  return [
    `${judged.contested ? "contested, a manager decides" : `then ${judged.then}`} (${judged.group}): ${judged.because}`,
    ...trace(judged.trace),
  ];
}

function trace(lines: readonly TraceLine[]): string[] {
  return lines.map((line) => {
    const found =
      line.value === undefined
        ? line.missing?.length
          ? `, missing ${line.missing.join(", ")}`
          : ""
        : `, found ${JSON.stringify(line.value)}`;
    return (
      `${line.result === true ? "yes" : line.result === false ? "no " : "?  "} ${line.at}: ` +
      `${line.field ? `${line.field} ` : ""}${line.expected}${found}`
    );
  });
}

function outcome(result: { done?: boolean; because?: string; message?: string } | null): string {
  if (!result) return "";
  return result.done ? `: done, ${result.because}` : `: refused, ${result.message}`;
}

function moment(at: string | number): string {
  return time(new Date(at));
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
