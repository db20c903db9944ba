import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { reviewDecisions } from "../../handoff/answers/pool-review.ts";
import { capitalised, counted } from "../../handoff/reviews/words.ts";
import { capital, spoken } from "../../messages/words.ts";
import { called } from "../../words/called.ts";
import { sayMoment, withTimes } from "../../words/clock.ts";
import type { AppDeps, AppEnv } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { Problem } from "../http/errors.ts";
import { readLeads } from "../leads.ts";
import { decideLines, type readReview } from "../reviews.ts";
import { Hidden, type Form } from "./form.tsx";
import { asking, type Frame } from "./page.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { More } from "./parts/list.tsx";
import { paths, withQuery } from "./paths.ts";

export type Review = Awaited<ReturnType<typeof readReview>>;
type PoolLine = Review["lines"]["items"][number];

/** A form of a review that was refused: which one, why, and what was written in it. */
export interface Refused {
  readonly about: string;
  readonly problem: Problem;
  readonly given: Form["fields"];
}

export interface PoolProps {
  readonly review: Review;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly refused: Refused | null;
  /** Of the pool's leads, for who may open leads. */
  readonly names: ReadonlyMap<string, string>;
  /** Where the page of the pool's leads begins. */
  readonly cursor: string | undefined;
  /** Only those that wait are shown. */
  readonly waits: boolean;
}

/** Why no decision was taken about a lead. */
interface Undecided {
  readonly lead: string;
  readonly detail: string;
}

/**
 * Decides about the rows of the pool in which something was chosen; the others stay undecided. Gives
 * where to go on. Throws a problem that says of each lead why it was not decided, where one was not;
 * the others are decided by then.
 */
export async function decidePool(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  form: Form,
): Promise<string> {
  const { note = "" } = form.fields;
  const decisions = Object.entries(form.fields).flatMap(([name, value]) => {
    const decision = reviewDecisions.find((one) => one === value);
    if (!name.startsWith("decision:") || decision === undefined) return [];
    return [{ leadId: name.slice("decision:".length), decision, ...(note === "" ? {} : { note }) }];
  });
  if (decisions.length === 0)
    throw new Problem("invalid", { field: "decision", detail: "choose for at least one lead" });
  const { results } = await decideLines(deps, c, id, decisions.slice(0, 50), form.key);
  const undecided = results.flatMap(({ lead, status, problem }): Undecided[] =>
    status === 200 ? [] : [{ lead, detail: problem?.detail ?? "not decided" }],
  );
  if (undecided.length > 0)
    throw new Problem("conflict", {
      detail: `${counted(results.length - undecided.length, "lead")} decided, ${undecided.length} not`,
      more: { undecided },
    });
  const told = { did: "pool", decided: results.length, ...placeOf(c) };
  return `${withQuery(paths.review(id), told)}#pool`;
}

/** Which part of the pool the page shows. */
function placeOf(c: Context<AppEnv>) {
  return { waits: c.req.query("waits"), cursor: c.req.query("cursor") };
}

/** The leads of which a refused form says why nothing was decided. */
function undecidedIn(refused: Refused | null): readonly Undecided[] {
  if (refused?.about !== "pool") return [];
  return (refused.problem.parts.more?.["undecided"] as readonly Undecided[] | undefined) ?? [];
}

/** The leads of the pool by name, for who may open leads. */
export async function namesOfPool(
  deps: AppDeps,
  c: Context<AppEnv>,
  { lines }: Review,
  refused: Refused | null,
): Promise<ReadonlyMap<string, string>> {
  const all = [...lines.items, ...undecidedIn(refused)].map(({ lead }) => lead);
  const ids = [...new Set(all)].filter((id) => /^ld_\w{1,57}$/.test(id)).slice(0, 100);
  if (ids.length === 0 || scopeOf("GET /leads", c.var.caller.role) === undefined) return new Map();
  const { items } = await readLeads(deps, asking(c, "GET /leads"), { ids, limit: 100 });
  return new Map(items.map((one) => [one.id, called({ ...one, domain: one.account })]));
}

