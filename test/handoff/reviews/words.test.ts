import { expect, test } from "vitest";
import { daysWords, hoursWords } from "../../../handoff/reviews/words.ts";

test.each([
  [0, "0 min"],
  [0.00001, "1 s"],
  [11 / 3600, "11 s"],
  [59 / 3600, "59 s"],
  [1 / 60, "1 min"],
  [0.5, "30 min"],
  [6.24, "6.2 h"],
  [-11 / 3600, "-11 s"],
])("%f hours are %s: below a minute seconds are told", (hours, words) => {
  expect(hoursWords(hours)).toBe(words);
  expect(daysWords(hours / 24)).toBe(words);
});
