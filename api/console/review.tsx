import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { carriedTo } from "../../handoff/reviews/review.ts";
import { counted, enumerated, timesWords } from "../../handoff/reviews/words.ts";
import { localDateOf } from "../../handoff/time/calendar.ts";
import { capital, spoken } from "../../messages/words.ts";
import { sayMoment } from "../../words/clock.ts";
import { withNames } from "../../words/people.ts";
import { rulesIn, rulesOfProposal, ruleWords, withRuleWords } from "../../words/rules.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { asProblem, Problem } from "../http/errors.ts";
import { isFresh } from "../http/session.ts";
import { dayIn } from "../http/format.ts";
import { readReports } from "../reports.ts";
import { carryHere, closeHere, resolutionBody, resolveHere, signHere } from "../review-signing.ts";
import { readPacketPicture, readReview } from "../reviews.ts";
import { Hidden, once, readForm, type Form } from "./form.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { FigureTable, ReportPicture, type DescribedReport } from "./parts/figure.tsx";
import { sayDays } from "./parts/period.ts";
import { Signatures } from "./parts/signatures.tsx";
import {
  decidePool,
  namesOfPool,
  PoolSection,
  type PoolProps,
  type Refused,
  type Review,
} from "./review-pool.tsx";
import { showTooOld, isTooOld } from "./signing.tsx";
import { paths, withQuery } from "./paths.ts";

type Resolution = Review["resolutions"][number];

/** GET /console/reviews/{id}, and its forms: what is decided and signed. */
export function reviewPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get("/console/reviews/:id", (c) => showReview(deps, c, c.req.param("id"), null));
  routes.get("/console/reviews/:id/pictures/:section", (c) => {
    const section = c.req.param("section");
    const place = /^\d{1,3}$/.test(section) ? Number(section) : -1;
    return readPacketPicture(deps, c, c.req.param("id"), place);
  });
  routes.post("/console/reviews/:id/sign", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    return answered(deps, c, form, { id, about: "sign" }, async () => {
      await signHere(deps, c, id);
      return withQuery(paths.review(id), { did: "sign" });
    });
  });
  routes.post("/console/reviews/:id/resolutions", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const { proposal = "" } = form.fields;
    const about = proposal === "" ? "resolution" : `proposal:${proposal}`;
    return answered(deps, c, form, { id, about }, async () => {
      await resolveHere(deps, c, id, resolutionOf(form));
      return `${withQuery(paths.review(id), { did: "resolution" })}#decisions`;
    });
  });
  routes.post("/console/reviews/:id/decisions", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    return answered(deps, c, form, { id, about: "pool" }, () => decidePool(deps, c, id, form));
  });
  routes.post("/console/resolutions/:id/close", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const back = form.back(paths.reviews);
    const review = /^\/console\/reviews\/(rv_[0-9a-z]{1,40})/.exec(back)?.[1];
    const close = async () => {
      const { state = "", note = "" } = form.fields;
      if (state !== "done" && state !== "dropped")
        throw new Problem("invalid", { field: "state", detail: "say how it ended" });
      await closeHere(deps, c, id, { state, ...(note === "" ? {} : { note }) });
      return withQuery(review === undefined ? paths.reviews : paths.review(review), {
        did: "closed",
      });
    };
    if (review === undefined) return once(deps, c, form, close);
    return answered(deps, c, form, { id: review, about: "closed" }, close);
  });
  routes.post("/console/resolutions/:id/carry-on", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const back = form.back(paths.reviews);
    const review = /^\/console\/reviews\/(rv_[0-9a-z]{1,40})/.exec(back)?.[1];
    const carry = async () => {
      const { dueOn = "" } = form.fields;
      const said = dayIn.safeParse(dueOn);
      if (!said.success)
        throw new Problem("invalid", { field: "dueOn", detail: "say to which day" });
      await carryHere(deps, c, id, { dueOn: said.data });
      const page = review === undefined ? paths.reviews : paths.review(review);
      return `${withQuery(page, { did: "carried" })}#${id}`;
    };
    if (review === undefined) return once(deps, c, form, carry);
    return answered(deps, c, form, { id: review, about: `carry:${id}` }, carry);
  });
  return routes;
}