/** The leads of the re-nurture pool, and the form that decides about them. */
export const PoolSection: FC<PoolProps> = (props) => {
  const { review, frame, reading, refused, names, waits, cursor } = props;
  if (!review.hasPool) return null;
  const { leads, undecided, suggestions, decisions, lines, reviewer } = review;
  const counts = (of: typeof suggestions) =>
    `keep ${of.keep}, return ${of.return}, retire ${of.retire}`;
  const may =
    review.state === "open" &&
    scopeOf("POST /reviews/{id}/decisions", frame.caller.role) !== undefined;
  const isOpen = lines.items.some(({ waits: asks, decision }) => asks && decision === null);
  const wrong = refused?.about === "pool" ? refused : null;
  const path = paths.review(review.id);
  return (
    <section aria-labelledby="pool">
      <h2 id="pool">The re-nurture pool, lead by lead</h2>
      <p>
        {`${capital(counted(leads, "lead was", "leads were"))} in the pool when the review opened; ${undecided} wait for a decision of ${spoken(reviewer)}. Suggested: ${counts(suggestions)}. Decided: ${counts(decisions)}.`}{" "}
        <a class="screen-only" href={waits ? `${path}#pool` : `${path}?waits=true#pool`}>
          {waits ? "Show all" : "Only those that wait"}
        </a>
      </p>
      {wrong === null ? null : <NotDecided refused={wrong} names={names} frame={frame} />}
      {lines.items.length === 0 ? (
        <p>{waits ? "None waits." : "The pool was empty."}</p>
      ) : may && isOpen ? (
        <form
          method="post"
          action={withQuery(paths.ofReview(review.id, "decisions"), {
            waits: waits ? "true" : undefined,
            cursor,
          })}
          class="pool"
        >
          <Hidden back={path} />
          <PoolTable
            lines={lines.items}
            may
            chosen={wrong?.given ?? {}}
            names={names}
            frame={frame}
            reading={reading}
          />
          <p class="actions">
            <span class="field">
              <label for="pool-note">Note, for all of these</label>
              <input
                id="pool-note"
                name="note"
                maxlength={1000}
                value={wrong?.given["note"] ?? ""}
              />
            </span>
            <button class="main">Decide about those chosen</button>
          </p>
        </form>
      ) : (
        <PoolTable
          lines={lines.items}
          may={false}
          chosen={{}}
          names={names}
          frame={frame}
          reading={reading}
        />
      )}
      <More
        path={path}
        query={waits ? { waits: "true" } : {}}
        next={lines.next}
        isFirst={cursor === undefined}
      />
    </section>
  );
};

/** What was refused: the form as such, or of each lead why nothing was decided about it. */
const NotDecided: FC<{
  readonly refused: Refused;
  readonly names: ReadonlyMap<string, string>;
  readonly frame: Frame;
}> = ({ refused, names, frame }) => {
  const undecided = undecidedIn(refused);
  const { detail } = refused.problem.parts;
  return (
    <div class="notice wrong" role="alert">
      <p>{undecided.length === 0 ? `Not done. ${capital(detail)}.` : `${capital(detail)}:`}</p>
      {undecided.length === 0 ? null : (
        <ul>
          {undecided.map(({ lead, detail: why }) => (
            <li>
              <LeadName lead={lead} names={names} frame={frame} />
              {`: ${why}.`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
};

/** A lead by its name, as a link for whoever may open leads. */
const LeadName: FC<{
  readonly lead: string;
  readonly names: ReadonlyMap<string, string>;
  readonly frame: Frame;
}> = ({ lead, names, frame }) => {
  const whom = <bdi>{names.get(lead) ?? lead}</bdi>;
  return scopeOf("GET /leads/{id}", frame.caller.role) === undefined ? (
    whom
  ) : (
    <a href={paths.lead(lead)}>{whom}</a>
  );
};

const PoolTable: FC<{
  readonly lines: readonly PoolLine[];
  readonly may: boolean;
  /** What was chosen in a form that was refused. */
  readonly chosen: Form["fields"];
  readonly names: ReadonlyMap<string, string>;
  readonly frame: Frame;
  readonly reading: ReadAt;
}> = ({ lines, may, chosen, names, frame, reading }) => (
  <table class="cards" aria-labelledby="pool">
    <thead>
      <tr>
        <th scope="col">Lead</th>
        <th scope="col">Since then</th>
        <th scope="col">Suggested</th>
        <th scope="col">Decision</th>
      </tr>
    </thead>
    <tbody>
      {lines.map((line) => {
        const { lead, found, decision } = line;
        const whom = names.get(lead) ?? lead;
        return (
          <tr>
            <th scope="row">
              <LeadName lead={lead} names={names} frame={frame} />
              {found === null ? null : (
                <span class="more dim">
                  {`${spoken(found.reason)}, in the pool since ${sayMoment(Date.parse(found.inPoolSince), reading.now, reading.zone)}, ${counted(found.cycles, "cycle")}`}
                </span>
              )}
            </th>
            <td data-label="since">
              {found === null
                ? "erased"
                : found.since.length === 0
                  ? "nothing"
                  : found.since.map(({ type, count }) => `${spoken(type)} ${count}`).join(", ")}
              {found === null ? null : (
                <span class="more dim">{`intent ${points(found.intentThen)} then, ${points(found.intentNow)} now`}</span>
              )}
            </td>
            <td data-label="suggested">
              {found === null ? "" : found.suggestion}
              {found === null ? null : (
                <span class="more dim">{withTimes(found.because, reading.now, reading.zone)}</span>
              )}
            </td>
            <td data-label="decision">
              {decision !== null ? (
                <strong>{decision}</strong>
              ) : may && line.waits ? (
                <fieldset class="choose-one">
                  <legend class="visually-hidden">{`Decision about ${whom}`}</legend>
                  {reviewDecisions.map((one) => (
                    <label>
                      <input
                        type="radio"
                        name={`decision:${lead}`}
                        value={one}
                        checked={chosen[`decision:${lead}`] === one}
                      />
                      {` ${capitalised(one)}`}
                    </label>
                  ))}
                </fieldset>
              ) : (
                <span class="dim">{line.waits ? "open" : "needs none"}</span>
              )}
            </td>
          </tr>
        );
      })}
    </tbody>
  </table>
);

/** Points of a score, to a tenth. */
const points = (score: number): string => String(Math.round(score * 10) / 10);
