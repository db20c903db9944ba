import type { Target } from "../time/deadline.ts";
import type { Instant, LocalDate } from "../time/calendar.ts";
import type { ClockEvent } from "../clocks/clock.ts";
import type { Stage } from "../stage.ts";
import type { Learnt } from "./event.ts";
import type { Message } from "./message.ts";
import type { Channel, Outcome } from "./outreach.ts";
import type { Handoff, OpenTask, ProcessState, TaskKind } from "./situation.ts";

/** A clock to be started: its first event carries target and calendar. */
export interface NewClock {
  readonly id: string;
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  /** 0 for a lead clock. */
  readonly round: number;
  readonly repId: string | null;
  readonly target: Target;
  readonly calendarId: string;
  readonly at: Instant;
}

/** What a clock shows in lists and figures. */
export interface ShownClock {
  readonly id: string;
  readonly state: "running" | "paused" | "met" | "breached" | "cancelled";
  readonly dueAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly breachedAt: Instant | null;
  readonly usedMs: number;
  readonly calendarId: string;
  readonly startedAt: Instant;
}

export type AnswerKind =
  "accept" | "reject" | "advance" | "hand-back" | "contest-upheld" | "contest-overturned";

/** The parts of a process row that a decision sets; stage and step are moved, not set. */
export type Stand = Partial<Omit<ProcessState, "stage" | "stageSince" | "cycle" | "step">>;

/**
 * The few things that a decision can do. Plain data: the writer in `store/` applies them to rows in
 * one transaction, the writer in memory to a situation.
 */
export type Change =
  | { readonly do: "move"; readonly from: Stage; readonly to: Stage; readonly because: string }
  | { readonly do: "stand"; readonly set: Stand }
  /** The cycle is over; the subject goes on in the next one. */
  | { readonly do: "next-cycle" }
  | { readonly do: "open-handoff"; readonly handoff: Handoff }
  | { readonly do: "set-handoff"; readonly set: Partial<Omit<Handoff, "id" | "cycle">> }
  | { readonly do: "start-clocks"; readonly clocks: readonly NewClock[] }
  | { readonly do: "clock-event"; readonly clock: string; readonly event: ClockEvent }
  /** A warning, a breach or a rung of the ladder is on record. */
  | {
      readonly do: "note-clock";
      readonly clock: string;
      readonly warned?: number;
      readonly rung?: number;
      readonly breachedAt?: Instant;
    }
  | { readonly do: "show-clocks"; readonly clocks: readonly ShownClock[] }
  /** An offer to a person, or to a queue (`repId` null). Routing has written its own already. */
  | {
      readonly do: "open-offer";
      readonly round: number;
      readonly repId: string | null;
      readonly pool: string | null;
      readonly by: "routing" | "manager";
    }
  /** `handoffId` names another handoff than the open one. */
  | {
      readonly do: "end-offer";
      readonly round: number;
      readonly why: string;
      readonly handoffId?: string;
    }
  /** The handoff is on hold no longer. */
  | { readonly do: "end-hold" }
  /** Somebody in these pools has room: leads on hold are offered in their order. */
  | { readonly do: "free-room"; readonly pools: readonly string[] }
  /** The rep gets the turn of this round back. */
  | { readonly do: "reverse-credit"; readonly round: number; readonly handoffId?: string }
  | { readonly do: "open-task"; readonly task: Omit<OpenTask, "since"> }
  /** When an open task is due, who is asked again, and when. */
  | {
      readonly do: "schedule-task";
      readonly kind: TaskKind;
      readonly assigneeId: string | null;
      readonly dueAt: Instant;
      readonly remindAt: Instant;
      readonly reminded: number;
    }
  | {
      readonly do: "end-tasks";
      readonly kinds: readonly TaskKind[];
      readonly state: "done" | "withdrawn";
      readonly by: string;
      readonly how: string;
    }
  | {
      readonly do: "record-outreach";
      readonly id: string;
      readonly repId: string;
      readonly channel: Channel;
      readonly outcome: Outcome;
      readonly occurredAt: Instant;
      readonly receivedAt: Instant;
      readonly onTime: boolean | null;
    }
  | {
      readonly do: "record-answer";
      readonly id: string;
      readonly kind: AnswerKind;
      readonly round: number;
      readonly by: string;
      readonly reason: string | null;
      readonly revisitOn: LocalDate | null;
      readonly learnt: Learnt;
      readonly contested: boolean;
      readonly receivedAt: Instant;
      readonly onTime: boolean | null;
    }
  /** What a person said of the timeline is a fact of the lead. */
  | { readonly do: "learn-timeline"; readonly timeline: string; readonly at: Instant }
  | {
      readonly do: "record-review";
      readonly decision: "keep" | "return" | "retire";
      readonly by: string;
    }
  | {
      readonly do: "open-opportunity";
      readonly id: string;
      readonly amountMinor: number | null;
      readonly currency: string | null;
    }
  /** The opportunity seen in the CRM belongs to the open handoff. */
  | { readonly do: "link-opportunity"; readonly id: string }
  | {
      readonly do: "remember-score";
      readonly fit: number;
      readonly intent: number;
      readonly band: string;
    }
  /** The flag of the account ends with its handoff. */
  | { readonly do: "end-flag"; readonly how: string; readonly by: string }
  /** A message to somebody on our side; the same key is one message. */
  | { readonly do: "send"; readonly n: string; readonly message: Message }
  /** The CRM is made equal to the rows. */
  | { readonly do: "sync-crm" };
