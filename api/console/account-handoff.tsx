import type { Context } from "hono";
import type { Child, FC } from "hono/jsx";
import type { Stage } from "../../handoff/stage.ts";
import { capital, spoken } from "../../messages/words.ts";
import { actionWords, stageWords, usualAttempts } from "../../words/actions.ts";
import { sayAsked } from "../../words/asked.ts";
import { actOnAccount } from "../account-actions.ts";
import { accountActionsHere, actionPlaces, type AccountActionHere } from "../action-places.ts";
import { saidOf } from "../actions.ts";
import type { readAccount } from "../accounts.ts";
import type { AppDeps, AppEnv } from "../deps.ts";
import { bodyOf } from "./act.tsx";
import { Hidden, readForm } from "./form.tsx";
import { SeenFields } from "./parts/act.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { paths, withQuery } from "./paths.ts";

type Handoff = NonNullable<Awaited<ReturnType<typeof readAccount>>["handoff"]>;

/** An answer about an account's handoff, as the API takes it; then its page, which says so. */
export async function answerForAccount(
  deps: AppDeps,
  c: Context<AppEnv>,
  name: AccountActionHere,
  id: string,
): Promise<Response> {
  const form = await readForm(c);
  await actOnAccount(deps, c, name, id, saidOf(name, bodyOf(name, form)), form.key);
  return c.redirect(withQuery(paths.account(id), { saved: name }), 303);
}

/** Where the account's own handoff stands, and the forms of what its reader can do about it. */
export const OwnHandoff: FC<{
  readonly account: string;
  readonly handoff: Handoff;
  readonly who: string;
  readonly reading: ReadAt;
}> = ({ account, handoff, who, reading }) => {
  const asked = sayAsked({ waitingOn: handoff.waitingOn, task: null });
  const can = accountActionsHere.filter((name) =>
    handoff.actions.some(({ action }) => action === name),
  );
  return (
    <>
      <p>
        {`${capital(stageWords[handoff.stage as Stage])}, ${who}.`}
        {handoff.endedBecause === null ? null : ` It ended: ${spoken(handoff.endedBecause)}.`}
        {asked === "" ? null : ` To be done: ${asked}.`}{" "}
        {handoff.dueAt === null ? null : (
          <Clock due={handoff.dueAt} zone={undefined} reading={reading} />
        )}
      </p>
      <div class="actions">
        {can.filter(isClick).map((name) => (
          <Answer name={name} account={account} handoff={handoff} />
        ))}
      </div>
      {can
        .filter((name) => !isClick(name))
        .map((name) => (
          <details>
            <summary>{`${actionWords[name]}…`}</summary>
            <Answer name={name} account={account} handoff={handoff} />
          </details>
        ))}
    </>
  );
};

/** What a button says by itself; the rest unfolds. */
const isClick = (name: AccountActionHere) => name === "accept" || name === "handBack";

const Answer: FC<{
  readonly name: AccountActionHere;
  readonly account: string;
  readonly handoff: Handoff;
}> = ({ name, account, handoff }) => {
  const form = (children: Child) => (
    <form method="post" action={paths.actOnAccount(account, actionPlaces[name])}>
      <Hidden />
      <SeenFields seen={handoff.seen} />
      {children}
    </form>
  );
  switch (name) {
    case "accept":
      return form(<button class="main">{actionWords.accept}</button>);
    case "handBack":
      return form(<button>{actionWords.handBack}</button>);
    case "logOutreach":
      return form(
        <ul class="answers">
          {usualAttempts.map(({ words, channel, outcome }) => (
            <li>
              <button name="did" value={`${channel}/${outcome}`}>
                <strong>{words}</strong>
              </button>
            </li>
          ))}
        </ul>,
      );
    case "reject":
      return form(
        <>
          <p class="field">
            <label for="revisitOn">A day to come back, where the reason asks for one</label>
            <input id="revisitOn" name="revisitOn" type="date" />
          </p>
          <ul class="answers">
            {handoff.reasons.map((reason) => (
              <li>
                <button name="reason" value={reason}>
                  <strong>{spoken(reason)}</strong>
                </button>
              </li>
            ))}
          </ul>
        </>,
      );
    default:
      return name satisfies never;
  }
};
