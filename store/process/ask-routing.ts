import { tierTerms } from "../../handoff/accounts/tier.ts";
import type { Event } from "../../handoff/process/event.ts";
import type { Situation } from "../../handoff/process/situation.ts";
import { knownToRouting } from "../../handoff/process/stored.ts";
import { hoursRules } from "../../handoff/clocks/terms.ts";
import { leadTypeOf } from "../../handoff/qualify/qualify.ts";
import { appliedCalendar, compileApplied } from "../../handoff/time/applied-calendar.ts";
import { dueAt } from "../../handoff/time/deadline.ts";
import { rows, sql, type Tx } from "../postgres/db.ts";
import { accountsOf, lockAccountOf, type LeadAccount } from "../routing/account-owner.ts";
import { hoursOnRoster } from "../routing/roster.ts";
import type { RouteRequest, RouteResult } from "../routing/route-request.ts";
import { calendarId, keepCalendar } from "./calendars.ts";
import { standIns } from "./load.ts";

/** What the dispatcher answered for a round, as the event that is decided about. */
export function routedBy(
  { routed, territory, segment, candidates, input }: RouteResult,
  round: number,
): Extract<Event, { kind: "routed" }> {
  return {
    kind: "routed",
    round,
    routed,
    territory,
    segment,
    // What was found before, from other facts, comes back without what it was found from.
    ...(input.evidence === null ? {} : { placedNow: true }),
    ...(routed.kind === "held" ? { candidates } : {}),
  };
}

/** What the dispatcher is asked about the next round of the open handoff. */
export async function requestOf(
  tx: Tx,
  situation: Situation,
  round: number,
): Promise<RouteRequest> {
  const { handoff: h, agreement, now } = situation;
  if (h === null) throw new Error(`${situation.subject.id} has no handoff to route`);
  const before = await rows<{ repId: string; round: number }>(
    tx,
    sql`
    select rep_id as "repId", round from assignment
    where handoff_id = ${h.id} and rep_id is not null and round < ${round}`,
  );
  const type = leadTypeOf(agreement, h.leadType);
  const terms = h.terms ?? (type && tierTerms(agreement, type, h.tier));
  const hours = compileApplied(appliedCalendar(hoursRules(agreement, h), null, null), now);
  return {
    handoffId: h.id,
    round,
    now,
    agreement,
    known: knownToRouting(situation),
    leadType: h.leadType,
    priority: h.priority,
    arrivedAt: situation.arrivedAt,
    exclude: before,
    // For the order of leads on hold: the deadline as it would be on the agreement's own hours.
    dueAt: terms
      ? dueAt(terms.outreach, h.mqlAt, hours, { elapsedRoll: agreement.clocks.elapsedRoll })
      : now,
    ...(await accountOf(tx, situation)),
    language: h.language,
    product: h.product,
    motion: h.motion,
    ...(h.assignTo === null ? {} : { assignTo: h.assignTo }),
  };
}

/**
 * Who has the account, in every round: who had this very lead before is passed over by routing.
 * Where the agreement ignores owners, only of a handoff that is the account's own or belongs to it.
 * Until the transaction ends no colleague is routed beside this one.
 */
async function accountOf(
  tx: Tx,
  { subject, agreement, handoff }: Situation,
): Promise<LeadAccount & Pick<RouteRequest, "withAccount">> {
  const nobody = { accountId: null, owners: [] };
  const isKept = agreement.routing.owners === "keep";
  const isPart = subject.kind === "account" || handoff?.accountHandoffId !== undefined;
  if (!isKept && !isPart) return nobody;
  await lockAccountOf(tx, subject.id);
  const found = (await accountsOf(tx, [subject.id])).get(subject.id);
  if (!found) return nobody;
  const { accountId, owners, holders } = found;
  return {
    accountId,
    owners: isKept ? owners : holders,
    ...(isPart ? { withAccount: true } : {}),
  };
}

/** The situation with the hours of whom routing chose, and of the pool. */
export async function withPlace(
  tx: Tx,
  situation: Situation,
  routed: Extract<Event, { kind: "routed" }>["routed"],
): Promise<Situation> {
  const repId = routed.kind === "assigned" ? routed.repId : null;
  const pool = (routed.kind === "queue" ? null : routed.pool) ?? situation.handoff?.pool ?? null;
  const found = await hoursOnRoster(tx, repId, pool);
  const { agreement, now } = situation;
  const rules = hoursRules(agreement, situation.handoff);
  const [ofRep, ofPool] = [
    appliedCalendar(rules, found.rep, found.pool),
    appliedCalendar(rules, null, found.pool),
  ];
  const [repCalendar, poolCalendarId] = [calendarId(ofRep), calendarId(ofPool)];
  await keepCalendar(tx, repCalendar, ofRep, now);
  await keepCalendar(tx, poolCalendarId, ofPool, now);
  const person =
    repId === null
      ? {}
      : {
          [repId]: {
            role: "rep",
            managerId: null,
            ...situation.people[repId],
            id: repId,
            // Read after the dispatcher's commit: a rep who left meanwhile gets nothing.
            active: found.rep?.active ?? true,
            calendarId: repCalendar,
            // What is ahead decides when the lead is looked at again.
            ...standIns(found.rep?.deputyId ?? null, found.rep?.absences ?? [], now),
          },
        };
  return {
    ...situation,
    poolCalendarId,
    people: { ...situation.people, ...person },
    calendars: { ...situation.calendars, [repCalendar]: ofRep, [poolCalendarId]: ofPool },
  };
}
