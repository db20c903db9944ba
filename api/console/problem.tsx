import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { columnWords } from "../../messages/reviews/cells.ts";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { everyAnswer, type Problem, type ProblemCode } from "../http/errors.ts";
import { sentBy } from "./form.tsx";
import { consoleHeaders } from "./headers.ts";
import { documentOf, frameWithout, Page, type Frame } from "./page.tsx";
import { WithCode } from "./parts/code.tsx";
import { backTo, isOfMail, pageOfLink, paths, withQuery } from "./paths.ts";

/** What a person is told of each problem: in which words, and what can be done. */
const said: Readonly<Record<ProblemCode, readonly [string, string]>> = {
  malformed: ["Not understood", "What was sent cannot be read. Open the page again."],
  unauthenticated: ["You are signed out", "Nothing was done. Sign in, then do it again."],
  forbidden: ["Not allowed", "Nothing was changed."],
  "not-found": [
    "Nothing here",
    "There is no such page, or what it showed is not yours to see any more.",
  ],
  "method-not-allowed": ["Nothing here", "This address takes a form and shows no page."],
  "not-possible-now": ["Not done", "This is not possible where the lead stands now."],
  "already-answered": ["Not done", "Somebody answered first."],
  "not-yours": ["Not done", "The lead is with somebody else now."],
  "still-running": ["Still being done", "The same form is still being carried out."],
  conflict: ["Not done", "It contradicts what is stored."],
  "too-large": ["Too long", "What was sent is longer than is taken here."],
  "unsupported-media-type": ["Not understood", "This was not sent by a form of this console."],
  invalid: ["Not done", "Something in the form is not as it must be."],
  refused: ["Not done", "The agreement does not allow this."],
  "key-reused": ["Sent before", "This form was sent before. Open the page again for a new one."],
  "too-many-requests": ["Too many at once", "Wait a moment, then try again."],
  internal: ["Something broke", "It is our fault, not yours, and the log says where."],
  unavailable: ["Not there for a moment", "A part that is needed does not answer. Try again."],
  "takes-too-long": ["Takes too long", "Ask about less, or later."],
};

/** Of these the problem says more exactly than we can what was wrong. */
const tellsDetail: readonly ProblemCode[] = [
  "forbidden",
  "not-possible-now",
  "already-answered",
  "not-yours",
  "conflict",
  "invalid",
  "refused",
  "too-many-requests",
  "takes-too-long",
];

/** A request that ended in a problem, as far as the page about it needs to know it. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly frame: Frame | undefined;
  readonly fields: Readonly<Record<string, string>> | undefined;
}

/** The page about a problem of a request of the console; who is signed out is led to sign in. */
export function problemAnswer(
  deps: Pick<ApiDeps, "publicUrl">,
  c: Context<AppEnv>,
  problem: Problem,
): Promise<Response> {
  return answer(deps, problem, {
    method: c.req.method,
    path: c.req.path,
    query: new URL(c.req.url).search,
    frame: c.get("session") === undefined ? undefined : frameWithout(c),
    fields: sentBy(c.req.raw),
  });
}

/** The same for a request whose time was over, of which nothing else is known. */
export function lateAnswer(
  deps: Pick<ApiDeps, "publicUrl">,
  request: Request,
  problem: Problem,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return answer(deps, problem, {
    method: request.method,
    path: pathname,
    query: search,
    frame: undefined,
    fields: sentBy(request),
  });
}

async function answer(
  { publicUrl }: Pick<ApiDeps, "publicUrl">,
  problem: Problem,
  asked: Asked,
): Promise<Response> {
  const headers = new Headers({ ...everyAnswer, ...consoleHeaders(publicUrl, asked.path) });
  const isRead = asked.method === "GET" || asked.method === "HEAD";
  if (problem.code === "unauthenticated" && isRead) {
    headers.set("location", withQuery(paths.in, { to: asked.path + asked.query }));
    return new Response(null, { status: 303, headers });
  }
  const wait = problem.parts.retryAfter ?? (problem.status === 503 ? 2 : undefined);
  if (wait !== undefined) headers.set("retry-after", String(wait));
  if (problem.status === 408) headers.set("connection", "close");
  headers.set("content-type", "text/html; charset=UTF-8");
  const isUnknown = problem.status === 503 && !isRead && asked.fields !== undefined;
  const page = isUnknown ? (
    <AskAgain asked={asked} wait={wait ?? 2} />
  ) : (
    <ProblemPage problem={problem} asked={asked} isRead={isRead} />
  );
  return new Response(await documentOf(page), { status: problem.status, headers });
}

const ProblemPage: FC<{
  readonly problem: Problem;
  readonly asked: Asked;
  readonly isRead: boolean;
}> = ({ problem, asked, isRead }) => {
  const [title, sentence] = said[problem.code];
  const { detail, field } = problem.parts;
  const isSignedOut = problem.code === "unauthenticated";
  const back = isOfMail(asked.path)
    ? pageOfLink(asked.path)
    : backTo(asked.fields?.["back"], paths.home);
  const canRepeat = isRead && (problem.status === 503 || problem.status === 429);
  return (
    <Page title={title} frame={asked.frame} isPlain={isOfMail(asked.path)}>
      <div class="problem">
        <h1>{title}</h1>
        <p role="alert">
          {tellsDetail.includes(problem.code) ? (
            <WithCode
              words={sentenceOf(
                field === undefined || field === "key"
                  ? detail
                  : `${columnWords(field)}: ${detail}`,
              )}
            />
          ) : (
            sentence
          )}
        </p>
        <p>
          {isSignedOut ? (
            <a class="button main" href={paths.in}>
              Sign in
            </a>
          ) : canRepeat ? (
            <a class="button main" href={asked.path + asked.query}>
              Try again
            </a>
          ) : (
            <a class="button" href={back}>
              {back === paths.home ? "To the first page" : "Back"}
            </a>
          )}
        </p>
      </div>
    </Page>
  );
};

/** The outcome is not known: the same form again, under the same key. */
const AskAgain: FC<{ readonly asked: Asked; readonly wait: number }> = ({ asked, wait }) => (
  <Page title="Not known yet" frame={asked.frame} isPlain={isOfMail(asked.path)}>
    <div class="problem">
      <h1>Not known yet</h1>
      <p role="alert">Not known yet whether it took effect; asking again cannot do it twice.</p>
      <form method="post" action={asked.path} data-ask-again={String(wait)}>
        {Object.entries(asked.fields ?? {}).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <button class="main">Ask again</button>
      </form>
    </div>
  </Page>
);

function sentenceOf(detail: string): string {
  const text = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
