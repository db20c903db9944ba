import type { JudgedRejection } from "../handoff/answers/rejection.ts";
import type { Return } from "../handoff/answers/renurture.ts";
import type { Cadence } from "../handoff/clocks/cadence.ts";
import type { ClocksJudged } from "../handoff/clocks/escalation.ts";
import type { Found } from "../handoff/process/course.ts";
import type { Qualification } from "../handoff/qualify/qualify.ts";
import type { Truth } from "../handoff/qualify/truth.ts";
import { moment, type Reader } from "./reader.ts";
import { sayTraceLine } from "./trace.ts";

/** What the rules said on the way to a decision, line by line. */
export function sayFoundOnTheWay(found: Found, reader: Reader): string[] {
  const { qualification, returns, rejection, clocks, cadence } = found;
  return [
    ...(qualification ? sayQualification(qualification, reader) : []),
    ...(returns ? returned(returns, reader) : []),
    ...(rejection ? judged(rejection) : []),
    ...(clocks ? clocksJudged(clocks, reader) : []),
    ...(cadence ? [attempts(cadence, reader)] : []),
  ];
}

/** Verdict, band and lead type, gates, what is missing, checklist, and the trace. */
export function sayQualification(q: Qualification, reader: Reader): string[] {
  const type = q.leadType
    ? `, lead type ${q.leadType} (path ${q.path}, priority ${q.priority})`
    : "";
  return [
    `${q.verdict}: ${q.because}`,
    `band ${q.band}, fit ${q.fit}, intent ${rounded(q.intent)}${type}`,
    ...q.gates.map((gate) => `gate ${gate.name}: ${gateWords(gate.held)} (${gate.why})`),
    ...q.missing.map((one) => `missing ${one.field}: ${one.expected}`),
    ...(q.checklist.length > 0
      ? [`checklist: ${q.checklist.map((one) => `${one.name} ${one.result}`).join(", ")}`]
      : []),
    ...q.trace.map(sayTraceLine),
    ...(q.nextChangeAt === null
      ? []
      : [`time alone can change this at ${moment(reader, q.nextChangeAt)}`]),
  ];
}

function gateWords(held: Truth): string {
  return held === true ? "held" : held === false ? "failed" : "unknown";
}

function returned(back: Return, reader: Reader): string[] {
  if (back.due) return [`returns: ${back.because} (${back.at})`];
  const next = back.nextAt === null ? "" : `; looked at again ${moment(reader, back.nextAt)}`;
  return [`does not return yet${next}`, ...back.trace.map(sayTraceLine)];
}

function judged(rejection: JudgedRejection): string[] {
  if ("refused" in rejection) return [`refused: ${rejection.refused.message}`];
  const { contested, then, group, because, trace } = rejection;
  const follows = contested ? "contested, a manager decides" : `then ${then}`;
  return [`${follows} (${group}): ${because}`, ...trace.map(sayTraceLine)];
}

function clocksJudged({ steps, views, next }: ClocksJudged, reader: Reader): string[] {
  return [
    ...steps.map((step) => `must ${step.do}${"clock" in step ? ` (${step.clock})` : ""}`),
    ...Object.entries(views).map(
      ([id, view]) =>
        `${id}: ${view.state}, used ${Math.round(view.usedMs / 60_000)} ` +
        `minutes${view.dueAt === null ? "" : `, due ${moment(reader, view.dueAt)}`}`,
    ),
    ...(next ? [`next: ${next.what}, ${moment(reader, next.at)}`] : []),
  ];
}

function attempts(work: Cadence, reader: Reader): string {
  if ("exhausted" in work) return `attempts: ${work.exhausted}; ${work.because}`;
  const next = work.next === null ? "" : `next: ${work.next.what}, ${moment(reader, work.next.at)}`;
  return "stalled" in work
    ? `attempts: stalled; ${work.stalled}${next === "" ? "" : `; ${next}`}`
    : `attempts: ${next}`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
