import type { TraceLine } from "../handoff/condition.ts";
import type { ClockStep } from "../handoff/escalation.ts";
import type { Qualification } from "../handoff/qualify.ts";
import type { JudgedRejection } from "../handoff/rejection.ts";
import type { Return } from "../handoff/renurture.ts";
import type { Candidate, RouteAnswer } from "../handoff/route.ts";
import type { HistoryEntry } from "../store/history.ts";

/** One thing that happened, as a person reads it: a line, and what stood behind it indented below. */
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
  readonly output?: Answered;
}

/** What the rule of a decision said (`rejudge`); null when it asked none. */
type Answered =
  | null
  | undefined
  | { readonly qualification: Qualification; readonly returns: Return | null }
  | RouteAnswer
  | ClocksAnswer
  | JudgedRejection;
interface ClocksAnswer {
  readonly clocks: {
    readonly steps: readonly ClockStep[];
    readonly views: Readonly<
      Record<string, { state: string; dueAt: number | null; usedMs: number }>
    >;
    readonly next: { readonly at: number; readonly what: string } | null;
  };
  readonly cadence?: unknown;
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
        `${d.scope} clock ${d.clock}: ${what}${d.rep ? `, rep ${d.rep}` : ""}${d.dueAt ? `, due ${moment(d.dueAt)}` : ""}`,
      ];
    case "action":
      return [
        `${what} by ${d.by} (${d.role ?? "office"}${d.via ? `, via ${d.via}` : ""})${outcome(d.result ?? null)}`,
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
        `decided ${what} (cycle ${cycle}, agreement ${d.agreement ?? "none"})`,
        ...decision(what, d.output),
      ];
  }
}

function decision(kind: string, output: Answered): string[] {
  if (output === null || output === undefined) return ["no rule had to be asked"];
  if ("qualification" in output)
    return [
      ...qualification(output.qualification),
      ...(output.returns ? returned(output.returns) : []),
    ];
  if ("routed" in output) return routing(output);
  if ("clocks" in output) return clocks(output);
  if (kind === "settle") return rejection(output);
  return [JSON.stringify(output)];
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
        `does not return yet${back.nextAt === null ? "" : `; looked at again ${moment(back.nextAt)}`}`,
        ...trace(back.trace),
      ];
}

function routing(answer: RouteAnswer): string[] {
  const { routed } = answer;
  const where =
    routed.kind === "assigned"
      ? `goes to ${routed.repId} by ${routed.via}${routed.pool === null ? "" : ` (pool ${routed.pool})`}`
      : routed.kind === "held"
        ? `is held in ${routed.pool}${routed.untilAt === null ? " until somebody has room" : ` until ${moment(routed.untilAt)}`}`
        : `goes to the queue ${routed.queue}`;
  return [
    `${where}; territory ${answer.territory ?? "none"}, segment ${answer.segment ?? "none"}`,
    ...considered(answer.candidates),
  ];
}

function considered(candidates: readonly Candidate[] | null): string[] {
  return (candidates ?? []).map(
    (one) =>
      `considered ${one.repId}${one.as === "member" ? "" : ` (${one.as})`}: ${one.eligible ? `could take it${one.credit === undefined ? "" : `, credit ${one.credit / 1e6}`}` : `not, because ${one.why}`}`,
  );
}

function clocks(output: ClocksAnswer): string[] {
  return [
    ...output.clocks.steps.map(
      (step) => `must ${step.do}${"clock" in step ? ` (${step.clock})` : ""}`,
    ),
    ...Object.entries(output.clocks.views).map(
      ([id, view]) =>
        `${id}: ${view.state}, used ${Math.round(view.usedMs / 60_000)} minutes${view.dueAt === null ? "" : `, due ${moment(view.dueAt)}`}`,
    ),
    ...(output.clocks.next
      ? [`next: ${output.clocks.next.what}, ${moment(output.clocks.next.at)}`]
      : []),
    ...(output.cadence ? [`attempts: ${JSON.stringify(output.cadence)}`] : []),
  ];
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
    return `${line.result === true ? "yes" : line.result === false ? "no " : "?  "} ${line.at}: ${line.field ? `${line.field} ` : ""}${line.expected}${found}`;
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
