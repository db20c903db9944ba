import { expect, test } from "vitest";
import { dayIn, instantIn } from "../../../api/http/format.ts";

test.each(["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00"])(
  "%s is no instant that could be kept, and is refused where it is sent",
  (text) => {
    expect(instantIn.safeParse(text).error?.issues).toMatchObject([
      { message: "expected a date that exists" },
    ]);
  },
);

test("a day of the year 0 is none", () => {
  expect(dayIn.safeParse("0000-01-01").success).toBe(false);
  expect(dayIn.safeParse("0001-01-01").success).toBe(true);
  expect(instantIn.safeParse("2026-11-23T16:30:00-05:00").success).toBe(true);
});
