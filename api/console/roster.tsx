import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { dayOfDate } from "../../handoff/time/local-time.ts";
import { sayLastOf, sayMoment, sayTime, sayWeekday, withTimes } from "../../words/clock.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { asDescribed, notFound, type Problem } from "../http/errors.ts";
import {
  addAbsence,
  awayBody,
  capsBody,
  changeCaps,
  changeWeights,
  readWeeks,
  weeksQuery,
  weightsBody,
  withdrawAbsence,
  withdrawBody,
} from "../roster-weeks.ts";
import { filtersOf, type ListFilters } from "./filters.ts";
import { Hidden, once, orAgain, readForm, statusOf, type Form } from "./form.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { Field, NotDone, NotDoneAbove } from "./parts/field.tsx";
import { More } from "./parts/list.tsx";
import { paths, withQuery } from "./paths.ts";

type Weeks = Awaited<ReturnType<typeof readWeeks>>;
type Person = Weeks["people"][number];
type Away = Person["absences"][number];
type Pool = Weeks["pools"][number];

const doneWords: Readonly<Record<string, string>> = {
  away: "The absence is kept. Leads are offered and clocks run as it says.",
  back: "The absence is taken back.",
  weights: "The weights are kept. The next lead is given by them.",
  caps: "The caps are kept.",
};

/** GET /console/roster: who takes leads, and who is away; and the everyday changes to that. */
export function rosterPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.roster, (c) => showRoster(deps, c, null));
  routes.post(paths.absences, async (c) => {
    const form = await readForm(c);
    const { rep, firstDay, lastDay, reason } = form.fields;
    return orAgain(
      () =>
        once(deps, c, form, async () => {
          await addAbsence(deps, c, asDescribed(awayBody, { rep, firstDay, lastDay, reason }));
          return withQuery(paths.roster, { saved: "away" });
        }),
      (problem) => showRoster(deps, c, { problem, given: form.fields }),
    );
  });
  routes.post(paths.withdrawAbsence, async (c) => {
    const form = await readForm(c);
    const { rep, from, to } = form.fields;
    return orAgain(
      () =>
        once(deps, c, form, async () => {
          await withdrawAbsence(deps, c, asDescribed(withdrawBody, { rep, from, to }));
          return withQuery(paths.roster, { saved: "back" });
        }),
      (problem) => showRoster(deps, c, { problem, given: {} }),
    );
  });
  routes.get("/console/roster/pools/:id", (c) => showPool(deps, c, c.req.param("id"), null));
  routes.post("/console/roster/pools/:id", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const weights = numbersIn(form.fields, "weight:");
    return orAgain(
      () =>
        once(deps, c, form, async () => {
          await changeWeights(deps, c, id, asDescribed(weightsBody, { weights }));
          return withQuery(paths.roster, { saved: "weights" });
        }),
      (problem) => showPool(deps, c, id, { problem, given: form.fields }),
    );
  });
  routes.get("/console/roster/reps/:id", (c) => showCaps(deps, c, c.req.param("id"), null));
  routes.post("/console/roster/reps/:id", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const caps = Object.fromEntries(
      capFields.map(({ name }) => [name, numberIn(form.fields[name] ?? "") ?? null]),
    );
    return orAgain(
      () =>
        once(deps, c, form, async () => {
          await changeCaps(deps, c, id, asDescribed(capsBody, { caps }));
          return withQuery(paths.roster, { saved: "caps" });
        }),
      (problem) => showCaps(deps, c, id, { problem, given: form.fields }),
    );
  });
  return routes;
}

/** A form that was refused, with what it said. */
interface Refused {
  readonly problem: Problem;
  readonly given: Form["fields"];
}

/** A number as it was written; what is none stays as it is, to be refused by its field. */
function numberIn(text: string): number | string | undefined {
  if (text === "") return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

function numbersIn(fields: Form["fields"], prefix: string): Record<string, number | string> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, text]) => {
      const value = name.startsWith(prefix) ? numberIn(text) : undefined;
      return value === undefined || text === fields[`was:${name}`]
        ? []
        : [[name.slice(prefix.length), value]];
    }),
  );
}

