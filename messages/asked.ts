import type { TaskKind } from "../handoff/process/situation.ts";
import type { WaitingOn } from "../handoff/stage.ts";
import { fieldInFull } from "../words/trace.ts";
import { taskAsks } from "./tasks.ts";
import { spoken } from "./words.ts";

/** What a lead asks of whoever has it, by what it waits for. */
const leadAsks: Readonly<Partial<Record<WaitingOn, string>>> = {
  outreach: "Reach out and log the attempt, then accept or reject with a reason.",
  answer: "Accept, or reject with a reason.",
  attempts: "Go on reaching out, log each attempt, then confirm or hand it back.",
  meeting: "Hold the meeting, then confirm fit, need and timing, or hand it back.",
  opportunity: "Open the opportunity in the CRM, or hand it back.",
  manager: "Assign it to somebody who can take it.",
  queue: "Assign it to somebody who can take it.",
  hold: "It is offered by itself; assign it if it cannot wait.",
};

/** The deed that a lead or a task asks for, as a sentence; empty where nobody is asked. */
export function askedOf(about: {
  readonly waitingOn: WaitingOn | null;
  readonly task: TaskKind | null;
}): string {
  if (about.task !== null) return taskAsks[about.task].deed;
  return (about.waitingOn && leadAsks[about.waitingOn]) ?? "";
}

/**
 * Why a task is there, in the words of the decision that opened it; null where it does not say.
 * `detail` holds ids and names of fields only.
 */
export function whyOfTask(detail: Readonly<Record<string, unknown>>): string | null {
  const text = (field: string) => {
    const value = detail[field];
    return typeof value === "string" && value !== "" ? value : null;
  };
  const missing = Array.isArray(detail["missing"]) ? detail["missing"].flatMap(fieldOf) : [];
  const said = text("because") ?? (text("reason") && `rejected: ${spoken(text("reason") ?? "")}`);
  const field = text("field");
  const parts = [
    said,
    field && `see ${fieldInFull(field)}`,
    missing.length > 0 ? `missing: ${missing.map(fieldInFull).join(", ")}` : null,
    text("signal") && `did ${text("signal")}`,
    text("closedReason") && `ended because: ${text("closedReason")}`,
  ].filter((part) => part !== null && part !== "");
  return parts.length === 0 ? null : parts.join("; ");
}

function fieldOf(one: unknown): string[] {
  const field: unknown =
    typeof one === "object" && one !== null && "field" in one ? one.field : one;
  return typeof field === "string" ? [field] : [];
}
