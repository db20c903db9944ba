import type { FC } from "hono/jsx";
import { sayMoment, sayDate, saySpan, sayTime, sayZone, withTimes } from "../../../words/clock.ts";
import { localDateOf } from "../../../handoff/time/calendar.ts";
import { spoken } from "../../../messages/words.ts";
import type { readClocks } from "../../clocks.ts";
import { Clock, rowClass, type ReadAt } from "./clock.tsx";

type Kept = Awaited<ReturnType<typeof readClocks>>[number];
type LedgerRow = Kept["ledger"][number];

interface LedgerProps {
  readonly clocks: readonly Kept[];
  readonly reading: ReadAt;
  readonly me: string | null;
  /** What is handed off. */
  readonly of?: "lead" | "account";
}

/** The clocks of a handoff, and how each deadline came about. */
export const Clocks: FC<LedgerProps> = ({ clocks, reading, me, of = "lead" }) => (
  <>
    <table class="cards clocks">
      <caption class="visually-hidden">Clocks of this handoff</caption>
      <thead>
        <tr>
          <th scope="col">Clock</th>
          <th scope="col">Due</th>
          <th scope="col">Used</th>
          <th scope="col">Of</th>
        </tr>
      </thead>
      <tbody>
        {clocks.map((clock) => (
          <tr class={rowClass(isRunning(clock) ? clock.due : null, reading.now)}>
            <td>{`${clock.kind}, ${whose(clock, { me, of })}`}</td>
            <td data-urgency>
              {isRunning(clock) ? (
                clock.due === null ? (
                  <span class="dim">{clock.state}</span>
                ) : (
                  <Clock due={clock.due} zone={clock.zone} reading={reading} />
                )
              ) : (
                <Ended clock={clock} reading={reading} />
              )}
            </td>
            <td data-label="used">{saySpan(clock.used)}</td>
            <td data-label="of">{clock.target}</td>
          </tr>
        ))}
      </tbody>
    </table>
    {clocks.map((clock) => (
      <details class="ledger">
        <summary>{`How the ${clock.kind} clock was counted, ${whose(clock, { me, of })}`}</summary>
        <p>{withTimes(clock.inWords, reading.now, clock.zone)}</p>
        <ul>
          {clock.ledger.map((row) => (
            <li>{sayRow(row, clock.zone, reading)}</li>
          ))}
        </ul>
      </details>
    ))}
  </>
);

function isRunning({ state }: Kept): boolean {
  return state === "running" || state === "paused" || state === "breached";
}

function whose(
  { scope, rep, repName, round }: Kept,
  { me, of = "lead" }: Pick<LedgerProps, "me" | "of">,
): string {
  if (scope === "lead") return `the ${of}'s`;
  return rep === me ? "yours" : `${repName ?? rep ?? "the rep"}'s, offer ${round}`;
}

const Ended: FC<{ readonly clock: Kept; readonly reading: ReadAt }> = ({ clock, reading }) => (
  <>
    <span class={clock.late ? "late" : ""}>
      {clock.late ? `${clock.state}, late` : clock.state}
    </span>
    {clock.stoppedAt === null ? null : (
      <span class="dim">
        {` ${sayMoment(Date.parse(clock.stoppedAt), reading.now, reading.zone)}`}
      </span>
    )}
  </>
);

function sayRow(row: LedgerRow, zone: string, { now }: ReadAt): string {
  const from = (at: string) => sayMoment(Date.parse(at), now, zone);
  switch (row.kind) {
    case "hours":
      return `on the hours of ${sayZone(row.zone)} from ${from(row.from)}${row.exceptions
        .map(
          ({ date, hours }) =>
            `; ${sayDate(date, now)} ${hours.length === 0 ? "closed" : hours.join(", ")}`,
        )
        .join("")}`;
    case "counted":
      return `${stretch(row, zone, now)}: ${saySpan(row.counted)}, so far ${saySpan(row.total)}`;
    case "paused":
      return `${stretch(row, zone, now)}: paused, ${spoken(row.reason)}`;
    case "restarted":
      return `${from(row.at)}: given to somebody else, the count begins again`;
    case "retargeted":
      return `${from(row.at)}: ${row.target} from then on, by another version of the agreement`;
    case "verdict":
      return `${from(row.at)}: ${row.state}`;
  }
}

/** "Fri 16:55 to 17:00": the day once, where it is one. */
function stretch({ from, to }: { from: string; to: string }, zone: string, now: number): string {
  const [a, b] = [Date.parse(from), Date.parse(to)];
  const isOneDay = localDateOf(zone, a) === localDateOf(zone, b);
  return `${sayMoment(a, now, zone)} to ${isOneDay ? sayTime(b, zone) : sayMoment(b, now, zone)}`;
}