async function showRoster(
  deps: AppDeps,
  c: Context<AppEnv>,
  refused: Refused | null,
): Promise<Response> {
  const given = filtersOf(c, ["pool", "cursor"]);
  const query = asDescribed(weeksQuery, given);
  const [weeks, frame] = await Promise.all([
    readWeeks(deps, asking(c, "GET /roster/weeks"), query),
    frameOf(deps, c),
  ]);
  const reading: ReadAt = { zone: weeks.zone, now: Date.parse(weeks.at) };
  const saved = refused === null ? doneWords[c.req.query("saved") ?? ""] : undefined;
  return show(
    c,
    <RosterPage {...{ weeks, given, frame, reading, refused, saved }} />,
    statusOf(refused?.problem ?? null),
  );
}

interface RosterProps {
  readonly weeks: Weeks;
  readonly given: ListFilters;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly refused: Refused | null;
  readonly saved: string | undefined;
}

const RosterPage: FC<RosterProps> = ({ weeks, given, frame, reading, refused, saved }) => {
  const { people, pools, days } = weeks;
  const { cursor, ...filters } = given;
  const { role, repId: me } = frame.caller;
  const mayCaps = scopeOf("PATCH /roster/reps/{id}", role) !== undefined;
  const mayWeights = scopeOf("PATCH /roster/pools/{id}", role) !== undefined;
  const changeable = people.filter(({ absencesYours }) => absencesYours);
  const away = people.flatMap((person) => person.absences.map((one) => ({ person, one })));
  return (
    <Page title="Roster" frame={frame} status={saved}>
      <h1>Roster</h1>
      <p class="lead">{headingOf(weeks)}</p>
      {pools.length < 2 && given["pool"] === undefined ? null : (
        <nav class="places" aria-label="Pools">
          {given["pool"] === undefined ? (
            <strong>Everybody</strong>
          ) : (
            <a href={paths.roster}>Everybody</a>
          )}
          {pools.map(({ id }) => (
            <>
              {" · "}
              {id === given["pool"] ? (
                <strong>{id}</strong>
              ) : (
                <a href={withQuery(paths.roster, { pool: id })}>{id}</a>
              )}
            </>
          ))}
        </nav>
      )}
      {people.length === 0 ? null : (
        <table class="cards weeks" data-list>
          <caption class="visually-hidden">People, and when they are away</caption>
          <thead>
            <tr>
              <th scope="col">Person</th>
              <th scope="col">Takes leads</th>
              {weeksOf(days).map((week) => (
                <th scope="col" class="week">
                  {sayWeek(week)}
                </th>
              ))}
              {mayCaps ? <th scope="col">Act</th> : null}
            </tr>
          </thead>
          <tbody>
            {people.map((person) => (
              <Line {...{ person, days, mayCaps, reading }} isMe={person.id === me} />
            ))}
          </tbody>
        </table>
      )}
      <More path={paths.roster} query={filters} next={weeks.next} isFirst={cursor === undefined} />
      <div class="columns">
        <section aria-labelledby="away">
          <h2 id="away">Away</h2>
          {away.length === 0 ? (
            <p>Nobody here is away in these four weeks.</p>
          ) : (
            <ul class="rows">
              {away.map(({ person, one }) => (
                <AwayLine person={person} one={one} isMe={person.id === me} />
              ))}
            </ul>
          )}
        </section>
        <aside>
          {changeable.length === 0 ? null : (
            <AddForm people={changeable} me={me} today={days[0] ?? ""} refused={refused} />
          )}
        </aside>
      </div>
      {pools.length === 0 ? null : (
        <section aria-labelledby="pools">
          <h2 id="pools">Pools</h2>
          <Pools {...{ pools, mayWeights, me, reading }} />
        </section>
      )}
    </Page>
  );
};

/** "12 people; 2 are away today, 3 more in the next four weeks." */
function headingOf({ people, days, next }: Weeks): string {
  if (people.length === 0)
    return "Nobody is here. RevOps keeps the roster: `npx baton roster publish`, or PUT /roster.";
  const today = days[0] ?? "";
  const now = people.filter(({ absences }) => absences.some((one) => covers(one, today))).length;
  const later = people.filter(({ absences }) => absences.length > 0).length - now;
  const many = `${people.length}${next === null ? "" : " and more"} ${people.length === 1 ? "person" : "people"}`;
  const parts = [
    now === 0 ? "nobody is away today" : `${now} away today`,
    ...(later === 0 ? [] : [`${later} later in these four weeks`]),
  ];
  return `${many}; ${parts.join(", ")}.`;
}

