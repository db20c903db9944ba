import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAgreement } from "../../agreement/parse.ts";
import { judgeNow } from "../../handoff/qualify/qualify.ts";

/** Lists that are long and meant: what they take grows with their length and no faster. */
const example = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8");
const words = Array.from({ length: 15_000 }, (_, n) => `Industry ${n}`);
const listed = (list: readonly string[]) =>
  example.replace("{ in: [Software,", `{ in: [Software, ${list.join(", ")},`);

// It took minutes for a third of them: the time that every test has is enough to tell.
test("an agreement with a list of fifteen thousand words is read", () => {
  const read = parseAgreement(listed(words));
  expect(read.ok && read.warnings).toEqual([]);
});

test("each word of a long list counts in whatever case, and no other does", () => {
  const read = parseAgreement(listed(words));
  if (!read.ok) throw new Error("it is not read");
  const judged = (industry: string) =>
    judgeNow(read.agreement, {
      facts: {
        "account.employees": 300,
        "account.country": "US",
        "account.industry": industry,
      },
      engagements: [],
      now: Date.parse("2026-11-23T15:00:00Z"),
      matches: 1,
    }).fit >= 30;
  expect(["Industry 0", "INDUSTRY 14999 ", "software", "Industry 15000", ""].map(judged)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
