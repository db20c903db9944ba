import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { agreementReference } from "../../agreement/reference.ts";
import { agreementSchema } from "../../agreement/schema.ts";

const page = readFileSync(new URL("../../docs/agreement-reference.md", import.meta.url), "utf8");

test(
  "the page in the repository is the one the schema makes (node --import tsx " +
    "tools/agreement-schema.ts)",
  () => {
    expect(page).toBe(agreementReference(agreementSchema()));
  },
);

test("every key of the schema stands on the page, at its place and with what it means", () => {
  for (const row of [
    "| `calendars` | by name: keys | business hours by name |",
    "| **`calendars.<name>.zone`** | text | IANA time zone |",
    "| **`suppress[].when`** | a condition | who must not be handed off |",
    "| **`leadTypes[].priority`** | a whole number from 1 to 5 | 1 the most urgent, 5 the least |",
    "| **`signals.<name>.depth`** | `high`, `mid`, `low` | how serious the interest is |",
  ])
    expect(page).toContain(row);
  // A key without words is a gap in a shape of the parser.
  const empty = page.split("\n").filter((line) => line.startsWith("|") && / \|\s*\|$/.test(line));
  expect(empty).toEqual([]);
});

test("what a schema allows is told in words", () => {
  const page = agreementReference({
    properties: {
      one: {
        description: "the first",
        type: "array",
        items: { type: "number", minimum: 2 },
        minItems: 1,
      },
      two: { description: "a | b", anyOf: [{ enum: ["x", 3] }, { type: "boolean" }] },
    },
    required: ["two"],
  });
  expect(page).toContain("| `one` | a list of number, at least 2, at least 1 | the first |");
  expect(page).toContain("| `two` | `x`, `3`, or `true` or `false` | a \\| b |");
  expect(page).toContain("A | b. Required.");
});
