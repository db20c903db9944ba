import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { isClosed, type ActionName, type Stage } from "../../handoff/stage.ts";
import { actionWords, onlyWhen, sayDone, stageWords } from "../../words/actions.ts";
import { sayAsked, sayQueue } from "../../words/asked.ts";
import { sayMoment, sayStep, withTimes } from "../../words/clock.ts";
import { checklistOf } from "../../words/history.ts";
import { capital } from "../../messages/words.ts";
import { actionPlaces } from "../action-places.ts";
import { readClocks } from "../clocks.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import type { Problem } from "../http/errors.ts";
import { readHistory, readLead } from "../leads.ts";
import { readPlaceInQueue } from "../queue.ts";
import { savedHere } from "./facts.tsx";
import { doneHere, DoneNotice, leadName, type Done } from "./done.tsx";
import { Hidden } from "./form.tsx";
import { Changes } from "./live.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { Act, Forbidden, ToForm } from "./parts/act.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { FactList, missingIn } from "./parts/facts.tsx";
import { Clocks } from "./parts/ledger.tsx";
import { Story } from "./parts/story.tsx";
import { TaskLine } from "./parts/task.tsx";
import { paths, withQuery } from "./paths.ts";

type Lead = Awaited<ReturnType<typeof readLead>>;
type History = Awaited<ReturnType<typeof readHistory>>;

/** GET /console/leads/{id}: what it is, why it is with whom, and what now. */
export function leadPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get("/console/leads/:id", (c) => showLead(deps, c, c.req.param("id"), null));
  return routes;
}

/** Why an action was not done, and where to go on. */
interface Refused {
  readonly problem: Problem;
  readonly goOn: string;
}

/** The lead's page; after an action that came too late with what stands instead. */
export async function showLead(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  refused: Refused | null,
): Promise<Response> {
  const story = c.req.query("story");
  // Who may ask is settled before anything is under way.
  const as = {
    lead: asking(c, "GET /leads/{id}"),
    clocks: asking(c, "GET /leads/{id}/clocks"),
    history: asking(c, "GET /leads/{id}/history"),
    place:
      c.req.query("from") === "queue" && scopeOf("GET /queue/{id}", c.var.caller.role) !== undefined
        ? asking(c, "GET /queue/{id}")
        : null,
  };
  const [lead, frame, clocks, history, done, place] = await Promise.all([
    readLead(deps, as.lead, id),
    frameOf(deps, c),
    readClocks(deps, as.clocks, id),
    readHistory(deps, as.history, id, {
      order: "newest",
      limit: 100,
      ...(story === undefined ? {} : { cursor: story }),
    }),
    doneHere(deps, c),
    as.place && readPlaceInQueue(deps, as.place, id),
  ]);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  return show(
    c,
    <LeadPage
      {...{ lead, frame, clocks, history, done, place, reading, refused }}
      story={story}
      saved={savedHere(c)}
    />,
    refused === null ? 200 : 409,
  );
}

/** Where the lead is in the reader's queue. */
type Place = Awaited<ReturnType<typeof readPlaceInQueue>>;

interface LeadProps {
  readonly lead: Lead;
  readonly frame: Frame;
  readonly clocks: Awaited<ReturnType<typeof readClocks>>;
  readonly history: History;
  readonly done: Done | null;
  readonly place: Place | null;
  readonly reading: ReadAt;
  readonly refused: Refused | null;
  readonly saved: string | null;
  /** Where the page begins to tell what happened; absent: with the newest. */
  readonly story: string | undefined;
}

