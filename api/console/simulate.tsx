import type { Context } from "hono";
import type { FC } from "hono/jsx";
import type { Candidate } from "../../handoff/routing/route.ts";
import type { Qualification } from "../../handoff/qualify/qualify.ts";
import { dayOfDate, instantReading } from "../../handoff/time/local-time.ts";
import { capital, spoken } from "../../messages/words.ts";
import { stageWords } from "../../words/actions.ts";
import { sayAsked, sayQueue } from "../../words/asked.ts";
import { sayCandidate } from "../../words/candidate.ts";
import { called } from "../../words/called.ts";
import { sayMoment, sayStep, withTimes } from "../../words/clock.ts";
import { fieldWords, ofCompany, valueWords, withFieldNames } from "../../words/trace.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { asDescribed, Problem } from "../http/errors.ts";
import { listQuery, readLeads } from "../leads.ts";
import { hypothetical, readTrial, tryOut } from "../simulate.ts";
import { Hidden, orAgain, readForm, statusOf, type Form } from "./form.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { Field, NotDone, NotDoneAbove } from "./parts/field.tsx";
import { looksAt, Trace } from "./parts/trace.tsx";
import { paths } from "./paths.ts";

type Trial = Awaited<ReturnType<typeof readTrial>>;
type Tried = Awaited<ReturnType<typeof tryOut>>;
type Simulated = Extract<Tried, { verdict: string }>;
type Draft = Exclude<Tried, Simulated>;

/** What decides most; the rest is folded away. */
const usual = [
  "lead.email",
  "lead.title",
  "lead.role",
  "lead.source",
  "lead.timeline",
  "account.name",
  "account.domain",
  "account.employees",
  "account.industry",
  "account.country",
];
/** So many things that somebody did can be said. */
const mostDone = 4;

/** GET and POST /console/simulate: what if this lead came; it writes nothing. */
export function simulatePages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.simulate, async (c) => {
    const like = (c.req.query("lead") ?? "").trim();
    return orAgain(
      () => showTrial(deps, c, { like, given: null, tried: null, problem: null }),
      (problem) => showTrial(deps, c, { like: "", given: null, tried: null, problem }),
    );
  });
  routes.post(paths.simulate, async (c) => {
    const { fields: given } = await readForm(c);
    const frame = await frameOf(deps, c);
    const zone = frame.zone ?? "UTC";
    return orAgain(
      async () => {
        const body = asDescribed(hypothetical, bodyOf(given, zone, c.var.receivedAt));
        const tried = await tryOut(deps, c, body);
        return showTrial(deps, c, { like: "", given, tried, problem: null });
      },
      (problem) => showTrial(deps, c, { like: "", given, tried: null, problem }),
    );
  });
  return routes;
}

/** The form as the API takes it. */
function bodyOf(given: Form["fields"], zone: string, now: number): object {
  if (given["what"] === "draft") return { draft: given["draft"] ?? "" };
  const facts = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      name.startsWith("fact:") && value !== "" ? [[name.slice("fact:".length), value]] : [],
    ),
  );
  const engagements = Array.from({ length: mostDone }, (_, n) => n).flatMap((n) => {
    const type = given[`did:${n}`] ?? "";
    if (type === "") return [];
    const ago = given[`ago:${n}`] ?? "";
    if (!/^\d{0,4}$/.test(ago))
      throw new Problem("invalid", { field: `ago:${n}`, detail: "expected days as a number" });
    return [{ type, occurredAt: new Date(now - Number(ago) * 86_400_000).toISOString() }];
  });
  return { facts, engagements, ...arrivalIn(given["at"] ?? "", zone) };
}

/** When it comes, as it was written on the reader's wall clock. */
function arrivalIn(text: string, zone: string): { at?: string } {
  if (text === "") return {};
  const [, date = "", hour, minute] = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)/.exec(text) ?? [];
  const day = dayOfDate(date);
  if (day === null)
    throw new Problem("invalid", { field: "at", detail: "expected a day and a time" });
  const wall = day * 86_400_000 + (Number(hour) * 60 + Number(minute)) * 60_000;
  return { at: new Date(instantReading(zone, wall)).toISOString() };
}

