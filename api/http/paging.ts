import { z } from "@hono/zod-openapi";
import { instantOf } from "../../handoff/time/dates.ts";
import { Problem } from "./errors.ts";
import { checkJson } from "./json.ts";

/**
 * Query parameters of every list. A page has 100 entries at most; `cursor` comes from the page
 * before.
 */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|100)$/, { error: "expected a whole number from 1 to 100" })
    .transform(Number)
    .optional()
    .openapi({ type: "integer", description: "1 to 100; 50 when absent" }),
  cursor: z.string().max(400).optional().openapi({ description: "`next` of the page before" }),
};

export const defaultLimit = 50;

/** The body of a list: `next` is null on the last page. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** A cursor is opaque to the caller: the sort key of the last entry. */
export function toCursor(key: readonly (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/**
 * A time in a cursor: as Postgres writes it, and one that exists, for Postgres breaks at any other.
 */
export const cursorTime = z
  .string()
  .max(40)
  .refine((text) => instantOf(text.replace(/ BC$/, "").replace(/([+-]\d{2})$/, "$1:00")) !== null);

/** Epoch milliseconds in a cursor, up to the end of the year 9999. */
export const cursorInstant = z.int().min(0).max(253_402_300_799_999);

/** The sort key in a cursor, checked by `schema`; throws a 422 when it is none of ours. */
export function fromCursor<T extends z.ZodType>(
  cursor: string | undefined,
  schema: T,
): z.output<T> | undefined {
  if (cursor === undefined) return undefined;
  try {
    const text = Buffer.from(cursor, "base64url").toString("utf8");
    // A cursor is as foreign as a body: NUL and its kin must not reach a statement.
    if (checkJson(text) === undefined) return schema.parse(JSON.parse(text));
  } catch {
    // Not as the schema says: refused like the rest.
  }
  throw new Problem("invalid", {
    field: "cursor",
    detail: "expected: the `next` of the page before, unchanged",
  });
}
