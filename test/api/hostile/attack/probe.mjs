import { Agent, get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

/**
 * Asks /healthz every 20 ms, in a thread of its own, and whatever became of the question before;
 * says at the end how long each answer took.
 */
const agent = new Agent({ keepAlive: true, maxSockets: 300 });
const took = [];
let failed = 0;
let waiting = 0;
let last = performance.now();
let silence = 0;

function ask(since = performance.now()) {
  if (waiting > 250) return;
  waiting++;
  const over = (isAnswer) => {
    waiting--;
    const now = performance.now();
    if (!isAnswer) return void failed++;
    took.push(now - since);
    silence = Math.max(silence, now - last);
    last = now;
  };
  const asked = get(
    { host: "127.0.0.1", port: workerData.port, path: "/healthz", agent },
    (response) => {
      response.resume();
      response.once("end", () => over(response.statusCode === 200));
    },
  );
  // The server ends a connection that rests; whoever took it in that moment asks again.
  asked.once("error", () => {
    if (!asked.reusedSocket) return over(false);
    waiting--;
    return ask(since);
  });
}

const asking = setInterval(() => ask(), 20);
parentPort.once("message", () => {
  clearInterval(asking);
  const until = performance.now() + 20_000;
  const ending = setInterval(() => {
    if (waiting > 0 && performance.now() < until) return;
    clearInterval(ending);
    agent.destroy();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
    parentPort.postMessage({ took, failed: failed + waiting, silence });
  }, 20);
});
