import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Routes } from "../../api/deps.ts";

/** The app behind a socket of this machine, for what only a connection shows. */
export interface Serving {
  readonly server: Server;
  readonly port: number;
  /** Ends the connections, too. */
  close(): void;
}

export async function serving(app: Routes): Promise<Serving> {
  const server = await new Promise<Server>((resolve) => {
    const begun = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () =>
      resolve(begun as Server),
    );
  });
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