function covers({ firstDay, lastDay }: Away, day: string): boolean {
  return firstDay <= day && day <= lastDay;
}

/** The days in weeks, the first of which begins today. */
function weeksOf(days: readonly string[]): readonly string[][] {
  return [0, 7, 14, 21].map((at) => days.slice(at, at + 7));
}

/** "23 to 29 Nov". */
function sayWeek(week: readonly string[]): string {
  const [first = "", last = ""] = [week[0], week.at(-1)];
  const [from, to] = [sayDate(first), sayDate(last)];
  const isOneMonth = first.slice(0, 7) === last.slice(0, 7);
  return `${isOneMonth ? from.split(" ")[0] : from} to ${to}`;
}

const dates = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });

/** "23 Nov": a day that is of no zone. */
function sayDate(day: string): string {
  return dates.format((dayOfDate(day) ?? 0) * 86_400_000);
}

const Line: FC<{
  readonly person: Person;
  readonly days: readonly string[];
  readonly mayCaps: boolean;
  readonly isMe: boolean;
  readonly reading: ReadAt;
}> = ({ person, days, mayCaps, isMe, reading }) => (
  <tr data-row>
    <th scope="row" class="who">
      <bdi>{person.name}</bdi>
      {isMe ? <span class="dim"> (you)</span> : null}
      <span class="more dim">{`${person.role === "rep" ? "" : `${person.role}, `}${presence(person, reading)}`}</span>
    </th>
    <td data-label="takes leads:">
      {person.pools.length === 0 ? (
        <span class="dim">none</span>
      ) : (
        person.pools.map(({ id, weight }, n) => (
          <>
            {n === 0 ? "" : ", "}
            <bdi>{id}</bdi>
            {weight === 1 ? "" : ` × ${weight}`}
          </>
        ))
      )}
      <span class="more dim">{sayCaps(person.caps)}</span>
    </td>
    {weeksOf(days).map((week) => {
      const said = sayAway(person.absences, week);
      return (
        <td data-label={`${sayWeek(week)}:`} class={said === "" ? "week" : "week away"}>
          {said}
        </td>
      );
    })}
    {mayCaps ? (
      <td class="acts">
        <a class="button" href={paths.rosterRep(person.id)} aria-label={`Caps… ${person.name}`}>
          Caps…
        </a>
      </td>
    ) : null}
  </tr>
);

function presence({ works, opens, awayUntil }: Person, { now, zone }: ReadAt): string {
  const say = (at: string) => sayMoment(Date.parse(at), now, zone);
  if (works) return "at work";
  if (awayUntil !== null) return `away to ${sayLastOf(Date.parse(awayUntil), now, zone)}`;
  return opens === null ? "no hours known" : `from ${say(opens)}`;
}

/** "at most 25 open, 40 a day". */
function sayCaps({ open, perDay, perHour }: Person["caps"]): string {
  const parts = [
    open === null ? null : `${open} open`,
    perDay === null ? null : `${perDay} a day`,
    perHour === null ? null : `${perHour} an hour`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "no cap" : `at most ${parts.join(", ")}`;
}

/** "all week", "Mon to Wed", "Fri"; empty for a week at work. */
function sayAway(absences: readonly Away[], week: readonly string[]): string {
  const runs: string[][] = [];
  for (const [n, day] of week.entries()) {
    if (!absences.some((one) => covers(one, day))) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.at(-1) === week[n - 1]) last.push(day);
    else runs.push([day]);
  }
  if (runs[0]?.length === week.length) return "away all week";
  if (runs.length === 0) return "";
  const said = runs.map((run) => {
    const [first = "", last = ""] = [run[0], run.at(-1)];
    return first === last ? sayWeekday(first) : `${sayWeekday(first)} to ${sayWeekday(last)}`;
  });
  return `away ${said.join(", ")}`;
}

