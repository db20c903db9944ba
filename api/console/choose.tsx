import type { Context } from "hono";
import type { Child, FC } from "hono/jsx";
import type { ActionName } from "../../handoff/stage.ts";
import { capital, spoken } from "../../messages/words.ts";
import { channels, outcomes } from "../../handoff/process/outreach.ts";
import { usualAttempts } from "../../words/actions.ts";
import { channelWords, consequences, outcomeWords } from "../../words/answers.ts";
import type { AppDeps, AppEnv, Asker } from "../deps.ts";
import type { Problem } from "../http/errors.ts";
import { readLead } from "../leads.ts";
import { readReasons } from "../reasons.ts";
import { readTeam } from "../team.ts";
import { leadName } from "./done.tsx";
import { asking, Page, show, type Frame } from "./page.tsx";
import { Act, type SeenHere } from "./parts/act.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { sayStanding } from "./parts/standing.ts";
import { Workload } from "./parts/people.tsx";

type Lead = Awaited<ReturnType<typeof readLead>>;

interface Asked {
  readonly name: ActionName;
  readonly id: string;
  readonly frame: Frame;
  readonly back: string;
  /** What was sent and refused, to be corrected. */
  readonly given: Readonly<Record<string, string>>;
  readonly problem: Problem | null;
}

/** The page of an action's form; of one that was refused with its message and its fields. */
export async function showForm(deps: AppDeps, c: Context<AppEnv>, asked: Asked): Promise<Response> {
  const { name, id, frame, problem } = asked;
  const lead = await readLead(deps, asking(c, "GET /leads/{id}"), id);
  const status = problem === null ? 200 : 422;
  const whom = leadName(lead);
  const title = `${titles[name] ?? ""} ${whom}`;
  const isPossible = lead.actions.some((one) => one.name === name);
  const reading = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const form = isPossible ? await formOf(deps, c, lead, asked, reading) : null;
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
          {titles[name]} <bdi>{whom}</bdi>
        </h1>
        <p class="lead">{`${company(lead)}${capital(sayStanding(lead, frame.caller.repId))}.`}</p>
        {problem === null ? null : (
          <p class="error" role="alert" id="problem">
            {capital(problem.parts.detail)}
          </p>
        )}
        {form ?? <p role="alert">This is not possible where the lead stands now.</p>}
      </div>
    </Page>,
    status,
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
  lead: Lead,
  asked: Asked,
  reading: ReadAt,
): Promise<Child> {
  const props = { lead: lead.id, seen: lead.seen, back: asked.back };
  const { given, problem } = asked;
  switch (asked.name) {
    case "reject": {
      const { reject: reasons } = await readReasons(deps, forReasons(c), lead.id);
      return <Reject {...props} reasons={reasons} given={given} problem={problem} />;
    }
    case "reassign": {
      const team = await readTeam(deps, asking(c, "GET /team"));
      return <GiveTo {...props} team={team} owner={lead.owner?.id ?? null} reading={reading} />;
    }
    case "pause": {
      const { pause: pauses } = await readReasons(deps, forReasons(c), lead.id);
      return <Pause {...props} reasons={pauses} given={given} />;
    }
    case "logOutreach":
      return <Log {...props} given={given} />;
    case "handBack":
      return <HandBack {...props} given={given} problem={problem} />;
    default:
      return <Advance {...props} stage={lead.stage} given={given} problem={problem} />;
  }
}

function forReasons(c: Asker): Asker {
  return asking(c, "GET /leads/{id}/reasons");
}

interface FormProps {
  readonly lead: string;
  readonly seen: SeenHere;
  readonly back: string;
  readonly given: Asked["given"];
}

type Reason = Awaited<ReturnType<typeof readReasons>>["reject"][number];

/** Each reason is itself the button, and says what it does. */
const Reject: FC<
  FormProps & { readonly reasons: readonly Reason[]; readonly problem: Problem | null }