/** The form of a decision as the API takes it. */
function resolutionOf({ fields }: Form) {
  const given = (name: string) => (fields[name] ? { [name]: fields[name] } : {});
  const { owner = "", dueOn = "" } = fields;
  if (owner === "") throw new Problem("invalid", { field: "owner", detail: "say who does it" });
  if (dueOn === "") throw new Problem("invalid", { field: "dueOn", detail: "say by when" });
  if (!fields["text"] && !fields["proposal"])
    throw new Problem("invalid", { field: "text", detail: "say what is decided" });
  const body = resolutionBody.safeParse({
    owner,
    dueOn,
    ...given("text"),
    ...given("proposal"),
  });
  if (body.success) return body.data;
  const issue = body.error.issues[0];
  throw new Problem("invalid", {
    field: issue?.path.join(".") || "text",
    detail: issue?.message ?? "not as described",
  });
}

/** Does it once; refused, the review as it stands with the message. */
async function answered(
  deps: AppDeps,
  c: Context<AppEnv>,
  form: Form,
  { id, about }: { readonly id: string; readonly about: string },
  work: () => Promise<string>,
): Promise<Response> {
  try {
    return await once(deps, c, form, work);
  } catch (error) {
    const problem = asProblem(error);
    if (isTooOld(problem)) return showTooOld(deps, c, paths.review(id));
    const isTold = problem?.status === 409 || problem?.status === 422;
    if (!problem || !isTold || problem.code === "key-reused" || problem.parts.field === "key")
      throw error;
    return showReview(deps, c, id, { about, problem, given: form.fields });
  }
}

async function showReview(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  refused: Refused | null,
): Promise<Response> {
  const cursor = c.req.query("cursor");
  const review = await readReview(deps, asking(c, "GET /reviews/{id}"), id, {
    ...(cursor === undefined ? {} : { cursor }),
    ...(c.req.query("waits") === "true" ? { waits: "true" as const } : {}),
  });
  const [frame, names] = await Promise.all([
    frameOf(deps, c),
    namesOfPool(deps, c, review, refused),
  ]);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const props = { review, frame, reading, refused, names, reports: readReports().reports };
  return show(
    c,
    <ReviewPage
      {...props}
      isFresh={isFresh(c)}
      told={toldBy(c)}
      cursor={cursor}
      waits={c.req.query("waits") === "true"}
    />,
    refused === null ? 200 : refused.problem.status === 409 ? 409 : 422,
  );
}

/** What the address says was done, in words. */
function toldBy(c: Context<AppEnv>): string | null {
  switch (c.req.query("did")) {
    case "sign":
      return "Signed.";
    case "resolution":
      return "Written down.";
    case "closed":
      return "Taken in.";
    case "carried":
      return "Carried on.";
    case "pool":
      return `${capital(counted(Number(c.req.query("decided")) || 0, "lead"))} decided.`;
    default:
      return null;
  }
}

interface Props extends PoolProps {
  readonly reports: readonly DescribedReport[];
  readonly isFresh: boolean;
  readonly told: string | null;
}

const ReviewPage: FC<Props> = (props) => {
  const { review, frame, reading, refused, told } = props;
  const title = `${capital(review.kind)} review ${review.period}`;
  const { figures } = review;
  const isElsewhere = refused !== null && (refused.about === "sign" || refused.about === "closed");
  return (
    <Page title={title} frame={frame} status={told} isPrinted>
      <p class="dim places">
        <a href={paths.reviews} data-key="u">
          Reviews
        </a>
      </p>
      <h1>{title}</h1>
      <p class="lead">
        {figures === null ? "" : `Figures of ${sayDays(spanOf(figures, review.zone))}. `}
        {review.state === "closed" ? (
          review.closedAt === null ? (
            "Closed."
          ) : (
            `Closed ${sayMoment(Date.parse(review.closedAt), reading.now, reading.zone)}.`
          )
        ) : isSigned(review) ? (
          "Signed; it closes by itself in a moment."
        ) : (
          <>
            {review.signaturesNeeded === 0 ? "Due " : "To be signed "}
            <Clock due={review.due} zone={review.zone} reading={reading} />.
          </>
        )}
      </p>
      <p class="dim screen-only">
        On this page: <a href="#decisions">what is decided</a>, <a href="#signatures">signatures</a>
      </p>
      {isElsewhere ? (
        <p class="notice wrong" role="alert">
          {`Not done. ${capital(refused.problem.parts.detail)}. This is how it stands.`}
        </p>
      ) : null}
      <Carried {...props} />
      <Proposals {...props} />
      <Sections {...props} />
      <PoolSection {...props} />
      <Decisions {...props} />
      <section class="sign" aria-labelledby="signatures">
        <h2 id="signatures">Signatures</h2>
        <Signatures
          given={review.signatures}
          needed={review.signaturesNeeded}
          reading={reading}
          signing={{
            party: frame.caller.party ?? null,
            me: frame.caller.repId,
            isFresh: props.isFresh,
            action: paths.ofReview(review.id, "sign"),
            back: paths.review(review.id),
            isOver: review.state === "closed",
            because: null,
          }}
        />
      </section>
    </Page>
  );
};

