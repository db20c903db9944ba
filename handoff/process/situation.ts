import type { Agreement, Band, Path } from "../agreement.ts";
import type { AppliedCalendar } from "../time/applied-calendar.ts";
import type { Instant, LocalDate } from "../time/calendar.ts";
import type { HandoffTerms } from "../clocks/terms.ts";
import type { HandoffClock } from "../clocks/escalation.ts";
import type { Engagement, Facts } from "../facts/facts.ts";
import type { Stage, WaitingOn } from "../stage.ts";
import type { Subject } from "./words.ts";

/** The process row: where a subject stands. Written only by decisions. */
export interface ProcessState {
  readonly stage: Stage;
  readonly stageSince: Instant;
  readonly waitingOn: WaitingOn;
  /** The person who has it; null when nobody has. */
  readonly owner: string | null;
  /** The named queue while no person has it. */
  readonly queue: string | null;
  /** What happens next, in words of the glossary. */
  readonly nextStep: string | null;
  /** When; null while it waits for a person or a signal. */
  readonly nextAt: Instant | null;
  /** The deadline that people see. */
  readonly dueAt: Instant | null;
  readonly leadType: string | null;
  readonly band: Band | null;
  readonly territory: string | null;
  readonly cycle: number;
  readonly step: number;
  readonly handoffId: string | null;
  /** Nurture: when a person looks at it. */
  readonly reviewAt: Instant | null;
  /** Re-nurture: when it entered the pool, with which intent, why, and when to come back. */
  readonly exitAt: Instant | null;
  readonly exitIntent: number | null;
  readonly exitReason: string | null;
  readonly revisitOn: LocalDate | null;
  readonly closedReason: string | null;
  readonly mergedInto: string | null;
}

/** The open handoff. */
export interface Handoff {
  readonly id: string;
  readonly cycle: number;
  readonly agreementId: string;
  readonly leadType: string;
  readonly path: Path;
  readonly priority: number;
  readonly band: Band;
  readonly fit: number;
  readonly intent: number;
  readonly icp: boolean;
  readonly source: string | null;
  readonly campaign: string | null;
  readonly motion: string | null;
  readonly language: string | null;
  readonly product: string | null;
  readonly segment: string | null;
  readonly territory: string | null;
  readonly pool: string | null;
  readonly state: "open" | "closed";
  readonly repId: string | null;
  /** Offers made so far. */
  readonly round: number;
  readonly mqlAt: Instant;
  readonly offeredAt: Instant | null;
  readonly firstOutreachAt: Instant | null;
  readonly connectedAt: Instant | null;
  readonly meetingAt: Instant | null;
  readonly salAt: Instant | null;
  readonly sqlAt: Instant | null;
  readonly opportunityAt: Instant | null;
  readonly rejectedAt: Instant | null;
  readonly rejectionReason: string | null;
  readonly rejectionGroup: string | null;
  /** The date that the last rejection named. */
  readonly rejectionRevisitOn: LocalDate | null;
  readonly contestedAt: Instant | null;
  readonly overturnedAt: Instant | null;
  readonly attempts: number;
  readonly attemptsUntil: Instant | null;
  readonly pausedUntil: Instant | null;
  readonly reassignments: number;
  /** The person a manager chose for the next round. */
  readonly assignTo: string | null;
  readonly outcome: string | null;
  readonly closedAt: Instant | null;
  /** By what its clocks run, when that is another version than the one it began under. */
  readonly terms?: HandoffTerms;
  /** Of its account when it began: its terms are those of this tier. Absent: none. */
  readonly tier?: number;
  /** How likely it was that it began to explore. Absent: a rule or a person began it. */
  readonly propensity?: number;
  /** When it was taken over from another system; absent: Baton opened it. */
  readonly takenOverAt?: Instant;
  /** The handoff of its account that was open when it began; absent: none was. */
  readonly accountHandoffId?: string;
}

/** Somebody of the roster whom the decision may concern. */
export interface Person {
  readonly id: string;
  readonly active: boolean;
  readonly role: string;
  readonly managerId: string | null;
  /** The kept calendar on which a clock of this person runs in the handoff's pool. */
  readonly calendarId: string;
  /** Who stands in while this person is away, and after leaving. */
  readonly deputyId?: string | null;
  /** Absences that are not over. */
  readonly absences?: readonly PersonAbsence[];
}

/** A time at which somebody does not work. */
export interface PersonAbsence {
  readonly from: Instant;
  readonly to: Instant;
  /** When it was entered. */
  readonly knownAt: Instant;
  /** Who stands in; null: the person's own deputy. */
  readonly deputyId: string | null;
}

export const taskKinds = [
  "fix-data",
  "contested",
  "fallback",
  "escalated",
  "nurture-review",
  "renurture-review",
  "stalled",
  "hand-raise",
  "conflict",
  "account-engaged",
  "crm-drift",
  "dead-letter",
] as const;
export type TaskKind = (typeof taskKinds)[number];

