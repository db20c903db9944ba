import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort } from "../cli/servers/ports.ts";
import { startApplication } from "./application.ts";
import { atOnce, median, percentile, type Report } from "./numbers.ts";
import { demoRequest } from "./opening.ts";
import type { BenchStack } from "./stack.ts";

const clients = 8;

/**
 * POST /leads against bare Hono with one INSERT: in turns, processes of their own, on the same
 * Postgres. No worker runs, so only the request counts.
 */
export async function benchIntake(
  stack: BenchStack,
  { rounds = 5, requests = 600 } = {},
): Promise<Report> {
  const app = await startApplication(stack, ["api"]);
  const bare = await startBare(app.databaseUrl);
  try {
    const token = await app.token("operator");
    const ours = (tag: string, n: number) =>
      timed(`${app.url}/leads`, demoRequest(tag, n, Date.now()), token);
    const theirs = (tag: string, n: number) =>
      timed(`${bare.url}/leads`, demoRequest(tag, n, Date.now()), token);
    await round(ours, 300);
    await round(theirs, 300);
    const found: { ours: Round; theirs: Round }[] = [];
    for (let n = 0; n < rounds; n++)
      found.push({ theirs: await round(theirs, requests), ours: await round(ours, requests) });
    const of = (side: "ours" | "theirs", what: keyof Round) =>
      median(found.map((one) => one[side][what]));
    return {
      figures: [
        {
          name: "intake requests",
          value: of("ours", "rate"),
          unit: "1/s",
          beside: [{ name: "bare Hono + INSERT", value: of("theirs", "rate") }],
        },
        {
          name: "intake request, p50",
          value: of("ours", "p50"),
          unit: "ms",
          beside: [{ name: "bare Hono + INSERT", value: of("theirs", "p50") }],
        },
        {
          name: "intake request, p95",
          value: of("ours", "p95"),
          unit: "ms",
          beside: [{ name: "bare Hono + INSERT", value: of("theirs", "p95") }],
        },
        {
          name: "intake request p95 / bare",
          value: median(found.map((one) => one.ours.p95 / one.theirs.p95)),
          unit: "",
          goal: { atMost: 1.5 },
        },
      ],
      notes: [`${clients} clients, median of ${rounds} rounds of ${requests} requests each`],
    };
  } finally {
    await bare.close();
    await app.close();
  }
}

interface Round {
  readonly rate: number;
  readonly p50: number;
  readonly p95: number;
}

async function round(
  ask: (tag: string, n: number) => Promise<number>,
  requests: number,
): Promise<Round> {
  const tag = randomBytes(4).toString("hex");
  const took: number[] = [];
  const began = performance.now();
  await atOnce(
    clients,
    Array.from({ length: requests }, (_, n) => n),
    async (n) => {
      took.push(await ask(tag, n));
    },
  );
  return {
    rate: requests / ((performance.now() - began) / 1000),
    p50: percentile(took, 0.5),
    p95: percentile(took, 0.95),
  };
}

async function timed(url: string, body: unknown, token: string): Promise<number> {
  const began = performance.now();
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 201)
    throw new Error(`${url} answered ${response.status}: ${text.slice(0, 300)}`);
  return performance.now() - began;
}

async function startBare(databaseUrl: string): Promise<{ url: string; close(): Promise<void> }> {
  const port = await freePort();
  const script = fileURLToPath(new URL("./bare-server.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), script], {
    env: { PATH: process.env["PATH"] ?? "", DATABASE_URL: databaseUrl, PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", () => resolve());
    child.once("exit", () => reject(new Error("the bare server ended before it was ready")));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    },
  };
}
