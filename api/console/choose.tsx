import type { Context } from "hono";
import type { Child, FC } from "hono/jsx";
import type { ActionName } from "../../handoff/stage.ts";
import { capital, spoken } from "../../messages/words.ts";
import { channels, outcomes } from "../../handoff/process/outreach.ts";
import { usualAttempts } from "../../words/actions.ts";
import { channelWords, consequences, outcomeWords } from "../../words/answers.ts";
import { readAccount } from "../accounts.ts";
import type { AppDeps, AppEnv, Asker } from "../deps.ts";
import { Problem } from "../http/errors.ts";
import { readLead } from "../leads.ts";
import { readReasons } from "../reasons.ts";
import { readTeam } from "../team.ts";
import { accountName, leadName, ownerOfHandoff } from "./done.tsx";
import { statusOf } from "./form.tsx";
import { asking, Page, show, type Frame } from "./page.tsx";
import { ActOn, type SeenHere, type SubjectHere } from "./parts/act.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { Field, NotDone, NotDoneAbove } from "./parts/field.tsx";
import { sayStanding } from "./parts/standing.ts";
import { Workload } from "./parts/people.tsx";

/** What the form of an action is about, as it stands. */
interface About {
  readonly subject: SubjectHere;
  readonly name: string;
  /** Beside the name of a person: "Northwind. ". */
  readonly company: string;
  readonly standing: Parameters<typeof sayStanding>[0];
  readonly possible: readonly string[];
  readonly seen: SeenHere;
  readonly reject: () => Promise<readonly Reason[]>;
  readonly pause: () => Promise<readonly string[]>;
}

interface Asked {
  readonly name: ActionName;
  readonly subject: SubjectHere;
  readonly frame: Frame;
  readonly back: string;
  /** What was sent and refused, to be corrected. */
  readonly given: Readonly<Record<string, string>>;
  readonly problem: Problem | null;
}

async function aboutLead(deps: AppDeps, c: Asker, id: string): Promise<About> {
  const lead = await readLead(deps, asking(c, "GET /leads/{id}"), id);
  const reasons = () => readReasons(deps, asking(c, "GET /leads/{id}/reasons"), id);
  return {
    subject: { kind: "lead", id: lead.id },
    name: leadName(lead),
    company: company(lead),
    standing: lead,
    possible: lead.actions.map(({ name }) => name),
    seen: lead.seen,
    reject: async () => (await reasons()).reject,
    pause: async () => (await reasons()).pause,
  };
}

async function aboutAccount(deps: AppDeps, c: Asker, id: string): Promise<About> {
  const account = await readAccount(deps, asking(c, "GET /accounts/{id}"), id);
  const { handoff } = account;
  if (handoff === null)
    throw new Problem("conflict", { detail: "the account was never flagged: it has no handoff" });
  return {
    subject: { kind: "account", id: account.id },
    name: accountName(account),
    company: "",
    standing: { ...handoff, owner: ownerOfHandoff(account) },
    possible: handoff.actions.map(({ action }) => action),
    seen: handoff.seen,
    // It is rejected on its own page.
    reject: () => Promise.resolve([]),
    pause: () => Promise.resolve(handoff.pauses),
  };
}

/** The page of an action's form; of one that was refused with its message and its fields. */
export async function showForm(deps: AppDeps, c: Context<AppEnv>, asked: Asked): Promise<Response> {
  const { name, subject, frame, problem } = asked;
  const about = await (subject.kind === "lead" ? aboutLead : aboutAccount)(deps, c, subject.id);
  const title = `${titles[name] ?? ""} ${about.name}`;
  const reading = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const form = about.possible.includes(name) ? await formOf(deps, c, about, asked, reading) : null;
  return show(
    c,
    <Page title={title} frame={frame}>
      <div class="choose">
        <p class="dim">
          <a href={asked.back} data-key="u">
            Back
          </a>
        </p>
        <h1>
          {titles[name]} <bdi>{about.name}</bdi>
        </h1>
        <p class="lead">{`${about.company}${capital(sayStanding(about.standing, frame.caller.repId))}.`}</p>
        {form ?? (
          <>
            <NotDone problem={problem} />
            <p role="alert">{`This is not possible where the ${subject.kind} stands now.`}</p>
          </>
        )}
      </div>
    </Page>,
    statusOf(problem),
  );
}

const titles: Readonly<Partial<Record<ActionName, string>>> = {
  reject: "Reject",
  logOutreach: "Log an attempt to reach",
  handBack: "Hand back",
  advance: "Advance",
  reassign: "Give away",
  pause: "Pause",
};