interface Asked {
  /** A lead that it shall be like. */
  readonly like: string;
  /** What the form said; null for a new one. */
  readonly given: Form["fields"] | null;
  readonly tried: Tried | null;
  readonly problem: Problem | null;
}

async function showTrial(deps: AppDeps, c: Context<AppEnv>, asked: Asked): Promise<Response> {
  const { like, given, tried, problem } = asked;
  const [trial, frame] = await Promise.all([
    readTrial(deps, asking(c, "GET /simulate"), like === "" ? {} : { lead: like }),
    frameOf(deps, c),
  ]);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const fields = given ?? fieldsOf(trial, reading.now);
  const examples = await examplesOf(deps, c, tried);
  return show(
    c,
    <SimulatePage {...{ trial, frame, fields, tried, examples, problem, reading }} />,
    statusOf(problem),
  );
}

/** Leads that are named as examples, as a list of leads shows them; null: the reader opens none. */
type Examples = ReadonlyMap<string, string> | null;

/** So many leads are read at once; of more examples the ids stand. */
const mostNamed = 100;

async function examplesOf(
  deps: AppDeps,
  c: Context<AppEnv>,
  tried: Tried | null,
): Promise<Examples> {
  if (scopeOf("GET /leads", c.var.caller.role) === undefined) return null;
  const ids =
    tried === null || "verdict" in tried ? [] : tried.changes.flatMap((one) => one.examples);
  if (ids.length === 0) return new Map();
  const asked = { ids: ids.slice(0, mostNamed).join(","), limit: String(mostNamed) };
  const { items } = await readLeads(deps, asking(c, "GET /leads"), asDescribed(listQuery, asked));
  return new Map(
    items.map((one) => {
      const whom = called({ ...one, domain: one.account });
      return [one.id, [...new Set([whom, one.account ?? whom])].join(", ")];
    }),
  );
}

/** The form for what is known of a lead. */
function fieldsOf({ facts, engagements }: Trial, now: number): Form["fields"] {
  const did = engagements.slice(0, mostDone).flatMap(({ type, occurredAt }, n) => {
    const days = Math.max(0, Math.floor((now - Date.parse(occurredAt)) / 86_400_000));
    return [
      [`did:${n}`, type],
      [`ago:${n}`, String(days)],
    ];
  });
  const known = Object.entries(facts).map(([path, value]) => [`fact:${path}`, valueWords(value)]);
  // Who comes for the first time is touched first then.
  const touched = ["fact:lead.firstTouchAt", new Date(now).toISOString()];
  return Object.fromEntries([touched, ...known, ...did]) as Form["fields"];
}

interface SimulateProps {
  readonly trial: Trial;
  readonly frame: Frame;
  readonly fields: Form["fields"];
  readonly tried: Tried | null;
  readonly examples: Examples;
  readonly problem: Problem | null;
  readonly reading: ReadAt;
}

const SimulatePage: FC<SimulateProps> = (props) => {
  const { trial, frame, fields, tried, examples, problem, reading } = props;
  const isDraft = fields["what"] === "draft";
  return (
    <Page title="Simulate" frame={frame}>
      <h1>What if this lead came?</h1>
      <p class="lead">
        Judged by the active agreement and offered as of this moment, by the functions that decide
        about real ones. Nothing is written.
      </p>
      {tried === null ? null : (
        <section aria-labelledby="result" class="result">
          {"verdict" in tried ? (
            <Outcome tried={tried} reading={reading} />
          ) : (
            <DraftOutcome tried={tried} examples={examples} />
          )}
        </section>
      )}
      <NotDoneAbove problem={problem} unless={fieldsSaying(trial)} />
      <section aria-labelledby="lead">
        <h2 id="lead">The lead</h2>
        <form method="get" action={paths.simulate} class="filters">
          <span class="field">
            <label for="like">Begin with one that is known: its id</label>
            <input id="like" name="lead" value={trial.lead ?? ""} maxlength={60} />
          </span>
          <button>Fill in</button>
        </form>
        <LeadForm trial={trial} fields={fields} problem={isDraft ? null : problem} />
      </section>
      <section aria-labelledby="of-draft">
        <h2 id="of-draft">Or: what would another agreement change?</h2>
        <details open={isDraft}>
          <summary>Paste a draft</summary>
          <DraftForm fields={fields} problem={isDraft ? problem : null} />
        </details>
      </section>
    </Page>
  );
};

