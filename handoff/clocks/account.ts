import type { Agreement } from "../agreement.ts";
import { localDateOf, nextOpen, type Instant } from "../time/calendar.ts";
import { formatWall } from "../time/local-time.ts";
import { printTarget, type ElapsedRoll } from "../time/deadline.ts";
import { clockLedger, printDuration, type ClockView, type LedgerRow } from "./clock.ts";
import { foldedBy, type ClocksInput, type HandoffClock } from "./escalation.ts";

/** What a clock shows, every interval that was counted, and its deadline in a sentence. */
export interface ClockAccount {
  readonly view: ClockView;
  readonly zone: string;
  readonly ledger: readonly LedgerRow[];
  readonly inWords: string;
}

/** A version of the agreement by which clocks run, and since when. */
export interface VersionSince {
  readonly agreementId: string;
  readonly since: Instant;
}

/** The version by which a clock runs, or ran last, of those by which the clocks of its handoff ran. */
export function versionOfClock(
  versions: readonly VersionSince[],
  { view, ledger }: Pick<ClockAccount, "view" | "ledger">,
): string | null {
  const taken = ledger.findLast((row) => row.kind === "retargeted");
  return versionAt(versions, taken?.at ?? view.startedAt);
}

/** The version of a moment; the first for one before all of them, null where there is none. */
export function versionAt(versions: readonly VersionSince[], at: Instant): string | null {
  const one = versions.findLast(({ since }) => since <= at) ?? versions[0];
  return one?.agreementId ?? null;
}

/**
 * The account of every clock of a handoff, each beside those of its own round: the status clock of
 * an offer follows the outreach clock of that offer.
 */
export function clockAccounts<C extends HandoffClock & { readonly round: number }>(
  agreement: Agreement,
  { clocks, ...input }: Pick<ClocksInput, "calendars" | "now"> & { readonly clocks: readonly C[] },
): { readonly clock: C; readonly account: ClockAccount }[] {
  return clocks.map((clock) => {
    const beside = clocks.filter(({ round }) => round === clock.round);
    return { clock, account: clockAccount(agreement, { ...input, clocks: beside }, clock) };
  });
}

/**
 * The account of one clock that a person can check by hand: the counted intervals add up to what
 * the clock says was used, and the sentence says how the deadline comes about.
 */
export function clockAccount(
  agreement: Agreement,
  input: Pick<ClocksInput, "clocks" | "calendars" | "now">,
  clock: HandoffClock,
): ClockAccount {
  const { calendars, rule, now } = foldedBy(agreement, input, clock);
  const ledger = clockLedger(clock.events, calendars, rule, now);
  const view = verdictOf(ledger);
  const calendar = calendars(view.calendar);
  const { zone } = calendar;
  const { dueAt } = view;
  const firstDay = (from: Instant) => {
    const day = localDateOf(zone, nextOpen(calendar, from) ?? from);
    return day === localDateOf(zone, from)
      ? null
      : `${day}, the day of the first opening after ${formatWall(zone, from)}`;
  };
  // Until the deadline, as it comes about when nothing else happens.
  const going = clock.events.filter(({ kind }) => kind !== "stop" && kind !== "cancel");
  const whole = dueAt === null ? ledger : clockLedger(going, calendars, rule, Math.max(dueAt, now));
  const outreachDueAt = "outreachDueAt" in rule ? (rule.outreachDueAt ?? null) : null;
  return {
    view,
    zone,
    ledger,
    inWords: `${sayDeadline(view, { zone, ledger: whole, roll: rule.elapsedRoll, outreachDueAt, firstDay })} (${zone})`,
  };
}

function verdictOf(ledger: readonly LedgerRow[]): ClockView {
  const last = ledger.at(-1);
  if (last?.kind !== "verdict") throw new Error("a ledger ends with its verdict");
  return last.view;
}

interface Around {
  readonly zone: string;
  /** Of the time until the deadline. */
  readonly ledger: readonly LedgerRow[];
  readonly roll: ElapsedRoll;
  readonly outreachDueAt: Instant | null;
  /** The day from which business days count, of a start outside hours; null: its own. */
  readonly firstDay: (from: Instant) => string | null;
}

function sayDeadline(view: ClockView, around: Around): string {
  const { target, dueAt } = view;
  const { zone } = around;
  const asked = printTarget(target);
  if (dueAt === null)
    return `${asked}; ${view.unreachable ?? `no deadline while it is paused (${view.pauseReason})`}`;
  const due = formatWall(zone, dueAt);
  const from = formatWall(zone, view.startedAt);
  switch (target.kind) {
    case "business":
      return `${asked} of opening hours from ${from}: ${days(around, view.startedAt, dueAt)}; so until ${due}`;
    case "elapsed":
      return elapsed(view, target.ms, dueAt, around);
    case "business-days":
      return `the close of ${ordinal(target.days)} business day after ${around.firstDay(view.startedAt) ?? from}: ${due}`;
    case "same-day":
      return around.outreachDueAt === null
        ? `the close of the business day: ${due}`
        : "the close of the business day on which the outreach is due " +
            `(${formatWall(zone, around.outreachDueAt)}), never before it: ${due}`;
  }
}

function elapsed(
  view: ClockView,
  ms: number,
  dueAt: Instant,
  { zone, ledger, roll }: Around,
): string {
  const pausedMs = ledger.reduce(
    (sum, row) =>
      row.kind === "paused" && row.from >= view.startedAt
        ? sum + Math.min(row.to, dueAt) - Math.min(row.from, dueAt)
        : sum,
    0,
  );
  const reached = view.startedAt + ms + pausedMs;
  const pauses = pausedMs === 0 ? "" : `, without ${printDuration(pausedMs)} of pauses`;
  const said = `${printTarget(view.target)} by the clock from ${formatWall(zone, view.startedAt)}${pauses}`;
  if (reached === dueAt || roll.kind === "none") return `${said}: ${formatWall(zone, dueAt)}`;
  return (
    `${said} ends ${formatWall(zone, reached)}, outside hours; so the next opening and ` +
    `${printDuration(roll.graceMs)} of it: ${formatWall(zone, dueAt)}`
  );
}

const mostDays = 4;

/** `0:10:00 on 2026-11-27, 0:50:00 on 2026-11-30` */
function days({ ledger }: Around, from: Instant, until: Instant): string {
  const byDay = new Map<string, number>();
  for (const row of ledger) {
    if (row.kind !== "counted" || row.from < from || row.from >= until) continue;
    const day = localDateOf(row.zone, row.from);
    byDay.set(day, (byDay.get(day) ?? 0) + Math.min(row.to, until) - row.from);
  }
  const said = [...byDay].map(([day, ms]) => `${printDuration(ms)} on ${day}`);
  if (said.length <= mostDays) return said.join(", ");
  const between = said.length - 2;
  const rest = [...byDay].slice(1, -1).reduce((sum, [, ms]) => sum + ms, 0);
  return `${said[0]}, ${printDuration(rest)} on the ${between} days after, ${said.at(-1)}`;
}

function ordinal(n: number): string {
  const words = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];
  return `the ${words[n - 1] ?? `${n}th`}`;
}