/** A task of a person about the subject that is not done yet. */
export interface OpenTask {
  readonly kind: TaskKind;
  readonly handoffId: string | null;
  readonly role: string;
  readonly assigneeId: string | null;
  readonly since: Instant;
  readonly dueAt: Instant | null;
  /** When whoever has it is asked again, or somebody above; absent: not known yet. */
  readonly remindAt?: Instant | null;
  /** How often it was asked about since it was given to whoever has it. */
  readonly reminded?: number;
  /** Ids and words of the glossary, never a name. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A clock of the handoff, with the offer that it belongs to. */
export interface ProcessClock extends HandoffClock {
  /** 0 for a lead clock. */
  readonly round: number;
}

/**
 * An offer that is not over: a round of a handoff put before a person or a queue. Routing writes
 * its offers itself, so there may be one that no decision has heard of, even of a closed handoff.
 */
export interface OpenOffer {
  readonly handoffId: string;
  readonly round: number;
  readonly repId: string | null;
  readonly pool: string | null;
}

/**
 * Everything that one decision may look at, as plain data, read under the lock of the process row.
 * Stored with the decision, so that it can be taken again: agreement and calendars by their ids.
 */
export interface Situation {
  readonly subject: Subject;
  /** The moment of the decision. */
  readonly now: Instant;
  readonly agreementId: string;
  /** The version that the open handoff is pinned to; without one, the active version. */
  readonly agreement: Agreement;
  readonly process: ProcessState;
  readonly arrivedAt: Instant;
  readonly source: string | null;
  readonly campaign: string | null;
  readonly erased: boolean;
  /** The survivor of a merge that was asked for. */
  readonly mergeInto: string | null;
  /** Of the subject and its account, as conditions read them; open opportunities are counted in. */
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
  /** The tier of its account, as it is told or by a flag that stands; absent: none. */
  readonly tier?: number;
  /** The open handoff of a lead's account; absent: none is. */
  readonly accountHandoffId?: string;
  /** Of an account: the flag that stands. */
  readonly accountFlag?: { readonly contacts: number };
  /** Contacts that match this person, itself included. */
  readonly matches: number;
  readonly handoff: Handoff | null;
  /** The lead type of the latest handoff, open or closed. */
  readonly lastLeadType: string | null;
  /** Lead clocks and the rep clocks of the current round. */
  readonly clocks: readonly ProcessClock[];
  /** Kept calendars by id: those of the clocks and of the people. */
  readonly calendars: Readonly<Record<string, AppliedCalendar>>;
  /** The kept calendar of the handoff's pool, for clocks that run while nobody has it. */
  readonly poolCalendarId: string;
  readonly people: Readonly<Record<string, Person>>;
  readonly tasks: readonly OpenTask[];
  readonly offers: readonly OpenOffer[];
  /** Who has the handoff had a turn in a pool in which they work no more. */
  readonly outOfPool?: true;
  /** While the owner is gone: an active colleague of the pool who has the least work. */
  readonly suggested?: string;
  /**
   * When a deciding action was decided last in this handoff, or else in this stage: what it answered
   * is answered.
   */
  readonly answeredAt: Instant | null;
  /** When outreach or an answer was received last in the open handoff. */
  readonly lastActivityAt: Instant | null;
  /** When the latest task `stalled` of the open handoff was opened, done or not. */
  readonly stalledAt: Instant | null;
  /** When the latest task about a raised hand was opened, done or not; absent: never. */
  readonly handRaisedAt?: Instant | null;
  /** Engagements that the decision knew of which closed the subject; absent while it is open. */
  readonly knownAtEnd?: readonly string[];
  /** Rejections by the person who acts, within 24 hours before the action; 0 without an action. */
  readonly rejectionsToday: number;
  /** The first opportunity of this subject that belongs to no other handoff. */
  readonly opportunity: { readonly id: string; readonly createdAt: Instant } | null;
  /** An open opportunity of this subject, whichever handoff led to it, and who works on it. */
  readonly openOpportunity?: { readonly id: string; readonly ownerId: string | null };
  /** How the latest opportunity of this subject ended; absent while one is open. */
  readonly opportunityEnd?: { readonly how: "won" | "lost"; readonly at: Instant };
}

/** A contested rejection waits for a manager. A later overturning ends it. */
export function isContested(handoff: Handoff | null): boolean {
  if (handoff === null || handoff.contestedAt === null) return false;
  return handoff.overturnedAt === null || handoff.overturnedAt < handoff.contestedAt;
}

/** The open handoff. Throws where there is none, because the stage says that there is. */
export function openHandoff(situation: Situation): Handoff {
  const { handoff, subject, process } = situation;
  if (handoff === null) {
    throw new Error(`${subject.kind} ${subject.id} is ${process.stage} without an open handoff`);
  }
  return handoff;
}

/** The open task of a kind; there is at most one. */
export function taskOf({ tasks }: Situation, kind: TaskKind): OpenTask | undefined {
  return tasks.find((task) => task.kind === kind);
}

export function hasLeft({ people }: Situation, id: string): boolean {
  return people[id]?.active === false;
}

/** Whether the rep of the open handoff left, or left the pool whose turn it was. */
export function isGone(situation: Situation): boolean {
  const repId = situation.handoff?.repId ?? null;
  return repId !== null && (hasLeft(situation, repId) || situation.outOfPool === true);
}

/** Whether somebody reports to this manager, over however many others. */
export function reportsTo(situation: Situation, id: string, managerId: string): boolean {
  const seen = new Set<string>();
  let above = situation.people[id]?.managerId ?? null;
  while (above !== null && above !== managerId && !seen.has(above)) {
    seen.add(above);
    above = situation.people[above]?.managerId ?? null;
  }
  return above === managerId;
}

/** The next active person above somebody, or null when the roster names none. */
export function activeManagerOf(
  situation: Pick<Situation, "people">,
  repId: string | null,
): string | null {
  const seen = new Set<string>();
  let id = repId === null ? null : (situation.people[repId]?.managerId ?? null);
  while (id !== null && !seen.has(id)) {
    seen.add(id);
    const person = situation.people[id];
    if (person?.active) return id;
    id = person?.managerId ?? null;
  }
  return null;
}