const LeadPage: FC<LeadProps> = (props) => {
  const { lead, frame, clocks, history, done, place, reading, refused, saved, story } = props;
  const name = leadName(lead);
  const me = frame.caller.repId;
  const facts = { ...lead.accountFacts, ...lead.facts };
  const checklist = history.items.map(checklistOf).find((one) => one !== null) ?? [];
  const missing = lead.tasks.flatMap(({ detail }) => missingIn(detail));
  // Clocks of earlier offers are part of the story; these are those that still count.
  const current = clocks.filter(({ round }) => round === 0 || round === lead.seen.round);
  return (
    <Page
      title={name}
      frame={frame}
      status={done ? <DoneNotice done={done} reading={reading} me={frame.caller.repId} /> : saved}
    >
      <Places place={place} />
      {refused === null ? null : (
        <div class="notice refused" role="alert">
          <p>{`Not done. ${whoDid(history, me, reading) ?? capital(sentence(refused.problem.parts.detail))}`}</p>
          <p>
            <a class="button main" href={refused.goOn} autofocus>
              Go on
            </a>
          </p>
        </div>
      )}
      <h1>
        <bdi>{name}</bdi>
      </h1>
      <Standing lead={lead} me={me} reading={reading} />
      <Changes
        frame={frame}
        page={withQuery(paths.lead(lead.id), { from: place && "queue", story })}
        about={{ lead: lead.id, as: [shownOf(lead), history.items[0]] }}
      />
      <Actions lead={lead} frame={frame} place={place} name={name} />
      <div class="columns">
        <div>
          {current.length === 0 ? null : (
            <section aria-labelledby="clocks">
              <h2 id="clocks">Clocks</h2>
              <Clocks clocks={current} reading={reading} me={me} />
            </section>
          )}
          {lead.tasks.length === 0 ? null : (
            <section aria-labelledby="tasks">
              <h2 id="tasks">Tasks</h2>
              <ul class="tasks">
                {lead.tasks.map((task) => (
                  <TaskLine
                    task={task}
                    opens={scopeOf("GET /tasks", frame.caller.role) !== undefined}
                    reading={reading}
                  />
                ))}
              </ul>
            </section>
          )}
          <section aria-labelledby="story">
            <h2 id="story">What happened</h2>
            <Story history={history} reading={reading} me={me} />
            {history.next === null ? null : (
              <p>
                <a href={withQuery(paths.lead(lead.id), { story: history.next })}>
                  What was before
                </a>
              </p>
            )}
          </section>
        </div>
        <aside aria-label="What is known">
          {checklist.length === 0 ? null : <Checklist list={checklist} />}
          <h2>Known</h2>
          {Object.keys(facts).length === 0 ? (
            <p class="dim">
              {lead.erasedAt === null ? "Nothing yet." : "The person was erased; it is gone."}
            </p>
          ) : (
            <FactList facts={facts} missing={missing} reading={reading} />
          )}
          {lead.correctable.length > 0 ? (
            <p>
              <a
                class="button"
                href={withQuery(paths.facts(lead.id), { back: hereOf(lead, place) })}
              >
                Correct…
              </a>
            </p>
          ) : null}
        </aside>
      </div>
    </Page>
  );
};

const Places: FC<{ readonly place: Place | null }> = ({ place }) =>
  place === null ? null : (
    <nav class="places" aria-label="In the queue">
      <a href={paths.queue} data-key="u">
        Queue
      </a>
      {place.n === null ? null : ` · ${place.n} of ${place.of}${place.orMore ? " and more" : ""}`}
      {place.previous === null ? null : (
        <>
          {" · "}
          <a href={inQueue(place.previous)} data-key="p">
            previous
          </a>
        </>
      )}
      {place.next === null ? null : (
        <>
          {" · "}
          <a href={inQueue(place.next)} data-key="n">
            next
          </a>
        </>
      )}
    </nav>
  );

function inQueue(lead: string): string {
  return withQuery(paths.lead(lead), { from: "queue" });
}

/** The address of this page as it was opened. */
function hereOf(lead: Lead, place: Place | null): string {
  return place === null ? paths.lead(lead.id) : inQueue(lead.id);
}

