import type { CalendarDef, Instant } from "../time/calendar.ts";

/**
 * Who can take leads. The roster changes daily and is not part of the agreement
 * (docs/agreement.md, "What is not in the file").
 */
export interface Roster {
  readonly reps: Readonly<Record<string, Rep>>;
  readonly pools: Readonly<Record<string, RepPool>>;
}

/** A sales rep. Ids only: names and addresses stay in the store. */
export interface Rep {
  readonly id: string;
  readonly active: boolean;
  readonly managerId: string | null;
  /** Own working hours; without them the pool's hold. */
  readonly hours: CalendarDef | null;
  readonly languages: readonly string[];
  readonly products: readonly string[];
  readonly motions: readonly string[];
  readonly caps: Caps;
  readonly absences: readonly {
    readonly from: Instant;
    readonly to: Instant;
    readonly reason: string;
    /** Who stands in; absent: the person's own deputy. */
    readonly deputyId?: string | null;
  }[];
  /** Who stands in during absences and after leaving; absent: nobody. */
  readonly deputyId?: string | null;
}

/**
 * Limits on open unworked offers and on new offers per local day and per hour; absent means no
 * limit.
 */
export interface Caps {
  readonly open?: number;
  readonly perDay?: number;
  readonly perHour?: number;
}

/** A set of reps who share work in turn. */
export interface RepPool {
  readonly id: string;
  /** Coverage hours; without them the agreement's calendar holds. */
  readonly hours: CalendarDef | null;
  /** Member id to weight. */
  readonly members: Readonly<Record<string, number>>;
}