> = ({ lead, seen, back, reasons, given, problem }) => {
  const dated = reasons.filter(({ needsDay }) => needsDay);
  const isDay = problem?.parts.field === "revisitOn";
  return (
    <Act lead={lead} action="reject" seen={seen} back={back}>
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
          <label for="revisitOn">Come back on</label>
          <input
            id="revisitOn"
            name="revisitOn"
            type="date"
            value={given["revisitOn"] ?? ""}
            aria-invalid={isDay ? "true" : undefined}
            aria-describedby={isDay ? "problem" : undefined}
            autofocus={isDay}
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
    </Act>
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
const Log: FC<FormProps> = ({ lead, seen, back, given }) => (
  <>
    <Act lead={lead} action="logOutreach" seen={seen} back={back}>
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
    </Act>
    <details>
      <summary>Something else</summary>
      <Act lead={lead} action="logOutreach" seen={seen} back={back}>
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
      </Act>
    </details>
  </>
);

const HandBack: FC<FormProps & { readonly problem: Problem | null }> = ({
  lead,
  seen,
  back,
  given,
  problem,
}) => (
  <Act lead={lead} action="handBack" seen={seen} back={back}>
    <p>It goes to re-nurture, and comes back by the agreement's rules or on a day.</p>
    <Day given={given} problem={problem} />
    <Note given={given} label="Note (optional)" />
    <p>
      <button class="main">Hand it back</button>
    </p>
  </Act>
);

const Day: FC<{ readonly given: Asked["given"]; readonly problem: Problem | null }> = ({
  given,
  problem,
}) => {
  const isDay = problem?.parts.field === "revisitOn";
  return (
    <>
      <label for="revisitOn">Day to come back (optional)</label>
      <input
        id="revisitOn"
        name="revisitOn"
        type="date"
        value={given["revisitOn"] ?? ""}
        aria-invalid={isDay ? "true" : undefined}
        aria-describedby={isDay ? "problem" : undefined}
        autofocus={isDay}
      />
    </>
  );
};

const Advance: FC<FormProps & { readonly stage: string; readonly problem: Problem | null }> = ({
  lead,
  seen,
  back,
  stage,
  given,
  problem,
}) => (
  <Act lead={lead} action="advance" seen={seen} back={back}>
    {stage === "sal" ? (
      <p>Fit, need and timing are confirmed: it becomes SQL.</p>
    ) : (
      <>
        <p>An opportunity is opened; Baton's part ends.</p>
        <label for="amount">Amount (optional)</label>
        <input
          id="amount"
          name="amount"
          inputmode="decimal"
          value={given["amount"] ?? ""}
          aria-invalid={problem?.parts.field === "amount" ? "true" : undefined}
          aria-describedby={problem?.parts.field === "amount" ? "problem" : undefined}
        />{" "}
        <label for="currency">Currency, as in USD</label>
        <input
          id="currency"
          name="currency"
          size={4}
          maxlength={3}
          value={given["currency"] ?? ""}
        />
      </>
    )}
    <Note given={given} label="Note (optional)" />
    <p>
      <button class="main" name="to" value={stage === "sal" ? "sql" : "opportunity"}>
        {stage === "sal" ? "Confirm: it becomes SQL" : "Open the opportunity"}
      </button>
    </p>
  </Act>
);

const Pause: FC<FormProps & { readonly reasons: readonly string[] }> = ({
  lead,
  seen,
  back,
  reasons,
  given,
}) => (
  <Act lead={lead} action="pause" seen={seen} back={back}>
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
  </Act>
);

type Team = Awaited<ReturnType<typeof readTeam>>;

const GiveTo: FC<
  Omit<FormProps, "given"> & {
    readonly team: Team;
    readonly owner: string | null;
    readonly reading: ReadAt;
  }
> = ({ lead, seen, back, team, owner, reading }) => (
  <Act lead={lead} action="reassign" seen={seen} back={back}>
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
  </Act>
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

function company({ account, accountFacts }: Lead): string {
  const name = accountFacts["account.name"]?.value ?? account?.domain;
  return typeof name === "string" ? `${name}: ` : "";
}
