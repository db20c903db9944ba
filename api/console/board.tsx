import type { FC } from "hono/jsx";
import { called } from "../../words/called.ts";
import { sayAsked, sayQueue } from "../../words/asked.ts";
import { sayMoment, sayStep } from "../../words/clock.ts";
import { readBoard, readBoardList } from "../board.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { Problem } from "../http/errors.ts";
import { readTeam } from "../team.ts";
import { doneHere, DoneNotice, type Done } from "./done.tsx";
import { Changes } from "./live.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { ActOn, ToFormOf } from "./parts/act.tsx";
import { Clock, rowClass, type ReadAt } from "./parts/clock.tsx";
import { List, More } from "./parts/list.tsx";
import { Workload } from "./parts/people.tsx";
import { paths, withQuery } from "./paths.ts";

type Board = Awaited<ReturnType<typeof readBoard>>;
type List = Board["lists"][number];
type Entry = List["items"][number];

/** What each list of the board is called, and what stands in its place when it is empty. */
const titles: Readonly<Record<List["list"], string>> = {
  breached: "Late",
  hour: "Within the hour",
  today: "Later today",
  paused: "Paused",
  manager: "Contested, or waits for you",
  held: "Held",
};

/** GET /console/board and its lists: what breaks next, and who can take it. */
export function boardPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.board, async (c) => {
    const [board, team, frame, done] = await Promise.all([
      readBoard(deps, c, {}),
      readTeam(deps, asking(c, "GET /team")),
      frameOf(deps, c),
      doneHere(deps, c),
    ]);
    return show(c, <BoardPage board={board} team={team} frame={frame} done={done} />);
  });
  routes.get("/console/board/:list", async (c) => {
    const list = Object.keys(titles).find((one) => one === c.req.param("list"));
    if (list === undefined) throw new Problem("not-found", { detail: "there is no such list" });
    const name = list as List["list"];
    const cursor = c.req.query("cursor");
    const [page, frame] = await Promise.all([
      readBoardList(deps, c, name, cursor === undefined ? {} : { cursor }),
      frameOf(deps, c),
    ]);
    const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
    const here = withQuery(paths.boardList(name), { cursor });
    return show(
      c,
      <Page title={titles[name]} frame={frame}>
        <p class="dim">
          <a href={paths.board} data-key="u">
            Board
          </a>
        </p>
        <h1>{titles[name]}</h1>
        <Changes frame={frame} page={here} />
        {page.items.length === 0 ? <p>None.</p> : null}
        <Entries
          list={name}
          items={page.items}
          reading={reading}
          role={frame.caller.role}
          back={here}
        />
        <More path={paths.boardList(name)} next={page.next} isFirst={cursor === undefined} />
      </Page>,
    );
  });
  return routes;
}

const BoardPage: FC<{
  readonly board: Board;
  readonly team: Awaited<ReturnType<typeof readTeam>>;
  readonly frame: Frame;
  readonly done: Done | null;
}> = ({ board, team, frame, done }) => {
  const reading: ReadAt = { zone: board.zone, now: Date.parse(board.at) };
  const full = board.lists.filter(({ count }) => count > 0);
  return (
    <Page
      title="Board"
      frame={frame}
      status={done && <DoneNotice done={done} reading={reading} me={frame.caller.repId} />}
    >
      <h1>Board</h1>
      <p class="lead">{headingOf(board, reading)}</p>
      <Changes frame={frame} page={paths.board} />
      {full.map(({ list, count, orMore, items, next }) => (
        <section aria-labelledby={list}>
          <h2 id={list}>
            {titles[list]} <span class="dim">{`${count}${orMore ? " or more" : ""}`}</span>
          </h2>
          <Entries
            list={list}
            items={items}
            reading={reading}
            role={frame.caller.role}
            back={paths.board}
          />
          {next === null ? null : (
            <p>
              <a href={paths.boardList(list)}>{`All ${count}${orMore ? " and more" : ""}`}</a>
            </p>
          )}
        </section>
      ))}
      <section aria-labelledby="people">
        <h2 id="people">People</h2>
        {team.people.length === 0 ? (
          <p>Nobody takes leads here yet. RevOps keeps the roster.</p>
        ) : (
          <ul class="people">
            {team.people.map((person) => (
              <li>
                <bdi>{person.name ?? person.id}</bdi> <Workload person={person} reading={reading} />
              </li>
            ))}
          </ul>
        )}
      </section>
    </Page>
  );
};

