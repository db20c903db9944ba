import type { Context } from "hono";
import type { Child, FC } from "hono/jsx";
import type { Stage } from "../../handoff/stage.ts";
import { capital, spoken } from "../../messages/words.ts";
import { actionWords, stageWords, usualAttempts } from "../../words/actions.ts";
import { sayAsked } from "../../words/asked.ts";
import { sayMoment } from "../../words/clock.ts";
import { actOnAccount } from "../account-actions.ts";
import { accountActions, type AccountAction } from "../action-places.ts";
import { saidOf } from "../actions.ts";
import type { readAccount } from "../accounts.ts";
import type { AppDeps, AppEnv } from "../deps.ts";
import { asProblem } from "../http/errors.ts";
import { bodyOf } from "./act.tsx";
import { showForm } from "./choose.tsx";
import { readForm } from "./form.tsx";
import { frameOf } from "./page.tsx";
import { accountForms } from "./pages.ts";
import { ActOn, afterDoing, ToFormOf } from "./parts/act.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { backTo, paths, withQuery } from "./paths.ts";

type Handoff = NonNullable<Awaited<ReturnType<typeof readAccount>>["handoff"]>;

/** The page of an action's form. */
export async function showAccountForm(
  deps: AppDeps,
  c: Context<AppEnv>,
  name: AccountAction,
  id: string,
): Promise<Response> {
  const frame = await frameOf(deps, c);
  const back = backTo(c.req.query("back"), paths.account(id));
  const subject = { kind: "account", id } as const;
  return showForm(deps, c, { name, subject, frame, back, given: {}, problem: null });
}

/**
 * An action on an account's handoff, as the API takes it; then its page, or the one that the form
 * names, which says so. Throws what refuses it, unless it has a page of its own for that.
 */
export async function answerForAccount(
  deps: AppDeps,
  c: Context<AppEnv>,
  name: AccountAction,
  id: string,
): Promise<Response> {
  const form = await readForm(c);
  const own = paths.account(id);
  const back = form.back(own);
  try {
    await actOnAccount(deps, c, name, id, saidOf(name, bodyOf(name, form)), form.key);
  } catch (error) {
    const problem = asProblem(error);
    if (problem?.status !== 422 || !accountForms.includes(name) || problem.parts.field === "key")
      throw error;
    const [subject, frame] = [{ kind: "account", id } as const, await frameOf(deps, c)];
    return showForm(deps, c, { name, subject, frame, back, given: form.fields, problem });
  }
  const next = back === own ? withQuery(own, { saved: name }) : afterDoing(back, name, id);
  return c.redirect(next, 303);
}

/** Where the account's own handoff stands, and the forms of what its reader can do about it. */
export const OwnHandoff: FC<{
  readonly account: string;
  readonly handoff: Handoff;
  readonly who: string;
  readonly reading: ReadAt;
}> = ({ account, handoff, who, reading }) => {
  const isContested = handoff.actions.some(({ action }) => action === "decideContest");
  const asked = sayAsked({
    waitingOn: handoff.waitingOn,
    task: isContested ? "contested" : null,
  });
  const isPaused = handoff.pausedUntil !== null;
  const can = accountActions.filter(
    (name) =>
      handoff.actions.some(({ action }) => action === name) &&
      name !== (isPaused ? "pause" : "resume"),
  );
  const of = { account, handoff };
  return (
    <>
      <p>
        {`${capital(stageWords[handoff.stage as Stage])}, ${who}.`}
        {handoff.endedBecause === null ? null : ` It ended: ${spoken(handoff.endedBecause)}.`}
        {asked === "" ? null : ` ${capital(asked)}.`}{" "}
        {handoff.stage === "sql" ? "An opportunity is opened for one of its people. " : null}
        {handoff.pausedUntil === null
          ? null
          : `Its clocks stand still until ${sayMoment(Date.parse(handoff.pausedUntil), reading.now, reading.zone)}.`}
        {handoff.dueAt === null ? null : (
          <Clock due={handoff.dueAt} zone={undefined} reading={reading} />
        )}
      </p>
      <div class="actions">
        {can.map((name) =>
          accountForms.includes(name) ? (
            <ToFormOf
              subject={{ kind: "account", id: account }}
              action={name}
              back={paths.account(account)}
              dataKey={name === "reassign" ? "m" : undefined}
              name={`${actionWords[name]}… the account`}
            >
              {`${actionWords[name]}…`}
            </ToFormOf>
          ) : (
            <Click name={name} {...of} />
          ),
        )}
      </div>
      {can
        .filter((name) => name === "reject" || name === "logOutreach")
        .map((name) => (
          <details>
            <summary>{`${actionWords[name]}…`}</summary>
            {name === "reject" ? <Reject {...of} /> : <Log {...of} />}
          </details>
        ))}
    </>
  );
};

interface OfHandoff {
  readonly account: string;
  readonly handoff: Handoff;
}

const Form: FC<OfHandoff & { readonly name: AccountAction; readonly children?: Child }> = ({
  account,
  handoff,
  name,
  children,
}) => (
  <ActOn
    subject={{ kind: "account", id: account }}
    action={name}
    seen={handoff.seen}
    back={paths.account(account)}
  >
    {children}
  </ActOn>
);

/** What a button says by itself; the rest unfolds or has a page. */
const Click: FC<OfHandoff & { readonly name: AccountAction }> = ({ name, ...of }) => {
  switch (name) {
    case "accept":
      return (
        <Form {...of} name={name}>
          <button class="main" data-key="a">
            {actionWords.accept}
          </button>
        </Form>
      );
    case "handBack":
    case "resume":
      return (
        <Form {...of} name={name}>
          <button>{actionWords[name]}</button>
        </Form>
      );
    case "decideContest":
      return (
        <Form {...of} name={name}>
          <button class="main" name="decision" value="uphold">
            Uphold the rejection
          </button>{" "}
          <button name="decision" value="overturn">
            Overturn it
          </button>
        </Form>
      );
    default:
      return null;
  }
};

const Log: FC<OfHandoff> = (of) => (
  <Form {...of} name="logOutreach">
    <ul class="answers">
      {usualAttempts.map(({ words, channel, outcome }) => (
        <li>
          <button name="did" value={`${channel}/${outcome}`}>
            <strong>{words}</strong>
          </button>
        </li>
      ))}
    </ul>
  </Form>
);

const Reject: FC<OfHandoff> = (of) => (
  <Form {...of} name="reject">
    <p class="field">
      <label for="revisitOn">A day to come back, where the reason asks for one</label>
      <input id="revisitOn" name="revisitOn" type="date" />
    </p>
    <ul class="answers">
      {of.handoff.reasons.map((reason) => (
        <li>
          <button name="reason" value={reason}>
            <strong>{spoken(reason)}</strong>
          </button>
        </li>
      ))}
    </ul>
  </Form>
);