/** "VP Operations at Northwind. MQL, reach out, by you. Next: outreach due, Mon 10:25." */
const Standing: FC<{
  readonly lead: Lead;
  readonly me: string | null;
  readonly reading: ReadAt;
}> = ({ lead, me, reading }) => {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : null);
  const title = text(lead.facts["lead.title"]?.value);
  const company = text(lead.accountFacts["account.name"]?.value) ?? lead.account?.domain ?? null;
  const asked = sayAsked({ waitingOn: lead.waitingOn, task: null });
  const queue = sayQueue(lead);
  const who =
    lead.owner === null
      ? queue === null
        ? null
        : `in the ${queue}`
      : lead.owner.id === me
        ? "with you"
        : `with ${lead.owner.name ?? lead.owner.id}`;
  const standing = [asked, who].filter((part) => part !== null && part !== "").join(", ");
  const { step, at } = lead.next;
  return (
    <p class="standing">
      {title === null && company === null ? null : (
        <>
          {title === null ? null : <bdi>{title}</bdi>}
          {title === null || company === null ? null : " at "}
          {company === null ? null : lead.account === null ? (
            <bdi>{company}</bdi>
          ) : (
            <a href={paths.account(lead.account.id)}>
              <bdi>{company}</bdi>
            </a>
          )}
          {". "}
        </>
      )}
      <strong>{capital(stageWords[lead.stage as Stage])}</strong>
      {standing === "" ? "" : `, ${standing}`}
      {". "}
      {lead.due === null ? null : (
        <>
          {"Due "}
          <Clock due={lead.due} reading={reading} />
          {". "}
        </>
      )}
      {step === null
        ? ""
        : `Next: ${sayStep(step)}${at === null ? "" : `, ${sayMoment(Date.parse(at), reading.now, reading.zone)}`}. `}
      {lead.leadType === null ? "" : `Lead type ${lead.leadType}`}
      {lead.band === null ? "" : `${lead.leadType === null ? "Band" : ", band"} ${lead.band}`}
      {lead.leadType === null && lead.band === null ? "" : ". "}
      {lead.closedReason === null
        ? ""
        : `It ended because: ${withTimes(lead.closedReason, reading.now, reading.zone)}. `}
      {lead.mergedInto === null ? null : (
        <>
          {"It was merged into "}
          <a href={paths.lead(lead.mergedInto)}>this lead</a>
          {". "}
        </>
      )}
    </p>
  );
};

/** What stays on the page whatever the stage; what only some stages know appears with them. */
const always: readonly ActionName[] = [
  "accept",
  "reject",
  "logOutreach",
  "handBack",
  "advance",
  "reassign",
];
/** What is answered from a telephone: it stays below the page there. */
const main: readonly ActionName[] = ["accept", "reject", "logOutreach"];
const keys: Readonly<Partial<Record<ActionName, string>>> = {
  accept: "a",
  reject: "r",
  logOutreach: "l",
  handBack: "h",
  reassign: "m",
};

