import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { treatments } from "../../handoff/governance/treatment.ts";
import { signingParties } from "../../handoff/reviews/review.ts";
import { counted, enumerated, numberWords, percent } from "../../handoff/reviews/words.ts";
import { capital } from "../../messages/words.ts";
import { sayMoment } from "../../words/clock.ts";
import {
  activateHere,
  beginPlanHere,
  cancelPlanHere,
  proposeHere,
  readStanding,
  rollBackHere,
  signBody,
  signVersionHere,
} from "../agreement-signing.ts";
import { readActiveAgreement, readAgreementVersion, readDiff } from "../agreement.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { asProblem, Problem } from "../http/errors.ts";
import { isFresh } from "../http/session.ts";
import { Hidden, once, readForm, readUpload, type Form } from "./form.tsx";
import { frameOf, Page, show, type Frame } from "./page.tsx";
import { Forbidden } from "./parts/act.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { leadsPath, Region } from "./parts/figure.tsx";
import { Signatures } from "./parts/signatures.tsx";
import { isTooOld, showTooOld } from "./signing.tsx";
import { paths, withQuery } from "./paths.ts";

type Version = Awaited<ReturnType<typeof readAgreementVersion>>;
type Diff = Awaited<ReturnType<typeof readDiff>>;
type Standing = Awaited<ReturnType<typeof readStanding>>;
type Plan = NonNullable<Standing["plan"]>;

/** GET /console/agreement/versions/{id} and its forms; drafts. */
export function versionPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.draft, async (c) => {
    const { content } = await readActiveAgreement(deps);
    return showDraft(deps, c, { content, note: "" }, null);
  });
  routes.post(paths.draft, async (c) => {
    const form = await readUpload(c, ["content", "note", "file"]);
    const content = form.fields["file"] || form.fields["content"] || "";
    const note = form.fields["note"] ?? "";
    try {
      return await once(deps, c, form, async () => {
        const said = noteOf(note);
        if (content === "")
          throw new Problem("invalid", { field: "content", detail: "choose a file, or write one" });
        const { response, isNew } = await proposeHere(deps, c, content, said);
        return withQuery(paths.version(response.id), { did: isNew ? "propose" : "known" });
      });
    } catch (error) {
      const problem = asProblem(error);
      const isTold = problem?.status === 409 || problem?.status === 422;
      if (!problem || !isTold || problem.code === "key-reused" || problem.parts.field === "key")
        throw error;
      return showDraft(deps, c, { content, note }, problem);
    }
  });
  routes.get("/console/agreement/versions/:id", (c) =>
    showVersion(deps, c, c.req.param("id"), null),
  );
  const act = (
    place: string,
    work: (c: Context<AppEnv>, id: string, form: Form) => Promise<Pick<Standing, "id">>,
  ) =>
    routes.post(`/console/agreement/versions/:id/${place}`, async (c) => {
      const id = c.req.param("id") ?? "";
      const form = await readForm(c);
      try {
        return await once(deps, c, form, async () =>
          withQuery(paths.version((await work(c, id, form)).id), { did: place }),
        );
      } catch (error) {
        const problem = asProblem(error);
        if (isTooOld(problem)) return showTooOld(deps, c, paths.version(id));
        const isTold = problem?.status === 409 || problem?.status === 422;
        if (!problem || !isTold || problem.code === "key-reused" || problem.parts.field === "key")
          throw error;
        return showVersion(deps, c, id, problem);
      }
    });
  act("plan", (c, id) => beginPlanHere(deps, c, id));
  act("plan/cancel", (c, id) => cancelPlanHere(deps, c, id));
  act("sign", (c, id, { fields }) => {
    const read = signBody.safeParse({
      contentHash: fields["contentHash"],
      planHash: fields["planHash"],
    });
    if (!read.success)
      throw new Problem("invalid", { field: "planHash", detail: "read the plan before signing" });
    return signVersionHere(deps, c, id, read.data);
  });
  act("activate", (c, id, { fields }) => {
    const treatment = treatments.find((one) => one === fields["openHandoffs"]);
    if (treatment === undefined)
      throw new Problem("invalid", {
        field: "openHandoffs",
        detail: `say what open handoffs do: ${treatments.join(" or ")}`,
      });
    return activateHere(deps, c, id, treatment);
  });
  act("rollback", async (c, id, { fields }) => {
    const { response } = await rollBackHere(deps, c, id, noteOf(fields["note"] ?? ""));
    return response;
  });
  return routes;
}

