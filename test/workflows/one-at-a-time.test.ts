import { expect, test } from "vitest";
import { oneAtATime } from "../../workflows/one-at-a-time.ts";

function functions() {
  let end: (answer: string) => void = () => undefined;
  const slow = () =>
    new Promise<string>((resolve) => {
      end = resolve;
    });
  return {
    guarded: oneAtATime({
      slow,
      fails: () => Promise.reject(new Error("no")),
      quick: (n: number) => Promise.resolve(n + 1),
    }),
    end: (answer: string) => end(answer),
  };
}

test("one after the other is let through, with arguments and answers, also after a failure", async () => {
  const { guarded } = functions();
  await expect(guarded.quick(1)).resolves.toBe(2);
  await expect(guarded.fails()).rejects.toThrow("no");
  await expect(guarded.quick(2)).resolves.toBe(3);
});

test("a second one beside the first throws at once and disturbs the first not at all", async () => {
  const { guarded, end } = functions();
  const first = guarded.slow();
  expect(() => guarded.quick(1)).toThrow(
    "quick was begun while slow is open; a run has one local activity at a time",
  );
  expect(() => guarded.slow()).toThrow("slow was begun while slow is open");
  end("done");
  await expect(first).resolves.toBe("done");
  await expect(guarded.quick(1)).resolves.toBe(2);
});