/** "3 late, 5 within the hour, 1 contested, 4 held until Tue 09:00." */
function headingOf({ lists }: Board, { now, zone }: ReadAt): string {
  const of = (name: List["list"]) => lists.find(({ list }) => list === name);
  const count = (name: List["list"], word: string) => {
    const n = of(name)?.count ?? 0;
    return n === 0 ? [] : [`${n} ${word}`];
  };
  const first = of("held")?.items[0]?.until ?? null;
  const until = first === null ? "" : ` until ${sayMoment(Date.parse(first), now, zone)}`;
  const parts = [
    ...count("breached", "late"),
    ...count("hour", "within the hour"),
    ...count("today", "later today"),
    ...count("manager", "contested or to assign"),
    ...count("paused", "paused"),
    ...count("held", `held${until}`),
  ];
  return parts.length === 0
    ? "Nothing is late, and nothing runs out today."
    : `${parts.join(", ")}.`;
}

const Entries: FC<{
  readonly list: List["list"];
  readonly items: readonly Entry[];
  readonly reading: ReadAt;
  readonly role: string;
  readonly back: string;
}> = ({ list, items, reading, back }) =>
  items.length === 0 ? null : (
    <List kind="board" caption={titles[list]} heads={["Due", "Lead", "With", "Then", "Act"]}>
      {items.map((entry) => (
        <Line entry={entry} reading={reading} back={back} />
      ))}
    </List>
  );

/** What follows when nobody acts, and when, where that is not the deadline itself. */
function thenOf({ next, due }: Entry, say: (at: string) => string): string {
  if (next.step === null) return "";
  const step = sayStep(next.step);
  return next.at === null || next.at === due ? step : `${step} ${say(next.at)}`;
}

const Line: FC<{ readonly entry: Entry; readonly reading: ReadAt; readonly back: string }> = ({
  entry,
  reading,
  back,
}) => {
  const { kind, id, company, leadType, due, until, owner, zone } = entry;
  const subject = { kind, id };
  const say = (at: string) => sayMoment(Date.parse(at), reading.now, reading.zone);
  const whom = called(entry);
  const more =
    kind === "account" ? ["account", leadType] : [company === whom ? null : company, leadType];
  const may = (action: string) => entry.actions.some((one) => one.name === action);
  const asked = entry.task === "contested" ? entry.why : null;
  return (
    <tr id={id} data-row class={rowClass(due, reading.now)}>
      <td data-urgency>
        {due === null ? (
          <span class="dim">{until === null ? "no deadline" : `until ${say(until)}`}</span>
        ) : (
          <Clock due={due} zone={zone} reading={reading} />
        )}
      </td>
      <td class="who">
        <a href={kind === "account" ? paths.account(id) : paths.lead(id)} data-key="Enter">
          <bdi>{whom}</bdi>
        </a>
        <bdi class="more dim">{more.filter(Boolean).join(" · ")}</bdi>
      </td>
      <td>
        <bdi>{owner === null ? (sayQueue(entry) ?? "nobody") : (owner.name ?? owner.id)}</bdi>
        <span class="more dim">{sayAsked({ waitingOn: entry.waitingOn, task: entry.task })}</span>
      </td>
      <td class="dim">{asked ?? thenOf(entry, say)}</td>
      <td class="acts">
        {may("decideContest") ? (
          <ActOn subject={subject} action="decideContest" seen={entry.seen} back={back}>
            <button name="decision" value="uphold" aria-label={`Uphold, ${whom}`}>
              Uphold
            </button>{" "}
            <button name="decision" value="overturn" aria-label={`Overturn, ${whom}`}>
              Overturn
            </button>
          </ActOn>
        ) : null}
        {may("reassign") ? (
          <ToFormOf
            subject={subject}
            action="reassign"
            back={back}
            dataKey="m"
            name={`Give to… ${whom}`}
          >
            Give to…
          </ToFormOf>
        ) : null}
      </td>
    </tr>
  );
};
