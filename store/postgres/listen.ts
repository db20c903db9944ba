import pg from "pg";
import { readDatabaseUrl } from "./connection.ts";

export interface Listening {
  /** Ends the listening and its connection. */
  stop(): Promise<void>;
}

/**
 * Calls `wake` for every notification on these channels. After each (re)connection it is called
 * once without a payload, because notifications in between are lost. A lost connection is made
 * again. Callers poll as well, so no notification is depended on.
 */
export function listen(
  url: string,
  channels: readonly string[],
  wake: (channel: string, payload: string) => void,
): Listening {
  let client: pg.Client | undefined;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;

  const connect = async (): Promise<void> => {
    if (closed) return;
    const next = new pg.Client({
      ...readDatabaseUrl(url, 1_500),
      keepAlive: true,
    });
    client = next;
    let isLost = false;
    const lost = (): void => {
      if (isLost || closed) return;
      isLost = true;
      next.end().catch(() => undefined);
      retry = setTimeout(() => void connect(), 1_000);
    };
    next.on("error", lost);
    next.on("end", lost);
    next.on("notification", (message) => wake(message.channel, message.payload ?? ""));
    try {
      await next.connect();
      for (const channel of channels) await next.query(`listen ${channel}`);
      for (const channel of channels) wake(channel, "");
    } catch {
      lost();
    }
  };

  void connect();
  return {
    async stop() {
      closed = true;
      clearTimeout(retry);
      await client?.end().catch(() => undefined);
    },
  };
}
