import type { Instant } from "../time/calendar.ts";
import type { Stage } from "../stage.ts";
import type { TaskKind } from "./situation.ts";

/** Which clock a message speaks of. */
export type ClockKind = "outreach" | "status";

/**
 * What the escalation ladder does when nothing happens. `manager-task`: an accepted lead stays with
 * its rep while the manager looks at it. `at` is null for what this decision does itself.
 */
export type NextRung = {
  readonly do: "notify-manager" | "reassign" | "manager-queue" | "manager-task";
  readonly at: Instant | null;
};

/**
 * A message that a decision wants sent, with all that it says beside names. It is written by the
 * decision itself, so a text cannot claim what the decision did not do. Ids and instants only.
 */
export type Message =
  /** To the rep: the lead is offered, or handed over after acceptance. */
  | {
      readonly what: "offer";
      readonly repId: string;
      readonly stage: Stage;
      /** The clock that runs out first; null when none runs. */
      readonly clock: ClockKind | null;
      readonly dueAt: Instant | null;
      /** A person was offered it before. */
      readonly again: boolean;
    }
  /** To the rep: part of the time is used up. */
  | {
      readonly what: "warning";
      readonly repId: string;
      readonly clock: ClockKind;
      readonly fraction: number;
      readonly dueAt: Instant | null;
    }
  /** To the manager: a deadline passed. `next` is null when the ladder holds nothing more. */
  | {
      readonly what: "breach";
      readonly repId: string | null;
      readonly clock: ClockKind;
      readonly dueAt: Instant;
      readonly next: NextRung | null;
    }
  /** To the manager: a rung of the ladder was taken, or the lead waits for the manager. */
  | {
      readonly what: "escalation";
      readonly repId: string | null;
      readonly clock: ClockKind | null;
      readonly rung: number;
      readonly because: string;
      /** The manager must assign it; otherwise it stays with its rep for now. */
      readonly waits: boolean;
      /** The deadline that was missed; null when none was. */
      readonly dueAt: Instant | null;
      readonly next: NextRung | null;
    }
  /** To the rep who had it: it is somebody else's now. */
  | { readonly what: "reassigned-away"; readonly repId: string; readonly because: string }
  /** To the rep who had it: the handoff is over. */
  | {
      readonly what: "withdrawn";
      readonly repId: string;
      readonly because: string;
      /** The person goes on as this lead. */
      readonly mergedInto: string | null;
    }
  /** To who has the lead: another record of the person is part of it now. */
  | {
      readonly what: "merged";
      readonly repId: string;
      readonly from: string;
      /** Who had the other record. */
      readonly withRep: string | null;
    }
  /** To the manager: a rejection contradicts what is known. */
  | {
      readonly what: "contested";
      readonly repId: string | null;
      readonly managerId: string | null;
      readonly reason: string;
      readonly dueAt: Instant;
    }
  /** To the rep who rejected: what the manager decided. */
  | {
      readonly what: "contest-decided";
      readonly repId: string;
      readonly decision: "upheld" | "overturned";
      readonly reason: string | null;
    }
  /**
   * To the queue: nobody was found. `dueAt`: when outreach to the lead is due, whoever takes it.
   */
  | { readonly what: "fallback-queue"; readonly queue: string; readonly dueAt: Instant | null }
  | { readonly what: "nurture-review"; readonly role: string; readonly since: Instant }
  /**
   * To whoever has a task, or to the manager above: it waits. `dueAt`: by when something should
   * have happened, or should happen.
   */
  | {
      readonly what: "task-waits";
      readonly task: TaskKind;
      readonly role: string;
      readonly assigneeId: string | null;
      readonly tell: "holder" | "above";
      readonly since: Instant;
      readonly dueAt: Instant;
    }
  | { readonly what: "stalled"; readonly repId: string | null; readonly because: string }
  /** To the author of an action that came by another system: it was not taken, and why. */
  | {
      readonly what: "action-refused";
      readonly repId: string;
      readonly action: string;
      readonly because: string;
      /** What stands instead. */
      readonly stage: Stage;
      readonly owner: string | null;
    };

/** To whom a message goes: a person, the first active manager of one or above one, or a role. */
export type Addressee =
  | { readonly to: "person"; readonly id: string }
  /** The first active person from there upwards, or above. */
  | { readonly to: "manager"; readonly of: string | null; readonly from: "there" | "above" }
  | { readonly to: "role"; readonly role: string };

/** Who is told: the same people as those of the decision's task. */
export function addresseeOf(message: Message): Addressee {
  switch (message.what) {
    case "offer":
    case "warning":
    case "reassigned-away":
    case "withdrawn":
    case "merged":
    case "contest-decided":
    case "action-refused":
      return { to: "person", id: message.repId };
    case "breach":
    case "escalation":
    case "stalled":
      return { to: "manager", of: message.repId, from: "above" };
    case "contested":
      return message.managerId === null
        ? { to: "manager", of: message.repId, from: "above" }
        : { to: "manager", of: message.managerId, from: "there" };
    case "task-waits": {
      const { assigneeId, role, tell } = message;
      if (assigneeId === null) return { to: "role", role: tell === "above" ? "manager" : role };
      return { to: "manager", of: assigneeId, from: tell === "above" ? "above" : "there" };
    }
    case "fallback-queue":
      return { to: "role", role: message.queue };
    case "nurture-review":
      return { to: "role", role: message.role };
    default:
      return message satisfies never;
  }
}
