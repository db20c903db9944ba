import type { FC } from "hono/jsx";
import { counted, enumerated, numberWords, percent } from "../../handoff/reviews/words.ts";
import { sayMoment } from "../../words/clock.ts";
import type { readStanding } from "../agreement-signing.ts";
import type { readAgreementVersion } from "../agreement.ts";
import { scopeOf } from "../http/authorisation.ts";
import { Hidden } from "./form.tsx";
import type { Frame } from "./page.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { accountsPath, leadsPath, Region } from "./parts/figure.tsx";
import { paths } from "./paths.ts";

/** A version and how it stands with its plan and signatures, for whoever may read these. */
export interface VersionStood {
  readonly version: Awaited<ReturnType<typeof readAgreementVersion>>;
  readonly standing: Awaited<ReturnType<typeof readStanding>>;
  readonly frame: Frame;
  readonly reading: ReadAt;
}
type Plan = NonNullable<VersionStood["standing"]["plan"]>;

/** What the version would do: its plan, how far the making of it is, and the forms for that. */
export const PlanPart: FC<VersionStood> = (props) => {
  const { standing, frame, version } = props;
  const { plan, planning, state } = standing;
  const isOpen = state === "proposed" || state === "signed";
  if (!isOpen && plan === null) return null;
  const may = scopeOf("POST /agreement/versions/{id}/plan", frame.caller.role) !== undefined;
  const isMaking = planning?.state === "making";
  const needs = isOpen && !isMaking && (plan === null || plan.isOutOfDate);
  return (
    <section aria-labelledby="plan">
      <h2 id="plan">What it would do</h2>
      {isMaking ? (
        <>
          <p data-refresh="3000">
            {planning.of === null
              ? "The plan is being made."
              : `The plan is being made: ${numberWords(planning.done)} of ${numberWords(planning.of)} leads and handoffs looked at.`}{" "}
            <a href={paths.version(version.id)} data-key=".">
              Look again
            </a>
          </p>
          {planning.of === null ? null : (
            <progress
              max={String(Math.max(1, planning.of))}
              value={String(planning.done)}
              aria-label="Leads and handoffs looked at"
            ></progress>
          )}
          {may ? (
            <form method="post" action={paths.ofVersion(version.id, "plan/cancel")}>
              <Hidden back={paths.version(version.id)} />
              <button>Stop making it</button>
            </form>
          ) : null}
        </>
      ) : null}
      {planning !== null && ["failed", "cancelled", "stopped"].includes(planning.state) ? (
        <p class="notice wrong">
          {planning.state === "failed"
            ? `The plan could not be made${planning.failure === null ? "" : `: ${planning.failure}`}.`
            : planning.state === "cancelled"
              ? "The making of the plan was stopped by somebody."
              : "The making of the plan ended with its process."}
        </p>
      ) : null}
      {needs ? (
        <>
          <p>
            {plan === null
              ? "No plan was made yet. It is what is signed, together with the text."
              : "Another version became active since this plan was made: it has to be made again, and signed again."}
          </p>
          {may ? (
            <form method="post" action={paths.ofVersion(version.id, "plan")}>
              <Hidden back={paths.version(version.id)} />
              <button class="main">{plan === null ? "Make the plan" : "Make it again"}</button>
            </form>
          ) : null}
        </>
      ) : null}
      {plan === null ? null : <PlanShown {...props} plan={plan} />}
    </section>
  );
};