const AwayLine: FC<{ readonly person: Person; readonly one: Away; readonly isMe: boolean }> = ({
  person,
  one,
  isMe,
}) => (
  <li>
    <div>
      <strong>{isMe ? "You" : <bdi>{person.name}</bdi>}</strong>
      {`, ${spanOf(person, one)}`}
      <div class="dim">
        {one.reason === null ? null : <bdi>{one.reason}</bdi>}
        {one.reason === null ? "" : "; "}
        {standsIn(person, one)}
      </div>
    </div>
    {person.absencesYours ? (
      <form method="post" action={paths.withdrawAbsence}>
        <Hidden />
        <input type="hidden" name="rep" value={person.id} />
        <input type="hidden" name="from" value={one.from} />
        <input type="hidden" name="to" value={one.to} />
        <button aria-label={`Take back: ${person.name}, ${spanOf(person, one)}`}>Take back</button>
      </form>
    ) : null}
  </li>
);

function standsIn({ deputy }: Person, one: Away): string {
  const who = one.deputy ?? deputy;
  return who === null ? "nobody stands in" : `${who.name} stands in`;
}

/** "Tue 24 to Thu 26 Nov"; of less than a day with its times. */
function spanOf({ zone }: Person, { firstDay, lastDay, from, to }: Away): string {
  const day = `${sayWeekday(firstDay)} ${sayDate(firstDay)}`;
  if (firstDay !== lastDay) return `${day} to ${sayWeekday(lastDay)} ${sayDate(lastDay)}`;
  const [start, end] = [sayTime(Date.parse(from), zone), sayTime(Date.parse(to), zone)];
  return start === end ? day : `${day}, ${start} to ${end}`;
}

const AddForm: FC<{
  readonly people: readonly Person[];
  readonly me: string | null;
  readonly today: string;
  readonly refused: Refused | null;
}> = ({ people, me, today, refused }) => {
  const given = refused?.given ?? {};
  const problem = refused?.problem ?? null;
  const [only] = people;
  const isOwn = people.length === 1 && only?.id === me;
  const chosen = given["rep"] ?? (people.some(({ id }) => id === me) ? me : null);
  return (
    <>
      <h2>{isOwn ? "I am away" : "Somebody is away"}</h2>
      <form method="post" action={paths.absences} class="fields">
        <Hidden />
        <NotDoneAbove problem={problem} unless={["firstDay", "lastDay", "reason", "rep"]} />
        {isOwn ? (
          <input type="hidden" name="rep" value={only?.id} />
        ) : (
          <div class="field">
            <label for="rep">Who</label>
            <select id="rep" name="rep">
              {people.map(({ id, name }) => (
                <option value={id} selected={id === chosen}>
                  {id === me ? `${name} (you)` : name}
                </option>
              ))}
            </select>
            {problem?.parts.field === "rep" ? <NotDone problem={problem} /> : null}
          </div>
        )}
        <Field
          name="firstDay"
          label="First day away"
          type="date"
          value={given["firstDay"] ?? today}
          refused={problem}
          required
        />
        <Field
          name="lastDay"
          label="Last day away"
          type="date"
          value={given["lastDay"]}
          refused={problem}
          required
        />
        <Field
          name="reason"
          label="Why, as in vacation"
          value={given["reason"]}
          refused={problem}
          maxlength={200}
          hint="Whoever may change the absence reads it."
          required
        />
        <p>
          <button class="main">Add it</button>
        </p>
      </form>
    </>
  );
};

const Pools: FC<{
  readonly pools: readonly Pool[];
  readonly mayWeights: boolean;
  readonly me: string | null;
  readonly reading: ReadAt;
}> = ({ pools, mayWeights, me, reading }) => (
  <table class="cards" aria-labelledby="pools">
    <thead>
      <tr>
        <th scope="col">Pool</th>
        <th scope="col">Who takes turns</th>
        <th scope="col">Hours</th>
        {mayWeights ? <th scope="col">Act</th> : null}
      </tr>
    </thead>
    <tbody>
      {pools.map((pool) => (
        <tr>
          <th scope="row" class="who">
            <bdi>{pool.id}</bdi>
          </th>
          <td>{sayMembers(pool, me)}</td>
          <td class="dim">{withTimes(pool.hours, reading.now, reading.zone)}</td>
          {mayWeights ? (
            <td class="acts">
              {pool.members.length === 0 ? null : (
                <a
                  class="button"
                  href={paths.rosterPool(pool.id)}
                  aria-label={`Weights… ${pool.id}`}
                >
                  Weights…
                </a>
              )}
            </td>
          ) : null}
        </tr>
      ))}
    </tbody>
  </table>
);

