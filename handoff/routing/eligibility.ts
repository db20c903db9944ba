import type { Instant } from "../time/calendar.ts";
import { inForm } from "../facts/text.ts";
import type { Presence } from "./presence.ts";
import type { Caps } from "./roster.ts";
import { DAY, formatWall } from "../time/local-time.ts";

/**
 * What a rep has on the dispatcher: open offers not worked yet, and new offers in the local day and
 * hour.
 */
export interface Load {
  readonly open: number;
  readonly today: number;
  readonly thisHour: number;
  /** When the local day and hour end, and with them what they count. */
  readonly dayTo: Instant;
  readonly hourTo: Instant;
}

/** A rep as routing sees one, at the moment of the decision. */
export interface Member {
  readonly repId: string;
  readonly weight: number;
  readonly active: boolean;
  readonly languages: readonly string[];
  readonly products: readonly string[];
  readonly motions: readonly string[];
  readonly caps: Caps;
  readonly load: Load;
  readonly presence: Presence;
}

/** What a lead asks of whoever takes it. Null asks nothing. */
export interface Needs {
  readonly language: string | null;
  readonly product: string | null;
  readonly motion: string | null;
  /** Who had this lead already, and in which round. */
  readonly exclude: readonly { readonly repId: string; readonly round: number }[];
}

/**
 * Whether a rep can take a lead.
 * - `now`: yes.
 * - `later`: not now, but soon enough to wait for: at `at`, or, when null, once an open offer is
 *   worked.
 * - `never`: not in any time that this lead can wait.
 */
export type Eligibility =
  | { readonly can: "now" }
  | { readonly can: "later"; readonly at: Instant | null; readonly why: string }
  | { readonly can: "never"; readonly why: string };

type Moment = { readonly now: Instant; readonly dueAt: Instant };

/**
 * Judges one member of a pool. The reasons are the words of the decision record (docs/routing.md).
 *
 * A lead waits for an opening that comes before it is due or on the rep's own next working day:
 * hours are waited for, a longer absence is not. It waits for room only while it can still be on
 * time.
 */
export function eligibility(member: Member, needs: Needs, moment: Moment): Eligibility {
  const bar = standing(member, needs);
  if (bar !== null) return { can: "never", why: bar };
  if (member.weight === 0) return { can: "never", why: "weight 0" };
  return hours(member.presence, moment) ?? room(member, moment) ?? { can: "now" };
}

/**
 * Judges the existing owner of the account. Being outside hours does not take an account from its
 * owner: the clock runs on the owner's hours. Absence, lack of room and everything that hours do
 * not change does.
 */
export function ownerEligibility(owner: Member, needs: Needs, moment: Moment): Eligibility {
  const bar = standing(owner, needs);
  if (bar !== null) return { can: "never", why: bar };
  const away = hours(owner.presence, moment);
  if (away !== null && (away.can === "never" || owner.presence.absentTo !== null))
    return { can: "never", why: away.why };
  const full = room(owner, moment);
  return full === null ? { can: "now" } : { can: "never", why: full.why };
}

/** What no waiting changes; null when nothing stands against the rep. */
function standing(member: Member, needs: Needs): string | null {
  if (!member.active) return "inactive";
  const before =
    needs.exclude.length === 0
      ? undefined
      : needs.exclude.find((one) => one.repId === member.repId);
  if (before) return `had this lead in round ${before.round}`;
  if (lacks(member.languages, needs.language, language)) return `does not speak ${needs.language}`;
  if (lacks(member.products, needs.product, word)) return `does not sell ${needs.product}`;
  if (lacks(member.motions, needs.motion, word)) return `does not work ${needs.motion} leads`;
  return null;
}

/** A rep whose list is empty has no limits stated and can do all. */
function lacks(
  can: readonly string[],
  needed: string | null,
  same: (text: string) => string,
): boolean {
  return needed !== null && can.length > 0 && !can.some((one) => same(one) === same(needed));
}

function word(text: string): string {
  return inForm(text.trim(), "NFKC").toLowerCase();
}

/** `de-AT` and `de_CH` are `de`. */
function language(text: string): string {
  return word(text).split(/[-_]/)[0]!;
}

function hours(
  { zone, opensAt, dayEndsAt, absentTo }: Presence,
  { now, dueAt }: Moment,
): Exclude<Eligibility, { can: "now" }> | null {
  if (opensAt === now) return null;
  const why =
    absentTo !== null
      ? `absent to ${absenceEnd(zone, absentTo)}`
      : opensAt === null
        ? "has no open hours"
        : `outside hours until ${clockTime(zone, opensAt, now)}`;
  if (opensAt === null || opensAt > Math.max(dueAt, dayEndsAt ?? 0)) return { can: "never", why };
  return { can: "later", at: opensAt, why };
}

function room(
  { caps, load }: Member,
  { now, dueAt }: Moment,
): Exclude<Eligibility, { can: "now" }> | null {
  if (caps.open === undefined && caps.perDay === undefined && caps.perHour === undefined)
    return null;
  const full = [
    ...(caps.open !== undefined && load.open >= caps.open
      ? [{ cap: caps.open, used: load.open, span: "", freeAt: null }]
      : []),
    ...(caps.perDay !== undefined && load.today >= caps.perDay
      ? [{ cap: caps.perDay, used: load.today, span: " today", freeAt: load.dayTo }]
      : []),
    ...(caps.perHour !== undefined && load.thisHour >= caps.perHour
      ? [{ cap: caps.perHour, used: load.thisHour, span: " this hour", freeAt: load.hourTo }]
      : []),
  ];
  const [first] = full;
  if (!first) return null;
  const why = `at capacity ${first.used}/${first.cap}${first.span}`;
  const at = full.reduce<Instant | null>(
    (latest, one) => (one.freeAt === null ? latest : Math.max(one.freeAt, latest ?? 0)),
    null,
  );
  const waits = full.every((one) => one.cap > 0) && now < dueAt && (at ?? now) <= dueAt;
  return waits ? { can: "later", at, why } : { can: "never", why };
}

/** `09:00` when it is within a day, else with its date; on the rep's wall clock. */
function clockTime(zone: string, at: Instant, now: Instant): string {
  const wall = formatWall(zone, at);
  return at - now < DAY ? wall.slice(11) : wall;
}

/** `2026-12-02` when the absence ends with a day, else with the time. */
function absenceEnd(zone: string, at: Instant): string {
  const wall = formatWall(zone, at);
  return wall.endsWith(" 00:00") ? wall.slice(0, 10) : wall;
}
