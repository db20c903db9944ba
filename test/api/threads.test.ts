import { readdirSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { inOnePlace, inThread, storedInThread, storedReader } from "../../api/threads/threads.ts";
import type { Problem } from "../../api/http/errors.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import type { Db } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";

const text = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8");
/** Within every limit, and many times what a stored agreement takes. */
const slow = "[]".repeat(50_000);

test("a stored agreement is read while senders have all their threads", async () => {
  // Many side by side: all three threads have loaded before anything is compared.
  await Promise.all([1, 2, 3, 4, 5, 6].map(() => storedInThread(text)));
  const busy = ["one", "two"].map((sender) =>
    inThread(sender, "readRosterFile", slow, { what: "a roster", field: "body", seconds: 15 }).then(
      () => "a sender's",
      () => "a sender's",
    ),
  );
  // Theirs are given to the threads first.
  await setImmediate();
  const stored = storedInThread(text);
  expect(await Promise.race([...busy, stored.then(() => "the stored one")])).toBe("the stored one");
  expect(await stored).toEqual(agreementOf(text));
  await Promise.all(busy);
});

test("who has a place keeps it until all of the work is done, however many wait for one", async () => {
  const bound = { what: "a roster", field: "body", seconds: 60 };
  const roster = "people: 7";
  let leave = () => {};
  const other = inOnePlace("other", () => new Promise<void>((resolve) => (leave = resolve)));
  onTestFinished(() => leave());
  const found = await inOnePlace("one", async (run) => {
    const refused = ["two", "three"].map((sender) =>
      inThread(sender, "readRosterFile", roster, bound).catch(({ code }: Problem) => code),
    );
    const first = await run("readRosterFile", roster, bound);
    // Those who came meanwhile are refused in their time, and get nothing of this place.
    expect(await Promise.all(refused)).toEqual(["unavailable", "unavailable"]);
    return [first.ok, (await run("readRosterFile", roster, bound)).ok];
  });
  expect(found).toEqual([false, false]);
  expect(await inThread("two", "readRosterFile", roster, bound)).toMatchObject({ ok: false });
  leave();
  await other;
});

test("a place is free again after work that failed", async () => {
  for (const _ of [1, 2, 3])
    await expect(inOnePlace("one", () => Promise.reject(new Error("away")))).rejects.toThrow();
  const bound = { what: "a roster", field: "body", seconds: 60 };
  expect((await inThread("one", "readRosterFile", "people: 7", bound)).ok).toBe(false);
});

test("a stored text that is none breaks what asked for it, and nothing else", async () => {
  await expect(storedInThread("name: 7")).rejects.toThrow("a stored agreement does not parse");
  expect((await storedInThread(text)).name).toBe(agreementOf(text).name);
});

test(
  "who asks for a version while it is read waits for the same reading; after a failure it is " +
    "read anew",
  async () => {
    const db = {
      query: () => Promise.resolve({ rows: [{ number: 3, content: text }] }),
    } as unknown as Db;
    const readings: ((agreement: Agreement | Error) => void)[] = [];
    const agreements = createAgreements(
      () =>
        new Promise((resolve, reject) => {
          readings.push((one) => (one instanceof Error ? reject(one) : resolve(one)));
        }),
    );
    const ask = () => [1, 2, 3].map(() => agreements.version(db, "ag_1"));
    const first = ask();
    await expect.poll(() => readings.length).toBe(1);
    readings[0]?.(new Error("no thread"));
    for (const one of first) await expect(one).rejects.toThrow("no thread");
    const second = ask();
    await expect.poll(() => readings.length).toBe(2);
    const agreement = agreementOf(text);
    readings[1]?.(agreement);
    const version = { id: "ag_1", number: 3, agreement };
    expect(await Promise.all(second)).toEqual([version, version, version]);
    expect([await agreements.version(db, "ag_1"), readings.length]).toEqual([version, 2]);
  },
);

test("a version is read once, also for who asked before the reading ended and hears of its row after", async () => {
  const rows: (() => void)[] = [];
  const db = {
    query: () =>
      new Promise((resolve) => {
        rows.push(() => resolve({ rows: [{ number: 3, content: text }] }));
      }),
  } as unknown as Db;
  const readings: string[] = [];
  const agreement = agreementOf(text);
  const agreements = createAgreements((_, id) => {
    readings.push(id);
    return agreement;
  });
  const [first, second] = [agreements.version(db, "ag_1"), agreements.version(db, "ag_1")];
  rows[0]?.();
  const version = await first;
  rows[1]?.();
  expect([await second, readings]).toEqual([version, ["ag_1"]]);
});

test(
  "a version that a thread's memory cannot hold is tried and logged once, and is a 503 that " +
    "says so",
  async () => {
    const logged: unknown[] = [];
    const tried: string[] = [];
    const read = storedReader(
      { error: (...said: unknown[]) => logged.push(said[0]) },
      (content) => {
        tried.push(content);
        if (content !== "large") return Promise.reject(new Error("no thread"));
        return Promise.reject(
          Object.assign(new Error("heap"), { code: "ERR_WORKER_OUT_OF_MEMORY" }),
        );
      },
    );
    for (const _ of [1, 2, 3])
      await expect(read("large", "ag_1")).rejects.toMatchObject({
        status: 503,
        parts: { detail: expect.stringMatching(/^version ag_1 of the agreement takes more than/) },
      });
    expect(logged).toEqual([{ agreement: "ag_1", code: "ERR_WORKER_OUT_OF_MEMORY" }]);
    // What else goes wrong is tried again.
    for (const _ of [1, 2]) await expect(read("small", "ag_2")).rejects.toThrow("no thread");
    expect([tried, logged.length]).toEqual([["large", "small", "small"], 1]);
  },
);

test("nothing of the API but its threads reads or writes YAML, or reads a file", () => {
  const root = fileURLToPath(new URL("../../api/", import.meta.url));
  const readers =
    /\b(?:parseAgreement|agreementOf|parseRoster|rosterText|rosterDocument|parseImportMap|inspectFile|checkImport|judgeByBoth)\b/;
  const reading = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => readers.test(readFileSync(`${root}${file}`, "utf8")));
  expect(reading).toEqual(["planning/work.ts", "threads/work.ts"]);
});
