import { createServer, type AddressInfo, type Socket } from "node:net";

export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
}

/**
 * A mail server on 127.0.0.1 that takes messages and remembers them. `answers` overrules the reply
 * to a command, by its first word.
 */
export interface SmtpSink {
  readonly url: string;
  readonly received: Received[];
  readonly answers: Map<string, string>;
  close(): Promise<void>;
}

export async function smtpSink(): Promise<SmtpSink> {
  const received: Received[] = [];
  const answers = new Map<string, string>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    serve(socket, received, answers);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answers,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function serve(socket: Socket, received: Received[], answers: Map<string, string>): void {
  let rest = "";
  let letter = { from: "", to: [] as string[] };
  let data: string[] | null = null;
  const say = (command: string, usually: string) => {
    const answer = answers.get(command) ?? usually;
    // An empty answer is a server that falls silent.
    if (answer !== "") socket.write(`${answer}\r\n`);
  };
  say("CONNECT", "220 sink");
  socket.on("data", (chunk) => {
    const lines = (rest + chunk.toString("utf8")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (data !== null) {
        if (line !== ".") {
          data.push(line);
          continue;
        }
        const answer = answers.get("MESSAGE") ?? "250 taken";
        if (answer.startsWith("2")) received.push({ ...letter, data: data.join("\r\n") });
        letter = { from: "", to: [] };
        data = null;
        say("MESSAGE", "250 taken");
        continue;
      }
      const word = line.split(/[ :]/)[0]?.toUpperCase() ?? "";
      const address = /<(.*?)>/.exec(line)?.[1] ?? "";
      if (word === "MAIL") letter.from = address;
      if (word === "RCPT") letter.to.push(address);
      if (word === "DATA") {
        data = [];
        say(word, "354 go on");
      } else if (word === "EHLO") say(word, "250 sink");
      else if (word === "QUIT") {
        say(word, "221 bye");
        socket.end();
      } else say(word, "250 ok");
    }
  });
}