/** Nobody needs to sign it any more; its process closes it. */
function isSigned({ signatures, signaturesNeeded }: Review): boolean {
  return signaturesNeeded > 0 && signatures.length >= signaturesNeeded;
}

/** The days that a packet is about, in the zone of the review. */
function spanOf({ from, to }: { readonly from: string; readonly to: string }, zone: string) {
  const day = (at: number) =>
    new Intl.DateTimeFormat("sv-SE", {
      timeZone: at % 86_400_000 === 0 ? "UTC" : zone,
      dateStyle: "short",
    }).format(at);
  const end = Date.parse(to);
  // Midnight of the next day is the end of the one before.
  const last = end % 86_400_000 === 0 ? end - 86_400_000 : end - 1;
  return { from: day(Date.parse(from)), to: day(last) };
}

const Carried: FC<Props> = (props) => {
  const { review, frame } = props;
  const isOpen = scopeOf("POST /resolutions/{id}/close", frame.caller.role) !== undefined;
  return (
    <section aria-labelledby="carried">
      <h2 id="carried">Open since last time</h2>
      {review.carried.length === 0 ? (
        <p>{`Nothing was open from earlier ${review.kind} reviews.`}</p>
      ) : (
        <>
          <ul class="rows">
            {review.carried.map((one) => (
              <ResolutionLine one={one} {...props} mayClose={isOpen} />
            ))}
          </ul>
          {review.carried.some(({ state }) => state === "open") ? (
            <p class="dim">
              What stays open is in the next review by itself; carried on, it has a later day.
            </p>
          ) : null}
        </>
      )}
    </section>
  );
};

const ResolutionLine: FC<
  Pick<Props, "review" | "reading" | "refused"> & {
    readonly one: Resolution;
    readonly mayClose: boolean;
  }
> = ({ one, review, reading, refused, mayClose }) => {
  const { owner, ownerName, dueOn, overdue, state, note, period, closedAt } = one;
  const text = withNames(one.text, review.people);
  const about = text.slice(0, 80);
  return (
    <li id={one.id}>
      <div>
        <bdi>{text}</bdi>
        <div class="dim">
          <bdi>{ownerName ?? spoken(owner)}</bdi>
          {", "}
          <span class={overdue ? "late" : undefined}>
            {`due ${sayDays({ from: dueOn, to: dueOn })}${overdue ? ", late" : ""}`}
          </span>
          {one.review === review.id ? "" : `, from ${period}`}
          {one.carried === 0 ? null : (
            <>
              {`, carried on ${timesWords(one.carried)}, last by `}
              <bdi>{one.carriedBy}</bdi>
              {one.carriedAt === null
                ? ""
                : ` ${sayMoment(Date.parse(one.carriedAt), reading.now, reading.zone)}`}
            </>
          )}
          {state === "open" ? null : (
            <>
              {`, ${state === "done" ? "done" : "will not be done"}`}
              {closedAt === null
                ? ""
                : ` ${sayMoment(Date.parse(closedAt), reading.now, reading.zone)}`}
              {note === null ? null : (
                <>
                  {": "}
                  <bdi>{note}</bdi>
                </>
              )}
            </>
          )}
        </div>
      </div>
      {state === "open" && mayClose ? (
        <div class="ends">
          <form method="post" action={paths.closeResolution(one.id)}>
            <Hidden back={paths.review(review.id)} />
            <button name="state" value="done" aria-label={`Done: ${about}`}>
              Done
            </button>{" "}
            <button name="state" value="dropped" aria-label={`Will not be done: ${about}`}>
              Will not be done
            </button>
          </form>
          <CarryOn one={one} review={review} reading={reading} refused={refused} />
        </div>
      ) : null}
    </li>
  );
};

/** A later day for what is still to be done. */
const CarryOn: FC<Pick<Props, "review" | "reading" | "refused"> & { readonly one: Resolution }> = ({
  one,
  review,
  reading,
  refused,
}) => {
  const wrong = refused?.about === `carry:${one.id}` ? refused : null;
  const id = `${one.id}-day`;
  const today = localDateOf(review.zone, reading.now);
  return (
    <form method="post" action={paths.carryOn(one.id)}>
      <Hidden back={paths.review(review.id)} />
      <button aria-label={`Carry on: ${one.text.slice(0, 80)}`}>Carry on</button>{" "}
      <label for={id}>to</label>{" "}
      <input
        id={id}
        name="dueOn"
        type="date"
        required
        value={wrong?.given["dueOn"] ?? carriedTo(review.kind, one.dueOn, today)}
        {...wrongOf(id, wrong)}
      />
      <Wrong id={id} refused={wrong} />
    </form>
  );
};

