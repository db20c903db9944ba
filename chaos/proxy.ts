import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What a link does to its connections. */
export type LinkFault =
  /** Everything arrives, each piece this much later. */
  | { readonly kind: "slow"; readonly ms: number }
  /**
   * A black hole: connections are taken, nothing passes in either direction, nothing is refused.
   */
  | { readonly kind: "silent" }
  /**
   * Requests arrive and are carried out; the first piece of a reply is swallowed and the connection
   * breaks.
   */
  | { readonly kind: "reply-lost" }
  /** Connections break, new ones are refused. */
  | { readonly kind: "cut" };

/** A TCP proxy on 127.0.0.1 between one of our processes and one it depends on. */
export interface Link {
  readonly name: string;
  readonly port: number;
  /** From now on, for old and new connections. */
  suffer(fault: LinkFault): void;
  /**
   * What was held back passes on; with `cut` the connections break instead, as when a firewall
   * forgot them.
   */
  heal(how?: "cut"): void;
  /** Pieces and connections that a fault touched since the link was opened. */
  touched(): number;
  close(): Promise<void>;
}

/** Opens a link to a port of 127.0.0.1 that need not listen yet. */
export async function openLink(name: string, target: number): Promise<Link> {
  let fault: LinkFault | null = null;
  /** Resolvers of the promises that wait for the end of a silence. */
  const waiting = new Set<() => void>();
  let touched = 0;
  const pairs = new Set<() => void>();

  /** Passes once the link is not silent. */
  const passable = (): Promise<void> =>
    fault?.kind === "silent"
      ? new Promise((done) => {
          waiting.add(done);
        })
      : Promise.resolve();

  const serve = async (client: Socket): Promise<void> => {
    client.on("error", () => undefined);
    if (fault) touched += 1;
    if (fault?.kind === "cut") return void client.destroy();
    const sockets = [client];
    const end = (): void => {
      for (const socket of sockets) socket.destroy();
      pairs.delete(end);
    };
    pairs.add(end);
    client.once("close", end);
    await passable();
    if (client.destroyed) return;
    const server = connect(target, "127.0.0.1");
    sockets.push(server);
    server.on("error", () => undefined);
    server.once("close", end);
    forward(client, server, false, end);
    forward(server, client, true, end);
  };

  /** One direction, piece by piece: the next is read when this one is through. */
  const forward = (from: Socket, to: Socket, isReply: boolean, end: () => void): void => {
    from.setNoDelay(true);
    from.on("end", () => to.end());
    from.on("data", (piece) => {
      from.pause();
      void pass(piece, to, isReply, end).then(() => from.resume());
    });
  };

  const pass = async (
    piece: Buffer | string,
    to: Socket,
    isReply: boolean,
    end: () => void,
  ): Promise<void> => {
    if (fault) touched += 1;
    await passable();
    if (fault?.kind === "slow") await pause(fault.ms);
    if (fault?.kind === "reply-lost" && isReply) return end();
    if (!to.destroyed && !to.write(piece))
      await Promise.race([once(to, "drain"), once(to, "close")]).catch(() => undefined);
  };

  const server = createServer((socket) => void serve(socket));
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(0, "127.0.0.1", done);
  });
  const breakAll = (): void => {
    for (const end of pairs) end();
  };
  const link: Link = {
    name,
    port: (server.address() as AddressInfo).port,
    touched: () => touched,
    suffer(next) {
      link.heal();
      fault = next;
      if (next.kind === "cut") {
        touched += pairs.size;
        breakAll();
      }
    },
    heal(how) {
      if (how === "cut") breakAll();
      fault = null;
      for (const pass of waiting) pass();
      waiting.clear();
    },
    async close() {
      link.heal("cut");
      await new Promise<void>((done) => {
        server.close(() => done());
      });
    },
  };
  return link;
}
