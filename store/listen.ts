import pg from "pg";

export interface Listening {
  close(): Promise<void>;
}

/**
 * Calls `wake` for every notification on these channels, and once after each (re)connection, without a payload, because
 * what was said while nobody listened is lost. A lost connection is made again; the caller polls as well and never depends on a notification.
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
      connectionString: url,
      connectionTimeoutMillis: 1_500,
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
    async close() {
      closed = true;
      clearTimeout(retry);
      await client?.end().catch(() => undefined);
    },
  };
}
