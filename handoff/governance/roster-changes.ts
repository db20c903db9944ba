import type { Caps, Rep, RepPool } from "../routing/roster.ts";
import { formatLocal, type CalendarDef, type Instant } from "../time/calendar.ts";
import { calendarChanges, sayCalendar } from "./calendar-changes.ts";
import { addedAndRemoved, moved, tabled, type RuleChange } from "./rule-change.ts";

/** A person as rosters are compared; of name and address it is said only that they changed. */
export interface ComparedRep extends Omit<Rep, "absences"> {
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly crmId: string | null;
}

interface Away {
  readonly from: Instant;
  readonly to: Instant;
  readonly reason: string;
  readonly deputyId?: string | null;
}

/** A roster as it stands, or as a file says it shall be. */
export interface ComparedRoster {
  readonly reps: readonly ComparedRep[];
  readonly pools: readonly RepPool[];
  /** By rep id. */
  readonly absences: Readonly<Record<string, readonly Away[]>>;
}

/**
 * What publishing a roster would change: pools with their weights, people, absences that are not
 * over at `now`. Whoever the new one does not name stays as before, so nothing is said of them.
 */
export function rosterChanges(
  before: ComparedRoster,
  after: ComparedRoster,
  now: Instant,
): RuleChange[] {
  const among = <T extends { readonly id: string }>(all: readonly T[], named: readonly T[]) => {
    const ids = new Set(named.map(({ id }) => id));
    return Object.fromEntries(all.filter(({ id }) => ids.has(id)).map((one) => [one.id, one]));
  };
  return [
    ...tabled<RepPool>(among(before.pools, after.pools), among(after.pools, after.pools), {
      about: (id) => id,
      say: ({ members }) => Object.keys(members).join(", "),
      changes: poolChanges,
    }),
    ...tabled<ComparedRep>(among(before.reps, after.reps), among(after.reps, after.reps), {
      about: (id) => id,
      say: ({ role }) => role,
      changes: personChanges,
    }),
    ...after.reps.flatMap(({ id, hours }) => {
      const say = (all: readonly Away[] | undefined) =>
        (all ?? []).filter(({ to }) => to > now).map((one) => sayAway(one, hours?.zone ?? "UTC"));
      return addedAndRemoved(id, say(before.absences[id]), say(after.absences[id]), "away");
    }),
  ];
}

/** `dach: weight of r7 4 -> 2` */
function poolChanges(id: string, before: RepPool, after: RepPool): RuleChange[] {
  return [
    ...addedAndRemoved(id, Object.keys(before.members), Object.keys(after.members)),
    ...Object.entries(after.members).flatMap(([rep, weight]) => {
      const was = Object.hasOwn(before.members, rep) ? before.members[rep] : undefined;
      return was === undefined ? [] : moved(id, `${was}`, `${weight}`, `weight of ${rep}`);
    }),
    ...hoursChanges(id, before.hours, after.hours),
  ];
}

function personChanges(id: string, before: ComparedRep, after: ComparedRep): RuleChange[] {
  const changed = (what: string, was: string | null, is: string | null) =>
    was === is ? [] : [{ about: id, change: `${what} changed` }];
  const named = (what: string, was?: string | null, is?: string | null) =>
    moved(id, was ?? "none", is ?? "none", what);
  const caps: readonly (readonly [string, keyof Caps])[] = [
    ["open offers at most", "open"],
    ["offers a day at most", "perDay"],
    ["offers an hour at most", "perHour"],
  ];
  return [
    ...changed("name", before.name, after.name),
    ...changed("address", before.email, after.email),
    ...moved(id, before.role, after.role, "role"),
    ...moved(id, before.active ? "active" : "left", after.active ? "active" : "left"),
    ...named("manager", before.managerId, after.managerId),
    ...named("deputy", before.deputyId, after.deputyId),
    ...named("CRM id", before.crmId, after.crmId),
    ...hoursChanges(id, before.hours, after.hours),
    ...addedAndRemoved(id, before.languages, after.languages, "language"),
    ...addedAndRemoved(id, before.products, after.products, "product"),
    ...addedAndRemoved(id, before.motions, after.motions, "motion"),
    ...caps.flatMap(([what, cap]) => {
      const say = ({ [cap]: limit }: Caps) => (limit === undefined ? "no limit" : `${limit}`);
      return moved(id, say(before.caps), say(after.caps), what);
    }),
  ];
}

function hoursChanges(
  about: string,
  before: CalendarDef | null,
  after: CalendarDef | null,
): RuleChange[] {
  if (before && after) return calendarChanges(about, before, after);
  const say = (hours: CalendarDef | null) => (hours ? sayCalendar(hours) : "none of its own");
  return moved(about, say(before), say(after), "hours");
}

function sayAway({ from, to, reason, deputyId }: Away, zone: string): string {
  const deputy = deputyId ? `, deputy ${deputyId}` : "";
  return `${formatLocal(zone, from)} to ${formatLocal(zone, to)} (${reason}${deputy})`;
}
