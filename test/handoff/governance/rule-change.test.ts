import { expect, test } from "vitest";
import { lacking, tabled } from "../../../handoff/governance/rule-change.ts";

const names = (prefix: string) => Array.from({ length: 2_000 }, (_, n) => `${prefix}${n}`);

test("an entry given twice counts twice", () => {
  expect(lacking(["a", "a", "b"], ["a", "c"], String)).toEqual(["a", "b"]);
  expect(lacking(["a"], ["a", "a"], String)).toEqual([]);
});

test("thousands of entries are looked at once each, however many changed", () => {
  let asked = 0;
  const keyOf = (one: string) => {
    asked += 1;
    return one;
  };
  expect(lacking(names("a"), names("b"), keyOf)).toHaveLength(2_000);
  expect(asked).toBe(4_000);
});

test("thousands of entries under other names are compared with one each", () => {
  const table = (prefix: string) => Object.fromEntries(names(prefix).map((name, n) => [name, n]));
  let compared = 0;
  const changes = tabled<number>(table("a"), table("b"), {
    about: (name) => name,
    say: String,
    changes: () => {
      compared += 1;
      return [];
    },
  });
  expect(changes).toHaveLength(2_000);
  expect(changes[7]).toEqual({ about: "a7", change: "renamed to b7" });
  expect(compared).toBe(2_000);
});
