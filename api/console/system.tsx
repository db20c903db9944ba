import type { FC } from "hono/jsx";
import { capital } from "../../messages/words.ts";
import { numberWords } from "../../handoff/reviews/words.ts";
import type { Stage } from "../../handoff/stage.ts";
import { stageWords } from "../../words/actions.ts";
import { sayMinutes, sayMoment, withTimes } from "../../words/clock.ts";
import { sayAsked } from "../../words/asked.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { readSystem } from "../system.ts";
import { frameOf, Page, show, type Frame } from "./page.tsx";
import { WithCode } from "./parts/code.tsx";
import { paths } from "./paths.ts";

type System = Awaited<ReturnType<typeof readSystem>>;

/** GET /console/system: whether Baton is well, what waits, and what is stuck. */
export function systemPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.system, async (c) => {
    const [frame, system] = await Promise.all([frameOf(deps, c), readSystem(deps)]);
    return show(c, <SystemPage frame={frame} system={system} />);
  });
  return routes;
}

const SystemPage: FC<{ readonly frame: Frame; readonly system: System }> = ({ frame, system }) => {
  const zone = frame.zone ?? "UTC";
  const now = Date.parse(system.at);
  const { processes, recount, stuck } = system;
  return (
    <Page title="System" frame={frame}>
      <h1>System</h1>
      <p class="lead">{`${sentenceOf(system)} As of ${sayMoment(now, now, zone)}.`}</p>
      <h2 id="parts">Parts</h2>
      <Parts parts={system.parts} zone={zone} now={now} />
      <h2 id="stuck">Stuck leads</h2>
      <p>
        {stuckSentence(stuck)}
        {missingSentence(system)}
      </p>
      {stuck.leads.length === 0 ? null : <Stuck leads={stuck.leads} zone={zone} now={now} />}
      <h2 id="waits">What waits</h2>
      {system.paused.map(({ name, since, until, reason }) => (
        <p class="notice">
          <strong class="late">{`${name} is not asked`}</strong>
          {` since ${sayMoment(Date.parse(since), now, zone)}`}
          {until === null ? "" : `, next try ${sayMoment(Date.parse(until), now, zone)}`}
          {reason === null ? "" : `: ${reason}`}
        </p>
      ))}
      {system.backlogs.length === 0 ? (
        <p>Nothing waits to be told, heard or sent.</p>
      ) : (
        <Backlogs backlogs={system.backlogs} zone={zone} now={now} />
      )}
      <h2 id="counts">Counted</h2>
      <dl>
        <dt>Open leads</dt>
        <dd>{numberWords(processes.open)}</dd>
        <dt>Running processes</dt>
        <dd>
          {processes.running === null
            ? "not known: Temporal did not say"
            : numberWords(processes.running)}
        </dd>
        <dt>Last count of everything</dt>
        <dd class={recount && recount.differences > 0 ? "late" : undefined}>
          {recount === null
            ? "not yet; it is made once a day"
            : `${sayMoment(Date.parse(recount.at), now, zone)}, ${many(recount.differences, "difference")}`}
        </dd>
        {system.tasks.map(({ kind, open }) => (
          <>
            <dt>{`Tasks: ${sayAsked({ waitingOn: null, task: kind })}`}</dt>
            <dd>{`${numberWords(open)} open`}</dd>
          </>
        ))}
      </dl>
    </Page>
  );
};

const partNames: readonly (readonly [keyof System["parts"], string])[] = [
  ["postgres", "Postgres"],
  ["temporal", "Temporal"],
  ["worker", "Worker"],
  ["relay", "Relay"],
];

const Parts: FC<{ readonly parts: System["parts"] } & Timed> = ({ parts, zone, now }) => (
  <table class="cards" aria-labelledby="parts">
    <thead>
      <tr>
        <th scope="col">Part</th>
        <th scope="col">State</th>
        <th scope="col">What it says</th>
      </tr>
    </thead>
    <tbody>
      {partNames.map(([part, name]) => {
        const { ok, detail } = parts[part];
        return (
          <tr>
            <th scope="row">{name}</th>
            <td data-label="State" class={ok === true ? undefined : "late"}>
              {ok === null ? "not known" : ok ? "well" : "not well"}
            </td>
            <td data-label="What it says">{withTimes(detail ?? "", now, zone)}</td>
          </tr>
        );
      })}
    </tbody>
  </table>
);

interface Timed {
  readonly zone: string;
  readonly now: number;
}

