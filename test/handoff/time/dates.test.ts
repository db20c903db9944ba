import { describe, expect, test } from "vitest";
import { instantInZone } from "../../../handoff/facts/import-map.ts";
import { normalizeFact } from "../../../handoff/facts/lead.ts";
import { instantOf, isoOf } from "../../../handoff/time/dates.ts";

describe("a time whose year has no four digits is none, however it comes to that", () => {
  test.each([
    "0000-01-01",
    "0000-12-31T23:59:59Z",
    "0001-01-01T00:00:00+02:00",
    "9999-12-31T23:59:59-05:00",
  ])("%s", (text) => {
    expect(instantOf(text)).toBeNull();
    const agreement = { fields: {}, nullWords: [] };
    expect(normalizeFact("lead.firstTouchAt", text, agreement)).toMatchObject({
      problem: expect.stringContaining("expected a date"),
    });
  });

  test("by the zone in which it is meant", () => {
    expect(instantInZone("Europe/Berlin", "0001-01-01")).toBeNull();
    expect(instantInZone("America/New_York", "9999-12-31 23:59")).toBeNull();
    expect(instantInZone("UTC", "0001-01-01")).not.toBeNull();
  });

  test.each(["0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"])(
    "%s is read and written as it is",
    (text) => expect(isoOf(instantOf(text) ?? 0)).toBe(text),
  );
});

describe("an offset is read as systems write it, and never guessed", () => {
  test.each([
    ["2026-11-23T16:30:00+5:30", "11:00"],
    ["2026-11-23 16:30 UTC+2", "14:30"],
    ["2026-11-23 16:30 GMT-0300", "19:30"],
    ["2026-11-23T16:30:00−05:00", "21:30"],
    ["2026-11-23t16:30z", "16:30"],
    ["2026-11-23\u202f16:30 +00", "16:30"],
  ])("%s", (text, utc) => {
    expect(isoOf(instantOf(text) ?? 0)).toBe(`2026-11-23T${utc}:00.000Z`);
    // And not in the zone of a map.
    expect(instantInZone("Asia/Tokyo", text)).toBe(instantOf(text));
  });

  test.each(["+530", "+15", "+14:30", "UTC+", "+", "CET", "-5:3"])("%s is none", (offset) =>
    expect(instantOf(`2026-11-23 16:30 ${offset}`)).toBeNull(),
  );
});
