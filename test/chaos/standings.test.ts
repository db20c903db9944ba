import { expect, test } from "vitest";
import { apartFrom, type RowStanding } from "../../chaos/standings.ts";
import type { Standing } from "../../handoff/process/words.ts";

const row: RowStanding = {
  stage: "sal",
  owner: "rp_ann",
  cycle: 2,
  step: 7,
  nextAt: 5_000,
  must: { cycle: 2, step: 6 },
};
const process: Standing = {
  cycle: 2,
  step: 7,
  stage: "sal",
  stageSince: 1_000,
  waitingOn: "attempts",
  handoffId: "ho_1_2",
  owner: "rp_ann",
  wakeAt: 5_000,
  wakeFor: "the rep's next action",
  dueAt: null,
  leadType: null,
  band: null,
  source: null,
  territory: null,
  details: "",
  effects: false,
};

test("a process that stands where its row says is not apart", () => {
  expect(apartFrom(row, process)).toBeNull();
});

test("of what only Postgres needs to know a process need not have heard, as long as it wakes in time", () => {
  expect(apartFrom(row, { ...process, step: 6, waitingOn: "meeting", wakeAt: 4_000 })).toBeNull();
  expect(apartFrom({ ...row, nextAt: null }, { ...process, step: 6, wakeAt: 4_000 })).toBeNull();
  expect(apartFrom(row, { ...process, step: 6, wakeAt: 5_001 })).toContain("after the row's time");
  expect(apartFrom(row, { ...process, step: 6, wakeAt: null })).toContain("after the row's time");
});

test.each([
  ["that knows nothing", null, "knows nothing"],
  ["that missed what it must know", { step: 5 }, "must know of cycle 2 step 6"],
  ["that knows more than its row", { step: 8 }, "the row only of cycle 2 step 7"],
  ["in another stage", { stage: "sql" }, "it is sql, the row sal"],
  ["with another owner", { owner: "rp_ben" }, "its owner is rp_ben"],
  ["with the same decision and another time", { wakeAt: 4_999 }, "the row's time is 5000"],
] as const)("a process %s is apart", (_, part, why) => {
  expect(apartFrom(row, part === null ? null : { ...process, ...part })).toContain(why);
});

test("a process that is still in the cycle before is apart, though nobody told it", () => {
  const untold = { ...row, step: 0, must: { cycle: 1, step: 9 } };
  expect(apartFrom(untold, { ...process, cycle: 1, step: 9 })).toBe(
    "it is in cycle 1, the row in 2",
  );
});
