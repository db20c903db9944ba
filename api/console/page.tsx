import type { Context } from "hono";
import type { Child, FC } from "hono/jsx";
import { sayZone } from "../../words/clock.ts";
import type { AppEnv, ApiDeps, Asker, Caller } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { readerZone } from "../http/due.ts";
import { Problem } from "../http/errors.ts";
import { answerZipped } from "../http/zipped.ts";
import { assets } from "./parts/assets.ts";
import { paths } from "./paths.ts";

/** What stands around every page: who reads it, in which zone, and where else they may go. */
export interface Frame {
  readonly caller: Caller;
  /** Of the person, else of the role. */
  readonly name: string;
  /** In which the page says times; null on a page without any. */
  readonly zone: string | null;
  /** The address of the page, for the bar. */
  readonly path: string;
  /** Single keys do nothing, as the reader wants it. */
  readonly keysOff: boolean;
  /** When the page was asked for, to hear of later changes; null: it hears of none. */
  readonly since: number | null;
}

/** The pages of the bar, in order; shown are those that the caller may open. */
const bar: readonly { readonly label: string; readonly path: string; readonly key?: string }[] = [
  { label: "Queue", path: paths.queue, key: "q" },
  { label: "Board", path: paths.board, key: "b" },
  { label: "Tasks", path: paths.tasks, key: "t" },
  { label: "Leads", path: paths.leads },
  { label: "Accounts", path: paths.accounts },
  { label: "Figures", path: paths.figures, key: "f" },
  { label: "Reviews", path: paths.reviews, key: "r" },
  { label: "Agreement", path: paths.agreement, key: "a" },
  { label: "Roster", path: paths.roster },
  { label: "Simulate", path: paths.simulate },
  { label: "Imports", path: paths.imports },
  { label: "System", path: paths.system },
];

/** Where the caller may go by the bar. */
export function pagesInBar({ role }: Pick<Caller, "role">) {
  return bar.filter(({ path }) => scopeOf(`GET ${path}`, role) !== undefined);
}

/** The frame of a page for the caller of this request. */
export async function frameOf(deps: ApiDeps, c: Context<AppEnv>): Promise<Frame> {
  const mayHear = deps.live && scopeOf(`GET ${paths.live}`, c.var.caller.role) !== undefined;
  return {
    ...frameWithout(c),
    zone: await readerZone(deps, c),
    since: mayHear ? c.var.receivedAt : null,
  };
}

/** The same without a zone, and so without a question to the database. */
export function frameWithout(c: Context<AppEnv>): Frame {
  const { caller, session } = c.var;
  return {
    caller,
    name: session?.name ?? caller.role,
    zone: null,
    path: c.req.path,
    keysOff: session?.keysOff ?? false,
    since: null,
  };
}

/**
 * The same asker with the reach that they have for `request` ("GET /leads/{id}/clocks"), to read what
 * it answers. Throws when the caller's role may not send that request.
 */
export function asking(c: Asker, request: string): Asker {
  const { caller, receivedAt } = c.var;
  const scope = scopeOf(request, caller.role);
  if (scope === undefined)
    throw new Problem("forbidden", { detail: `the role ${caller.role} may not see this` });
  return { var: { caller, receivedAt, scope } };
}

interface PageProps {
  readonly title: string;
  /** Absent: nobody is signed in, so there is no bar. */
  readonly frame?: Frame | undefined;
  /** What was done or what changed, told to a screen reader, too. */
  readonly status?: Child;
  /** For a page that loads no script. */
  readonly isPlain?: boolean;
  /** A page that people take along on paper. */
  readonly isPrinted?: boolean;
  readonly children?: Child;
}

/** The document of a page. */
export const Page: FC<PageProps> = ({
  title,
  frame,
  status,
  isPlain = false,
  isPrinted = false,
  children,
}) => (
  <html lang="en" data-keys={frame?.keysOff ? "off" : undefined}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{`${title} · Baton`}</title>
      <link rel="stylesheet" href={assets.css} />
      <link rel="icon" href={assets.icon} type="image/svg+xml" />
      {isPlain ? null : <script src={assets.script} defer></script>}
    </head>
    <body>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <Bar frame={frame} isPrinted={isPrinted} />
      <main id="main" tabindex={-1}>
        <p id="status" role="status" class={status ? "notice" : "notice empty"}>
          {status}
        </p>
        {children}
      </main>
    </body>
  </html>
);

const Bar: FC<{ readonly frame: Frame | undefined; readonly isPrinted: boolean }> = ({
  frame,
  isPrinted,
}) =>
  frame === undefined ? (
    <header class="bar">
      <span class="brand">Baton</span>
    </header>
  ) : (
    <header class="bar">
      <a class="brand" href={paths.home}>
        Baton
      </a>
      <nav aria-label="Pages">
        <ul>
          {pagesInBar(frame.caller).map(({ label, path, key }) => (
            <li>
              <a
                href={path}
                data-go={key}
                aria-current={
                  frame.path === path || frame.path.startsWith(`${path}/`) ? "page" : undefined
                }
              >
                {label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {isPrinted ? (
        // Shown by the script: without one the browser's own way is the only one.
        <button type="button" data-print hidden>
          Print
        </button>
      ) : null}
      <a class="reader" href={paths.me}>
        {frame.name}
        {frame.zone === null ? null : (
          <>
            {" · "}
            <span class="dim">{`times in ${sayZone(frame.zone)}`}</span>
          </>
        )}
      </a>
    </header>
  );

/** Answers with a page. */
export async function show(
  c: Context<AppEnv>,
  page: ReturnType<FC>,
  status: 200 | 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503 = 200,
): Promise<Response> {
  return answerZipped(c, { text: await documentOf(page) }, status, {
    "content-type": "text/html; charset=UTF-8",
  });
}

/** The text of a page. */
export async function documentOf(page: ReturnType<FC>): Promise<string> {
  // A component that waits for something makes a promise of the text.
  const text = await (page as { toString(): string | Promise<string> }).toString();
  return `<!doctype html>${text}`;
}