/** "Kim R. 2 of 3, Ana B. 1 of 3"; all alike are named only. */
function sayMembers({ members, others }: Pool, me: string | null): string {
  if (members.length === 0 && others === 0) return "nobody: what comes here waits in a queue";
  const all = members.reduce((sum, { weight }) => sum + weight, 0);
  const isEven = members.every(({ weight }) => weight === members[0]?.weight);
  const said = members.map(({ id, name, weight }) => {
    const who = id === me ? "you" : name;
    return isEven || others > 0 ? who : `${who} ${weight} of ${all}`;
  });
  const more = others === 0 ? [] : [`${others} more`];
  return `${[...said, ...more].join(", ")}${isEven && others === 0 && members.length > 1 ? ", alike" : ""}`;
}

/** GET /console/roster/pools/{id}: the weights of a pool. */
async function showPool(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  refused: Refused | null,
): Promise<Response> {
  const [weeks, frame] = await Promise.all([
    readWeeks(deps, asking(c, "GET /roster/weeks"), { limit: 1 }),
    frameOf(deps, c),
  ]);
  const pool = weeks.pools.find((one) => one.id === id);
  if (pool === undefined) throw notFound();
  const problem = refused?.problem ?? null;
  return show(
    c,
    <Page title={`Weights of ${id}`} frame={frame}>
      <div class="choose">
        <Back />
        <h1>
          {"Weights of "}
          <bdi>{id}</bdi>
        </h1>
        <p class="lead">
          Of two people, one with 2 and one with 1, the first is given two leads of three. With 0
          somebody is given none.
        </p>
        <NotDoneAbove
          problem={problem}
          unless={pool.members.map((member) => `weights.${member.id}`)}
        />
        <form method="post" action={paths.rosterPool(id)} class="fields">
          <Hidden />
          {pool.members.map((member) => {
            const name = `weight:${member.id}`;
            return (
              <>
                <input type="hidden" name={`was:${name}`} value={String(member.weight)} />
                <Field
                  name={name}
                  label={member.name}
                  type="number"
                  value={refused?.given[name] ?? String(member.weight)}
                  refused={problem}
                  as={[`weights.${member.id}`]}
                />
              </>
            );
          })}
          <p>
            <button class="main">Keep these weights</button>
          </p>
        </form>
      </div>
    </Page>,
    statusOf(problem),
  );
}

const capFields = [
  { name: "open", label: "Leads that were offered and not worked on yet" },
  { name: "perDay", label: "Leads a day" },
  { name: "perHour", label: "Leads an hour" },
] as const;

/** GET /console/roster/reps/{id}: how many leads somebody is given at most. */
async function showCaps(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  refused: Refused | null,
): Promise<Response> {
  const [weeks, frame] = await Promise.all([
    readWeeks(deps, asking(c, "GET /roster/weeks"), asDescribed(weeksQuery, { rep: id })),
    frameOf(deps, c),
  ]);
  const [person] = weeks.people;
  if (person === undefined) throw notFound();
  const problem = refused?.problem ?? null;
  return show(
    c,
    <Page title={`Caps of ${person.name}`} frame={frame}>
      <div class="choose">
        <Back />
        <h1>
          {"Caps of "}
          <bdi>{person.name}</bdi>
        </h1>
        <p class="lead">At most so many are given by turn; an empty field is no limit.</p>
        <NotDoneAbove problem={problem} unless={capFields.map(({ name }) => `caps.${name}`)} />
        <form method="post" action={paths.rosterRep(id)} class="fields">
          <Hidden />
          {capFields.map(({ name, label }) => {
            const stands = person.caps[name];
            return (
              <Field
                name={name}
                label={label}
                type="number"
                value={refused?.given[name] ?? (stands === null ? "" : String(stands))}
                refused={problem}
                as={[`caps.${name}`]}
              />
            );
          })}
          <p>
            <button class="main">Keep these caps</button>
          </p>
        </form>
      </div>
    </Page>,
    statusOf(problem),
  );
}

const Back: FC = () => (
  <p class="dim">
    <a href={paths.roster} data-key="u">
      Roster
    </a>
  </p>
);