const Actions: FC<{
  readonly lead: Lead;
  readonly frame: Frame;
  readonly place: Place | null;
  readonly name: string;
}> = ({ lead, frame, place, name }) => {
  const { role } = frame.caller;
  const mayRole = (action: ActionName) =>
    scopeOf(`POST /leads/{id}/${actionPlaces[action]}`, role) !== undefined;
  const possible = lead.actions.map((one) => one.name);
  const may = (action: ActionName) => possible.includes(action);
  const isPaused = lead.clocks.some(({ pausedFor }) => pausedFor !== null);
  const shown = lead.yours && !isClosed(lead.stage as Stage) ? always.filter(mayRole) : [];
  // After an answer the next lead of the queue, else this one as it stands then.
  const back =
    place === null ? paths.lead(lead.id) : place.next === null ? paths.queue : inQueue(place.next);
  const here = hereOf(lead, place);
  const props = { lead: lead.id, seen: lead.seen };
  const button = (action: ActionName) =>
    !may(action) ? (
      <Forbidden words={actionWords[action]} because={onlyWhen(action)} />
    ) : action === "accept" ? (
      <Act {...props} action="accept" back={back}>
        <button class="main" data-key="a">
          Accept
        </button>
      </Act>
    ) : (
      <ToForm
        lead={lead.id}
        action={action}
        back={action === "logOutreach" ? here : back}
        dataKey={keys[action]}
        name={`${actionWords[action]}… ${name}`}
      >
        {`${actionWords[action]}…`}
      </ToForm>
    );
  if (lead.erasedAt !== null || lead.mergedInto !== null) return null;
  return (
    <div class="actions" role="group" aria-label="What can be done">
      <div class="first">
        {may("decideContest") ? (
          <Act {...props} action="decideContest" back={back}>
            <button class="main" name="decision" value="uphold">
              Uphold the rejection
            </button>{" "}
            <button name="decision" value="overturn">
              Overturn it
            </button>
          </Act>
        ) : null}
        {may("decideReview") ? (
          <Act {...props} action="decideReview" back={here}>
            <button name="decision" value="keep">
              Keep
            </button>{" "}
            {lead.stage === "renurture" ? (
              <button name="decision" value="return">
                Return to sales
              </button>
            ) : null}{" "}
            <button name="decision" value="retire">
              Retire
            </button>
          </Act>
        ) : null}
        {shown.filter((action) => main.includes(action)).map(button)}
      </div>
      {shown.filter((action) => !main.includes(action)).map(button)}
      {may("pause") && !isPaused ? (
        <ToForm lead={lead.id} action="pause" back={here} name={`Pause… ${name}`}>
          Pause…
        </ToForm>
      ) : null}
      {may("resume") && isPaused ? (
        <Act {...props} action="resume" back={here}>
          <button>Resume</button>
        </Act>
      ) : null}
      {isClosed(lead.stage as Stage) && scopeOf("POST /leads/{id}/reopen", role) !== undefined ? (
        <Reopen lead={lead} />
      ) : null}
    </div>
  );
};

const Reopen: FC<{ readonly lead: Lead }> = ({ lead }) => (
  <details class="reopen">
    <summary>Reopen…</summary>
    <form method="post" action={paths.reopen(lead.id)}>
      <Hidden back={paths.lead(lead.id)} />
      <label for="why">Why it begins again; everybody who sees the lead reads it</label>
      <input id="why" name="why" required maxlength={500} /> <button class="main">Reopen it</button>
    </form>
  </details>
);

const Checklist: FC<{
  readonly list: NonNullable<ReturnType<typeof checklistOf>>;
}> = ({ list }) => {
  const met = list.filter(({ result }) => result === "met").length;
  return (
    <>
      <h2>Checklist</h2>
      <p class="dim">{`${met} of ${list.length} met, as last judged`}</p>
      <ul class="checklist">
        {list.map(({ name, result }) => (
          <li>
            {`${capital(name.replaceAll("-", " "))}: `}
            <strong>{result}</strong>
          </li>
        ))}
      </ul>
    </>
  );
};

/** What of the lead changes by what happens and not by the hour. */
function shownOf({ stage, waitingOn, owner, queue, next, due, seen, facts, tasks }: Lead) {
  return { stage, waitingOn, owner, queue, next, due, seen, facts, tasks };
}

/** Who decided the lead before, and when: the latest action that was done. */
function whoDid(history: History, me: string | null, { now, zone }: ReadAt): string | null {
  const last = history.items.find(({ kind, detail }) => {
    const result = detail["result"] as { done?: boolean } | null | undefined;
    return kind === "action" && result?.done === true;
  });
  if (last === undefined) return null;
  const by = String(last.detail["by"]);
  const who = by === me ? "You" : (history.people[by] ?? "Somebody");
  const when = sayMoment(Date.parse(last.at), now, zone);
  return `${sayDone(last.what, who)}, ${when}. It stands as you see below.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
