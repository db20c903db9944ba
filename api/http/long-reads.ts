import { cancelStatement, pingPostgres, readAtLength, type Db } from "../../store/postgres/db.ts";
import type { ApiPools } from "../../store/postgres/pools.ts";
import type { LongReads } from "../deps.ts";
import { Problem } from "./errors.ts";
import { prolonged } from "./timeout.ts";

/** How much longer than usual a request may read. */
const usualMs = 20_000;
/** So many requests at once go on past their time; beside a small pool fewer. */
const mostAtOnce = 2;
/** How often it is asked whether Postgres is there, and how soon it has to say so. */
const lookMs = 500;
const aliveMs = 1_500;
/** Enough to say why the time was over. */
const refusalMs = 400;
const retryAfter = { busy: 10, tooLong: 60 };

/** A request that reads, on one connection or several. */
interface Reader {
  reads: number;
  /** Until when it may read; null while its usual time lasts. */
  until: number | null;
  readonly end: AbortController;
  /** Rejects when it is ended. */
  readonly ended: Promise<never>;
  readonly stopWatching: () => void;
}

/**
 * What reads at length holds connections of `pool`. Whether Postgres is alive is asked on `keyed`,
 * and statements are cancelled there: it has a connection left however many read.
 */
export function createLongReads(
  { pool, keyed }: Pick<ApiPools, "pool" | "keyed">,
  forMs: number = usualMs,
): LongReads {
  const most = Math.max(1, Math.min(mostAtOnce, Math.floor(pool.options.max / 4)));
  const readers = new WeakMap<Request, Reader>();
  let running = 0;

  const arrive = (request: Request): Reader => {
    const known = readers.get(request);
    if (known) {
      known.reads += 1;
      return known;
    }
    const end = new AbortController();
    const ended = new Promise<never>((_, reject) => {
      end.signal.addEventListener("abort", () => reject(end.signal.reason as Problem));
    });
    ended.catch(() => undefined); // whoever reads hears of it
    const gone = () => end.abort(unavailable("nobody waits for the answer any more"));
    request.signal.addEventListener("abort", gone);
    const watch = watchPostgres(keyed, () =>
      end.abort(unavailable("the database does not answer")),
    );
    const stopWatching = () => {
      request.signal.removeEventListener("abort", gone);
      clearInterval(watch);
    };
    const reader = { reads: 1, until: null, end, ended, stopWatching };
    readers.set(request, reader);
    return reader;
  };

  const leave = (request: Request, reader: Reader): void => {
    reader.reads -= 1;
    if (reader.reads > 0) return;
    reader.stopWatching();
    readers.delete(request);
    if (reader.until !== null) running -= 1;
  };

  const more = (reader: Reader): number => {
    if (reader.end.signal.aborted) return 0;
    const now = performance.now();
    if (reader.until === null && running < most) {
      running += 1;
      reader.until = now + forMs;
    }
    if (reader.until !== null && now < reader.until) return reader.until - now;
    reader.end.abort(reader.until === null ? busy(most) : tooLong(forMs));
    return refusalMs;
  };

  return {
    read(request, work) {
      const reader = arrive(request);
      // Statements end by themselves where nobody is left to end them.
      const read = readAtLength(pool, forMs + 5_000, (db, pid) =>
        prolonged(
          request,
          () => more(reader),
          () =>
            untilEnded(
              reader,
              () => work(db),
              () => cancelStatement(keyed, pid),
            ),
        ),
      ).finally(() => leave(request, reader));
      return Promise.race([read, reader.ended]);
    },
  };
}

/**
 * What `work` comes to, or the reason for which the reader was ended; only then was it cancelled, so
 * that whoever has the connection next is not.
 */
async function untilEnded<T>(
  { end: { signal }, ended }: Reader,
  work: () => Promise<T>,
  cancel: () => Promise<void>,
): Promise<T> {
  if (signal.aborted) throw signal.reason;
  try {
    return await Promise.race([work(), ended]);
  } finally {
    if (signal.aborted) await cancel().catch(() => undefined);
  }
}

/**
 * Looks until the timer is cleared. It counts its own turns and not the time, for this process may
 * stand still itself and find the answer afterwards.
 */
function watchPostgres(db: Db, silent: () => void): NodeJS.Timeout {
  let turns: number | null = null;
  return setInterval(() => {
    if (turns !== null) {
      turns += 1;
      if (turns * lookMs >= aliveMs) silent();
      return;
    }
    turns = 0;
    pingPostgres(db).then(() => (turns = null), silent);
  }, lookMs);
}

function unavailable(detail: string): Problem {
  return new Problem("unavailable", { detail });
}

const askLess = "ask about less: a shorter period, or fewer groups and filters";

function busy(most: number): Problem {
  const others = most === 1 ? "another such question is" : `${most} such questions are`;
  return new Problem("takes-too-long", {
    detail:
      `this question takes longer than others, and ${others} being answered; ask again in ` +
      `${retryAfter.busy} seconds, or ${askLess}`,
    retryAfter: retryAfter.busy,
  });
}

function tooLong(forMs: number): Problem {
  return new Problem("takes-too-long", {
    detail: `no answer was found in ${forMs / 1000} seconds; ${askLess}`,
    retryAfter: retryAfter.tooLong,
  });
}
