import { expect, test } from "vitest";
import { inSteps, ownRound } from "../../worker/upkeep.ts";

const untold = new AbortController().signal;

test("a long round ends between two steps when another version becomes current", async () => {
  let isCurrent = true;
  let steps = 0;
  const round = ownRound({ isCurrent: () => isCurrent }, (pace) =>
    inSteps(10, pace, async () => {
      steps += 1;
      isCurrent = steps < 3;
      return true;
    }),
  );
  await round(untold);
  expect(steps).toBe(3);
  await round(untold);
  expect(steps).toBe(3);
  await expect(
    ownRound({ isCurrent: () => true }, () => Promise.reject(new Error("away")))(untold),
  ).rejects.toThrow("away");
});
