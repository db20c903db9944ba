import type { Found } from "../handoff/process/course.ts";
import type { Event } from "../handoff/process/event.ts";
import type { Qualification } from "../handoff/qualify/qualify.ts";
import type { Candidate } from "../handoff/routing/route.ts";
import { sayCandidate } from "./candidate.ts";
import { sayFoundOnTheWay } from "./found.ts";
import { moment, type Reader } from "./reader.ts";

/** One thing that happened to a lead, as the history keeps it. */
export interface Happened {
  readonly kind:
    | "engagement"
    | "transition"
    | "decision"
    | "assignment"
    | "clock"
    | "action"
    | "effect"
    | "task";
  readonly what: string;
  readonly cycle: number | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A sentence, and the lines that stand behind it. */
export interface Story {
  readonly said: string;
  readonly behind: readonly string[];
}

/** What the history puts into the details of its entries, by kind. */
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

/** One thing that happened, as a person reads it. */
export function sayHappened({ kind, what, detail, cycle }: Happened, reader: Reader): Story {
  const d = detail as Detail;
  switch (kind) {
    case "engagement":
      return alone(`did ${reader.code(what)}${d.topic ? ` (${d.topic})` : ""}`);
    case "transition":
      return alone(
        (d.from
          ? `stage ${reader.stage(d.from)} -> ${reader.stage(what)}`
          : `arrived in stage ${what}`) + (d.because === "arrived" ? "" : `: ${d.because}`),
      );
    case "assignment":
      return { said: offered(what, d, reader), behind: considered(d.candidates, reader) };
    case "clock":
      return alone(
        `${d.scope} clock ${d.clock}: ${what}${d.rep ? `, rep ${reader.person(d.rep)}` : ""}` +
          due(d, reader),
      );
    case "action":
      return alone(
        `${reader.action(what, reader.person(d.by ?? ""))} ` +
          `(${d.role ?? "office"}${d.via ? `, via ${d.via}` : ""})` +
          reader.code(outcome(d.result ?? null)),
      );
    case "task":
      return alone(
        `task ${what} for ${d.assignee ? reader.person(d.assignee) : d.role}: ` +
          `${d.state}${d.doneHow ? ` (${d.doneHow})` : ""}${due(d, reader)}`,
      );
    case "effect":
      return alone(
        `${what}: ${d.state}${(d.attempts ?? 0) > 1 ? ` after ${d.attempts} attempts` : ""}` +
          (d.error ? `; ${d.error}` : ""),
      );
    case "decision":
      return {
        said:
          `decided ${what} (cycle ${cycle}, agreement ${d.agreement ?? "none"})` +
          (d.because ? `: ${d.because}` : ""),
        behind: [
          ...(d.event?.kind === "routed" ? routing(d.event, reader) : []),
          ...(d.found ? sayFoundOnTheWay(d.found, reader) : []),
        ],
      };
  }
}

function alone(said: string): Story {
  return { said, behind: [] };
}

function due({ dueAt }: Detail, reader: Reader): string {
  return dueAt ? `, due ${moment(reader, dueAt)}` : "";
}

function offered(what: string, d: Detail, reader: Reader): string {
  const where = d.rep ? `offered to ${reader.person(what)}` : `put into queue ${what}`;
  const ended = d.endedAt ? `; ended ${moment(reader, d.endedAt)}: ${d.endedWhy}` : "";
  return `${where} (round ${d.round}, by ${d.via}${d.pool ? `, pool ${d.pool}` : ""})${ended}`;
}

function routing(event: Extract<Event, { kind: "routed" }>, reader: Reader): string[] {
  const { round, routed, territory, segment, candidates } = event;
  const where =
    routed.kind === "assigned"
      ? `goes to ${reader.person(routed.repId)} by ${routed.via}` +
        (routed.pool === null ? "" : ` (pool ${routed.pool})`)
      : routed.kind === "held"
        ? `is held in ${routed.pool}` +
          (routed.untilAt === null
            ? " until somebody has room"
            : ` until ${moment(reader, routed.untilAt)}`)
        : `goes to the queue ${routed.queue}`;
  return [
    `round ${round} ${where}; territory ${territory ?? "none"}, segment ${segment ?? "none"}`,
    ...considered(candidates, reader),
  ];
}

function considered(
  candidates: readonly Candidate[] | null | undefined,
  reader: Reader,
): readonly string[] {
  return (candidates ?? []).map((one) => `considered ${sayCandidate(one, reader)}`);
}

function outcome(result: Detail["result"]): string {
  if (!result) return "";
  return result.done ? `: done, ${result.because}` : `: refused, ${result.message}`;
}

/** What stands behind an entry, in a few words: how many were considered, how much held. */
export function sayBehind({ kind, detail }: Happened): string | null {
  const { candidates, event, found } = detail as Detail;
  const considered =
    kind === "assignment" ? candidates : event?.kind === "routed" ? event.candidates : null;
  if (considered?.length) return `${considered.length} considered`;
  const lines = found?.qualification?.trace;
  if (!lines?.length) return null;
  return `${lines.filter(({ result }) => result === true).length} of ${lines.length} conditions held`;
}

/** The checklist as a decision found it; null where it found none. */
export function checklistOf({ detail }: Happened): Qualification["checklist"] | null {
  const list = (detail as Detail).found?.qualification?.checklist;
  return list?.length ? list : null;
}
