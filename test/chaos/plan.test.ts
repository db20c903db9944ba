import { expect, test } from "vitest";
import { crashPlaces } from "../../chaos/crash-points.ts";
import { planOf, type OutageStep } from "../../chaos/plan.ts";
import { linkNames, processNames } from "../../chaos/world.ts";
import { crashHook, crashPoints, crashSetting } from "../../store/postgres/crash-point.ts";

const first = (seed: number, count: number): OutageStep[] => {
  const steps: OutageStep[] = [];
  for (const step of planOf(seed)) if (steps.push(step) === count) break;
  return steps;
};

test("the same seed plans the same faults, another seed others", () => {
  expect(first(7, 60)).toEqual(first(7, 60));
  expect(first(7, 60)).not.toEqual(first(8, 60));
});

test("one deck kills every process, crashes at every point, troubles every link and the CRM", () => {
  const deck = first(7, processNames.length + crashPoints.length + 2 * linkNames.length + 1).map(
    (step) => step.fault,
  );
  expect(deck.flatMap((one) => (one.kind === "kill" ? one.process : [])).sort()).toEqual(
    [...processNames].sort(),
  );
  expect(deck.flatMap((one) => (one.kind === "crash" ? one.point : [])).sort()).toEqual(
    [...crashPoints].sort(),
  );
  expect([...new Set(deck.flatMap((one) => (one.kind === "link" ? one.link : [])))].sort()).toEqual(
    [...linkNames].sort(),
  );
  expect(deck.filter((one) => one.kind === "crm")).toHaveLength(1);
  expect(Object.keys(crashPlaces).sort()).toEqual([...crashPoints].sort());
});

test("a crash point strikes at the passing it was told, once, and nowhere else", () => {
  let deaths = 0;
  const hook = crashHook("action-decided:2", () => {
    deaths += 1;
  });
  for (const point of crashPoints) hook?.(point);
  expect(deaths).toBe(0);
  for (const point of crashPoints) hook?.(point);
  expect(deaths).toBe(1);
  hook?.("action-decided");
  expect(deaths).toBe(1);
  expect(
    crashHook(undefined, () => {
      deaths += 1;
    }),
  ).toBeUndefined();
});

test.each([
  ["action-decided", true],
  ["effect-done:12", true],
  ["effect-done:0", false],
  ["somewhere", false],
  ["", false],
  ["action-decided:", false],
])("BATON_CRASH_AT=%s is accepted: %s", (setting, ok) => {
  expect(crashSetting.test(setting)).toBe(ok);
});
