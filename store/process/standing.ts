import { judgeClocks } from "../../handoff/clocks/escalation.ts";
import { clocksInput } from "../../handoff/process/clocks.ts";
import { agreementHours } from "../../handoff/time/applied-calendar.ts";
import { formatLocal, type Instant } from "../../handoff/time/calendar.ts";
import type { Situation } from "../../handoff/process/situation.ts";
import type { Standing } from "../../handoff/process/words.ts";

/**
 * Where the process stands, as its workflow is told. `recent` are the latest decisions, the newest
 * first.
 */
export function standingOf(
  at: Situation,
  effects: boolean,
  recent: readonly ShownDecision[],
): Standing {
  const { process } = at;
  return {
    cycle: process.cycle,
    step: process.step,
    stage: process.stage,
    stageSince: process.stageSince,
    waitingOn: process.waitingOn,
    handoffId: process.handoffId,
    owner: process.owner,
    wakeAt: process.nextAt,
    wakeFor: process.nextStep ?? "nothing",
    dueAt: process.dueAt,
    leadType: process.leadType,
    band: process.band,
    source: searchable(at.source),
    territory: process.territory,
    details: detailsOf(at, recent),
    effects,
  };
}

// A source is a word such as `google`; should somebody send an address or a sentence as one, it
// stays out of Temporal.
function searchable(source: string | null): string | null {
  return source !== null && /^[\p{L}\p{N} _./-]{1,60}$/u.test(source) ? source : null;
}

/** A decision as the Temporal UI shows it: what happened, when, and what followed from it. */
export interface ShownDecision {
  readonly kind: string;
  readonly at: Instant;
  readonly because: string | null;
}

/** So many of the latest decisions are shown. */
export const shownDecisions = 3;

/** What the Temporal UI shows of a subject: Markdown, ids only. */
function detailsOf(situation: Situation, recent: readonly ShownDecision[]): string {
  const { process, handoff, agreement, agreementId } = situation;
  const { zone } = agreementHours(agreement);
  const at = (instant: Instant | null) => (instant === null ? "-" : formatLocal(zone, instant));
  const isOpen = handoff !== null && handoff.state === "open";
  return [
    `**${process.stage}**, waiting on ${process.waitingOn}, since ${at(process.stageSince)}`,
    `- owner: ${process.owner ?? (process.queue === null ? "-" : `queue ${process.queue}`)}`,
    `- due: ${at(process.dueAt)}`,
    `- next: ${process.nextStep ?? "-"}${process.nextAt === null ? "" : ` (${at(process.nextAt)})`}`,
    `- lead type ${process.leadType ?? "-"}, band ${process.band ?? "-"}, cycle ` +
      `${process.cycle}, decision ${process.step}`,
    isOpen
      ? `- handoff ${handoff.id}, round ${handoff.round}, attempts ${handoff.attempts}, ` +
        `agreement ${agreementId}`
      : `- agreement ${agreementId}`,
    ...(isOpen ? clockLines(situation) : []),
    ...recent
      .slice(0, shownDecisions)
      .map(
        (one) =>
          `- ${at(one.at)}: ${one.kind}${one.because === null ? "" : `, ${one.because.slice(0, 200)}`}`,
      ),
  ].join("\n");
}

/** Clocks that run or stand still; how much of them is used is true at the last decision. */
function clockLines(situation: Situation): string[] {
  const { views } = judgeClocks(situation.agreement, clocksInput(situation));
  return situation.clocks.flatMap(({ id, kind, scope }) => {
    const view = views[id];
    if (!view?.open) return [];
    const zone = situation.calendars[view.calendar]?.hours.zone ?? "UTC";
    const due = view.dueAt === null ? "" : `, due ${formatLocal(zone, view.dueAt)}`;
    const late = view.late ? ", late" : "";
    return [
      `- ${kind} clock of the ${scope}: ${view.state}${late}${due}, used ` +
        `${Math.round(view.usedMs / 60_000)} min`,
    ];
  });
}
