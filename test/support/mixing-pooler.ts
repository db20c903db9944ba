import { randomInt } from "node:crypto";
import { createServer, type Socket } from "node:net";
import pg from "pg";

/** The wire protocol's messages: a letter, a length, a body. */
function message(kind: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
}

const hello = (): Buffer => {
  const key = Buffer.alloc(8);
  key.writeInt32BE(randomInt(2 ** 30), 0);
  key.writeInt32BE(randomInt(2 ** 30), 4);
  return Buffer.concat([
    message("R", Buffer.alloc(4)),
    message("K", key),
    message("Z", Buffer.from("I")),
  ]);
};

interface Session {
  readonly stream: Socket;
  readonly client: pg.Client;
}

/**
 * What a pooler in transaction mode does: whoever connects is let in, and each of their
 * transactions goes to whichever of `size` sessions with Postgres is free. Simple queries only.
 * `order` says which of several free sessions is taken.
 */
export async function mixingPooler(
  url: string,
  size: number,
  order: "latest" | "round robin",
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const free: Session[] = [];
  for (let n = 0; n < size; n++) {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners("data");
    free.push({ stream, client });
  }
  const all = [...free];
  const waiting: ((session: Session) => void)[] = [];
  const take = () =>
    new Promise<Session>((taken) => {
      const session = order === "latest" ? free.pop() : free.shift();
      if (session) taken(session);
      else waiting.push(taken);
    });
  const giveBack = (session: Session): void => {
    const next = waiting.shift();
    if (next) next(session);
    else free.push(session);
  };

  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let held: Session | undefined;
    let isIn = false;
    const forward = async (bytes: Buffer): Promise<void> => {
      const session = (held ??= await take());
      let answer = Buffer.alloc(0);
      await new Promise<void>((done) => {
        const hear = (part: Buffer) => {
          answer = Buffer.concat([answer, part]);
          if (answer.at(-6) !== "Z".charCodeAt(0)) return;
          session.stream.off("data", hear);
          done();
        };
        session.stream.on("data", hear);
        session.stream.write(bytes);
      });
      // "I" says that no transaction is under way.
      if (answer.at(-1) === "I".charCodeAt(0)) {
        held = undefined;
        giveBack(session);
      }
      socket.write(answer);
    };
    socket.on("data", (bytes: Buffer) => {
      if (isIn) {
        if (bytes[0] === "Q".charCodeAt(0)) void forward(bytes);
        else socket.end();
        return;
      }
      isIn = true;
      socket.write(hello());
    });
    socket.on("close", () => {
      sockets.delete(socket);
      if (held) giveBack(held);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const bound = server.address();
  const address = new URL(url);
  address.search = "";
  address.port = String(typeof bound === "object" ? bound?.port : 0);
  return {
    url: address.href,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
      for (const { stream } of all) stream.destroy();
    },
  };
}