const longestNote = 500;

function noteOf(note: string): string | undefined {
  if (note.length > longestNote)
    throw new Problem("invalid", {
      field: "note",
      detail: `expected at most ${longestNote} characters`,
    });
  return note === "" ? undefined : note;
}

async function showVersion(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  problem: Problem | null,
): Promise<Response> {
  const maySeePlan = scopeOf("GET /agreement/versions/{id}/plan", c.var.caller.role) !== undefined;
  const version = await readAgreementVersion(deps, id);
  const [diff, standing, frame] = await Promise.all([
    readDiff(deps, id, undefined),
    maySeePlan ? readStanding(deps, id) : null,
    frameOf(deps, c),
  ]);
  const before = diff.from === null ? null : await readAgreementVersion(deps, diff.from);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const props = { version, diff, before, standing, frame, reading, problem };
  return show(
    c,
    <VersionPage {...props} isFresh={isFresh(c)} did={c.req.query("did") ?? null} />,
    problem === null ? 200 : problem.status === 409 ? 409 : 422,
  );
}

interface Props {
  readonly version: Version;
  readonly diff: Diff;
  /** The version that it is compared with. */
  readonly before: Version | null;
  /** Null for who may not read the plan. */
  readonly standing: Standing | null;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly problem: Problem | null;
  readonly isFresh: boolean;
  readonly did: string | null;
}

const stateWords: Readonly<Record<Version["state"], string>> = {
  draft: "A draft",
  proposed: "Waits for signatures",
  signed: "Signed, and not active yet",
  active: "The active version",
  retired: "Not active any more",
};

/** What is said after a form was carried out. */
const done: Readonly<Record<string, string>> = {
  propose: "Proposed. Nothing changes until it is signed and activated.",
  known: "This content waits for signatures already.",
  plan: "The plan is being made.",
  "plan/cancel": "Stopped.",
  sign: "Signed.",
  activate: "It is the active version now.",
  rollback: "Proposed as a new version. Nothing changes until it is signed and activated.",
};

const VersionPage: FC<Props> = (props) => {
  const { version, diff, before, standing, frame, reading, problem, did } = props;
  const say = (at: string) => sayMoment(Date.parse(at), reading.now, reading.zone);
  const status = problem === null && did !== null ? (done[did] ?? null) : null;
  return (
    <Page title={`Agreement v${version.number}`} frame={frame} status={status} isPrinted>
      <p class="dim places">
        <a href={paths.agreement} data-key="u">
          Agreement
        </a>
      </p>
      <h1>{`Agreement, version ${version.number}`}</h1>
      <p class="lead">
        {`${stateWords[version.state]}. Proposed ${say(version.createdAt)} by `}
        <bdi>{version.createdByName ?? version.createdBy}</bdi>
        {version.activatedAt === null ? "" : `, active since ${say(version.activatedAt)}`}
        {version.note === null ? null : (
          <>
            {": "}
            <bdi>{version.note}</bdi>
          </>
        )}
        {". "}
        <span class="hash">{`Content ${version.contentHash.slice(0, 12)}…`}</span>
      </p>
      {problem === null ? null : (
        <p class="notice wrong" role="alert">
          {`Not done. ${capital(problem.parts.detail)}. This is how it stands.`}
        </p>
      )}
      <section aria-labelledby="changes">
        <h2 id="changes">Changes</h2>
        {before === null ? (
          <p>It is the first version.</p>
        ) : (
          <>
            <p class="dim">
              {"Against "}
              <a href={paths.version(before.id)}>{`version ${before.number}`}</a>
              {before.state === "active" ? ", which is active." : ", the one before it."}
            </p>
            <Changes diff={diff} />
          </>
        )}
      </section>
      {standing === null ? null : (
        <>
          <PlanPart {...props} standing={standing} />
          <Signed {...props} standing={standing} />
          <Activate {...props} standing={standing} />
        </>
      )}
      <RollBack {...props} />
      <details class="text">
        <summary>The whole text</summary>
        <Region label={`text of version ${version.number}`}>
          <pre>{version.content}</pre>
        </Region>
      </details>
    </Page>
  );
};

