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
    const deadline: Deadline = { leftMs: longestMs, since: 0, timer: undefined, miss };
    deadlines.set(request, deadline);
    count(deadline);
    return Promise.race([answer(request, ...rest), missed]).finally(() =>
      clearTimeout(deadline.timer),
    );
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

function count(deadline: Deadline): void {
  deadline.since = performance.now();
  deadline.timer = setTimeout(deadline.miss, Math.max(0, deadline.leftMs));
}
