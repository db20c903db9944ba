import type { FC } from "hono/jsx";
import { sayDue, sayMoment, saySpan, sayTime, sayZone } from "../../../words/clock.ts";
import { spoken } from "../../../messages/words.ts";

/** For whom times are said, and when the page was made. */
export interface ReadAt {
  readonly zone: string;
  readonly now: number;
}

/** Why a clock stands still at this moment. */
export interface Stands {
  readonly why: "paused" | "outside-hours";
  readonly reason: string | null;
  readonly until: string | null;
  readonly left: string;
}

interface ClockProps {
  readonly due: string | null;
  /** Of the hours on which the clock runs. */
  readonly zone?: string | undefined;
  readonly stands?: Stands | null;
  readonly reading: ReadAt;
}

/** A deadline: how far it is, which the script goes on counting, and when on the wall clock. */
export const Clock: FC<ClockProps> = ({ due, zone, stands = null, reading }) => {
  if (stands !== null) return <Standing stands={stands} reading={reading} />;
  if (due === null) return <span class="dim">no deadline</span>;
  const at = Date.parse(due);
  const { now } = reading;
  return (
    <>
      <time class={urgency(at, now)} datetime={due} data-due={String(at)} data-now={String(now)}>
        {sayDue(at, now)}
      </time>{" "}
      <span class="dim">{sayMoment(at, now, reading.zone)}</span>
      <Elsewhere at={at} zone={zone} reading={reading} />
    </>
  );
};

/** The same moment where the clock runs, where that is another time of day. */
const Elsewhere: FC<{
  readonly at: number;
  readonly zone: string | undefined;
  readonly reading: ReadAt;
}> = ({ at, zone, reading }) => {
  if (zone === undefined || sayTime(at, zone) === sayTime(at, reading.zone)) return null;
  return <span class="dim">{` (${sayTime(at, zone)} ${sayZone(zone)})`}</span>;
};

const Standing: FC<{ readonly stands: Stands; readonly reading: ReadAt }> = ({
  stands,
  reading,
}) => {
  const { why, reason, until, left } = stands;
  const when =
    until === null ? "" : ` until ${sayMoment(Date.parse(until), reading.now, reading.zone)}`;
  return (
    <span class="dim">
      {why === "paused"
        ? `paused${reason === null ? "" : `: ${spoken(reason)}`}${when}, ${saySpan(left)} left`
        : `stands still${when}, ${saySpan(left)} left`}
    </span>
  );
};

/** Within so long a deadline is soon. */
export const soonMs = 30 * 60_000;

/** The class of a deadline: late, soon, or neither. */
export function urgency(due: number, now: number): "late" | "soon" | "clock" {
  if (due < now) return "late";
  return due - now <= soonMs ? "soon" : "clock";
}

/** The class of a row by its deadline: the words carry the colour, the row only a mark. */
export function rowClass(due: string | null, now: number): string | undefined {
  const state = due === null ? "clock" : urgency(Date.parse(due), now);
  return state === "clock" ? undefined : `is-${state}`;
}

/** A moment that is no deadline. */
export const Moment: FC<{ readonly at: string; readonly reading: ReadAt }> = ({ at, reading }) => (
  <time class="dim" datetime={at}>
    {sayMoment(Date.parse(at), reading.now, reading.zone)}
  </time>
);
