import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { treatments } from "../../handoff/governance/treatment.ts";
import { counted } from "../../handoff/reviews/words.ts";
import { capital } from "../../messages/words.ts";
import { sayMoment } from "../../words/clock.ts";
import { withFieldNames } from "../../words/trace.ts";
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
import type { ReadAt } from "./parts/clock.tsx";
import { WithCode } from "./parts/code.tsx";
import { Region } from "./parts/figure.tsx";
import { Signatures } from "./parts/signatures.tsx";
import { isTooOld, showTooOld } from "./signing.tsx";
import { paths, withQuery } from "./paths.ts";
import { Activate, RollBack } from "./version-activation.tsx";
import { PlanPart } from "./version-plan.tsx";

type Version = Awaited<ReturnType<typeof readAgreementVersion>>;
type Diff = Awaited<ReturnType<typeof readDiff>>;
type Standing = Awaited<ReturnType<typeof readStanding>>;

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
          {`Not done. ${capital(withoutRequest(problem.parts.detail))}. This is how it stands.`}
        </p>
      )}
      <section aria-labelledby="what-changes">
        <h2 id="what-changes">Changes</h2>
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
          <PlanPart version={version} standing={standing} frame={frame} reading={reading} />
          <Signed {...props} standing={standing} />
          <Activate version={version} standing={standing} frame={frame} />
        </>
      )}
      <RollBack version={version} frame={frame} />
      <details class="text">
        <summary>The whole text</summary>
        <Region label={`text of version ${version.number}`}>
          <pre>{version.content}</pre>
        </Region>
      </details>
    </Page>
  );
};

/** What the API says, without the request or the hash that it names at its end. */
function withoutRequest(detail: string): string {
  return detail.replace(/: (?:[^:]*\bPOST \/\S+|expected the hash of this one)$/, "");
}

/** Rule by rule, in words. */
const Changes: FC<{ readonly diff: Pick<Diff, "changes"> }> = ({ diff }) =>
  diff.changes.length === 0 ? (
    <p>No rule changes. Comments, order and spelling may differ.</p>
  ) : (
    <dl class="changes">
      {diff.changes.map(({ about, change }) => (
        <>
          <dt>
            <bdi>{about === "icp" ? "ICP" : withFieldNames(about)}</bdi>
          </dt>
          <dd>
            <bdi>{withFieldNames(change).replaceAll(" -> ", " → ")}</bdi>
          </dd>
        </>
      ))}
    </dl>
  );

const Signed: FC<Props & { readonly standing: Standing }> = ({
  standing,
  version,
  frame,
  reading,
  isFresh,
}) => {
  const { signatures, signaturesNeeded, state, plan, contentHash } = standing;
  const because =
    plan === null ? "it has no plan yet" : plan.isOutOfDate ? "its plan is out of date" : null;
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
          isOver: state !== "proposed" && state !== "signed",
          because,
        }}
      >
        <input type="hidden" name="contentHash" value={contentHash} />
        <input type="hidden" name="planHash" value={plan?.hash ?? ""} />
      </Signatures>
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
                  <WithCode words={message} />
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
