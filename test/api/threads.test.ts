import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { inThread, storedInThread } from "../../api/threads/threads.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import type { Db } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";

const text = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8");
/** Within every limit, and many seconds to read. */
const slow = "[]".repeat(99_000);

test(
  "a stored agreement is read while senders have all their threads",
  { timeout: 120_000 },
  async () => {
    let over = 0;
    const busy = ["one", "two"].map((sender) =>
      inThread(sender, "readRosterFile", slow, { what: "a roster", field: "body", seconds: 60 })
        .catch(() => undefined)
        .finally(() => over++),
    );
    expect(await storedInThread(text)).toEqual(agreementOf(text));
    expect(over).toBe(0);
    await Promise.all(busy);
  },
);

test("a stored text that is none breaks what asked for it, and nothing else", async () => {
  await expect(storedInThread("name: 7")).rejects.toThrow("a stored agreement does not parse");
  expect((await storedInThread(text)).name).toBe(agreementOf(text).name);
});

test("who asks for a version while it is read waits for the same reading; after a failure it is read anew", async () => {
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
});

test("nothing of the API but its threads reads YAML or a file", () => {
  const root = fileURLToPath(new URL("../../api/", import.meta.url));
  const readers =
    /\b(?:parseAgreement|agreementOf|parseRoster|parseImportMap|inspectFile|checkImport|judgeByBoth)\b/;
  const reading = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => readers.test(readFileSync(`${root}${file}`, "utf8")));
  expect(reading).toEqual(["threads/work.ts"]);
});