const Stuck: FC<{ readonly leads: System["stuck"]["leads"] } & Timed> = ({ leads, zone, now }) => (
  <table class="cards" aria-labelledby="stuck">
    <thead>
      <tr>
        <th scope="col">Lead</th>
        <th scope="col">Since</th>
        <th scope="col">Why</th>
        <th scope="col">What to do</th>
        {leads.every(({ temporalUrl }) => temporalUrl === null) ? null : (
          <th scope="col">Temporal</th>
        )}
      </tr>
    </thead>
    <tbody>
      {leads.map((one) => (
        <tr>
          <th scope="row">
            <a href={one.id.startsWith("ac_") ? paths.account(one.id) : paths.lead(one.id)}>
              {one.id}
            </a>
            <span class="dim">
              {" "}
              {[stageWords[one.stage as Stage], sayAsked({ waitingOn: one.waitingOn, task: null })]
                .filter((words) => words !== "")
                .join(", ")}
            </span>
          </th>
          <td data-label="Since">
            {one.since === null ? "see Temporal" : sinceOf(Date.parse(one.since), zone, now)}
          </td>
          <td data-label="Why" class="late">{`${one.state}: ${one.why}`}</td>
          <td data-label="What to do">
            <WithCode words={one.remedy} />
          </td>
          {one.temporalUrl === null ? null : (
            <td data-label="Temporal">
              <a
                href={one.temporalUrl}
                rel="noreferrer"
                aria-label={`The process of ${one.id} in the Temporal UI`}
              >
                Its process
              </a>
            </td>
          )}
        </tr>
      ))}
    </tbody>
  </table>
);

const Backlogs: FC<{ readonly backlogs: System["backlogs"] } & Timed> = (props) => (
  <table class="cards" aria-labelledby="waits">
    <thead>
      <tr>
        <th scope="col">What</th>
        <th scope="col">Waiting</th>
        <th scope="col">Oldest</th>
        <th scope="col">Given up on</th>
      </tr>
    </thead>
    <tbody>
      {props.backlogs.map(({ name, waiting, oldest, failed }) => (
        <tr>
          <th scope="row">
            {backlogName(name)}
            <span class="dim">{` ${name}`}</span>
          </th>
          <td data-label="Waiting">{waiting}</td>
          <td data-label="Oldest">
            {oldest === null ? "" : sinceOf(Date.parse(oldest), props.zone, props.now)}
          </td>
          <td data-label="Given up on" class={failed > 0 ? "late" : undefined}>
            {failed}
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

/** Well, or what is not, most pressing first. */
function sentenceOf({ ready, healthy, stuck, untold }: System): string {
  const found = stuck.leads.length;
  if (!ready) return "The database does not answer: nothing is taken in.";
  if (!healthy) return "A part is not well. Leads are taken in, and wait for it.";
  if (found > 0) return `Every part is well, and ${many(found, "lead")} stuck.`;
  if (untold.count > 0)
    return `Every part is well, and ${many(untold.count, "message")} to processes late.`;
  return "All is well.";
}

function stuckSentence({ broken, missing, leads, late }: System["stuck"]): string {
  const without = missing ?? leads.filter(({ state }) => state === "missing").length;
  const told = `${without === 0 && missing === null ? "" : `${many(without, "process", "processes")} missing, `}${many(late, "lead")} late.`;
  return broken === null
    ? `Temporal did not say which processes are broken. ${capital(told)}`
    : `${many(broken, "process", "processes")} broken, ${told}`;
}

/** Of open leads that no process runs for, when not all of them could be named. */
function missingSentence({ processes: { open, running }, stuck }: System): string {
  if (stuck.missing !== null) return "";
  const gap = running === null ? 0 : open - running;
  const more =
    gap <= 0
      ? ""
      : ` ${numberWords(gap)} more open ${gap === 1 ? "lead" : "leads"} than running processes: just come, or the process is missing.`;
  return `${more} Not every open lead could be compared with the processes: npx baton stuck compares all.`;
}

function backlogName(name: string): string {
  const [kind = "", of = ""] = name.split("/");
  if (kind === "outbox")
    return of === "1" ? "Messages to processes" : "Messages to processes of imports";
  if (kind === "inbox") return `News from ${of}`;
  return of === "mail" ? "Mails" : "Records in the CRM";
}

function many(n: number, one: string, more = `${one}s`): string {
  return `${n} ${n === 1 ? one : more}`;
}

/** "Mon 10:00, 12 min". */
function sinceOf(at: number, zone: string, now: number): string {
  const minutes = Math.max(0, Math.floor((now - at) / 60_000));
  return `${sayMoment(at, now, zone)}, ${sayMinutes(minutes)}`;
}