async function formOf(
  deps: AppDeps,
  c: Context<AppEnv>,
  about: About,
  asked: Asked,
  reading: ReadAt,
): Promise<Child> {
  const { subject, seen, standing } = about;
  const props = { subject, seen, back: asked.back };
  const { given, problem } = asked;
  switch (asked.name) {
    case "reject":
      return <Reject {...props} reasons={await about.reject()} given={given} problem={problem} />;
    case "reassign": {
      const team = await readTeam(deps, asking(c, "GET /team"));
      const owner = standing.owner?.id ?? null;
      return (
        <>
          <NotDone problem={problem} />
          <GiveTo {...props} team={team} owner={owner} reading={reading} />
        </>
      );
    }
    case "pause":
      return (
        <>
          <NotDone problem={problem} />
          <Pause {...props} reasons={await about.pause()} given={given} />
        </>
      );
    case "logOutreach":
      return (
        <>
          <NotDone problem={problem} />
          <Log {...props} given={given} />
        </>
      );
    case "handBack":
      return <HandBack {...props} given={given} problem={problem} />;
    default:
      return <Advance {...props} stage={standing.stage} given={given} problem={problem} />;
  }
}

interface FormProps {
  readonly subject: SubjectHere;
  readonly seen: SeenHere;
  readonly back: string;
  readonly given: Asked["given"];
}

type Reason = Awaited<ReturnType<typeof readReasons>>["reject"][number];

/** Each reason is itself the button, and says what it does. */
const Reject: FC<
  FormProps & { readonly reasons: readonly Reason[]; readonly problem: Problem | null }
> = ({ subject, seen, back, reasons, given, problem }) => {
  const dated = reasons.filter(({ needsDay }) => needsDay);
  return (
    <ActOn subject={subject} action="reject" seen={seen} back={back}>
      <NotDoneAbove problem={problem} unless={dated.length === 0 ? [] : ["revisitOn"]} />
      <Note given={given} label="Note for whoever looks at it next (optional)" />
      <h2>Why? The reason rejects it at once.</h2>
      <ul class="answers">
        {reasons
          .filter(({ needsDay }) => !needsDay)
          .map((one, n) => (
            <li>
              <ReasonButton one={one} n={n} />
            </li>
          ))}
      </ul>
      {dated.length === 0 ? null : (
        <fieldset class="dated">
          <legend>With a day to come back</legend>
          <Field
            name="revisitOn"
            label="Come back on"
            value={given["revisitOn"]}
            refused={problem}
            type="date"
          />
          <ul class="answers">
            {dated.map((one, n) => (
              <li>
                <ReasonButton one={one} n={reasons.length - dated.length + n} />
              </li>
            ))}
          </ul>
        </fieldset>
      )}
    </ActOn>
  );
};

const ReasonButton: FC<{ readonly one: Reason; readonly n: number }> = ({ one, n }) => {
  const { reason, does, because, lacks, needsDay } = one;
  const what =
    does === "manager"
      ? `to the manager${because === null ? "" : `: ${because}`}`
      : consequences[does];
  const words = (
    <>
      <strong>{spoken(reason)}</strong>{" "}
      <span class="dim">{`${what}${needsDay ? ", on the day above" : ""}`}</span>
    </>
  );
  if (lacks !== null)
    return (
      <button type="button" aria-disabled="true">
        {words} <span class="lacks">{`not now: ${lacks}`}</span>
      </button>
    );
  return (
    <button name="reason" value={reason} data-key={n < 10 ? String((n + 1) % 10) : undefined}>
      {words}
    </button>
  );
};

