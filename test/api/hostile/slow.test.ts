import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Problem } from "../../../api/http/errors.ts";
import { inOnePlace, inThread } from "../../../api/threads/threads.ts";
import { serving, type Serving } from "../../support/serving.ts";
import { hostileWorld, type HostileWorld } from "./world.ts";

/** Texts and files that are small to send and slow to read. */
let world: HostileWorld;
let served: Serving;
let url: string;
beforeAll(async () => {
  world = await hostileWorld();
  served = await serving(world.app);
  url = `http://127.0.0.1:${served.port}`;
});
afterAll(async () => {
  served.close();
  await world.close();
});

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly field: string;
  readonly detail: string;
}

/** Sends it, asks /healthz until it is answered, and gives the answer and how often health was. */
async function sendBesideHealth(
  path: string,
  init: RequestInit,
): Promise<{ answer: Refused; healthy: number }> {
  const state = { isOver: false };
  const sent = fetch(`${url}${path}`, init).then(async (response) => {
    state.isOver = true;
    return { ...((await response.json()) as Refused), status: response.status };
  });
  let healthy = 0;
  while (!state.isOver) {
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(200);
    await health.text();
    if (!state.isOver) healthy++;
  }
  return { answer: await sent, healthy };
}

const asOperator = () => ({ authorization: `Bearer ${world.people.token("operator")}` });
const yaml = (body: string): RequestInit => ({
  method: "PUT",
  headers: { ...asOperator(), "content-type": "application/yaml" },
  body,
});
const json = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { ...asOperator(), "content-type": "application/json" },
  body: typeof body === "string" ? body : JSON.stringify(body),
});
function form(file: string, map: string, dryRun = true): RequestInit {
  const body = new FormData();
  body.set("map", map);
  body.set("dryRun", String(dryRun));
  body.set("file", new Blob([file]), "leads.csv");
  return { method: "POST", headers: asOperator(), body };
}
const map = "columns: { E-mail: lead.email }";

describe("is read beside the answers to others, and refused with the limit and what was found", () => {
  test.each<[string, string, () => RequestInit, RegExp]>([
    [
      "a roster of empty lists",
      "/roster",
      () => yaml("[]".repeat(120_000)),
      /at most 100000 values .*, found more/,
    ],
    [
      "a roster of one long list",
      "/roster",
      () => yaml(`a: [${"[],".repeat(120_000)}]`),
      /at most 100000 values .*, found more/,
    ],
    [
      "a roster of aliases",
      "/roster",
      () => yaml(`a: &a [1]\nb: [${"*a,".repeat(120_000)}]`),
      /at most 100000 values .*, found more/,
    ],
    [
      "an agreement of empty lists",
      "/agreement/versions",
      () => json("POST", { content: "[]".repeat(131_000) }),
      /at most 20000 values .*, found more/,
    ],
    [
      "a draft of empty lists",
      "/simulate",
      () => json("POST", { draft: "[]".repeat(131_000) }),
      /at most 20000 values .*, found more/,
    ],
    [
      "a map of empty lists",
      "/imports",
      () => form("E-mail\n", "[]".repeat(100_000)),
      /at most 20000 values .*, found more/,
    ],
    [
      "people who are empty lists",
      "/roster/reps",
      () => json("PUT", `{"reps":[${"[],".repeat(900_000)}[]]}`),
      /at most 400000 values, found 18\d{5}/,
    ],
    [
      "a batch of empty lists",
      "/v1/batch",
      () => json("POST", `{"batch":[${"[],".repeat(170_000)}[]]}`),
      /at most 50000 values, found 34\d{4}/,
    ],
    [
      "a file of very many rows",
      "/imports",
      () => form(`E-mail\n${"a\n".repeat(400_000)}`, map),
      /at most 100,000 rows .*, found 400,000/,
    ],
    [
      "the same not as a dry run",
      "/imports",
      () => form(`E-mail\n${"a\n".repeat(400_000)}`, map, false),
      /at most 100,000 rows .*, found 400,000/,
    ],
    [
      "a file of very many columns",
      "/imports",
      () => form(`E-mail${",x".repeat(99_999)}\na\n`, map),
      /line 1: expected at most 1000 columns, found 100000/,
    ],
    [
      "a file that is one line",
      "/imports",
      () => form(`E-mail${"x".repeat(8_000_000)}`, map),
      /line 1: expected lines of at most 1048576 characters/,
    ],
  ])("%s", { timeout: 120_000 }, async (_, path, init, detail) => {
    const before = await world.snapshot();
    const { answer, healthy } = await sendBesideHealth(path, init());
    expect([422, 413], answer.detail).toContain(answer.status);
    expect(answer.field).toBeTruthy();
    expect(answer.detail).toMatch(detail);
    expect(healthy).toBeGreaterThan(0);
    expect(await world.snapshot()).toEqual(before);
  });
});