const Proposals: FC<Props> = (props) => {
  const { review, reports } = props;
  const { figures } = review;
  if (figures === null) return null;
  // A packet is kept with ids; whoever works is told by name.
  const named = (words: string) => withNames(words, review.people);
  return (
    <section aria-labelledby="proposals">
      <h2 id="proposals">Proposals</h2>
      {figures.proposals.length === 0 ? (
        <p>None: nothing in the figures stands out enough to propose a change.</p>
      ) : (
        <ol class="proposals">
          {figures.proposals.map((given) => {
            const one = given as unknown as Proposal;
            const key = `${one.kind}/${one.about}`;
            const isMade = review.resolutions.some(({ proposal }) => proposal === key);
            const report = reports.find(({ name }) => name === one.report);
            const said = (words: string) => named(withRuleWords(words, rulesOfProposal(one)));
            return (
              <li>
                <strong>
                  <bdi>{said(one.title)}</bdi>
                </strong>
                <p>{said(`${one.because} ${one.wouldHaveChanged}`)}</p>
                <p class="dim">
                  {one.rules.length === 0
                    ? ""
                    : `It points at ${enumerated(one.rules.map(ruleWords))}. `}
                  {report === undefined ? null : (
                    <a href={paths.report(report.name)}>{report.question}</a>
                  )}
                </p>
                {isMade ? (
                  <p class="dim">Decided, see below.</p>
                ) : (
                  <Decide {...props} proposal={key} title={said(one.title)} />
                )}
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
};

/** What a packet keeps of a proposal. */
interface Proposal {
  readonly kind: string;
  readonly about: string;
  readonly title: string;
  readonly because: string;
  readonly wouldHaveChanged: string;
  readonly rules: readonly string[];
  readonly report: string;
}

/** A proposal made a decision: who does it, by when. */
const Decide: FC<Props & { readonly proposal: string; readonly title: string }> = (props) => {
  const { review, frame, refused, proposal, title } = props;
  if (!mayDecide(review, frame)) return null;
  const isRefused = refused?.about === `proposal:${proposal}`;
  const n = review.figures?.proposals.findIndex(
    (one) => `${String(one["kind"])}/${String(one["about"])}` === proposal,
  );
  return (
    <details class="screen-only" open={isRefused}>
      <summary>Make it a decision</summary>
      <form method="post" action={paths.ofReview(review.id, "resolutions")} class="filters">
        <Hidden back={paths.review(review.id)} />
        <input type="hidden" name="proposal" value={proposal} />
        <WhoAndWhen {...props} id={`p${n}`} refused={isRefused ? refused : null} />
        <button aria-label={`Decide: ${title.slice(0, 80)}`}>Decide</button>
      </form>
    </details>
  );
};

function mayDecide({ state }: Review, { caller }: Frame): boolean {
  return state === "open" && scopeOf("POST /reviews/{id}/resolutions", caller.role) !== undefined;
}

const WhoAndWhen: FC<{
  readonly id: string;
  readonly review: Review;
  readonly refused: Refused | null;
}> = ({ id, review, refused }) => {
  const wrong = (field: string) => (refused?.problem.parts.field === field ? refused : null);
  const given = (field: string) => refused?.given[field] ?? "";
  return (
    <>
      <span class="field">
        <label for={`${id}-owner`}>Who</label>
        <select
          id={`${id}-owner`}
          name="owner"
          required
          {...wrongOf(`${id}-owner`, wrong("owner"))}
        >
          <option value="">choose</option>
          {review.owners.map(({ id: one, name }) => (
            <option value={one} selected={given("owner") === one}>
              {name ?? spoken(one)}
            </option>
          ))}
        </select>
        <Wrong id={`${id}-owner`} refused={wrong("owner")} />
      </span>
      <span class="field">
        <label for={`${id}-due`}>By</label>
        <input
          id={`${id}-due`}
          name="dueOn"
          type="date"
          required
          value={given("dueOn")}
          {...wrongOf(`${id}-due`, wrong("dueOn"))}
        />
        <Wrong id={`${id}-due`} refused={wrong("dueOn")} />
      </span>
    </>
  );
};

/** Attributes of a field that was refused: it has the focus, and names its message. */
function wrongOf(id: string, refused: Refused | null) {
  return refused === null
    ? {}
    : { "aria-invalid": "true" as const, "aria-describedby": `${id}-wrong`, autofocus: true };
}

const Wrong: FC<{ readonly id: string; readonly refused: Refused | null }> = ({ id, refused }) =>
  refused === null ? null : (
    <p id={`${id}-wrong`} class="error" role="alert">
      {`${capital(refused.problem.parts.detail)}.`}
    </p>
  );

const Sections: FC<Props> = ({ review, reports, frame }) => {
  if (review.figures === null) return null;
  return (
    <section aria-labelledby="figures">
      <h2 id="figures">Figures</h2>
      <p class="dim">
        A rate stands with its counts and its 95 % interval; below 30 cases it is grey, and the
        counts say more. They are as they were when the review opened.
      </p>
      {review.figures.sections.map((section, n) => {
        const { title, paragraph, rows, groupBy } = section;
        const report = reports.find(({ name }) => name === section.report);
        const shown = Array.isArray(section["shown"]) ? (section["shown"] as string[]) : [];
        const days = spanOf(section, review.zone);
        return (
          <section class={rows.length > longTable ? "packet long" : "packet"}>
            <h3>{title}</h3>
            <p class="dim">
              {`${sayDays(days)}.`}{" "}
              {report === undefined ? null : (
                <a
                  class="screen-only"
                  href={withQuery(paths.report(report.name), { ...days, groupBy })}
                >
                  The report today
                </a>
              )}
            </p>
            <p>{withNames(withRuleWords(paragraph, rulesIn(rows)), review.people)}</p>
            {report === undefined || rows.length === 0 ? null : (
              <>
                {report.hasPicture ? (
                  <ReportPicture src={paths.reviewPicture(review.id, n)} words={`${title}.`} />
                ) : null}
                <FigureTable
                  label={title}
                  report={report}
                  rows={rows as Parameters<typeof FigureTable>[0]["rows"]}
                  people={review.people}
                  groupBy={groupBy}
                  shown={shown}
                  opensLeads={scopeOf("GET /leads", frame.caller.role) !== undefined}
                />
              </>
            )}
          </section>
        );
      })}
    </section>
  );
};

/** A table so long that it may be broken between pages. */
const longTable = 14;

const Decisions: FC<Props> = (props) => {
  const { review, frame, refused } = props;
  const may = mayDecide(review, frame);
  // A review closes with its signatures; what it decided goes on.
  const mayEnd = scopeOf("POST /resolutions/{id}/close", frame.caller.role) !== undefined;
  const mine = refused?.about === "resolution" ? refused : null;
  const isText = mine?.problem.parts.field === "text" ? mine : null;
  const isOther =
    mine !== null && !["text", "owner", "dueOn"].includes(mine.problem.parts.field ?? "");
  return (
    <section aria-labelledby="decisions">
      <h2 id="decisions">Decisions</h2>
      {review.resolutions.length === 0 ? (
        <p>{review.state === "closed" ? "None were written down." : "None yet."}</p>
      ) : (
        <ul class="rows">
          {review.resolutions.map((one) => (
            <ResolutionLine one={one} {...props} mayClose={mayEnd} />
          ))}
        </ul>
      )}
      {isOther ? (
        <p class="notice wrong" role="alert">
          {`Not done. ${capital(mine.problem.parts.detail)}.`}
        </p>
      ) : null}
      {may ? (
        <>
          <h3 class="screen-only">Add a decision</h3>
          <form
            method="post"
            action={paths.ofReview(review.id, "resolutions")}
            class="filters decide"
          >
            <Hidden back={paths.review(review.id)} />
            <span class="field what">
              <label for="what">What</label>
              <input
                id="what"
                name="text"
                required
                maxlength={1000}
                value={mine?.given["text"] ?? ""}
                {...wrongOf("what", isText)}
              />
              <Wrong id="what" refused={isText} />
            </span>
            <WhoAndWhen id="new" review={review} refused={mine} />
            <button class="main">Add</button>
          </form>
        </>
      ) : null}
      {review.state === "open" ? (
        <table class="paper-only">
          <thead>
            <tr>
              <th>decision</th>
              <th>owner</th>
              <th>due</th>
            </tr>
          </thead>
          <tbody>
            {[1, 2, 3].map(() => (
              <tr>
                <td>{"\u00a0"}</td>
                <td></td>
                <td></td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </section>
  );
};
