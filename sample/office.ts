import type { Agreement } from "../handoff/agreement.ts";
import type { RepPool, Roster } from "../handoff/routing/roster.ts";
import type { TerritoryPlace } from "../handoff/routing/territory.ts";
import {
  appliedCalendar,
  compileYears,
  type AppliedCalendar,
} from "../handoff/time/applied-calendar.ts";
import { addBusinessTime, isOpen, type Calendar, type Instant } from "../handoff/time/calendar.ts";
import type { SampleOffer } from "./model.ts";
import type { Dice } from "./random.ts";

const second = 1_000;
const hour = 3_600_000;

/** Who works where, on which hours. */
export interface SampleOffice {
  /** The hours of a rep in a pool; the name stands in `calendars`. */
  hoursOf(repId: string, pool: string | null): { readonly name: string; readonly open: Calendar };
  readonly calendars: ReadonlyMap<string, AppliedCalendar>;
  readonly roster: Roster;
  readonly fallback: string;
}

export function sampleOffice(
  agreement: Agreement,
  roster: Roster,
  years: { readonly from: number; readonly to: number },
): SampleOffice {
  const calendars = new Map<string, AppliedCalendar>();
  return {
    calendars,
    roster,
    fallback: agreement.routing.fallback,
    hoursOf(repId, pool) {
      const name = `${repId}/${pool ?? "-"}`;
      const rep = roster.reps[repId];
      if (!rep) throw new Error(`the roster has no ${repId}`);
      const applied =
        calendars.get(name) ??
        appliedCalendar(agreement, rep, pool === null ? null : (roster.pools[pool] ?? null));
      calendars.set(name, applied);
      return { name, open: compileYears(applied, years) };
    },
  };
}

/** Who has a handoff at last, since when, and through which offers it came to them. */
export interface SampleRouting {
  readonly repId: string;
  readonly pool: string | null;
  readonly offeredAt: Instant;
  readonly offers: readonly Omit<SampleOffer, "endedAt" | "endedWhy">[];
}

/**
 * Offered to somebody of the first pool in which anybody works, at its opening; where nobody does,
 * it lies in the fallback queue until somebody there finds the time.
 */
export function sampleRouting(
  office: SampleOffice,
  place: TerritoryPlace,
  mqlAt: Instant,
  dice: Dice,
): SampleRouting {
  const step = place.steps.find(({ pool }) => membersOf(office, pool).length > 0);
  if (step) {
    const repId = inTurn(office.roster.pools[step.pool], membersOf(office, step.pool), dice);
    const offeredAt = opening(office.hoursOf(repId, step.pool).open, mqlAt, dice);
    const offer = { repId, queue: null, pool: step.pool, via: step.via, at: offeredAt };
    return { repId, pool: step.pool, offeredAt, offers: [offer] };
  }
  const helpers = ["americas-sdr", ...Object.keys(office.roster.pools)].find(
    (pool) => membersOf(office, pool).length > 0,
  );
  const repId = dice.pick(membersOf(office, helpers ?? ""));
  const { open } = office.hoursOf(repId, null);
  const offeredAt = openAfter(open, mqlAt, dice.between(6, 22) * hour);
  return {
    repId,
    pool: null,
    offeredAt,
    offers: [
      {
        repId: null,
        queue: office.fallback,
        pool: null,
        via: "fallback",
        at: mqlAt + second,
      },
      { repId, queue: null, pool: null, via: "manager", at: offeredAt },
    ],
  };
}

function membersOf({ roster }: SampleOffice, pool: string): string[] {
  return Object.keys(roster.pools[pool]?.members ?? {}).filter((id) => roster.reps[id]?.active);
}

function inTurn(pool: RepPool | undefined, members: readonly string[], dice: Dice): string {
  return dice.weighted(Object.fromEntries(members.map((id) => [id, pool?.members[id] ?? 1])));
}

function opening(open: Calendar, at: Instant, dice: Dice): Instant {
  const soon = dice.whole(1, 20) * second;
  return isOpen(open, at) ? at + soon : openAfter(open, at, soon);
}

/** So much open time later, in whole milliseconds. */
export function openAfter(open: Calendar, at: Instant, ms: number): Instant {
  return addBusinessTime(open, at, Math.round(ms));
}
