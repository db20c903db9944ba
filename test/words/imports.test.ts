import { expect, test } from "vitest";
import { nameOfImport } from "../../words/imports.ts";

const now = Date.parse("2026-11-30T12:00:00Z");
const startedAt = Date.parse("2026-11-27T13:05:00Z");

test.each([
  ["its file", { fileName: "fair.csv", startedAt }, "fair.csv"],
  ["when it came", { fileName: null, startedAt }, "Import of Fri 14:05"],
  ["when it came, for a blank name", { fileName: " ", startedAt }, "Import of Fri 14:05"],
  ["what it is", { fileName: null, startedAt: null }, "Import"],
])("an import is called by %s", (_, one, words) => {
  expect(nameOfImport(one, now, "Europe/Berlin")).toBe(words);
});
