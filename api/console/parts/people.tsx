import type { FC } from "hono/jsx";
import { counted } from "../../../handoff/reviews/words.ts";
import { sayLastOf, sayMoment } from "../../../words/clock.ts";
import type { readTeam } from "../../team.ts";
import type { ReadAt } from "./clock.tsx";

type Person = Awaited<ReturnType<typeof readTeam>>["people"][number];

/** How much somebody has, and when they work: "24 leads, 1 account, 3 late, to Mon 17:00". */
export const Workload: FC<{ readonly person: Person; readonly reading: ReadAt }> = ({
  person,
  reading,
}) => {
  const { leads, accounts, late, offers, cap } = person;
  const has = [
    ...(leads > 0 || accounts === 0 ? [counted(leads, "lead")] : []),
    ...(accounts > 0 ? [counted(accounts, "account")] : []),
  ];
  return (
    <span class="dim">
      {has.join(", ")}
      {late === 0 ? null : (
        <>
          {", "}
          <span class="late">{`${late} late`}</span>
        </>
      )}
      {cap === null ? null : `, ${offers}/${cap} offers${offers >= cap ? " full" : ""}`}
      {`, ${presence(person, reading)}`}
    </span>
  );
};

function presence({ works, opens, closes, awayUntil }: Person, { now, zone }: ReadAt): string {
  const say = (at: string) => sayMoment(Date.parse(at), now, zone);
  if (awayUntil !== null) return `away to ${sayLastOf(Date.parse(awayUntil), now, zone)}`;
  if (works) return closes === null ? "at work" : `to ${say(closes)}`;
  return opens === null ? "no hours known" : `from ${say(opens)}`;
}