/** Rule by rule, in words. */
const Changes: FC<{ readonly diff: Pick<Diff, "changes"> }> = ({ diff }) =>
  diff.changes.length === 0 ? (
    <p>No rule changes. Comments, order and spelling may differ.</p>
  ) : (
    <dl class="changes">
      {diff.changes.map(({ about, change }) => (
        <>
          <dt>
            <bdi>{about}</bdi>
          </dt>
          <dd>
            <bdi>{change.replaceAll(" -> ", " → ")}</bdi>
          </dd>
        </>
      ))}
    </dl>
  );

type Stood = Props & { readonly standing: Standing };

const PlanPart: FC<Stood> = (props) => {
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

const PlanShown: FC<Stood & { readonly plan: Plan }> = ({ plan, reading, frame }) => {
  const { trial, deadlines, history, newWarnings, missingPools, closedHours, load } = plan;
  const say = (at: string) => sayMoment(Date.parse(at), reading.now, reading.zone);
  const opens = scopeOf("GET /leads", frame.caller.role) !== undefined;
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

const Signed: FC<Stood> = ({ standing, version, frame, reading, isFresh }) => {
  const { signatures, signaturesNeeded, state, plan, contentHash } = standing;
  const because =
    state !== "proposed" && state !== "signed"
      ? `the version is ${state}`
      : plan === null
        ? "it has no plan yet"
        : plan.isOutOfDate
          ? "its plan is out of date"
          : null;
  return (
    <section class="sign" aria-labelledby="signatures">
      <h2 id="signatures">Signatures</h2>
      <Signatures
        given={signatures.map(({ signedBy, signedAt, ...one }) => ({
          ...one,
          by: signedBy,
          at: signedAt,
        }))}
        needed={signaturesNeeded}
        reading={reading}
        signing={{
          party: frame.caller.party ?? null,
          me: frame.caller.repId,
          isFresh,
          action: paths.ofVersion(version.id, "sign"),
          back: paths.version(version.id),
          because,
        }}
      >
        <input type="hidden" name="contentHash" value={contentHash} />
        <input type="hidden" name="planHash" value={plan?.hash ?? ""} />
      </Signatures>
    </section>
  );
};

const Activate: FC<Stood> = ({ standing, version, frame }) => {
  const { state, activation, signaturesNeeded, signatures, plan } = standing;
  if (activation !== null) {
    const { openHandoffs, looked, state: how } = activation;
    return (
      <section aria-labelledby="activated">
        <h2 id="activated">Activated</h2>
        <p>
          {openHandoffs === "keep"
            ? "Open handoffs go on by the version that they began under."
            : `The clocks of open handoffs are judged again: ${counted(looked, "handoff")} looked at, ${how === "going on" ? "going on" : how === "over" ? "done" : "ended by a newer version"}.`}
        </p>
      </section>
    );
  }
  if (state !== "proposed" && state !== "signed") return null;
  if (scopeOf("POST /agreement/versions/{id}/activate", frame.caller.role) === undefined)
    return null;
  const missing = signingParties.filter((party) => signatures.every((one) => one.party !== party));
  const waits =
    plan === null
      ? "waits for its plan"
      : plan.isOutOfDate
        ? "waits for a plan of today"
        : state === "signed" || signatures.length >= signaturesNeeded
          ? null
          : `waits for ${signaturesNeeded === 1 ? "a signature" : enumerated(missing)}`;
  return (
    <section class="screen-only" aria-labelledby="activate">
      <h2 id="activate">Activate</h2>
      <form method="post" action={paths.ofVersion(version.id, "activate")} class="activate">
        <Hidden back={paths.version(version.id)} />
        <fieldset>
          <legend>Open handoffs</legend>
          <label>
            <input type="radio" name="openHandoffs" value="keep" checked />
            {" keep the version that they began under"}
          </label>
          <label>
            <input type="radio" name="openHandoffs" value="re-judge clocks" />
            {" go on by the targets and hours of this one; used time stays used"}
          </label>
        </fieldset>
        {waits === null ? (
          <button class="main">{`Activate version ${version.number}`}</button>
        ) : (
          <Forbidden words="Activate" because={waits} />
        )}
      </form>
    </section>
  );
};

const RollBack: FC<Props> = ({ version, frame }) => {
  const isOver = version.state === "retired" && version.activatedAt !== null;
  const request = "POST /agreement/versions/{id}/rollback";
  if (!isOver || scopeOf(request, frame.caller.role) === undefined) return null;
  return (
    <section class="screen-only" aria-labelledby="rollback">
      <h2 id="rollback">Go back to it</h2>
      <p>It is proposed as a new version, with a plan and signatures of its own.</p>
      <form method="post" action={paths.ofVersion(version.id, "rollback")}>
        <Hidden back={paths.version(version.id)} />
        <button>{`Propose version ${version.number} again`}</button>
      </form>
    </section>
  );
};

/** A mistake of a draft, with its place. */
interface Mistake {
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

async function showDraft(
  deps: AppDeps,
  c: Context<AppEnv>,
  given: { readonly content: string; readonly note: string },
  problem: Problem | null,
): Promise<Response> {
  const frame = await frameOf(deps, c);
  const status = problem === null ? 200 : problem.status === 409 ? 409 : 422;
  return show(c, <DraftPage frame={frame} given={given} problem={problem} />, status);
}

const DraftPage: FC<{
  readonly frame: Frame;
  readonly given: { readonly content: string; readonly note: string };
  readonly problem: Problem | null;
}> = ({ frame, given, problem }) => {
  const mistakes = (problem?.parts.more?.["problems"] ?? []) as readonly Mistake[];
  const lines = given.content.split("\n");
  const isNote = problem?.parts.field === "note";
  return (
    <Page title="Propose a change" frame={frame}>
      <p class="dim places">
        <a href={paths.agreement} data-key="u">
          Agreement
        </a>
      </p>
      <h1>Propose a change</h1>
      <p class="lead">
        Change the text, or choose a file. Nothing changes until it is planned, signed by both
        parties and activated.
      </p>
      {problem === null || isNote ? null : (
        <div class="notice wrong" role="alert" id="mistakes">
          <p>
            {mistakes.length === 0
              ? `Not proposed. ${capital(problem.parts.detail)}.`
              : `Not proposed: ${counted(mistakes.length, "mistake")}.`}
          </p>
          {mistakes.length === 0 ? null : (
            <ul>
              {mistakes.map(({ line, path, message }) => (
                <li>
                  <strong>{`Line ${line}`}</strong>
                  {path === "" ? ": " : `, ${path}: `}
                  {message}
                  {lines[line - 1]?.trim() ? (
                    <code class="more dim">{lines[line - 1]?.trim().slice(0, 200)}</code>
                  ) : null}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      <form method="post" action={paths.draft} enctype="multipart/form-data" class="draft">
        <Hidden back={paths.agreement} />
        <label for="note">Why, in a few words</label>
        <input
          id="note"
          name="note"
          maxlength={longestNote}
          value={given.note}
          {...(isNote
            ? { "aria-invalid": "true", "aria-describedby": "note-wrong", autofocus: true }
            : {})}
        />
        {isNote ? (
          <p id="note-wrong" class="error" role="alert">
            {`${capital(problem.parts.detail)}.`}
          </p>
        ) : null}
        <label for="content">The agreement (YAML)</label>
        <textarea
          id="content"
          name="content"
          rows={30}
          spellcheck={false}
          wrap="off"
          {...(problem !== null && !isNote
            ? { "aria-invalid": "true", "aria-describedby": "mistakes", autofocus: true }
            : {})}
        >
          {`\n${given.content}`}
        </textarea>
        <label for="file">Or a file, which then counts instead of the text</label>
        <input id="file" name="file" type="file" accept=".yaml,.yml,text/yaml" />
        <p class="actions">
          <button class="main">Propose</button>
          <a class="button" href={paths.agreement}>
            Back
          </a>
        </p>
      </form>
    </Page>
  );
};
