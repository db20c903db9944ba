import type { Instant } from "../handoff/time/calendar.ts";
import { hintsOf, type Hint } from "../store/process/changed.ts";

/** Who listens: one page of a session. */
export interface Listener {
  readonly session: string;
  /** Of what they hear: people, pools, the queue; null: of everything. */
  readonly hears: ReadonlySet<string> | null;
  /** What their page shows is at least as new as this. */
  readonly since: Instant;
}

/** The open pages of one API process, and what they are told. */
export interface Live {
  /** What Postgres notified: hints, or nothing after a connection was lost. */
  heard(payload: string): void;
  /** A page begins to listen: the events that it is sent (SSE). */
  join(listener: Listener): ReadableStream<Uint8Array>;
  /** How many pages listen. */
  size(): number;
  /** Ends every page's stream, so that the server can end. */
  stop(): void;
}

export interface LiveDeps {
  readonly clock: () => Instant;
  /** Which of these sessions are still signed in. */
  readonly areSignedIn: (sessions: readonly string[]) => Promise<ReadonlySet<string>>;
  /** How often a silent stream says that it is there, and sessions are looked at. */
  readonly beatMs?: number;
}

/** A browser opens six connections to one host; pages need some of them. */
const mostOfSession = 4;
/** Beyond these the oldest are forgotten, and who missed them is told that something may be new. */
const mostKept = 2_000;
/** By which the clocks of two API processes may differ. A hint that comes twice does nothing. */
const slackMs = 1_000;
/** A page that takes nothing any more is let go; it comes again. */
const mostWaiting = 64;
/** After so long a page comes again, and whose leads it hears of is read anew. */
const longestMs = 15 * 60_000;

interface Stream {
  readonly listener: Listener;
  readonly began: Instant;
  send(text: string): void;
  end(): void;
}

/** Keeps the pages of a process that listen, and tells each what it may hear. */
export function createLive({ clock, areSignedIn, beatMs = 15_000 }: LiveDeps): Live {
  const streams = new Set<Stream>();
  const kept: { readonly at: Instant; readonly hint: Hint }[] = [];
  /** From here on every hint is known. */
  let knownSince = Number.POSITIVE_INFINITY;
  let isStopped = false;
  let isAsking = false;
  const beat = setInterval(() => void look(), beatMs);
  beat.unref();

  async function look(): Promise<void> {
    for (const one of streams) {
      one.send(": here\n\n");
      if (one.began < clock() - longestMs) one.end();
    }
    const sessions = [...new Set([...streams].map(({ listener }) => listener.session))];
    // A database that is slow is asked once, and takes no connection from pages at each beat.
    if (sessions.length === 0 || isAsking) return;
    isAsking = true;
    // A database that is away ends no session.
    const live = await areSignedIn(sessions).catch(() => new Set(sessions));
    isAsking = false;
    for (const one of streams)
      if (sessions.includes(one.listener.session) && !live.has(one.listener.session)) over(one);
  }

  function over(stream: Stream): void {
    stream.send("event: over\ndata: -\n\n");
    stream.end();
  }

  function heard(payload: string): void {
    const at = clock();
    const hints = hintsOf(payload);
    if (hints === null) {
      knownSince = at;
      kept.length = 0;
      for (const one of streams) one.send(missed(at));
      return;
    }
    kept.push(...hints.map((hint) => ({ at, hint })));
    const tooMany = kept.splice(0, Math.max(0, kept.length - mostKept));
    knownSince = Math.max(knownSince, tooMany.at(-1)?.at ?? knownSince);
    for (const one of streams) {
      const ids = hints.filter((hint) => hears(one.listener, hint)).map(({ id }) => id);
      if (ids.length > 0) one.send(changed(at, ids));
    }
  }

  function join(listener: Listener): ReadableStream<Uint8Array> {
    const theirs = [...streams].filter((one) => one.listener.session === listener.session);
    for (const oldest of theirs.slice(0, Math.max(0, theirs.length - mostOfSession + 1)))
      over(oldest);
    const encoder = new TextEncoder();
    let stream: Stream | undefined;
    return new ReadableStream<Uint8Array>({
      start(controller) {
        const own: Stream = {
          listener,
          began: clock(),
          send(text) {
            if ((controller.desiredSize ?? 0) < -mostWaiting) return own.end();
            controller.enqueue(encoder.encode(text));
          },
          end() {
            if (streams.delete(own)) controller.close();
          },
        };
        stream = own;
        streams.add(own);
        // Spread, so that not all pages come at once to a server that comes back.
        own.send(`retry: ${1_000 + Math.floor(Math.random() * 2_000)}\n\n`);
        const at = clock();
        if (!(listener.since >= knownSince)) own.send(missed(at));
        else {
          const late = kept.filter(
            (one) => one.at > listener.since - slackMs && hears(listener, one.hint),
          );
          const ids = [...new Set(late.map(({ hint }) => hint.id))];
          if (ids.length > 0) own.send(changed(at, ids));
        }
        if (isStopped) own.end();
      },
      cancel() {
        if (stream) streams.delete(stream);
      },
    });
  }

  return {
    heard,
    join,
    size: () => streams.size,
    stop() {
      isStopped = true;
      clearInterval(beat);
      for (const one of streams) one.end();
    },
  };
}

function hears({ hears: whose }: Listener, hint: Hint): boolean {
  return whose === null || hint.whose.some((one) => whose.has(one));
}

/** Of which leads a page should look anew; the id is how far the page knows then. */
function changed(at: Instant, ids: readonly string[]): string {
  return `id: ${at}\ndata: ${ids.join(" ")}\n\n`;
}

function missed(at: Instant): string {
  return `id: ${at}\nevent: missed\ndata: -\n\n`;
}
