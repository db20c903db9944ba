import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { edited, problemsOf } from "../support/example-agreement.ts";

const accepted = new URL("accepted/", import.meta.url);

test.each(readdirSync(accepted))(
  "%s, which an earlier version accepted, is read as a stored version",
  (file) => {
    const agreement = agreementOf(readFileSync(new URL(file, accepted), "utf8"));
    expect(agreement.leadTypes.length).toBeGreaterThan(0);
  },
);

/** What is refused of new documents since a version could be stored with it. */
test.each<[what: string, from: string, to: string]>([
  ["a zone of one offset", "zone: America/New_York", "zone: EST"],
  ["a zone west by the hour", "zone: America/New_York", "zone: Etc/GMT+5"],
  ["a language that no list knows", "language: de", "language: klingon"],
  ["a list of no values", "{ in: [US, CA] }", "{ in: [] }"],
  ["a status target before its outreach", "status: 48 hours", "status: 2 hours"],
])("%s is refused of a new document, and read in a stored version", (_, from, to) => {
  expect(problemsOf([from, to])).toHaveLength(1);
  expect(agreementOf(edited([from, to])).name).toBe("Inbound and account-based handoff");
});

test("a stored version means what it says", () => {
  const stored = agreementOf(
    edited(["zone: America/New_York", "zone: Etc/GMT+5"], ["language: de", "language: klingon"]),
  );
  expect(Object.values(stored.calendars).map(({ zone }) => zone)).toContain("Etc/GMT+5");
  expect(stored.routing.territories.map(({ language }) => language)).toContain("klingon");
});

test("what has no meaning is refused of a stored version too", () => {
  expect(() => agreementOf(edited(["zone: America/New_York", "zone: Moon/Sea"]))).toThrow(
    /known time zone|time zone/,
  );
  expect(() => agreementOf("name: nothing else")).toThrow("does not parse");
});