function fieldsSaying({ fields }: Trial): string[] {
  const did = Array.from({ length: mostDone }, (_, n) => `ago:${n}`);
  return [...fields.map(({ path }) => `facts.${path}`), ...did, "at", "draft", "lead"];
}

const LeadForm: FC<{
  readonly trial: Trial;
  readonly fields: Form["fields"];
  readonly problem: Problem | null;
}> = ({ trial, fields, problem }) => {
  const first = [...new Set([...trial.required, ...usual])].filter((path) =>
    trial.fields.some((one) => one.path === path),
  );
  const others = trial.fields.map(({ path }) => path).filter((path) => !first.includes(path));
  const isAmongOthers = others.some(
    (path) =>
      (path !== "lead.firstTouchAt" && (fields[`fact:${path}`] ?? "") !== "") ||
      problem?.parts.field === `facts.${path}`,
  );
  const field = (path: string) => (
    <Field
      name={`fact:${path}`}
      label={`${capital(fieldWords(path))}${ofCompany(path)}${trial.required.includes(path) ? " (required)" : ""}`}
      value={fields[`fact:${path}`]}
      refused={problem}
      as={[`facts.${path}`]}
      maxlength={2_000}
    />
  );
  return (
    <form method="post" action={paths.simulate} class="fields">
      <Hidden />
      <input type="hidden" name="what" value="lead" />
      <div class="grid">{first.map(field)}</div>
      {others.length === 0 ? null : (
        <details open={isAmongOthers}>
          <summary>{`${others.length} other facts`}</summary>
          <div class="grid">{others.map(field)}</div>
        </details>
      )}
      <h3>What they did</h3>
      {Array.from({ length: mostDone }, (_, n) => (
        <div class="did">
          <span class="field">
            <label for={`did:${n}`}>{n === 0 ? "They did" : "and"}</label>
            <select id={`did:${n}`} name={`did:${n}`}>
              <option value="">nothing</option>
              {trial.signals.map(({ type, depth }) => (
                <option value={type} selected={fields[`did:${n}`] === type}>
                  {`${type.replaceAll(/[-_]/g, " ")} (${depth})`}
                </option>
              ))}
            </select>
          </span>
          <Field
            name={`ago:${n}`}
            label="days ago"
            type="number"
            value={fields[`ago:${n}`] ?? "0"}
            refused={problem}
          />
        </div>
      ))}
      <Field
        name="at"
        label="It comes at (now, when empty)"
        type="datetime-local"
        value={fields["at"]}
        refused={problem}
        hint="Hours are those of then; who is on shift and has room is asked of this moment."
      />
      <p>
        <button class="main">Try it</button>
      </p>
    </form>
  );
};

const DraftForm: FC<{ readonly fields: Form["fields"]; readonly problem: Problem | null }> = ({
  fields,
  problem,
}) => {
  const isWrong = problem?.parts.field === "draft";
  return (
    <form method="post" action={paths.simulate} class="fields">
      <Hidden />
      <input type="hidden" name="what" value="draft" />
      <label for="draft">The agreement as YAML, whole</label>
      <textarea
        id="draft"
        name="draft"
        rows={12}
        maxlength={400_000}
        spellcheck={false}
        required
        aria-invalid={isWrong ? "true" : undefined}
        aria-describedby={isWrong ? "draft-problem" : undefined}
        autofocus={isWrong}
      >
        {fields["draft"] ?? ""}
      </textarea>
      {isWrong ? <NotDone problem={problem} id="draft-problem" /> : null}
      <p>
        <button class="main">Judge today's leads by it</button>
      </p>
    </form>
  );
};