/** Within every limit, and many seconds to read. */
const slow = "[]".repeat(99_000);

test(
  "a text that takes too long is given up, and the next one is read",
  { timeout: 120_000 },
  async () => {
    const bound = { what: "a roster", field: "body", seconds: 1 };
    await expect(inThread("one", "readRosterFile", slow, bound)).rejects.toMatchObject({
      status: 422,
      parts: { field: "body", detail: expect.stringContaining("a roster may take 1 s to read") },
    });
    const next = await inThread("one", "readRosterFile", "people: 7", { ...bound, seconds: 60 });
    expect(next).toMatchObject({ ok: false, problems: [{ path: "people" }] });
  },
);

test("who has a thread waits for it, and others have theirs", { timeout: 120_000 }, async () => {
  const bound = { what: "a roster", field: "body", seconds: 60 };
  let leave = () => {};
  const first = inOnePlace("one", () => new Promise<void>((resolve) => (leave = resolve)));
  onTestFinished(() => leave());
  const [second, other] = await Promise.all([
    inThread("one", "readRosterFile", "people: 7", bound).catch(({ code }: Problem) => code),
    inThread("two", "readRosterFile", "people: 7", bound),
  ]);
  expect([second, other.ok]).toEqual(["unavailable", false]);
  leave();
  await first;
});

test("rows and cells beyond the limits are errors of their rows", async () => {
  const body = form(`E-mail,Note\n${"x".repeat(33_000)},\na@acme.com${",".repeat(1_500)}\n`, map);
  const answer = await fetch(`${url}/imports`, body);
  expect(await answer.json()).toMatchObject({
    rows: 2,
    refused: 2,
    errors: [
      { line: 2, message: "expected cells of at most 32767 characters, found one of 33000" },
      { line: 3, message: "expected at most 1000 columns, found 1501" },
    ],
  });
});

describe("a form", () => {
  const boundary = "x".repeat(20);
  const sendText = async (text: string, type = `multipart/form-data; boundary=${boundary}`) => {
    const answer = await fetch(`${url}/imports`, {
      method: "POST",
      // What was refused early leaves its connection half read.
      headers: { ...asOperator(), "content-type": type, connection: "close" },
      body: text,
    });
    return { ...((await answer.json()) as Refused), status: answer.status };
  };
  const part = (name: string, text: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;

  test.each([
    ["of thousands of parts", part("x", "1").repeat(20_000) + `--${boundary}--\r\n`, 422, "body"],
    ["that does not end", part("map", map), 400, "body"],
    ["that is none", "hello", 400, "body"],
    ["of boundaries alone", `--${boundary}`.repeat(300_000), 400, "body"],
    ["with a map without end", part("map", "x".repeat(300_000)) + `--${boundary}--`, 413, "map"],
    ["with a field twice", part("map", map).repeat(2) + `--${boundary}--`, 422, "map"],
  ])("%s is refused by name", async (_, text, status, field) => {
    expect(await sendText(text)).toMatchObject({ status, field });
  });

  test("without its boundary is refused", async () => {
    expect(await sendText("x", "multipart/form-data")).toMatchObject({
      status: 400,
      field: "content-type",
    });
  });
});
