import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { CommandError } from "../command.ts";

/** A port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const port = await listenBriefly(0);
  if (port === undefined)
    throw new CommandError(
      "No free port on 127.0.0.1; close some programs that listen and try again.",
    );
  return port;
}

/** Can we listen on this port of 127.0.0.1 now? */
export async function portIsFree(port: number): Promise<boolean> {
  return (await listenBriefly(port)) !== undefined;
}

/**
 * Keeps a free port of 127.0.0.1 for a server that will listen on it soon: whoever keeps one holds
 * its number in UDP, which is given to one alone, until it lets it go or its process ends. Gives
 * what lets it go; undefined when the port is taken or kept.
 */
export async function holdPort(port: number): Promise<(() => void) | undefined> {
  const socket = createSocket("udp4");
  const isHeld = await new Promise<boolean>((done) => {
    socket.once("error", () => done(false));
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => done(true));
  });
  if (isHeld && (await portIsFree(port))) {
    socket.unref();
    return () => socket.close();
  }
  socket.close();
  return undefined;
}

/** Throws a `CommandError` that names the variable to change when the port is taken. */
export async function requirePort(port: number, variable: string, whatFor: string): Promise<void> {
  if (await portIsFree(port)) return;
  throw new CommandError(
    `Port ${port} for ${whatFor} is taken by another program; stop that program or set ` +
      `${variable} to a free port.`,
  );
}

function listenBriefly(port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const bound = server.address();
      server.close(() =>
        done(bound !== null && typeof bound === "object" ? bound.port : undefined),
      );
    });
  });
}