const PlanShown: FC<VersionStood & { readonly plan: Plan }> = ({ plan, reading, frame }) => {
  const { trial, flags, deadlines, history, newWarnings, missingPools, closedHours, load } = plan;
  const say = (at: string) => sayMoment(Date.parse(at), reading.now, reading.zone);
  const opens = scopeOf("GET /leads", frame.caller.role) !== undefined;
  const opensAccounts = scopeOf("GET /accounts", frame.caller.role) !== undefined;
  const other = trial.leads - trial.same;
  const moved =
    deadlines.moved === 0
      ? "none of their deadlines would move"
      : `${numberWords(deadlines.moved)} deadlines would move (${numberWords(deadlines.earlier)} earlier, ${numberWords(deadlines.later)} later), should their clocks be re-judged`;
  return (
    <>
      <p class="dim">{`Made ${say(plan.madeAt)}; plan ${plan.hash.slice(0, 12)}…`}</p>
      <dl class="changes">
        <dt>Open leads today</dt>
        <dd>
          {`${numberWords(trial.leads)}: ${other === 0 ? "all stay as they are" : `${numberWords(other)} would be judged otherwise`}; of ${counted(deadlines.handoffs, "open handoff")} ${moved}.`}
          {opens && trial.list.length > 0 ? (
            <>
              {" "}
              <a href={leadsPath(trial.list.map(({ lead }) => lead))}>
                {`Open ${trial.list.length > 100 ? "the first 100 " : ""}of them`}
              </a>
            </>
          ) : null}
        </dd>
        {flags === null ? null : (
          <>
            <dt>Engaged accounts today</dt>
            <dd>
              {flags.inWords.map((words) => (
                <p>{words}</p>
              ))}
              {opensAccounts ? (
                <>
                  <AccountsOf list={flags.flagged.list} words="Open those newly flagged" />{" "}
                  <AccountsOf list={flags.spared.list} words="Open those no longer flagged" />
                </>
              ) : null}
            </dd>
          </>
        )}
        <dt>Last 13 weeks</dt>
        <dd>
          {history.inWords.map((words) => (
            <p>{words}</p>
          ))}
          {history.notJudged === 0 ? null : (
            <p class="dim">{`${counted(history.notJudged, "handoff")} could not be judged again.`}</p>
          )}
          {opens && history.dropped.leads.length > 0 ? (
            <a href={leadsPath(history.dropped.leads)}>Open those that would be dropped</a>
          ) : null}
        </dd>
        <dt>Rules</dt>
        <dd>
          {newWarnings.length === 0
            ? "None overlaps or can never be used because of it."
            : newWarnings.map(({ path, message }) => (
                <p>
                  <strong>{path}</strong>
                  {`: ${message}`}
                </p>
              ))}
        </dd>
        {missingPools.length === 0 ? null : (
          <>
            <dt>Pools</dt>
            <dd class="late">{`The roster lacks ${enumerated(missingPools)}.`}</dd>
          </>
        )}
      </dl>
      {trial.changes.length === 0 ? null : (
        <Region label="table: open leads by both versions">
          <table class="figures">
            <caption>Open leads that would be judged otherwise</caption>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">Leads</th>
              </tr>
            </thead>
            <tbody>
              {trial.changes.map(({ from, to, count, examples }) => (
                <tr>
                  <th scope="row">{outcomeWords(from)}</th>
                  <td>{outcomeWords(to)}</td>
                  <td>
                    {numberWords(count)}
                    {opens && examples.length > 0 ? (
                      <small>
                        <a
                          href={leadsPath(examples)}
                          aria-label={`Examples from ${outcomeWords(from)} to ${outcomeWords(to)}`}
                        >
                          examples
                        </a>
                      </small>
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Region>
      )}
      {closedHours.length === 0 && load.length === 0 ? null : (
        <details>
          <summary>Deadlines in closed hours, and who would get how much</summary>
          {closedHours.length === 0 ? null : (
            <ul>
              {closedHours.map(({ leadType, clock, before, after }) => (
                <li>
                  {`${leadType}, ${clock}: ${shareWords(before)} fall into closed hours now, ${shareWords(after)} then`}
                </li>
              ))}
            </ul>
          )}
          {load.length === 0 ? null : (
            <ul>
              {load.map(({ pool, rep, before, after }) => (
                <li>
                  {`${pool}, ${rep}: ${oneDecimal(before)} handoffs a week now, ${oneDecimal(after)} then`}
                </li>
              ))}
            </ul>
          )}
        </details>
      )}
    </>
  );
};

const AccountsOf: FC<{
  readonly list: readonly { readonly account: string }[];
  readonly words: string;
}> = ({ list, words }) =>
  list.length === 0 ? null : <a href={accountsPath(list.map(({ account }) => account))}>{words}</a>;

const oneDecimal = (value: number) => String(Math.round(value * 10) / 10);

function shareWords({ rate, numerator, denominator }: Plan["closedHours"][number]["before"]) {
  if (rate === null) return "none";
  return denominator < 30 ? `${numerator} of ${denominator}` : percent(rate);
}

function outcomeWords({
  verdict,
  leadType,
  band,
  pool,
}: Plan["trial"]["changes"][number]["from"]): string {
  const where = pool === undefined ? [] : [pool === null ? "fallback queue" : `pool ${pool}`];
  return [verdict.replaceAll("-", " "), ...(leadType === undefined ? [] : [leadType])]
    .concat(`band ${band}`, where)
    .join(", ");
}
