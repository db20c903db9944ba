import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { called } from "../../words/called.ts";
import { sayAsked } from "../../words/asked.ts";
import { sayMoment } from "../../words/clock.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { readQueue } from "../queue.ts";
import { doneHere, DoneNotice, type Done } from "./done.tsx";
import { Changes } from "./live.tsx";
import { frameOf, Page, show } from "./page.tsx";
import { Act, ToForm } from "./parts/act.tsx";
import { Clock, rowClass, urgency, type ReadAt } from "./parts/clock.tsx";
import { List, More } from "./parts/list.tsx";
import { paths, withQuery } from "./paths.ts";

type Queue = Awaited<ReturnType<typeof readQueue>>;
type Entry = Queue["items"][number];

/** GET /console/queue: what is mine, and what comes first. */
export function queuePages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.queue, async (c) => {
    const cursor = c.req.query("cursor");
    const [queue, frame, done] = await Promise.all([
      readQueue(deps, c, cursor === undefined ? {} : { cursor }),
      frameOf(deps, c),
      doneHere(deps, c),
    ]);
    return show(
      c,
      <QueuePage queue={queue} frame={frame} done={done} at={atOf(c)} cursor={cursor} />,
    );
  });
  return routes;
}

/** The row to go on at, after an action. */
function atOf(c: Context<AppEnv>): string | undefined {
  return c.req.query("at");
}

const QueuePage: FC<{
  readonly queue: Queue;
  readonly frame: Awaited<ReturnType<typeof frameOf>>;
  readonly done: Done | null;
  readonly at: string | undefined;
  readonly cursor: string | undefined;
}> = ({ queue, frame, done, at, cursor }) => {
  const { items } = queue;
  const reading: ReadAt = { zone: queue.zone, now: Date.parse(queue.at) };
  // After an action the next row has the focus; when that is gone, the first.
  const focused = at === undefined ? null : (items.find(({ id }) => id === at) ?? items[0])?.id;
  return (
    <Page
      title="Queue"
      frame={frame}
      status={done && <DoneNotice done={done} reading={reading} me={frame.caller.repId} />}
    >
      <h1>My queue</h1>
      <p class="lead">{headingOf(queue, cursor !== undefined, reading)}</p>
      <Changes frame={frame} page={withQuery(paths.queue, { cursor })} />
      {items.length === 0 ? null : (
        <List
          kind="queue"
          caption="What waits for you, the earliest due first"
          heads={["Due", "Lead", "Asked of you", "Act"]}
        >
          {items.map((entry, n) => (
            <Row
              entry={entry}
              reading={reading}
              me={frame.caller.repId}
              back={withQuery(paths.queue, { cursor, at: (items[n + 1] ?? items[n - 1])?.id })}
              isFocused={entry.id === focused}
            />
          ))}
        </List>
      )}
      <More path={paths.queue} next={queue.next} isFirst={cursor === undefined} />
    </Page>
  );
};

/** "12 leads, the earliest due first. 1 late, 2 due within 30 minutes." */
function headingOf(queue: Queue, isLater: boolean, reading: ReadAt): string {
  const { items, next, ahead } = queue;
  if (items.length === 0) {
    if (isLater) return "Nothing more waits.";
    if (ahead === null) return "Nothing waits. What is offered to you appears here.";
    const count = ahead.held === 1 ? "1 lead is" : `${ahead.held} leads are`;
    const until =
      ahead.until === null
        ? "until somebody has room"
        : `for ${sayMoment(Date.parse(ahead.until), reading.now, reading.zone)}`;
    return `Nothing waits. ${count} held ${until}.`;
  }
  const leads = items.filter(({ kind }) => kind === "lead").length;
  const accounts = items.filter(({ kind }) => kind === "account").length;
  const tasks = items.length - leads - accounts;
  const counted = [
    ...(leads > 0 ? [`${leads} ${leads === 1 ? "lead" : "leads"}`] : []),
    ...(accounts > 0 ? [`${accounts} ${accounts === 1 ? "account" : "accounts"}`] : []),
    ...(tasks > 0 ? [`${tasks} ${tasks === 1 ? "task" : "tasks"}`] : []),
  ].join(" and ");
  const dues = items.flatMap(({ due, stands }) =>
    due === null || stands ? [] : [Date.parse(due)],
  );
  const late = dues.filter((due) => urgency(due, reading.now) === "late").length;
  const soon = dues.filter((due) => urgency(due, reading.now) === "soon").length;
  const pressing = [
    ...(late > 0 ? [`${late} late`] : []),
    ...(soon > 0 ? [`${soon} due within 30 minutes`] : []),
  ].join(", ");
  const first = isLater ? "The next" : next === null ? "" : "The first";
  const what = first === "" ? counted : `${first} ${counted}`;
  return `${what}, the earliest due first.${pressing === "" ? " None is late." : ` ${pressing}.`}`;
}

