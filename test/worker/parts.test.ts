import { expect, test } from "vitest";
import { partsOfProcess } from "../../worker/parts.ts";

test("parts stop one after the other, the latest first", async () => {
  const seen: string[] = [];
  const parts = partsOfProcess((error) => seen.push(String(error)));
  const part = (name: string) => ({
    name,
    async stop() {
      seen.push(`${name} stops`);
      await new Promise((done) => setImmediate(done));
      seen.push(`${name} is over`);
    },
  });
  expect(parts.add(part("pool")).name).toBe("pool");
  parts.add(part("relay"));
  await parts.stop();
  expect(seen).toEqual(["relay stops", "relay is over", "pool stops", "pool is over"]);
});

test("a part that fails to stop is told of, and the others stop all the same", async () => {
  const failures: unknown[] = [];
  const stopped: string[] = [];
  const parts = partsOfProcess((error) => failures.push(error));
  parts.add({ stop: async () => void stopped.push("first") });
  parts.add({ stop: () => Promise.reject(new Error("it hangs")) });
  parts.add({
    stop() {
      throw new Error("at once");
    },
  });
  await parts.stop();
  expect(failures).toEqual([new Error("at once"), new Error("it hangs")]);
  expect(stopped).toEqual(["first"]);
});

test("stopped twice, a part ends once", async () => {
  let ends = 0;
  const parts = partsOfProcess(() => undefined);
  parts.add({ stop: async () => void ends++ });
  await Promise.all([parts.stop(), parts.stop()]);
  expect(ends).toBe(1);
});