const verdicts: Readonly<Record<Simulated["verdict"], string>> = {
  "hand-off": "It would be handed to sales",
  nurture: "It would go to nurture",
  disqualify: "It would be disqualified",
  "needs-data": "It would wait until its data are mended",
};

const Outcome: FC<{ readonly tried: Simulated; readonly reading: ReadAt }> = ({
  tried,
  reading,
}) => {
  const person = (id: string) => tried.people[id] ?? id;
  const qualification = tried.qualification as unknown as Qualification;
  const lines = looksAt(qualification.trace);
  const candidates = (tried.route?.candidates ?? []) as unknown as readonly Candidate[];
  const { deadlines, next } = tried;
  return (
    <>
      <h2 id="result">{verdicts[tried.verdict]}</h2>
      <p>{`${capital(withFieldNames(tried.because))}. ${standingOf(tried, person)}`}</p>
      <dl class="known">
        {tried.leadType === null ? null : (
          <>
            <dt>Lead type</dt>
            <dd>{`${spoken(tried.leadType)}${tried.path === null ? "" : `, path ${tried.path}`}${tried.priority === null ? "" : `, priority ${tried.priority}`}${tried.tier === null ? "" : `, tier ${tried.tier}`}`}</dd>
          </>
        )}
        <dt>Band</dt>
        <dd>{`${tried.band}: fit ${tried.fit}, intent ${Math.round(tried.intent * 10) / 10}`}</dd>
        {deadlines === null ? null : (
          <>
            <dt>Outreach due</dt>
            <dd>
              <Clock due={deadlines.outreach.due} reading={reading} />
              <span class="dim">{`, ${deadlines.outreach.target}`}</span>
            </dd>
            <dt>Status due</dt>
            <dd>
              <Clock due={deadlines.status.due} reading={reading} />
              <span class="dim">{`, ${deadlines.status.target}; on the hours of the ${deadlines.hours}`}</span>
            </dd>
          </>
        )}
        {next.step === null ? null : (
          <>
            <dt>Next</dt>
            <dd>
              {sayStep(next.step)}
              {next.at === null
                ? ""
                : `, ${sayMoment(Date.parse(next.at), reading.now, reading.zone)}`}
            </dd>
          </>
        )}
        {tried.route === null ? null : (
          <>
            <dt>Territory</dt>
            <dd>{`${tried.route.territory ?? "none"}, segment ${tried.route.segment ?? "none"}`}</dd>
          </>
        )}
      </dl>
      <div class="halves">
        <div>
          <h3>{`Why: ${lines.filter(({ result }) => result === true).length} of ${lines.length} conditions hold`}</h3>
          {qualification.missing.length === 0 ? null : (
            <p>{`Missing: ${qualification.missing.map(({ field }) => fieldWords(field)).join(", ")}.`}</p>
          )}
          <Trace lines={lines} reading={reading} />
        </div>
        <div>
          {tried.route === null ? null : (
            <>
              <h3>{`Who was considered: ${candidates.length}`}</h3>
              {candidates.length === 0 ? (
                <p>Nobody takes leads there.</p>
              ) : (
                <ul>
                  {candidates.map((one) => (
                    <li>{withTimes(sayCandidate(one, { person }), reading.now, reading.zone)}</li>
                  ))}
                </ul>
              )}
            </>
          )}
          <Effects tried={tried} person={person} reading={reading} />
        </div>
      </div>
    </>
  );
};

