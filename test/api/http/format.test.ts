import { z } from "@hono/zod-openapi";
import { expect, test } from "vitest";
import { notAsDescribed } from "../../../api/http/errors.ts";
import { dayIn, instantIn } from "../../../api/http/format.ts";
import { pageQuery } from "../../../api/http/paging.ts";

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

test.each<[z.ZodType, unknown, string]>([
  [z.string(), 1, "expected string, received number"],
  [z.string().min(1), "", "expected string to have >=1 characters"],
  [z.number().max(3), 9, "expected number to be <=3"],
  [z.enum(["a", "b"]), "c", 'expected one of "a"|"b"'],
  [z.iso.datetime(), "x", "expected a valid ISO datetime"],
  [z.string().startsWith("a"), "b", 'expected a text that must start with "a"'],
  [z.union([z.string(), z.number()]), true, "expected a valid input"],
  [z.strictObject({}), { a: 1 }, "this field is not known here"],
  [dayIn, "soon", "expected a day such as 2027-01-31"],
  [pageQuery.limit, "0", "expected a whole number from 1 to 100"],
  [pageQuery.limit, "101", "expected a whole number from 1 to 100"],
])("an answer says once what was expected: %#", (shape, value, detail) => {
  const { error } = shape.safeParse(value);
  expect(error && notAsDescribed(error, "json").parts.detail).toBe(detail);
});
