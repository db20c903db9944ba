import type { CalendarDef } from "../../../../handoff/time/calendar.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

/**
 * The same rules the slow way, sharing nothing with the module under test: it asks Intl for the
 * wall clock of every minute of a window, finds T(x) by looking for the first minute that reads x
 * or later, and counts open minutes one by one.
 */
export class SlowHours {
  readonly #start: number;
  readonly #open: Uint8Array;
  readonly #owner: Float64Array;
  readonly #closes = new Map<number, number>();

  constructor(def: CalendarDef, window: { zone: string; from: number; to: number }) {
    const margin = 3 * DAY;
    this.#start = window.from - margin;
    const walls = wallClock(window.zone, this.#start, window.to + margin);
    this.#open = new Uint8Array(walls.length);
    this.#owner = new Float64Array(walls.length).fill(Infinity);
    const reads = (wall: number) => {
      const i = walls.findIndex((read) => read >= wall);
      return i < 0 ? walls.length : i;
    };
    for (let day = window.from - 2 * DAY; day < window.to + 2 * DAY; day += DAY) {
      const date = Math.floor(day / DAY) * DAY;
      for (const text of hoursOn(def, date)) {
        const [from, to] = text.split("-").map(minutes) as [number, number];
        const open = reads(date + from * MINUTE);
        const close = reads(date + (to < from ? to + 1_440 : to) * MINUTE);
        for (let i = open; i < close; i++) {
          this.#open[i] = 1;
          this.#owner[i] = Math.min(this.#owner[i]!, date);
        }
        if (open < close)
          this.#closes.set(
            date,
            Math.max(this.#closes.get(date) ?? 0, this.#start + close * MINUTE),
          );
      }
    }
  }

  isOpen(at: number): boolean {
    return this.#open[this.#index(at)] === 1;
  }

  nextOpen(at: number): number | null {
    const i = this.#open.indexOf(1, this.#index(at));
    return i < 0 ? null : this.#at(i);
  }

  add(start: number, ms: number): number | null {
    if (ms === 0) return this.nextOpen(start);
    let left = ms;
    for (let i = this.#index(start); i < this.#open.length; i++) {
      left -= this.#open[i]! * MINUTE;
      if (left === 0) return this.#at(i + 1);
    }
    return null;
  }

  subtract(end: number, ms: number): number | null {
    let left = ms;
    for (let i = this.#index(end) - 1; i >= 0; i--) {
      left -= this.#open[i]! * MINUTE;
      if (left === 0) return this.#at(i);
    }
    return null;
  }

  between(a: number, b: number): number {
    if (b < a) return 0 - this.between(b, a);
    let open = 0;
    for (let i = this.#index(a); i < this.#index(b); i++) open += this.#open[i]!;
    return open * MINUTE;
  }

  addDays(start: number, days: number): number | null {
    const open = this.nextOpen(start);
    if (open === null) return null;
    const dates = [...this.#closes.keys()].sort((a, b) => a - b);
    return this.#closes.get(dates[dates.indexOf(this.#owner[this.#index(open)]!) + days]!) ?? null;
  }

  #index(at: number): number {
    return (at - this.#start) / MINUTE;
  }

  #at(index: number): number {
    return this.#start + index * MINUTE;
  }
}

const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

function hoursOn(def: CalendarDef, date: number): readonly string[] {
  const host = new Date(date);
  return (
    def.exceptions?.[host.toISOString().slice(0, 10)] ?? def.week[weekdays[host.getUTCDay()]!] ?? []
  );
}

function minutes(time: string): number {
  const [hour, minute] = time.split(":").map(Number) as [number, number];
  return hour * 60 + minute;
}

const walls = new Map<string, number[]>();

/** What the wall clock reads at each minute, as if it were UTC. */
function wallClock(zone: string, from: number, to: number): number[] {
  const key = `${zone} ${from} ${to}`;
  const known = walls.get(key);
  if (known) return known;
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "medium",
  });
  const read: number[] = [];
  for (let at = from; at < to; at += MINUTE)
    read.push(Date.parse(`${format.format(at).replace(" ", "T")}Z`));
  walls.set(key, read);
  return read;
}