const Row: FC<{
  readonly entry: Entry;
  readonly reading: ReadAt;
  readonly me: string | null;
  readonly back: string;
  readonly isFocused: boolean;
}> = ({ entry, reading, me, back, isFocused }) => {
  const { id, lead, due, stands, zone } = entry;
  const isTask = entry.kind === "task";
  const asked = sayAsked({ waitingOn: entry.waitingOn, task: isTask ? entry.what : null });
  return (
    <tr
      id={id}
      data-row
      data-of={lead ?? undefined}
      class={rowClass(stands ? null : due, reading.now)}
    >
      <td class="due" data-urgency>
        <Clock due={due} zone={zone} stands={stands} reading={reading} />
      </td>
      <td class="who">
        <Who entry={entry} isFocused={isFocused && !hasMain(entry, me)} />
      </td>
      <td class="asked">
        {isTask ? <span class="tag">task</span> : null}
        {entry.kind === "account" ? <span class="tag">account</span> : null} {asked}
        {entry.owner !== null && entry.owner !== me && entry.ownerName !== null ? (
          <span class="dim">{` · with ${entry.ownerName}`}</span>
        ) : null}
        {isTask && entry.why !== null ? <span class="why dim">{entry.why}</span> : null}
      </td>
      <td class="acts">
        {lead === null ? null : <Acts {...{ entry, lead, me, back, isFocused }} />}
      </td>
    </tr>
  );
};

const Who: FC<{ readonly entry: Entry; readonly isFocused: boolean }> = ({ entry, isFocused }) => {
  const { lead, title, company, leadType, band } = entry;
  const whom = called({ ...entry, id: lead ?? entry.account ?? entry.id });
  const more = [company === whom ? null : company, leadType, band && `band ${band}`]
    .filter(Boolean)
    .join(" · ");
  return (
    <>
      {lead === null ? (
        <AboutNoLead entry={entry} whom={whom} isFocused={isFocused} />
      ) : (
        <a
          href={withQuery(paths.lead(lead), { from: "queue" })}
          data-key="Enter"
          autofocus={isFocused}
        >
          <bdi>{whom}</bdi>
        </a>
      )}
      {title === null ? null : (
        <>
          {", "}
          <bdi>{title}</bdi>
        </>
      )}
      {more === "" ? null : <bdi class="more dim">{more}</bdi>}
    </>
  );
};

/** What a row is about that is about no lead: an account has a page, where it is answered. */
const AboutNoLead: FC<{
  readonly entry: Entry;
  readonly whom: string;
  readonly isFocused: boolean;
}> = ({ entry: { account }, whom, isFocused }) =>
  account === null ? (
    <span>{whom}</span>
  ) : (
    <a href={paths.account(account)} data-key="Enter" autofocus={isFocused}>
      <bdi>{whom}</bdi>
    </a>
  );

/** Whether a row begins with a button that answers at once. */
function hasMain({ kind, owner, actions }: Entry, me: string | null): boolean {
  const may = (action: string) => actions.some(({ name }) => name === action);
  return kind === "lead" && may("accept") && !(me !== null && owner !== me && may("reassign"));
}

/** The answers of a row: what is possible, as the API says. */
const Acts: FC<{
  readonly entry: Entry;
  readonly lead: string;
  readonly me: string | null;
  readonly back: string;
  readonly isFocused: boolean;
}> = ({ entry, lead, me, back, isFocused }) => {
  const { kind, what, seen } = entry;
  const may = (action: string) => entry.actions.some((one) => one.name === action);
  const whom = called({ ...entry, id: lead });
  if (kind === "task" && what === "fix-data")
    return (
      <a
        class="button"
        href={withQuery(paths.facts(lead), { back })}
        aria-label={`Correct ${whom}`}
      >
        Correct…
      </a>
    );
  if (may("decideContest"))
    return (
      <>
        <Act lead={lead} action="decideContest" seen={seen} back={back}>
          <button name="decision" value="uphold" aria-label={`Uphold, ${whom}`}>
            Uphold
          </button>{" "}
          <button name="decision" value="overturn" aria-label={`Overturn, ${whom}`}>
            Overturn
          </button>
        </Act>
        <GiveTo may={may("reassign")} lead={lead} whom={whom} back={back} />
      </>
    );
  // A manager sees what breaks with others, and gives it away; to answer for them, on its page.
  if (kind === "lead" && me !== null && entry.owner !== me && may("reassign"))
    return <GiveTo may lead={lead} whom={whom} back={back} />;
  if (kind === "task")
    return (
      <>
        <GiveTo may={may("reassign")} lead={lead} whom={whom} back={back} />
        <a class="button" href={`${paths.tasks}#${entry.id}`} aria-label={`The task, ${whom}`}>
          Task…
        </a>
      </>
    );
  return (
    <>
      {may("accept") ? (
        <Act lead={lead} action="accept" seen={seen} back={back}>
          <button class="main" data-key="a" aria-label={`Accept ${whom}`} autofocus={isFocused}>
            Accept
          </button>
        </Act>
      ) : null}
      {may("reject") ? (
        <ToForm lead={lead} action="reject" back={back} dataKey="r" name={`Reject… ${whom}`}>
          Reject…
        </ToForm>
      ) : null}
      {may("logOutreach") ? (
        <ToForm lead={lead} action="logOutreach" back={back} dataKey="l" name={`Log… ${whom}`}>
          Log…
        </ToForm>
      ) : null}
      {may("accept") || may("logOutreach") ? null : (
        <GiveTo may={may("reassign")} lead={lead} whom={whom} back={back} />
      )}
    </>
  );
};

const GiveTo: FC<{
  readonly may: boolean;
  readonly lead: string;
  readonly whom: string;
  readonly back: string;
}> = ({ may, lead, whom, back }) =>
  may ? (
    <ToForm lead={lead} action="reassign" back={back} dataKey="m" name={`Give to… ${whom}`}>
      Give to…
    </ToForm>
  ) : null;
