import type { FC } from "hono/jsx";
import { capital } from "../../messages/words.ts";
import { reviewKinds } from "../../handoff/reviews/review.ts";
import { counted, numberWords } from "../../handoff/reviews/words.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { Problem } from "../http/errors.ts";
import { readReviews, reviewsQuery } from "../reviews.ts";
import { frameOf, Page, show, type Frame } from "./page.tsx";
import { Clock, Moment, type ReadAt } from "./parts/clock.tsx";
import { More } from "./parts/list.tsx";
import { paths, withQuery } from "./paths.ts";

type Reviews = Awaited<ReturnType<typeof readReviews>>;
type Review = Reviews["items"][number];

/** GET /console/reviews: which reviews wait for signatures, and those that were held. */
export function reviewsPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.reviews, async (c) => {
    const given = Object.fromEntries(
      ["kind", "state", "cursor"].flatMap((name) => {
        const value = c.req.query(name)?.trim();
        return value ? [[name, value]] : [];
      }),
    );
    const query = reviewsQuery.safeParse(given);
    if (!query.success)
      throw new Problem("invalid", {
        field: query.error.issues[0]?.path.join(".") || "address",
        detail: query.error.issues[0]?.message ?? "not as described",
      });
    const [reviews, frame] = await Promise.all([
      readReviews(deps, c, query.data),
      frameOf(deps, c),
    ]);
    const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
    return show(c, <ReviewsPage {...{ reviews, frame, reading, given }} />);
  });
  return routes;
}

const ReviewsPage: FC<{
  readonly reviews: Reviews;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly given: Readonly<Record<string, string>>;
}> = ({ reviews, frame, reading, given }) => {
  const { kind, cursor } = given;
  const open = reviews.items
    .filter(({ state }) => state === "open")
    .toSorted((a, b) => Date.parse(a.due) - Date.parse(b.due));
  const closed = reviews.items.filter(({ state }) => state === "closed");
  return (
    <Page title="Reviews" frame={frame}>
      <h1>Reviews</h1>
      <p class="lead">{headingOf(open, frame)}</p>
      <nav class="spans" aria-label="Kind">
        <ul>
          {["", ...reviewKinds].map((one) => (
            <li>
              <a
                href={withQuery(paths.reviews, { kind: one })}
                aria-current={(kind ?? "") === one ? "true" : undefined}
              >
                {one === "" ? "all" : one}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {open.length === 0 ? null : (
        <>
          <h2 id="open">Open</h2>
          <Table label="open" items={open} frame={frame} reading={reading} />
        </>
      )}
      {closed.length === 0 ? null : (
        <>
          <h2 id="closed">Held</h2>
          <Table label="closed" items={closed} frame={frame} reading={reading} />
        </>
      )}
      <More
        path={paths.reviews}
        query={kind === undefined ? {} : { kind }}
        next={reviews.next}
        isFirst={cursor === undefined}
      />
    </Page>
  );
};

function headingOf(open: readonly Review[], { caller }: Frame): string {
  if (open.length === 0)
    return (
      "No review waits. Weekly, monthly and quarterly ones open by themselves, as the agreement " +
      "says; npx baton review open weekly opens one now."
    );
  const { party } = caller;
  const mine = party
    ? open.filter(({ signatures }) => signatures.every((one) => one.party !== party))
    : [];
  const wait = `${capital(counted(open.length, "review"))} ${open.length === 1 ? "waits" : "wait"}`;
  if (!party) return `${wait} for decisions and signatures.`;
  return mine.length === 0
    ? `${wait}; for ${party} all are signed.`
    : `${wait}, ${mine.length} of them for the signature of ${party}.`;
}

const Table: FC<{
  readonly label: string;
  readonly items: readonly Review[];
  readonly frame: Frame;
  readonly reading: ReadAt;
}> = ({ label, items, reading }) => (
  <table class="cards" aria-labelledby={label} data-list>
    <thead>
      <tr>
        <th scope="col">Review</th>
        <th scope="col">{label === "open" ? "Due" : "Closed"}</th>
        <th scope="col">Signed</th>
        <th scope="col">Pool</th>
      </tr>
    </thead>
    <tbody>
      {items.map((review) => (
        <tr data-row>
          <th scope="row">
            <a href={paths.review(review.id)} data-key="Enter">
              {`${capital(review.kind)} ${review.period}`}
            </a>
          </th>
          <td data-label={label === "open" ? "Due" : "Closed"} data-urgency>
            {review.closedAt === null ? (
              <Clock due={review.due} reading={reading} />
            ) : (
              <Moment at={review.closedAt} reading={reading} />
            )}
          </td>
          <td data-label="Signed">{signedWords(review)}</td>
          <td data-label="Pool" class="dim">
            {review.hasPool
              ? `${counted(review.leads, "lead")}, ${numberWords(review.undecided)} undecided`
              : ""}
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

function signedWords({ signatures, signaturesNeeded, state }: Review): string {
  if (signaturesNeeded === 0) return "needs none";
  const by = signatures.map(({ party, name, by: id }) => `${party} by ${name ?? id}`);
  const open = signaturesNeeded - signatures.length;
  const missing = state === "closed" || open <= 0 ? [] : [`${open} missing`];
  return [...by, ...missing].join(", ") || "nobody";
}
