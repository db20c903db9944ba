import type { Routes } from "../deps.ts";
import { Problem } from "./errors.ts";

/** Half a second is left for the way and for a busy machine. */
const longestMs = 2_500;

/** How long a request may still take, and since when that is being counted. */
interface Deadline {
  leftMs: number;
  since: number;
  timer: NodeJS.Timeout | undefined;
  readonly miss: () => void;
  /** Who is asked for more time when it is over. */
  readonly more: Set<() => number>;
  isAnswered: boolean;
}
const deadlines = new WeakMap<Request, Deadline>();

/**
 * Whatever is silent behind us, the caller hears within three seconds. Around the whole app and not
 * inside of it: what was begun goes on to its own end, so that its answer is kept under its
 * Idempotency-Key and given to the repeat.
 */
export function withDeadline(
  app: Routes,
  answerProblem: (problem: Problem, request: Request) => Response | Promise<Response>,
): void {
  const answer = app.fetch;
  app.fetch = (request, ...rest) => {
    let miss = () => {};
    const missed = new Promise<Response>((resolve) => {
      miss = () =>
        resolve(
          answerProblem(
            new Problem("unavailable", {
              detail: "no answer in time; ask again with the same Idempotency-Key",
            }),
            request,
          ),
        );
    });
    const deadline: Deadline = {
      leftMs: longestMs,
      since: 0,
      timer: undefined,
      miss,
      more: new Set(),
      isAnswered: false,
    };
    deadlines.set(request, deadline);
    count(deadline);
    return Promise.race([answer(request, ...rest), missed]).finally(() => {
      deadline.isAnswered = true;
      clearTimeout(deadline.timer);
    });
  };
}

/**
 * Does what takes as long as it takes (an upload, a long list); the request's time stands still
 * meanwhile, and goes on after it.
 */
export async function outsideDeadline<T>(request: Request, work: () => Promise<T>): Promise<T> {
  const deadline = deadlines.get(request);
  if (!deadline) return work();
  clearTimeout(deadline.timer);
  deadline.leftMs -= performance.now() - deadline.since;
  try {
    return await work();
  } finally {
    count(deadline);
  }
}

/**
 * Does what may outlast the request's time. When that is over, `more` says how many milliseconds
 * are added, 0 for none; once they are needed no longer, the request has its usual time again.
 */
export async function prolonged<T>(
  request: Request,
  more: () => number,
  work: () => Promise<T>,
): Promise<T> {
  const deadline = deadlines.get(request);
  if (!deadline) return work();
  let isProlonged = false;
  const ask = (): number => {
    const ms = more();
    isProlonged ||= ms > 0;
    return ms;
  };
  deadline.more.add(ask);
  try {
    return await work();
  } finally {
    deadline.more.delete(ask);
    if (isProlonged && deadline.more.size === 0) give(deadline, longestMs);
  }
}

function timeIsOver(deadline: Deadline): void {
  const moreMs = Math.max(0, ...[...deadline.more].map((more) => more()));
  if (moreMs > 0) give(deadline, moreMs);
  else deadline.miss();
}

function give(deadline: Deadline, ms: number): void {
  clearTimeout(deadline.timer);
  deadline.leftMs = ms;
  count(deadline);
}

function count(deadline: Deadline): void {
  if (deadline.isAnswered) return;
  deadline.since = performance.now();
  deadline.timer = setTimeout(() => timeIsOver(deadline), Math.max(0, deadline.leftMs));
}