/** What was done most is a button; the rest is put together. */
const Log: FC<FormProps> = ({ subject, seen, back, given }) => (
  <>
    <ActOn subject={subject} action="logOutreach" seen={seen} back={back}>
      <ul class="answers">
        {usualAttempts.map(({ words, channel, outcome }, n) => (
          <li>
            <button name="did" value={`${channel}/${outcome}`} data-key={String(n + 1)}>
              <strong>{words}</strong>
            </button>
          </li>
        ))}
      </ul>
      <Note given={given} label="Note (optional)" />
    </ActOn>
    <details>
      <summary>Something else</summary>
      <ActOn subject={subject} action="logOutreach" seen={seen} back={back}>
        <label for="did">How, and what came of it</label>
        <select id="did" name="did">
          {channels.map((channel) => (
            <optgroup label={channelWords[channel]}>
              {outcomes.map((outcome) => (
                <option value={`${channel}/${outcome}`}>
                  {`${channelWords[channel]}: ${outcomeWords[outcome]}`}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
        <Note given={given} label="Note (optional)" id="note-other" />
        <p>
          <button class="main">Log it</button>
        </p>
      </ActOn>
    </details>
  </>
);

const HandBack: FC<FormProps & { readonly problem: Problem | null }> = ({
  subject,
  seen,
  back,
  given,
  problem,
}) => (
  <ActOn subject={subject} action="handBack" seen={seen} back={back}>
    <NotDoneAbove problem={problem} unless={["revisitOn"]} />
    <p>It goes to re-nurture, and comes back by the agreement's rules or on a day.</p>
    <Field
      name="revisitOn"
      label="Day to come back (optional)"
      value={given["revisitOn"]}
      refused={problem}
      type="date"
    />
    <Note given={given} label="Note (optional)" />
    <p>
      <button class="main">Hand it back</button>
    </p>
  </ActOn>
);

const Advance: FC<FormProps & { readonly stage: string; readonly problem: Problem | null }> = ({
  subject,
  seen,
  back,
  stage,
  given,
  problem,
}) => (
  <ActOn subject={subject} action="advance" seen={seen} back={back}>
    <NotDoneAbove problem={problem} unless={stage === "sal" ? [] : ["amount", "currency"]} />
    {stage === "sal" ? (
      <p>Fit, need and timing are confirmed: it becomes SQL.</p>
    ) : (
      <>
        <p>An opportunity is opened; Baton's part ends.</p>
        <Field
          name="amount"
          label="Amount (optional)"
          value={given["amount"]}
          refused={problem}
          type="decimal"
        />
        <Field
          name="currency"
          label="Currency, as in USD"
          value={given["currency"]}
          refused={problem}
          maxlength={3}
        />
      </>
    )}
    <Note given={given} label="Note (optional)" />
    <p>
      <button class="main" name="to" value={stage === "sal" ? "sql" : "opportunity"}>
        {stage === "sal" ? "Confirm: it becomes SQL" : "Open the opportunity"}
      </button>
    </p>
  </ActOn>
);

const Pause: FC<FormProps & { readonly reasons: readonly string[] }> = ({
  subject,
  seen,
  back,
  reasons,
  given,
}) => (
  <ActOn subject={subject} action="pause" seen={seen} back={back}>
    <p>The clocks stand still until it is resumed, or as long as the agreement allows.</p>
    <Note given={given} label="Note (optional)" />
    <ul class="answers">
      {reasons.map((reason, n) => (
        <li>
          <button name="reason" value={reason} data-key={n < 9 ? String(n + 1) : undefined}>
            <strong>{spoken(reason)}</strong>
          </button>
        </li>
      ))}
    </ul>
  </ActOn>
);

type Team = Awaited<ReturnType<typeof readTeam>>;

const GiveTo: FC<
  Omit<FormProps, "given"> & {
    readonly team: Team;
    readonly owner: string | null;
    readonly reading: ReadAt;
  }
> = ({ subject, seen, back, team, owner, reading }) => (
  <ActOn subject={subject} action="reassign" seen={seen} back={back}>
    <ul class="answers">
      {team.people
        .filter(({ id }) => id !== owner)
        .map((person, n) => (
          <li>
            <button name="to" value={person.id} data-key={n < 9 ? String(n + 1) : undefined}>
              <strong>
                <bdi>{person.name ?? person.id}</bdi>
              </strong>{" "}
              <Workload person={person} reading={reading} />
            </button>
          </li>
        ))}
      <li>
        <button name="to" value="">
          <strong>Route it again</strong> <span class="dim">by the agreement's turn</span>
        </button>
      </li>
    </ul>
  </ActOn>
);

/** Out of the way until it is wanted: most answers need no note. */
const Note: FC<{
  readonly given: Asked["given"];
  readonly label: string;
  readonly id?: string;
}> = ({ given, label, id = "note" }) => (
  <details class="note" open={given["note"] !== undefined && given["note"] !== ""}>
    <summary>Add a note</summary>
    <label for={id}>{label}</label>
    <textarea id={id} name="note" rows={2} maxlength={4_000}>
      {given["note"] ?? ""}
    </textarea>
  </details>
);

function company({ account, accountFacts }: Awaited<ReturnType<typeof readLead>>): string {
  const name = accountFacts["account.name"]?.value ?? account?.domain;
  return typeof name === "string" ? `${name}. ` : "";
}