/** "It would be MQL, with Kim R., reach out." */
function standingOf(
  { stage, owner, queue: put, waitingOn }: Simulated,
  person: (id: string) => string,
): string {
  const asked = sayAsked({ waitingOn, task: null });
  const queue = sayQueue({ waitingOn, queue: put });
  const who =
    owner === null ? (queue === null ? null : `in the ${queue}`) : `with ${person(owner)}`;
  const parts = [stageWords[stage], who, asked === "" ? null : asked];
  return `It would be ${parts.filter((part) => part !== null).join(", ")}.`;
}

const Effects: FC<{
  readonly tried: Simulated;
  readonly person: (id: string) => string;
  readonly reading: ReadAt;
}> = ({ tried, person, reading }) => {
  const { tasks, messages, qualification } = tried;
  const { checklist } = qualification as unknown as Qualification;
  const due = (at: string | null) =>
    at === null ? "" : `, due ${sayMoment(Date.parse(at), reading.now, reading.zone)}`;
  return (
    <>
      {tasks.length + messages.length === 0 ? null : (
        <>
          <h3>What people would hear</h3>
          <ul>
            {tasks.map(({ kind, role, assignee, due: at }) => (
              <li>{`task: ${sayAsked({ waitingOn: null, task: kind })}, for ${assignee === null ? role : person(assignee)}${due(at)}`}</li>
            ))}
            {messages.map(({ what, to, due: at }) => (
              <li>{`mail: ${spoken(what)}, to ${to.rep === null ? (to.role ?? "nobody") : person(to.rep)}${due(at)}`}</li>
            ))}
          </ul>
        </>
      )}
      {checklist.length === 0 ? null : (
        <>
          <h3>Checklist</h3>
          <ul class="checklist">
            {checklist.map(({ name, result }) => (
              <li>
                {`${capital(spoken(name))}: `}
                <strong>{result}</strong>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
};

const DraftOutcome: FC<{ readonly tried: Draft; readonly examples: Examples }> = ({
  tried,
  examples: named,
}) => {
  const { leads, same, changes, missingPools, warnings } = tried;
  return (
    <>
      <h2 id="result">
        {leads === 0
          ? "No lead is open that it could judge"
          : changes.length === 0
            ? `All ${leads.toLocaleString("en-US")} open leads stay as they are`
            : `${(leads - same).toLocaleString("en-US")} of ${leads.toLocaleString("en-US")} open leads would be judged differently`}
      </h2>
      {missingPools.length === 0 ? null : (
        <p>{`The roster has no pool ${missingPools.join(", ")}.`}</p>
      )}
      {warnings.length === 0 ? null : (
        <ul>
          {warnings.map(({ line, message }) => (
            <li>{`line ${line}: ${message}`}</li>
          ))}
        </ul>
      )}
      {changes.length === 0 ? null : (
        <table class="cards" aria-labelledby="result">
          <thead>
            <tr>
              <th scope="col">Leads</th>
              <th scope="col">Now</th>
              <th scope="col">By the draft</th>
              <th scope="col">For example</th>
            </tr>
          </thead>
          <tbody>
            {changes.map(({ from, to, count, examples }) => (
              <tr>
                <td data-label="Leads">{count.toLocaleString("en-US")}</td>
                <td data-label="Now">{sayVerdict(from)}</td>
                <td data-label="By the draft">{sayVerdict(to)}</td>
                <td>
                  <ul class="names">
                    {examples.map((id) => (
                      <li>
                        {named === null ? (
                          id
                        ) : (
                          <a href={paths.lead(id)}>
                            <bdi>{named.get(id) ?? id}</bdi>
                          </a>
                        )}
                      </li>
                    ))}
                  </ul>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
};

function sayVerdict({ verdict, leadType, band }: Draft["changes"][number]["from"]): string {
  const type = leadType === undefined ? "" : ` as ${spoken(leadType)}`;
  return `${spoken(verdict)}${type}, band ${band}`;
}
