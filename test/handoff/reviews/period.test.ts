import { describe, expect, test } from "vitest";
import { reportPeriod } from "../../../handoff/reviews/period.ts";
import { isWritable } from "../../../handoff/time/dates.ts";

const now = Date.parse("2026-11-30T12:00:00Z");
const at = Date.parse;

describe("the period of a report", () => {
  test("is the thirty days up to now, unless told otherwise", () => {
    expect(reportPeriod({}, now)).toEqual({ from: at("2026-10-31T12:00:00Z"), to: now, asOf: now });
    const asOf = at("2026-03-01");
    expect(reportPeriod({ asOf }, now)).toMatchObject({ to: asOf, asOf });
  });

  test.each([
    [{ asOf: at("0001-01-01T00:00:00Z") }, "asOf"],
    [{ to: at("1899-12-31T23:59:59Z") }, "to"],
    [{ from: now, to: now }, "from"],
    [{ from: now + 1 }, "from"],
    [{ from: at("1900-01-01") }, "from"],
  ])("%j is refused by the field that is wrong", (asked, field) => {
    expect(reportPeriod(asked, now)).toEqual({ field, detail: expect.stringMatching(/^expected/) });
  });

  test("can be written, and so can the one as long before", () => {
    const period = reportPeriod({ asOf: at("1900-01-01"), from: at("1897-02-01") }, now);
    if ("field" in period) throw new Error(period.detail);
    expect(isWritable(2 * period.from - period.to)).toBe(true);
  });
});
