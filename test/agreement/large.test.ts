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

// Each row was compared in each calendar and by each rule: the time that a test has did not do.
test("an agreement of a thousand calendars is checked, whichever of them its clocks mean", () => {
  const calendars = Array.from({ length: 1_000 }, (_, n) => {
    const [hour, minute] = [10 + Math.floor(n / 100), 10 + (n % 50)];
    return `  c${n}: { zone: Europe/Berlin, week: { mon-fri: ["09:${minute}-${hour}:${minute}"] } }\n`;
  });
  const types = Array.from(
    { length: 60 },
    (_, n) =>
      `  - { name: t${n}, path: fast, priority: 1, when: { lead.role: r${n} }, ` +
      "outreach: 2 business days, status: 24 hours }\n",
  );
  const read = parseAgreement(
    example
      .replace("calendars:\n", () => `calendars:\n${calendars.join("")}`)
      .replace(/leadTypes: .*\n/, (line) => line + types.join(""))
      .replace("calendar: assignee", "calendar: nobody"),
  );
  expect(read.ok ? [] : read.problems.map(({ path }) => path)).toEqual(["clocks.calendar"]);
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
