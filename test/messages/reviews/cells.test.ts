import { expect, test } from "vitest";
import { cellWords } from "../../../messages/reviews/cells.ts";

test.each([
  ["hours", 1_203, "50 days"],
  ["hours", 36, "1.5 days"],
  ["hours", 3.25, "3.3 h"],
  // A day has fewer opening hours than twenty-four.
  ["openHours", 60, "60 h"],
  ["openHours", 0.5, "30 min"],
  ["days", 50.125, "50 days"],
] as const)("%s %d are said as %s", (kind, value, words) => {
  expect(cellWords(kind, value).words).toBe(words);
});
