import { describe, expect, test } from "vitest";
import { datePattern, readPattern } from "../../../handoff/time/date-pattern.ts";

const read = (written: string, text: string) => {
  const pattern = datePattern(written);
  if (!pattern) throw new Error(`no pattern: ${written}`);
  return readPattern(pattern, text, "Europe/Berlin");
};

test("a year of two digits is not seventy years ahead", () => {
  expect(read("dd.MM.yy", "23.11.26")).toBe("2026-11-23");
  expect(read("dd.MM.yy", "23.11.99")).toBe("1999-11-23");
});

describe("dates with words are read as people and systems write them", () => {
  test.each([
    ["d MMM yyyy", "23\u202fNov\u00a02026"],
    ["MMM d yyyy", "Nov  23 2026"],
    ["d  MMM\u00a0yyyy", "23 Nov 2026"],
    ["MMMM d, yyyy", "November 23rd, 2026"],
    ["d MMMM yyyy", "23 de noviembre de 2026"],
    ["d MMMM yyyy", "23 novembre 2026"],
    ["EEE, d MMM yyyy", "Mon, 23 Nov 2026"],
    ["EEEE d MMMM yyyy", "segunda-feira 23 novembro 2026"],
    ["dd-MMM-yy", "23-NOV-26"],
  ])("%s: %s", (written, text) => expect(read(written, text)).toBe("2026-11-23"));

  test("the first of a month in French, and an hour before a narrow space", () => {
    expect(read("d MMMM yyyy", "1er décembre 2026")).toBe("2026-12-01");
    expect(read("dd.MM.yyyy h:mm a", "23.11.2026 9:30\u202fPM")).toBe("2026-11-23T20:30:00.000Z");
    expect(read("dd.MM.yyyy h:mm a", "23.11.2026 9:30PM")).toBe("2026-11-23T20:30:00.000Z");
    expect(read("d MMM yyyy", "3 mrt 2026")).toBe("2026-03-03");
    expect(read("d MMM yyyy", "3 Maerz 2026")).toBe("2026-03-03");
    expect(read("dd.MM.yyyy h:mm a", "23.11.2026 9:30\u00a0p.\u00a0m.")).toBe(
      "2026-11-23T20:30:00.000Z",
    );
    expect(read("dd.MM.yyyy HH:mm XXX", "23.11.2026 16:30 UTC+5:30")).toBe(
      "2026-11-23T11:00:00.000Z",
    );
  });
});

test.each([
  ["d MMM yyyy", "29 Feb 2025"],
  ["d MMM yyyy", "23rdly Nov 2026"],
  ["d MMM yyyy", "23 Ju 2026"],
  ["d MMM yyyy", "23Nov 2026"],
  ["dd.MM.yyyy", "23rd.11.2026"],
  ["dd.MM.yyyy", "23. 11.2026"],
  ["EEE d MMM yyyy", "23 Nov 2026"],
])("%s does not read %s", (written, text) => expect(read(written, text)).toBeNull());

test.each(["EEE", "yyyy-MM", "d MMM", "dd.MM.yyyy hh:mm", "d de MMMM yyyy", ""])(
  "%s is no pattern",
  (written) => expect(datePattern(written)).toBeNull(),
);
